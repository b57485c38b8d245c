//! Memory for replies: reserved for the worst case before a request is taken, given back when the reply has left.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::WORST_REPLY;

/// Reply bytes of a session, shared by its channels.
#[derive(Debug, Clone)]
pub(crate) struct SessionBudget {
    shared: Arc<Semaphore>,
}

impl SessionBudget {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            shared: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// A channel's share: what is common, and one reply of its own, so that a channel whose client does not read
    /// can slow the others down but never stop them.
    pub(crate) fn channel(&self) -> ChannelBudget {
        ChannelBudget {
            own: Arc::new(Semaphore::new(WORST_REPLY)),
            shared: self.shared.clone(),
        }
    }
}

/// Reply bytes that a channel may take.
#[derive(Debug)]
pub(crate) struct ChannelBudget {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

/// Room for one reply, given back on drop.
#[derive(Debug)]
pub(crate) struct Room {
    _permit: OwnedSemaphorePermit,
}

impl ChannelBudget {
    /// Room for a reply of at most `bytes`, if there is any now.
    pub(crate) fn try_reserve(&self, bytes: usize) -> Option<Room> {
        let permits = permits(bytes);
        let permit = Arc::clone(&self.shared)
            .try_acquire_many_owned(permits)
            .or_else(|_| Arc::clone(&self.own).try_acquire_many_owned(permits))
            .ok()?;
        Some(Room { _permit: permit })
    }

    /// Waits for room. Cancel-safe.
    pub(crate) async fn reserve(&self, bytes: usize) -> Room {
        let permits = permits(bytes);
        let permit = tokio::select! {
            permit = Arc::clone(&self.shared).acquire_many_owned(permits) => permit,
            permit = Arc::clone(&self.own).acquire_many_owned(permits) => permit,
        };
        Room {
            _permit: permit.expect("the semaphores are never closed"),
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
        let budget = SessionBudget::new(3 * WORST_REPLY);
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
    async fn room_comes_back_when_the_reply_has_left() {
        let budget = SessionBudget::new(1000).channel();
        let first = budget.try_reserve(1000).expect("free");
        let _own = budget.try_reserve(WORST_REPLY).expect("own");
        assert!(budget.try_reserve(1).is_none());
        drop(first);
        assert!(budget.try_reserve(1000).is_some());
    }
}
