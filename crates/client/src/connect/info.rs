//! What is known of a connection.

use longshore_ssh::client::Questions;

use crate::endpoint::Endpoint;
use crate::host_key::Trusted;

/// How a connection came about.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConnectionInfo {
    /// The server, as the user named it.
    pub endpoint: Endpoint,
    /// Who is logged in.
    pub user: String,
    /// How the server introduced itself: `SSH-2.0-…`.
    pub server: String,
    /// What it had to say before it let us in; often empty.
    pub banner: String,
    /// Key exchange algorithm.
    pub kex: String,
    /// Signature algorithm of the host key.
    pub host_key_algorithm: String,
    /// Cipher, both ways.
    pub cipher: String,
    /// MAC, both ways; `None` for a cipher that needs none.
    pub mac: Option<String>,
    /// Type of the host key: `ssh-ed25519`, ….
    pub host_key_type: String,
    /// `SHA256:…` of the host key, and how it was trusted.
    pub trusted: Trusted,
    /// How the user was let in.
    pub auth: AuthInfo,
    /// The SSH servers on the way, the nearest first.
    pub jumps: Vec<ConnectionInfo>,
}

/// How a user was let in.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AuthInfo {
    /// The methods that the server last said it takes; empty if the first attempt succeeded.
    pub offered: Vec<String>,
    /// The methods that succeeded, in order: `publickey SHA256:…`, `password`, `keyboard-interactive`, ….
    pub used: Vec<String>,
    /// Attempts that were refused, in order.
    pub refused: Vec<String>,
    /// What keyboard-interactive asked (never the answers).
    pub prompts: Vec<Questions>,
    /// The agent's identities, `SHA256:… comment`, in the order in which they are tried.
    pub agent_identities: Vec<String>,
}
