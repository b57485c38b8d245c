//! An authenticated connection: who it is, its channels as they are opened, and the means to end it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, mpsc};

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

impl DisconnectReason {
    pub(crate) fn transport(self) -> russh::Disconnect {
        match self {
            Self::ProtocolError => russh::Disconnect::ProtocolError,
            Self::ByApplication => russh::Disconnect::ByApplication,
            Self::TooManyConnections => russh::Disconnect::TooManyConnections,
        }
    }
}

/// An authenticated connection. Dropping it closes the connection.
#[derive(Debug)]
pub struct Connection<I> {
    pub(crate) identity: Arc<I>,
    pub(crate) peer: Peer,
    pub(crate) channels: mpsc::Receiver<ChannelStart>,
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

impl<I> Drop for Connection<I> {
    fn drop(&mut self) {
        self.handle.disconnect(DisconnectReason::ByApplication, "closed");
    }
}

/// Ends a connection from outside of its task.
#[derive(Debug, Clone, Default)]
pub struct ConnectionHandle {
    wish: Arc<Wish>,
}

/// The wish to end a connection, on its way to the task that can.
#[derive(Debug, Default)]
struct Wish {
    first: Mutex<Option<(DisconnectReason, String)>>,
    made: Notify,
}

impl ConnectionHandle {
    /// Sends SSH_MSG_DISCONNECT with `message` and closes. Returns at once; does nothing if already ended.
    pub fn disconnect(&self, reason: DisconnectReason, message: &str) {
        let mut first = self.wish.first.lock().unwrap_or_else(PoisonError::into_inner);
        if first.is_none() {
            *first = Some((reason, message.to_owned()));
            drop(first);
            self.wish.made.notify_one();
        }
    }

    /// The first wish that was made, when it is made. For one task. Cancel-safe.
    pub(crate) async fn disconnect_wanted(&self) -> (DisconnectReason, String) {
        loop {
            let first = self
                .wish
                .first
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            if let Some(first) = first {
                return first;
            }
            self.wish.made.notified().await;
        }
    }
}
