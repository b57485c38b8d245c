//! What of an upload is done where it stands: where files lie in memory, nothing is waited for but other threads, and a
//! small file is written and published in less time than it takes to wake a thread.

use super::staged::{Phase, Staged};
use crate::limits;
use crate::local::lock;

impl Staged {
    /// Whether a short write waits for nobody.
    pub(super) fn writes_at_once(&self) -> bool {
        self.is_undisturbed()
    }

    /// Whether CLOSE waits for nobody and has little to do: no other handle is open, the bytes are few and digested, and no
    /// parked upload has to be dealt with. Freeing a file that is replaced may take long: that is left to the caller.
    pub(super) fn closes_at_once(&self) -> bool {
        self.is_undisturbed()
            && self.home.shared.uploads.none_parked()
            && self
                .short_front()
                .is_some_and(|len| lock(&self.follow).is_at(len))
    }

    /// Its length, if that is little and came in order.
    fn short_front(&self) -> Option<u64> {
        let content = lock(&self.content);
        let len = content.front();
        (content.came_in_order() && len <= limits::WRITE_AT_ONCE).then_some(len)
    }

    /// Whether it lies in memory and nobody else is busy with it.
    fn is_undisturbed(&self) -> bool {
        self.home.bucket.medium.is_memory()
            && self.handles.try_lock().is_ok_and(|handles| *handles == 1)
            && self
                .phase
                .try_read()
                .is_ok_and(|phase| matches!(*phase, Phase::Open))
            && self.telling.try_lock().is_ok()
            && self
                .content
                .try_lock()
                .is_ok_and(|content| content.base.is_none())
    }
}
