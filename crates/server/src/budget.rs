//! Memory for replies: reserved for the worst case before a request is taken, given back when the reply has left.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::WORST_REPLY;

/// Reply bytes of all sessions.
#[derive(Debug, Clone)]
pub(crate) struct TotalBudget(Arc<Semaphore>);

/// Reply bytes of a session, shared by its channels.
#[derive(Debug, Clone)]
pub(crate) struct SessionBudget {
    shared: Arc<Semaphore>,
    total: TotalBudget,
}

impl TotalBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }
}

impl SessionBudget {
    pub(crate) fn new(bytes: usize, total: TotalBudget) -> Self {
        Self {
            shared: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            total,
        }
    }

    /// A channel's share: what is common, and one reply of its own, so that a channel whose client does not read
    /// can slow the others down but never stop them.
    pub(crate) fn channel(&self) -> ChannelBudget {
        ChannelBudget {
            own: Arc::new(Semaphore::new(WORST_REPLY)),
            shared: self.shared.clone(),
            total: self.total.clone(),
        }
    }
}

/// Reply bytes that a channel may take.
#[derive(Debug)]
pub(crate) struct ChannelBudget {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
    total: TotalBudget,
}

/// Room for one reply, given back on drop.
#[derive(Debug)]
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
    /// That of all sessions; `None` for a channel's own room.
    _of_total: Option<OwnedSemaphorePermit>,
}

impl ChannelBudget {
    /// Room for a reply of at most `bytes`, if there is any now.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Room> {
        let permits = permits(bytes);
        let take = |from: &Arc<Semaphore>| Arc::clone(from).try_acquire_many_owned(permits).ok();
        let common = take(&self.shared).zip(take(&self.total.0));
        let (permit, of_total) = match common {
            Some((permit, of_total)) => (permit, Some(of_total)),
            None => (take(&self.own)?, None),
        };
        Some(Room {
            _permit: permit,
            _of_total: of_total,
        })
    }

    /// Waits for room. Cancel-safe.
    pub(crate) async fn reserve(&self, bytes: usize) -> Room {
        let permits = permits(bytes);
        let take = async |from: &Arc<Semaphore>| {
            let permit = Arc::clone(from).acquire_many_owned(permits).await;
            permit.expect("the semaphores are never closed")
        };
        let common = async {
            let permit = take(&self.shared).await;
            (permit, Some(take(&self.total.0).await))
        };
        let (permit, of_total) = tokio::select! {
            common = common => common,
            own = take(&self.own) => (own, None),
        };
        Room {
            _permit: permit,
            _of_total: of_total,
        }
    }
}

/// No reply is longer than [`WORST_REPLY`], and more could never be granted.
fn permits(bytes: usize) -> u32 {
    u32::try_from(bytes.min(WORST_REPLY)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_channel_that_holds_everything_leaves_one_reply_to_the_others() {
        let budget = SessionBudget::new(3 * WORST_REPLY, TotalBudget::new(100 * WORST_REPLY));
        let greedy = budget.channel();
        let held: Vec<_> = std::iter::from_fn(|| greedy.try_reserve(WORST_REPLY)).collect();
        assert_eq!(held.len(), 4);
        let other = budget.channel();
        let room = other.try_reserve(WORST_REPLY).expect("its own reply");
        assert!(other.try_reserve(1).is_none());
        drop(room);
        other.reserve(WORST_REPLY).await;
    }

    #[tokio::test]
    async fn sessions_together_hold_no_more_than_the_total_and_one_reply_for_each_channel() {
        let total = TotalBudget::new(3 * WORST_REPLY);
        let held: Vec<_> = (0..4)
            .map(|_| {
                let channel = SessionBudget::new(100 * WORST_REPLY, total.clone()).channel();
                std::iter::from_fn(|| channel.try_reserve(WORST_REPLY)).collect::<Vec<_>>()
            })
            .collect();
        let counts: Vec<_> = held.iter().map(Vec::len).collect();
        assert_eq!(counts, [4, 1, 1, 1]);
        let waiting = SessionBudget::new(100 * WORST_REPLY, total).channel();
        let _own = waiting.try_reserve(WORST_REPLY).expect("its own");
        assert!(waiting.try_reserve(WORST_REPLY).is_none());
        drop(held);
        waiting.reserve(WORST_REPLY).await;
    }

    #[tokio::test]
    async fn room_comes_back_when_the_reply_has_left() {
        let budget = SessionBudget::new(1000, TotalBudget::new(100 * WORST_REPLY)).channel();
        let first = budget.try_reserve(1000).expect("free");
        let _own = budget.try_reserve(WORST_REPLY).expect("own");
        assert!(budget.try_reserve(1).is_none());
        drop(first);
        assert!(budget.try_reserve(1000).is_some());
    }
}
