//! What a transfer tells while it runs, and what it hands over at the end.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind};

/// Which way the bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the server.
    Upload,
    /// From the server.
    Download,
}

/// Tells one transfer from the others; counts up from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TransferId(pub u64);

/// What happens, in the order in which it happens.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A file is on its way.
    Started {
        /// Which transfer.
        id: TransferId,
        /// Which way.
        direction: Direction,
        /// Here.
        local: PathBuf,
        /// There.
        remote: Vec<u8>,
        /// Its size in bytes, if it is known.
        size: Option<u64>,
    },
    /// Bytes have arrived; some ten times a second at most for each file.
    Progress {
        /// Which transfer.
        id: TransferId,
        /// Bytes that have arrived for certain, those of a resumed part included.
        done: u64,
        /// Of so many, if that is known.
        total: Option<u64>,
    },
    /// A file has arrived.
    Finished {
        /// Which transfer.
        id: TransferId,
        /// What was moved and how it was checked.
        receipt: Arc<Receipt>,
    },
    /// A file has not arrived.
    Failed {
        /// Which transfer.
        id: TransferId,
        /// Here.
        local: PathBuf,
        /// There.
        remote: Vec<u8>,
        /// Why, one sentence; the call returns the whole error.
        message: String,
        /// Why, for programs.
        kind: ErrorKind,
    },
    /// Something was left out or could not be kept; the transfer goes on.
    Warning {
        /// What it is about, as the side knows it that it lies on.
        path: Vec<u8>,
        /// One sentence.
        message: String,
    },
    /// One step of a tree: what is done, or in a dry run would be.
    Step(Step),
}

/// One step of a tree besides moving files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// A file is new or different and is moved.
    Copy {
        /// Relative to the tree.
        path: Vec<u8>,
        /// Its size in bytes.
        size: u64,
        /// Why.
        reason: Reason,
    },
    /// A directory is made.
    MakeDir {
        /// Relative to the tree.
        path: Vec<u8>,
    },
    /// A link is made.
    Link {
        /// Relative to the tree.
        path: Vec<u8>,
        /// What it says.
        target: Vec<u8>,
    },
    /// A file, link or empty directory is removed from the target.
    Remove {
        /// Relative to the tree.
        path: Vec<u8>,
        /// Whether it is a directory.
        directory: bool,
    },
    /// A file is as it should be.
    Same {
        /// Relative to the tree.
        path: Vec<u8>,
    },
    /// Left out: by a filter, or because it is no file, directory or link.
    Skip {
        /// Relative to the tree.
        path: Vec<u8>,
        /// Why, one sentence.
        reason: String,
    },
}

/// Why a file is moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Nobody asked whether it is there.
    Unconditional,
    /// The target does not have it.
    New,
    /// The sizes differ.
    Size,
    /// The times differ.
    Time,
    /// The hashes differ.
    Hash,
    /// The target has something of another kind there.
    Kind,
}

/// What was moved, and what was done to be sure of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Which way.
    pub direction: Direction,
    /// Here; empty for a stream.
    pub local: PathBuf,
    /// There.
    pub remote: Vec<u8>,
    /// Size of the file in bytes.
    pub size: u64,
    /// Bytes that went over the line this time.
    pub transferred: u64,
    /// What was there before and has been continued.
    pub resumed: Option<Resumed>,
    /// What was checked when everything had arrived.
    pub verified: Verified,
    /// SHA-256 of what was moved, where it was computed.
    pub sha256: Option<[u8; 32]>,
    /// How the file got its name.
    pub placed: Placed,
    /// Whether the target has the source's time of modification.
    pub times_kept: bool,
    /// What could not be kept, one sentence each.
    pub warnings: Vec<String>,
    /// How long it took.
    pub duration: Duration,
}

/// A beginning that was already there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Resumed {
    /// Its length in bytes.
    pub from: u64,
    /// How it was proved to be the source's.
    pub proof: Proof,
}

/// How bytes on the server were compared with bytes here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// The server computed hashes (`check-file`).
    ServerHash,
    /// A command on the server computed a hash.
    CommandHash,
    /// They were read from the server.
    ReadBack,
}

/// What was checked when everything had arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verified {
    /// The size that the receiving side reports equals the source's.
    pub size: bool,
    /// How the content was compared as a whole, if it was.
    pub content: Option<Proof>,
    /// The source had the same size and time of modification before and after.
    pub source_unchanged: bool,
}

/// How a file got its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// In one step, replacing what was there.
    Atomically,
    /// The old file was put aside, the new one named, the old one removed: for a moment nothing had the name.
    ByExchange,
    /// It was written where it is.
    InPlace,
    /// It went into a stream.
    Streamed,
}

/// What became of many files.
#[derive(Debug, Default)]
pub struct Report {
    /// Files moved.
    pub files: u64,
    /// Bytes of file content that went over the line.
    pub bytes: u64,
    /// Files that were as they should be.
    pub same: u64,
    /// Directories made.
    pub directories: u64,
    /// Links made.
    pub links: u64,
    /// Entries removed from the target.
    pub removed: u64,
    /// Entries left out.
    pub skipped: u64,
    /// Warnings told by events.
    pub warnings: u64,
    /// Files and directories that failed.
    pub failed: u64,
    /// The first thousand of their errors.
    pub errors: Vec<Error>,
    /// Whether nothing was changed, only looked at.
    pub dry_run: bool,
    /// How long it took.
    pub duration: Duration,
}

/// Takes events. It is called on the transfer's own task and should not take long.
pub type EventHandler = Arc<dyn Fn(&Event) + Send + Sync>;

/// Hands events on, or nowhere.
#[derive(Clone, Default)]
pub(crate) struct Events {
    handler: Option<EventHandler>,
}

impl Events {
    pub(crate) fn new(handler: Option<EventHandler>) -> Self {
        Self { handler }
    }

    pub(crate) fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(handler) = &self.handler {
            handler(&event());
        }
    }

    pub(crate) fn warn(&self, path: &[u8], message: impl Into<String>) {
        self.tell(|| Event::Warning {
            path: path.to_vec(),
            message: message.into(),
        });
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events")
            .field("handled", &self.handler.is_some())
            .finish()
    }
}

impl Report {
    /// Whether everything that was to be moved has been.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.failed == 0
    }

    pub(crate) fn fail(&mut self, error: Error) {
        self.failed += 1;
        if self.errors.len() < super::limits::KEPT_FAILURES {
            self.errors.push(error);
        }
    }
}
