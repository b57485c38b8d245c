//! How far one file is, told now and then.

use std::time::Instant;

use super::events::{Event, Events, TransferId};
use super::limits::PROGRESS_EVERY;

/// Counts the bytes of one file that have arrived for certain.
#[derive(Debug)]
pub(crate) struct Progress {
    events: Events,
    id: TransferId,
    total: Option<u64>,
    done: u64,
    /// `None`: not yet.
    told: Option<Instant>,
}

impl Progress {
    pub(crate) fn new(events: Events, id: TransferId, total: Option<u64>, done: u64) -> Self {
        Self {
            events,
            id,
            total,
            done,
            told: None,
        }
    }

    pub(crate) fn add(&mut self, bytes: u64) {
        self.done += bytes;
        if self.told.is_none_or(|told| told.elapsed() >= PROGRESS_EVERY) {
            self.told = Some(Instant::now());
            let (id, done, total) = (self.id, self.done, self.total);
            self.events.tell(|| Event::Progress { id, done, total });
        }
    }
}
