//! How many files may be open on the server at a time.
//!
//! Servers limit handles, and few say how many they have. So the number is learned: when an open fails without a reason
//! while others are held, those that are open are taken for all that there are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The places for open files of one session.
#[derive(Debug, Clone, Default)]
pub(crate) struct Handles {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    freed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// What opens that failed have taught.
    learned: Option<usize>,
    /// Opens that have succeeded since.
    since_learned: usize,
    taken: usize,
    open: usize,
}

/// A place for one open file.
#[derive(Debug)]
pub(crate) struct Place {
    shared: Arc<Shared>,
    open: bool,
    /// How many others there were when this place was taken: by the time of an answer they may be gone.
    before: usize,
}

impl Handles {
    /// Waits for a place. `limit` is what the session goes by.
    pub(crate) async fn take(&self, limit: usize) -> Place {
        loop {
            let freed = self.shared.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            {
                let mut state = self.shared.state();
                let limit = state.learned.unwrap_or(limit).min(limit).max(1);
                if state.taken < limit {
                    state.taken += 1;
                    if state.taken < limit {
                        self.shared.freed.notify_one();
                    }
                    return Place {
                        shared: Arc::clone(&self.shared),
                        open: false,
                        before: state.taken - 1,
                    };
                }
            }
            freed.await;
        }
    }
}

impl Handles {
    /// Whether the server has so few that a listing that stays open is in the way of files.
    pub(crate) fn scarce(&self) -> bool {
        self.shared
            .state()
            .learned
            .is_some_and(|learned| learned <= SCARCE)
    }
}

impl Place {
    /// The open has succeeded. Now and then one more is tried than was learned: the failure may have had another reason.
    pub(crate) fn opened(&mut self) {
        self.open = true;
        let mut state = self.shared.state();
        state.open += 1;
        if let Some(learned) = state.learned {
            state.since_learned += 1;
            if state.since_learned >= TRY_MORE_AFTER {
                state.since_learned = 0;
                state.learned = Some(learned + 1);
            }
        }
    }

    /// The open has failed without a reason. Whether it may be because others are open: then fewer are from now on, and
    /// another attempt makes sense.
    pub(crate) fn crowded(&self) -> bool {
        let mut state = self.shared.state();
        // an open that was sent together with this one may have succeeded, and its answer not been looked at yet
        let others = state.open.max(self.before).max(state.taken - 1);
        if others == 0 {
            return false;
        }
        let open = state.open.max(1);
        state.learned = Some(state.learned.unwrap_or(usize::MAX).min(open));
        state.since_learned = 0;
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state();
            state.taken -= 1;
            state.open -= usize::from(self.open);
        }
        self.shared.freed.notify_one();
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens after which one more is tried.
const TRY_MORE_AFTER: usize = 16;

/// Handles that are few: no more than listings take.
const SCARCE: usize = super::limits::LISTINGS;

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn places_are_limited_and_come_back() {
        let handles = Handles::default();
        let first = handles.take(2).await;
        let _second = handles.take(2).await;
        assert!(handles.take(2).now_or_never().is_none());
        drop(first);
        assert!(handles.take(2).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_crowded_server_gets_fewer_files() {
        let handles = Handles::default();
        let mut held = Vec::new();
        for _ in 0..3 {
            let mut place = handles.take(100).await;
            place.opened();
            held.push(place);
        }
        let fourth = handles.take(100).await;
        assert!(fourth.crowded());
        drop(fourth);
        assert!(handles.take(100).now_or_never().is_none());
        held.pop();
        assert!(handles.take(100).now_or_never().is_some());
    }

    #[tokio::test]
    async fn a_lone_open_that_fails_has_another_reason() {
        let handles = Handles::default();
        let place = handles.take(100).await;
        assert!(!place.crowded());
    }
}
