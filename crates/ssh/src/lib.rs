//! SSH connections behind one small interface. This is the only crate that names the transport library;
//! no type of it leaks.
//!
//! Server side: [`Server`] accepts connections, checks logins through a [`Service`], and hands each
//! authenticated [`Connection`] to [`Service::serve`]. Channels hand over owned buffers; the peer gets new
//! credit only for bytes that were given back with [`ChannelReader::consumed`].

mod admission;
mod algorithms;
mod channel;
pub mod client;
mod config;
mod connection;
mod handler;
mod host_keys;
mod inbound;
mod limits;
mod login;
mod server;
mod service;
mod session;
mod stream;
mod window;
mod workers;

pub use channel::{
    Channel, ChannelClosed, ChannelCredit, ChannelReader, ChannelRequest, ChannelStart, ChannelWriter,
};
pub use config::ServerConfig;
pub use connection::{Connection, ConnectionHandle, DisconnectReason, Peer};
pub use host_keys::{HostKeyError, HostKeys};
pub use limits::{Limits, ReceivedTotal};
pub use server::{Server, ServerHandle};
pub use service::{AuthAnswer, Password, PublicKey, Service, VerifiedKey};
pub use workers::Workers;
