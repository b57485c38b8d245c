//! What the transport's errors mean to a user: kind, stage, the peer's words, the next step.

use std::time::Duration;

use longshore_ssh::client::ClientError;

use crate::error::{Error, ErrorKind, Stage};

/// The error of a connection to `host` at `stage`.
pub(crate) fn explain(error: ClientError, stage: Stage, host: &str) -> Error {
    let (kind, hint) = match &error {
        ClientError::Io { .. } | ClientError::Closed => (ErrorKind::ConnectionLost, lost(stage)),
        ClientError::Disconnected { message, .. } if stage == Stage::Auth => {
            (ErrorKind::AuthFailed, too_many(message))
        }
        ClientError::Disconnected { .. } | ClientError::NotResponding | ClientError::Idle => {
            (ErrorKind::ConnectionLost, None)
        }
        ClientError::NotSsh { .. } => (
            ErrorKind::Protocol,
            Some("check host and port: something else than an SSH server answers there"),
        ),
        ClientError::NoCommonAlgorithm { .. } => (
            ErrorKind::NoCommonAlgorithm,
            Some("the server may be old: allow one of its algorithms for this host if you must"),
        ),
        ClientError::UnknownAlgorithm { .. } => (ErrorKind::InvalidInput, None),
        ClientError::HostCertificate { .. } | ClientError::Protocol { .. } => (ErrorKind::Protocol, None),
        ClientError::HostKeyRefused => (ErrorKind::HostKeyUnknown, None),
        ClientError::InvalidKey { .. } => (ErrorKind::InvalidInput, None),
        ClientError::PassphraseNeeded => (
            ErrorKind::InvalidInput,
            Some("give its passphrase, or use an agent"),
        ),
        ClientError::WrongPassphrase => (ErrorKind::InvalidInput, Some("check the passphrase")),
        ClientError::Agent { .. } => (
            ErrorKind::AuthFailed,
            Some("check that the agent runs (SSH_AUTH_SOCK) and holds the key: ssh-add -l"),
        ),
        ClientError::ChannelRefused { .. } => (ErrorKind::ChannelRefused, None),
        ClientError::RequestRefused { .. } => (
            ErrorKind::ChannelRefused,
            Some("ask the server's operator whether this user may use it"),
        ),
        _ => (ErrorKind::Protocol, None),
    };
    let stage = match &error {
        ClientError::UnknownAlgorithm { .. } => Stage::Config,
        ClientError::HostCertificate { .. } => Stage::HostKey,
        _ => stage,
    };
    let mut message = format!("{host}: {error}");
    if let ClientError::Io { source } = &error {
        message = format!("{message}: {source}");
    }
    let explained = Error::new(kind, stage, message).caused_by(error);
    match hint {
        Some(hint) => explained.hint(hint),
        None => explained,
    }
}

/// A deadline that passed.
pub(crate) fn timed_out(stage: Stage, host: &str, what: &str, after: Duration) -> Error {
    Error::new(
        ErrorKind::TimedOut,
        stage,
        format!("{host}: {what} took longer than {}", seconds(after)),
    )
}

fn seconds(duration: Duration) -> String {
    if duration.subsec_millis() == 0 {
        format!("{} s", duration.as_secs())
    } else {
        format!("{} ms", duration.as_millis())
    }
}

fn lost(stage: Stage) -> Option<&'static str> {
    match stage {
        Stage::Handshake => Some("the server may limit connections or bar this address; try again later"),
        Stage::Auth => Some("the server may not want this user; its log tells why"),
        _ => None,
    }
}

fn too_many(message: &str) -> Option<&'static str> {
    message
        .to_ascii_lowercase()
        .contains("too many authentication failures")
        .then_some("too many keys were offered: name the right one, or use it alone (IdentitiesOnly)")
}
