//! An authenticated connection: who it is, its channels as they are opened, and the means to end it.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::channel::ChannelStart;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// Its address.
    pub address: SocketAddr,
    /// Number of the connection since the server started; for logs.
    pub connection_id: u64,
    /// Identification string without `SSH-2.0-`, as the client sent it (RFC 4253 §4.2); lossy text for logs
    /// and for knowing which client needs what.
    pub software: Arc<str>,
}

/// Why we end a connection (RFC 4253 §11.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum DisconnectReason {
    /// `SSH_DISCONNECT_PROTOCOL_ERROR`
    ProtocolError,
    /// `SSH_DISCONNECT_BY_APPLICATION`
    ByApplication,
    /// `SSH_DISCONNECT_TOO_MANY_CONNECTIONS`
    TooManyConnections,
}

/// An authenticated connection. Dropping it closes the connection.
pub struct Connection<I> {
    pub(crate) identity: Arc<I>,
    pub(crate) peer: Peer,
    pub(crate) channels: tokio::sync::mpsc::Receiver<ChannelStart>,
    pub(crate) handle: ConnectionHandle,
}

impl<I> Connection<I> {
    /// Who logged in.
    #[must_use]
    pub fn identity(&self) -> &Arc<I> {
        &self.identity
    }

    /// The other end.
    #[must_use]
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The next channel on which the client asked to start something; `None` when the connection has ended.
    pub async fn next_channel(&mut self) -> Option<ChannelStart> {
        self.channels.recv().await
    }

    /// A handle that can end the connection from elsewhere.
    #[must_use]
    pub fn handle(&self) -> ConnectionHandle {
        self.handle.clone()
    }
}

/// Ends a connection from outside of its task.
#[derive(Clone)]
pub struct ConnectionHandle {
    // the implementation decides what stands here
}

impl ConnectionHandle {
    /// Sends SSH_MSG_DISCONNECT with `message` and closes. Returns at once; does nothing if already ended.
    pub fn disconnect(&self, _reason: DisconnectReason, _message: &str) {
        unimplemented!()
    }
}
