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
    /// The server does not accept the API key, or the caller may not use the admin socket.
    Unauthorized = 5,
    /// The user or API key does not exist.
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
            "the API key is not accepted, or the admin socket belongs to somebody else",
        ),
        (Self::NotFound, "the user, API key or upload does not exist"),
        (Self::Refused, "the server understood the request and refused it"),
        (Self::ServerFault, "the server failed, or is shutting down"),
        (Self::DataDir, "the data directory cannot be used"),
        (Self::DataDirInUse, "another process uses the data directory"),
        (Self::Listen, "a listen address is taken or cannot be bound"),
        (
            Self::HostKey,
            "a server's host key is not known, is another one, or was not accepted",
        ),
    ];
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
