//! What a tree has done so far.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::super::events::{Event, Events, Receipt, Report, Step};
use crate::error::Error;

/// Counts and tells.
#[derive(Debug)]
pub(crate) struct Ledger {
    events: Events,
    report: Mutex<Report>,
    started: Instant,
}

impl Ledger {
    pub(crate) fn new(events: Events, dry_run: bool) -> Self {
        Self {
            events,
            report: Mutex::new(Report {
                dry_run,
                ..Report::default()
            }),
            started: Instant::now(),
        }
    }

    pub(crate) fn step(&self, step: Step) {
        {
            let mut report = self.report();
            match &step {
                // counted when it has arrived
                Step::Copy { .. } => {}
                Step::MakeDir { .. } => report.directories += 1,
                Step::Link { .. } => report.links += 1,
                Step::Remove { .. } => report.removed += 1,
                Step::Same { .. } => report.same += 1,
                Step::Skip { .. } => report.skipped += 1,
            }
        }
        self.events.tell(|| Event::Step(step));
    }

    pub(crate) fn skip(&self, path: &[u8], reason: &str) {
        self.step(Step::Skip {
            path: path.to_vec(),
            reason: reason.to_owned(),
        });
    }

    pub(crate) fn arrived(&self, receipt: &Receipt) {
        let mut report = self.report();
        report.files += 1;
        report.bytes += receipt.transferred;
        report.warnings += receipt.warnings.len() as u64;
    }

    /// A file that would be moved.
    pub(crate) fn planned(&self) {
        self.report().files += 1;
    }

    /// A file has failed; its own event has told.
    pub(crate) fn failed(&self, error: Error) {
        self.report().fail(error);
    }

    pub(crate) fn warn(&self, path: &[u8], message: String) {
        self.report().warnings += 1;
        self.events.warn(path, message);
    }

    pub(crate) fn into_report(self) -> Report {
        let mut report = self.report.into_inner().unwrap_or_else(PoisonError::into_inner);
        report.duration = self.started.elapsed();
        report
    }

    fn report(&self) -> MutexGuard<'_, Report> {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
