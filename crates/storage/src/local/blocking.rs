//! The one place where disk work leaves the async threads.

use crate::error::{ErrorKind, Result, StorageError};

/// Runs `job` on the blocking pool. Once it started it runs to its end, even when the future is dropped:
/// that is what makes an operation happen whole or not at all.
///
/// # Errors
/// Those of `job`; `Internal` when it panicked; `Unavailable` when the runtime is shutting down.
pub(crate) async fn run<T, F>(operation: &'static str, job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => result,
        Err(failure) => {
            let kind = if failure.is_panic() {
                tracing::error!(operation, "disk work panicked");
                ErrorKind::Internal
            } else {
                ErrorKind::Unavailable
            };
            Err(StorageError::new(kind, operation).with_source(std::io::Error::other(failure)))
        }
    }
}
