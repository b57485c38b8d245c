//! What can go wrong in a file store, as a kind chosen for the answer that a face gives.

use std::fmt;

/// Result of a storage operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;

/// Kind of a failure. Each face maps every kind to its own answer (`SSH_FX_*`, HTTP status).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The path does not exist, or leads out of the home.
    NotFound,
    /// The store's permissions refuse the operation.
    PermissionDenied,
    /// The name is taken and the operation must not replace it.
    AlreadyExists,
    /// A directory that must be empty is not.
    NotEmpty,
    /// A directory stands where a file was expected.
    IsADirectory,
    /// A file stands where a directory was expected.
    NotADirectory,
    /// Too many symbolic links on the way (`ELOOP`).
    LinkLoop,
    /// The path, name or argument cannot be used (too long, NUL, not a link, …).
    InvalidInput,
    /// The disk or bucket is full.
    NoSpace,
    /// A quota of the user or bucket is used up.
    QuotaExceeded,
    /// The store is read-only.
    ReadOnly,
    /// The file would grow beyond what the store takes.
    TooLarge,
    /// The store cannot do this at all.
    Unsupported,
    /// Somebody else uses the name just now.
    Busy,
    /// Too many files, handles or uploads are open.
    TooManyOpen,
    /// As much as may be is kept for the owner in unfinished uploads that were acknowledged.
    TooManyParked,
    /// A precondition of the call no longer holds.
    PreconditionFailed,
    /// The upload was discarded, superseded or expired.
    UploadGone,
    /// The store is away or shutting down; a later try may work.
    Unavailable,
    /// Reading or writing failed (disk fault); nothing is known about the data.
    Io,
    /// A defect of ours.
    Internal,
}

/// A failed storage operation: what was tried, on which path, why.
#[derive(Debug)]
pub struct StorageError {
    kind: ErrorKind,
    operation: &'static str,
    path: Option<Box<[u8]>>,
    source: Option<std::io::Error>,
}

impl StorageError {
    /// An error of `kind` in `operation` (a lower-case verb such as `"open"`).
    #[must_use]
    pub const fn new(kind: ErrorKind, operation: &'static str) -> Self {
        Self {
            kind,
            operation,
            path: None,
            source: None,
        }
    }

    /// Adds the path, as the user of the store wrote it.
    #[must_use]
    pub fn with_path(mut self, path: &[u8]) -> Self {
        self.path = Some(path.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: std::io::Error) -> Self {
        self.source = Some(source);
        self
    }

    /// Kind of the failure.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for StorageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {:?}", self.operation, self.kind)?;
        if let Some(path) = &self.path {
            write!(f, " on {:?}", String::from_utf8_lossy(path))?;
        }
        Ok(())
    }
}

impl std::error::Error for StorageError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|e| e as _)
    }
}
