//! SSH connections behind one small interface. This is the only crate that names the transport library;
//! no type of it leaks.
//!
//! Server side: [`Server`] accepts connections, checks logins through a [`Service`], and hands each
//! authenticated [`Connection`] to [`Service::serve`]. Channels hand over owned buffers; the peer gets new
//! credit only for bytes that were given back with [`ChannelReader::consumed`].

mod channel;
mod connection;
mod service;

pub use channel::{Channel, ChannelClosed, ChannelReader, ChannelRequest, ChannelStart, ChannelWriter};
pub use connection::{Connection, ConnectionHandle, DisconnectReason, Peer};
pub use service::{AuthAnswer, Password, PublicKey, Service, VerifiedKey};
