//! What the log says of a session. Never a secret; paths escaped.

use std::error::Error;

use longshore_storage::ErrorKind;

use crate::error::OpError;
use crate::sessions::Session;

/// Notes a request that failed: loudly when the operator should know, quietly when it is the client's affair.
pub(crate) fn log_failure(session: &Session, failure: &OpError) {
    let (connection, user) = (session.connection_id, &*session.username);
    let cause = Causes(failure);
    if needs_operator(failure) {
        tracing::warn!(connection, user, %cause, "request failed");
    } else {
        tracing::debug!(connection, user, %cause, "request refused");
    }
}

/// Whether the fault lies with the server or its disk.
fn needs_operator(failure: &OpError) -> bool {
    match failure {
        OpError::Storage(error) => matches!(
            error.kind(),
            ErrorKind::NoSpace
                | ErrorKind::TooManyOpen
                | ErrorKind::TooManyParked
                | ErrorKind::Unavailable
                | ErrorKind::Io
                | ErrorKind::Internal
        ),
        OpError::BrokenUpload { .. } | OpError::ReplyTooLong(_) => true,
        _ => false,
    }
}

/// An error and what caused it, in one line.
pub(crate) struct Causes<'a>(pub(crate) &'a (dyn Error + Send + Sync + 'static));

impl std::fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
