//! The border between a connection and what runs over it: one channel's bytes, and where further channels come from.
//!
//! SFTP sessions and transfers know nothing else of SSH, so that tests can run them
//! over a pipe to somebody's `sftp-server`.

use std::io;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

/// A channel that carries bytes both ways, each side usable on its own.
pub struct Channel {
    /// What the server sends.
    pub reader: Box<dyn ByteReader>,
    /// What we send.
    pub writer: Box<dyn ByteWriter>,
}

/// The receiving half. The peer gets credit for a chunk when the next one is asked for.
#[async_trait]
pub trait ByteReader: Send {
    /// The next chunk, never empty; `None` at the end of the stream.
    ///
    /// # Errors
    /// When the connection is lost.
    async fn read(&mut self) -> io::Result<Option<Bytes>>;
}

/// The sending half.
#[async_trait]
pub trait ByteWriter: Send {
    /// Queues all parts, in order, waiting while the peer's window is shut. Cancelled midway, an unknown number of
    /// bytes has left: the channel is then of no further use.
    ///
    /// # Errors
    /// When the connection is lost or the peer closed the channel.
    async fn write(&mut self, parts: &mut Vec<Bytes>) -> io::Result<()>;

    /// Sends what is queued and says that no more will come.
    ///
    /// # Errors
    /// As [`ByteWriter::write`].
    async fn finish(&mut self) -> io::Result<()>;
}

/// Where SFTP channels come from: a connection opens as many as its server allows.
#[async_trait]
pub trait SftpChannels: Send + Sync {
    /// Opens a channel on which the server speaks SFTP (its subsystem, or a command).
    ///
    /// # Errors
    /// [`Stage::Channel`](crate::Stage) when the server refuses; a refusal leaves the other channels unharmed.
    async fn open_sftp(&self) -> Result<Channel>;
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}
