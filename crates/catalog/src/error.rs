//! What can go wrong in the catalog.

use std::io;
use std::path::PathBuf;

/// Result of a catalog operation.
pub type Result<T, E = CatalogError> = std::result::Result<T, E>;

/// A failed catalog operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CatalogError {
    /// No such user, bucket or key.
    #[error("{what} does not exist")]
    NotFound {
        /// `"user"`, `"bucket"` or `"api key"`.
        what: &'static str,
    },
    /// The invocation id was used before with another request.
    #[error("invocation id was used before with another request")]
    InvocationConflict,
    /// The limit on users is reached.
    #[error("the limit of {max} users is reached")]
    UserLimit {
        /// `users.max`.
        max: u64,
    },
    /// The page token cannot be read.
    #[error("page token is not valid")]
    InvalidPageToken,
    /// The database failed or is away.
    #[error("the catalog is unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database holds something that this version cannot read.
    #[error("the catalog holds an unreadable {what}")]
    Corrupt {
        /// What could not be read.
        what: &'static str,
        /// Why.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The database was written by a newer version of this program.
    #[error("{} has schema version {found}, this program knows {known}: use a newer program", path.display())]
    SchemaTooNew {
        /// The database file.
        path: PathBuf,
        /// Highest migration found in the database.
        found: i64,
        /// Highest migration of this program.
        known: i64,
    },
    /// The database was made with a pepper that is not there any more.
    #[error("{} is missing, but the catalog was made with it: restore it from a backup", path.display())]
    PepperMissing {
        /// Where the pepper should be.
        path: PathBuf,
    },
    /// The database was made with another pepper.
    #[error("{} is not the one that the catalog was made with: restore the right one from a backup", path.display())]
    PepperMismatch {
        /// Where the pepper is.
        path: PathBuf,
    },
    /// The pepper's file or folder is open to other accounts of the machine, or is no pepper.
    #[error("{} cannot be used: {problem}", path.display())]
    PepperUnusable {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong and what to do.
        problem: &'static str,
    },
    /// A file of the catalog cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was tried: `"read"`, `"create"`, `"sync"`.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
