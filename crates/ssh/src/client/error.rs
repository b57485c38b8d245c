//! Why a client's connection fails.

use std::io;

/// What went wrong on a connection to a server.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The stream failed or ended.
    #[error("the connection was lost")]
    Io {
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The connection ended without a word.
    #[error("the server closed the connection")]
    Closed,
    /// The server sent SSH_MSG_DISCONNECT.
    #[error("the server ended the connection (reason {code}): {message}")]
    Disconnected {
        /// RFC 4253 §11.1.
        code: u32,
        /// The server's words, control characters removed, bounded.
        message: String,
    },
    /// What answered does not speak SSH 2.
    #[error("the server does not speak SSH 2: \"{line}\"")]
    NotSsh {
        /// Its first line, control characters removed, bounded.
        line: String,
    },
    /// Both ends have no algorithm in common.
    #[error("no common {what}; the server offers {theirs}")]
    NoCommonAlgorithm {
        /// Key exchange, host key, cipher, ….
        what: String,
        /// The server's list, bounded.
        theirs: String,
    },
    /// The caller named an algorithm that is not known here.
    #[error("{what} algorithm \"{name}\" is not supported")]
    UnknownAlgorithm {
        /// Key exchange, host key, cipher, MAC.
        what: &'static str,
        /// The name.
        name: String,
    },
    /// The server's host certificate is not acceptable in itself.
    #[error("the server's host certificate cannot be used: {reason}")]
    HostCertificate {
        /// Why not.
        reason: String,
    },
    /// The caller refused the host key.
    #[error("the host key was refused")]
    HostKeyRefused,
    /// The server does not answer keep-alive messages.
    #[error("the server does not answer any more")]
    NotResponding,
    /// Nothing moved for too long.
    #[error("the connection was idle for too long")]
    Idle,
    /// The server broke the protocol.
    #[error("the server broke the protocol: {reason}")]
    Protocol {
        /// What the transport library noticed.
        reason: String,
    },
    /// A key, certificate or passphrase is unusable.
    #[error("the key cannot be used: {reason}")]
    InvalidKey {
        /// Why not; never key material.
        reason: String,
    },
    /// The key is protected and no passphrase was given.
    #[error("the key is protected by a passphrase")]
    PassphraseNeeded,
    /// The passphrase does not open the key.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// The agent cannot be used.
    #[error("the agent cannot be used: {reason}")]
    Agent {
        /// Why not.
        reason: String,
    },
    /// The server refused to open a channel.
    #[error("the server refused to open a channel ({reason}): {message}")]
    ChannelRefused {
        /// RFC 4254 §5.1, in words.
        reason: &'static str,
        /// The server's words, control characters removed, bounded.
        message: String,
    },
    /// The server refused what the channel was opened for.
    #[error("the server refused the {what}")]
    RequestRefused {
        /// Command, subsystem.
        what: &'static str,
    },
}
