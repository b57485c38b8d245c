//! The one error of the client: what failed, at which stage, on what, what the peer said, and what to do next.

use std::fmt;

/// [`std::result::Result`] with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// How far the client had come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// Settings, targets, key files: before any packet.
    Config,
    /// Looking up a name.
    Resolve,
    /// Connecting a socket.
    Connect,
    /// Talking to a proxy or jump host.
    Proxy,
    /// SSH versions and key exchange.
    Handshake,
    /// Deciding on the server's host key.
    HostKey,
    /// Authenticating the user.
    Auth,
    /// Opening a channel, starting a subsystem or command.
    Channel,
    /// An SFTP request.
    Sftp,
    /// A command on the server.
    Exec,
    /// A local file or directory.
    Local,
    /// Proving that what arrived is what was sent.
    Verify,
}

/// What went wrong, for programs; exit codes and JSON `code`s are derived from it. A new kind breaks those who map them all, on
/// purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The caller gave something unusable.
    InvalidInput,
    /// A name has no address.
    NameNotFound,
    /// Nobody listens there, or the network says no.
    Unreachable,
    /// A deadline passed.
    TimedOut,
    /// The connection ended before its time.
    ConnectionLost,
    /// The proxy refused.
    ProxyRefused,
    /// The proxy wants (other) credentials.
    ProxyAuth,
    /// The peers have no algorithm in common.
    NoCommonAlgorithm,
    /// The host key is not known.
    HostKeyUnknown,
    /// The host key is another one than the known one.
    HostKeyChanged,
    /// The host key is revoked.
    HostKeyRevoked,
    /// The server accepted none of the credentials.
    AuthFailed,
    /// The server refused a channel, subsystem or command.
    ChannelRefused,
    /// `SSH_FX_NO_SUCH_FILE`, or a local file that is not there.
    NotFound,
    /// `SSH_FX_PERMISSION_DENIED`, or the local counterpart.
    PermissionDenied,
    /// The target exists.
    AlreadyExists,
    /// `SSH_FX_OP_UNSUPPORTED`, or an extension that the server lacks.
    Unsupported,
    /// `SSH_FX_FAILURE`: the server gives no other reason.
    Failure,
    /// No space left (local, or by the server's words).
    NoSpace,
    /// A directory where a file is needed.
    IsADirectory,
    /// A file where a directory is needed.
    NotADirectory,
    /// A directory that is not empty.
    NotEmpty,
    /// A guard stopped the operation before it did harm.
    Guarded,
    /// The bytes on the other side are not the bytes that were sent.
    Integrity,
    /// The peer broke the protocol.
    Protocol,
    /// The caller stopped it.
    Cancelled,
    /// Any other failure of this machine.
    Io,
}

/// What an SFTP server answered (`SSH_FXP_STATUS`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    /// `SSH_FX_*`.
    pub code: u32,
    /// The server's words, control characters removed, at most 1 KiB.
    pub message: String,
}

/// Why an operation failed. Displays as one sentence; [`Error::hint`] has the next step.
#[derive(Debug)]
pub struct Error {
    parts: Box<Parts>,
}

#[derive(Debug)]
struct Parts {
    kind: ErrorKind,
    stage: Stage,
    message: String,
    operation: Option<&'static str>,
    path: Option<Vec<u8>>,
    status: Option<ServerStatus>,
    hint: Option<String>,
    retryable: bool,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind at this stage. `message` is one lower-case sentence without a period.
    #[must_use]
    pub fn new(kind: ErrorKind, stage: Stage, message: impl Into<String>) -> Self {
        let retryable = matches!(
            kind,
            ErrorKind::TimedOut | ErrorKind::ConnectionLost | ErrorKind::Unreachable
        );
        Self {
            parts: Box::new(Parts {
                kind,
                stage,
                message: message.into(),
                operation: None,
                path: None,
                status: None,
                hint: None,
                retryable,
                source: None,
            }),
        }
    }

    /// Names the operation (`open`, `rename`, …).
    #[must_use]
    pub fn operation(mut self, operation: &'static str) -> Self {
        self.parts.operation = Some(operation);
        self
    }

    /// Names the path.
    #[must_use]
    pub fn path(mut self, path: impl Into<Vec<u8>>) -> Self {
        self.parts.path = Some(path.into());
        self
    }

    /// Keeps what the server answered.
    #[must_use]
    pub fn status(mut self, status: ServerStatus) -> Self {
        self.parts.status = Some(status);
        self
    }

    /// Adds the next step, one sentence.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.parts.hint = Some(hint.into());
        self
    }

    /// Adds the next step, unless there is one.
    pub(crate) fn hint_if_none(self, hint: &str) -> Self {
        if self.parts.hint.is_some() {
            return self;
        }
        self.hint(hint)
    }

    /// Says whether the same call may succeed later or on a new connection.
    #[must_use]
    pub fn retryable(mut self, retryable: bool) -> Self {
        self.parts.retryable = retryable;
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.parts.source = Some(source.into());
        self
    }

    /// The same error after a closer look: another kind, and what the look has shown.
    pub(crate) fn refined(mut self, kind: ErrorKind, fact: &str) -> Self {
        self.parts.kind = kind;
        self.parts.message = format!("{} ({fact})", self.parts.message);
        self
    }

    /// What happened, one sentence without operation and path.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.parts.message
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.parts.kind
    }

    /// How far the client had come.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.parts.stage
    }

    /// The operation, where there is one.
    #[must_use]
    pub fn failed_operation(&self) -> Option<&'static str> {
        self.parts.operation
    }

    /// The path, where there is one; bytes as the server knows them.
    #[must_use]
    pub fn failed_path(&self) -> Option<&[u8]> {
        self.parts.path.as_deref()
    }

    /// What the SFTP server answered, if it did.
    #[must_use]
    pub fn server_status(&self) -> Option<&ServerStatus> {
        self.parts.status.as_ref()
    }

    /// The next step, if there is one to name.
    #[must_use]
    pub fn next_step(&self) -> Option<&str> {
        self.parts.hint.as_deref()
    }

    /// Whether the same call may succeed later or on a new connection.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        self.parts.retryable
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operation) = self.parts.operation {
            write!(f, "{operation}")?;
            if let Some(path) = &self.parts.path {
                write!(f, " {}", path.escape_ascii())?;
            }
            f.write_str(": ")?;
        } else if let Some(path) = &self.parts.path {
            write!(f, "{}: ", path.escape_ascii())?;
        }
        f.write_str(&self.parts.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.parts
            .source
            .as_deref()
            .map(|source| source as &(dyn std::error::Error + 'static))
    }
}
