//! Exit codes of every command. They are stable: scripts rely on them, `docs/cli.md` lists them.

/// What the process says with its exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Done.
    Ok = 0,
    /// Failed for a reason that has no code of its own.
    Failure = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// A setting, a configuration file or a key file is wrong.
    Config = 3,
    /// No server answered.
    Unreachable = 4,
    /// The server does not accept the API key or login, or the caller may not use the admin socket.
    Unauthorized = 5,
    /// The user, API key, upload or file does not exist.
    NotFound = 6,
    /// The server understood the request and refused it.
    Refused = 7,
    /// The server failed, or is shutting down.
    ServerFault = 8,
    /// The data directory cannot be used.
    DataDir = 9,
    /// Another process uses the data directory.
    DataDirInUse = 10,
    /// A listen address is taken or cannot be bound.
    Listen = 11,
    /// A server's host key is not known, is another one, or was not accepted.
    HostKey = 12,
    /// The connection was lost, or a deadline passed.
    Lost = 13,
    /// A proxy refused.
    Proxy = 14,
    /// A file's or directory's permissions forbid it.
    PermissionDenied = 15,
    /// Something is in the way: the name is taken, a directory is not empty or is no directory.
    InTheWay = 16,
    /// There is no space left.
    NoSpace = 17,
    /// A guard stopped it before it did harm.
    Guarded = 18,
    /// The bytes on the other side are not those that were sent.
    Integrity = 19,
    /// Some of it was done, some not.
    Incomplete = 20,
    /// It was interrupted (SIGINT).
    Interrupted = 130,
    /// `run` alone: the command could not be run, or its end is not known.
    NotRun = 255,
}

impl ExitCode {
    /// Every code with its one-line meaning, as `docs/cli.md` shows it.
    pub const ALL: &[(Self, &str)] = &[
        (Self::Ok, "done"),
        (Self::Failure, "failed for a reason that has no code of its own"),
        (Self::Usage, "the command line cannot be understood"),
        (
            Self::Config,
            "a setting, a configuration file or a key file is wrong",
        ),
        (Self::Unreachable, "no server answered"),
        (
            Self::Unauthorized,
            "the API key or the login is not accepted, or the admin socket belongs to somebody else",
        ),
        (
            Self::NotFound,
            "the user, API key, upload, file or directory does not exist",
        ),
        (Self::Refused, "the server understood the request and refused it"),
        (
            Self::ServerFault,
            "the server failed, is shutting down, or does not keep to the protocol",
        ),
        (Self::DataDir, "the data directory cannot be used"),
        (Self::DataDirInUse, "another process uses the data directory"),
        (Self::Listen, "a listen address is taken or cannot be bound"),
        (
            Self::HostKey,
            "a server's host key is not known, is another one, or was not accepted",
        ),
        (
            Self::Lost,
            "the connection was lost or a deadline passed: trying again may help",
        ),
        (Self::Proxy, "a proxy refused"),
        (
            Self::PermissionDenied,
            "permissions on the server or here forbid it",
        ),
        (
            Self::InTheWay,
            "something is in the way: a name is taken, a directory is not empty, a file is where a directory should be",
        ),
        (Self::NoSpace, "no space is left on the server or here"),
        (Self::Guarded, "a guard stopped it before it did harm"),
        (
            Self::Integrity,
            "the bytes on the other side are not those that were sent",
        ),
        (
            Self::Incomplete,
            "some of it was done, some not: the messages tell which",
        ),
        (Self::Interrupted, "interrupted by Ctrl-C or SIGINT"),
        (
            Self::NotRun,
            "`run`: the command could not be run (otherwise its own exit status is passed on)",
        ),
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
