//! Errors of the client library as errors of the program: exit code, stage, the server's words, the next step.

use std::io::Write as _;

use longshore_client::{Error, ErrorKind, Stage};

use super::names::shown;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        let code = exit_code(error.kind());
        let hint = error.next_step().map(str::to_owned);
        let failed = match doing(error.stage()) {
            Some(doing) => Self::new(code, doing).because(error),
            None => Self::new(code, sentence(&error)).because(error),
        };
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }
}

/// The one mapping from kinds of failure to exit codes.
pub(crate) const fn exit_code(kind: ErrorKind) -> ExitCode {
    match kind {
        ErrorKind::InvalidInput => ExitCode::Config,
        ErrorKind::NameNotFound | ErrorKind::Unreachable => ExitCode::Unreachable,
        ErrorKind::TimedOut | ErrorKind::ConnectionLost => ExitCode::Lost,
        ErrorKind::ProxyRefused | ErrorKind::ProxyAuth => ExitCode::Proxy,
        ErrorKind::NoCommonAlgorithm | ErrorKind::Protocol => ExitCode::ServerFault,
        ErrorKind::HostKeyUnknown | ErrorKind::HostKeyChanged | ErrorKind::HostKeyRevoked => {
            ExitCode::HostKey
        }
        ErrorKind::AuthFailed => ExitCode::Unauthorized,
        ErrorKind::ChannelRefused | ErrorKind::Unsupported | ErrorKind::Failure => ExitCode::Refused,
        ErrorKind::NotFound => ExitCode::NotFound,
        ErrorKind::PermissionDenied => ExitCode::PermissionDenied,
        ErrorKind::AlreadyExists
        | ErrorKind::IsADirectory
        | ErrorKind::NotADirectory
        | ErrorKind::NotEmpty => ExitCode::InTheWay,
        ErrorKind::NoSpace => ExitCode::NoSpace,
        ErrorKind::Guarded => ExitCode::Guarded,
        ErrorKind::Integrity => ExitCode::Integrity,
        ErrorKind::Cancelled => ExitCode::Interrupted,
        ErrorKind::Io => ExitCode::Failure,
    }
}

/// What was under way; nothing where the operation and the path say it.
const fn doing(stage: Stage) -> Option<&'static str> {
    Some(match stage {
        Stage::Config => "cannot use the settings",
        Stage::Resolve => "cannot find the server's address",
        Stage::Connect => "cannot reach the server",
        Stage::Proxy => "cannot get to the server",
        Stage::Handshake => "cannot agree with the server on keys",
        Stage::HostKey => "cannot trust the server",
        Stage::Auth => "cannot log in",
        Stage::Channel => "cannot open a channel",
        Stage::Exec => "cannot run the command",
        Stage::Verify => "cannot prove the content",
        _ => return None,
    })
}

/// Operation, path and message, the path readable.
fn sentence(error: &Error) -> String {
    let message = error.message();
    let path = error.failed_path().map(shown);
    match (error.failed_operation(), path) {
        (Some(operation), Some(path)) => format!("{operation} {path}: {message}"),
        (Some(operation), None) => format!("{operation}: {message}"),
        (None, Some(path)) => format!("{path}: {message}"),
        (None, None) => message.to_owned(),
    }
}

/// How the operands of a command fare: each failure is told at once, and the rest goes on.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    first: Option<ExitCode>,
    /// Whether something was done all the same.
    some_done: bool,
}

impl Failures {
    /// Tells a failure.
    pub(crate) fn note(&mut self, error: &CliError) {
        let _ = std::io::stderr().lock().write_all(error.render().as_bytes());
        self.first.get_or_insert(error.code());
    }

    /// Tells the failure of one operand, if it failed.
    pub(crate) fn take<T>(&mut self, outcome: Result<T>) -> Option<T> {
        match outcome {
            Ok(done) => {
                self.some_done = true;
                Some(done)
            }
            Err(error) => {
                self.note(&error);
                None
            }
        }
    }

    /// The end of the command.
    ///
    /// # Errors
    /// The first failure's exit code if nothing was done, [`ExitCode::Incomplete`] otherwise; all has been told.
    pub(crate) fn finish(self) -> Result<()> {
        match self.first {
            None => Ok(()),
            Some(_) if self.some_done => Err(CliError::silent(ExitCode::Incomplete as u8)),
            Some(code) => Err(CliError::silent(code as u8)),
        }
    }
}
