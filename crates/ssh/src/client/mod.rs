//! The client's end of an SSH connection.
//!
//! [`Handshake::start`] exchanges keys over any stream and shows the server's [`HostKey`]; [`Handshake::accept`] makes it a
//! [`Session`], on which the `auth_…` methods log in and [`Session::exec`], [`Session::subsystem`] and
//! [`Session::direct_tcpip`] open channels. Dropping either ends the connection.
//!
//! What the transport library does not let us do:
//!
//! - Windows are topped up when data arrives, not when it is taken. A channel whose owner takes nothing therefore
//!   holds up the whole connection once it holds 16 MiB.
//! - A public key is always offered before it signs, and the request for the authentication service is answered before the first
//!   attempt is sent, which costs a round trip each.
//! - A server's demand for a new password (SSH_MSG_USERAUTH_PASSWD_CHANGEREQ) is overlooked.

mod agent;
mod algorithms;
mod auth;
mod channel;
mod error;
mod handler;
mod host_key;
mod inbound;
mod keys;
mod limits;
mod session;
mod stream;
mod words;

pub use agent::{Agent, AgentIdentity};
pub use algorithms::Algorithms;
pub use auth::{AuthReply, InteractiveReply, Prompt, Questions};
pub use channel::{ChannelStatus, ChannelStream, ClientChannel, ClientReader, ClientWriter};
pub use error::ClientError;
pub use handler::Negotiated;
pub use host_key::{HostCertificate, HostKey};
pub use inbound::Exit;
pub use keys::{UserKey, public_key_fingerprint};
pub use session::{ClientConfig, Handshake, Session};
