//! Settings of the local store.

use std::time::Duration;

use crate::limits;
use crate::types::Durability;

/// How paths are resolved inside a home.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResolverChoice {
    /// `openat2` where the kernel has it, the walk otherwise.
    #[default]
    Auto,
    /// `openat2(2)` (Linux 5.6); opening the store fails with `Unsupported` where it is missing.
    OpenAt2,
    /// Part by part with `O_NOFOLLOW`, links resolved by hand.
    Fallback,
}

/// Who sees an unfinished upload under its final name (`uploads.visible_to`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VisibleTo {
    /// The user that began it, in every session.
    #[default]
    Owner,
    /// Only the session (the opened [`Home`](crate::Home)) that began it.
    Session,
}

/// Settings of a [`LocalStore`](crate::LocalStore).
#[derive(Debug, Clone, Copy)]
pub struct LocalOptions {
    /// When an acknowledged change is on stable storage. Default: `Close`.
    pub durability: Durability,
    /// Who sees unfinished uploads. Default: `Owner`.
    pub visible_to: VisibleTo,
    /// How paths are resolved. Default: `Auto`.
    pub resolver: ResolverChoice,
    /// Whether the SHA-256 of uploads is computed as they arrive (`uploads.digest`). Default: yes.
    pub digest: bool,
    /// Whether somebody keeps a record of each published upload ([`Store::recorded`](crate::Store::recorded)): the
    /// journal then says what is not on record yet. Default: yes.
    pub record: bool,
    /// How long a parked upload is kept (`uploads.expire_after`). Default: 7 days.
    pub expire_after: Duration,
    /// Parked uploads of one owner (`uploads.parked_per_user`). Beyond it the oldest that was not acknowledged as safe
    /// goes; where all were, no further upload begins (`TooManyParked`). Default: 256.
    pub parked_uploads: usize,
    /// The same for the bytes in them (`uploads.parked_gib_per_user`); the newest stays whatever its size. Default:
    /// 256 GiB.
    pub parked_bytes: u64,
    /// Descriptors for open files, uploads (two each) and listings; beyond it opening fails with `TooManyOpen`.
    /// Default: three quarters of what the process may have when the store is opened.
    pub open_files: Option<usize>,
    /// Permission bits that new files and directories never get. Default: `0o022`, as sshd runs.
    pub umask: u32,
}

impl Default for LocalOptions {
    fn default() -> Self {
        Self {
            durability: Durability::default(),
            visible_to: VisibleTo::default(),
            resolver: ResolverChoice::default(),
            digest: true,
            record: true,
            expire_after: Duration::from_secs(7 * 24 * 3600),
            parked_uploads: limits::PARKED_UPLOADS,
            parked_bytes: limits::PARKED_BYTES,
            open_files: None,
            umask: 0o022,
        }
    }
}
