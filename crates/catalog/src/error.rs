//! What can go wrong in the catalog.

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
}
