//! The journal of a bucket: what a restart must know about uploads, appended to one file and flushed for all who wait.
//!
//! It says what is kept of unfinished uploads, which ones are about to be published, and which of those are on record
//! elsewhere. The file is written anew, with what still counts, when it has grown and at each start.

mod codec;
mod entry;
mod file;

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use rustix::fs::fdatasync;
use rustix::io::Errno;

use crate::limits;
use crate::local::{Coming, Fault, Flushes, lock, retry};
use crate::upload_types::UploadId;

pub(crate) use entry::{Entry, Intent, Kept};
use file::LogFile;
pub(crate) use file::NAME as JOURNAL;

/// What the journal says of one upload.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) kept: Option<Kept>,
    pub(crate) intent: Option<Intent>,
}

/// The open journal of a bucket.
#[derive(Debug)]
pub(crate) struct Journal {
    /// Where the file lies; `None` where nothing is to outlive the process.
    staging: Option<OwnedFd>,
    /// Taken by writers only; nobody waits for a disk while holding it, save for the rare writing anew.
    state: Mutex<State>,
    flushes: Flushes,
}

#[derive(Debug)]
struct State {
    file: Option<LogFile>,
    known: HashMap<UploadId, Known>,
    /// A flush failed: what the kernel holds of this file cannot be trusted, so another one must be written.
    broken: bool,
}

impl Journal {
    /// Opens the journal in `staging` and writes it anew without what no longer counts.
    pub(crate) fn open(staging: &OwnedFd) -> Result<Self, Fault> {
        let mut known = HashMap::new();
        for entry in LogFile::read(staging)? {
            apply(&mut known, entry);
        }
        Ok(Self {
            staging: Some(rustix::io::fcntl_dupfd_cloexec(staging, 0)?),
            state: Mutex::new(State {
                file: Some(LogFile::write_anew(staging, &known)?),
                known,
                broken: false,
            }),
            flushes: Flushes::default(),
        })
    }

    /// One that remembers nothing.
    pub(crate) fn none() -> Self {
        Self {
            staging: None,
            state: Mutex::new(State {
                file: None,
                known: HashMap::new(),
                broken: false,
            }),
            flushes: Flushes::default(),
        }
    }

    /// Whether it remembers anything.
    pub(crate) const fn is_kept(&self) -> bool {
        self.staging.is_some()
    }

    /// What it says of all uploads.
    pub(crate) fn known(&self) -> HashMap<UploadId, Known> {
        lock(&self.state).known.clone()
    }

    /// Whether it says anything of an upload.
    pub(crate) fn knows(&self, id: UploadId) -> bool {
        lock(&self.state).known.contains_key(&id)
    }

    /// Published or about to be, and not confirmed.
    pub(crate) fn intents(&self) -> Vec<Intent> {
        let state = lock(&self.state);
        state
            .known
            .values()
            .filter_map(|known| known.intent.clone())
            .collect()
    }

    /// Appends an entry. It survives the end of the process, and a power cut after [`Journal::flush`].
    pub(crate) fn append(&self, entry: Entry) -> Result<(), Fault> {
        let Some(staging) = &self.staging else {
            return Ok(());
        };
        let mut state = lock(&self.state);
        if state.broken || state.file.as_ref().is_none_or(LogFile::is_full) {
            state.rewrite(staging)?;
        }
        if let Some(file) = &mut state.file {
            file.append(&entry.encode())?;
        }
        apply(&mut state.known, entry);
        Ok(())
    }

    /// Appends `Gone` if the journal says anything of the upload; says whether it did.
    pub(crate) fn forget(&self, id: UploadId) -> Result<bool, Fault> {
        if !self.knows(id) {
            return Ok(false);
        }
        self.append(Entry::Gone(id))?;
        Ok(true)
    }

    /// Returns when everything appended before the call is on stable storage. One flush serves all who wait.
    pub(crate) fn flush(&self) -> Result<(), Fault> {
        self.flush_as(None)
    }

    /// Announces a [`Journal::flush_expected`].
    pub(crate) fn expect_flush(&self) -> Coming<'_> {
        self.flushes.expect()
    }

    /// As [`Journal::flush`], for a caller who was announced.
    pub(crate) fn flush_expected(&self, coming: Coming<'_>) -> Result<(), Fault> {
        self.flush_as(Some(coming))
    }

    fn flush_as(&self, coming: Option<Coming<'_>>) -> Result<(), Fault> {
        let Some(staging) = &self.staging else {
            return Ok(());
        };
        let work = || {
            // A file that was written anew since holds the entries too, and was synced.
            let file = {
                let mut state = lock(&self.state);
                if state.broken {
                    state.rewrite(staging).map_err(Fault::errno)?;
                    return Ok(());
                }
                match &state.file {
                    Some(file) => file.handle(),
                    None => return Ok(()),
                }
            };
            let result: Result<(), Errno> = retry(|| fdatasync(&*file));
            if result.is_err() {
                let mut state = lock(&self.state);
                let same = |now: &LogFile| Arc::ptr_eq(&now.handle(), &file);
                state.broken |= state.file.as_ref().is_some_and(same);
            }
            result
        };
        let flushed = match coming {
            Some(coming) => coming.run(work),
            None => self.flushes.run(work),
        };
        Ok(flushed?)
    }

    /// How many flushes there were.
    #[cfg(test)]
    pub(crate) fn flush_count(&self) -> u64 {
        self.flushes.count()
    }
}

impl State {
    fn rewrite(&mut self, staging: &OwnedFd) -> Result<(), Fault> {
        self.file = Some(LogFile::write_anew(staging, &self.known)?);
        self.broken = false;
        Ok(())
    }
}

/// What an entry changes.
fn apply(known: &mut HashMap<UploadId, Known>, entry: Entry) {
    match entry {
        Entry::Kept(kept) => {
            let id = kept.id;
            known.entry(id).or_default().kept = Some(*kept);
        }
        Entry::Intent(intent) => {
            bound_intents(known);
            let id = intent.published.id;
            known.entry(id).or_default().intent = Some(*intent);
        }
        Entry::Named(id) => {
            if let Some(intent) = known.get_mut(&id).and_then(|about| about.intent.as_mut()) {
                intent.named = true;
            }
        }
        Entry::Void(id) => {
            if let Some(about) = known.get_mut(&id) {
                about.intent = None;
                if about.kept.is_none() {
                    known.remove(&id);
                }
            }
        }
        Entry::Gone(id) | Entry::Recorded(id) => {
            known.remove(&id);
        }
    }
}

/// Drops the oldest intent when there are too many: nobody keeps records then.
fn bound_intents(known: &mut HashMap<UploadId, Known>) {
    if known.len() < limits::UNRECORDED {
        return;
    }
    let intents = known
        .iter()
        .filter_map(|(id, about)| Some((about.intent.as_ref()?.published.at, *id)));
    if let Some((_, oldest)) = intents.min() {
        tracing::warn!(upload = %oldest, "too many uploads wait for their record; the oldest is given up");
        known.remove(&oldest);
    }
}

#[cfg(test)]
pub(crate) mod tests;
