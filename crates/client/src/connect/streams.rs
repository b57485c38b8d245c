//! A channel of a connection as SFTP sees it.

use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use longshore_ssh::client::{ChannelStatus, ClientChannel, ClientError, ClientReader, ClientWriter};

use super::explain::explain;
use crate::channel::{ByteReader, ByteWriter, Channel};
use crate::error::Stage;

/// The channel without its error output, which is dropped.
pub(super) fn sftp(channel: ClientChannel, host: String) -> Channel {
    let ClientChannel {
        reader,
        writer,
        status,
        ..
    } = channel;
    Channel {
        reader: Box::new(Reader {
            reader,
            _status: status,
            host: host.clone(),
        }),
        writer: Box::new(Writer { writer, host }),
    }
}

struct Reader {
    reader: ClientReader,
    _status: ChannelStatus,
    host: String,
}

struct Writer {
    writer: ClientWriter,
    host: String,
}

#[async_trait]
impl ByteReader for Reader {
    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        self.reader.recv().await.map_err(|error| told(error, &self.host))
    }
}

#[async_trait]
impl ByteWriter for Writer {
    async fn write(&mut self, parts: &mut Vec<Bytes>) -> io::Result<()> {
        let mut small = BytesMut::new();
        for part in parts.drain(..) {
            if part.len() < SMALL {
                small.extend_from_slice(&part);
                if small.len() < PACKET {
                    continue;
                }
            }
            self.send(small.split().freeze()).await?;
            if part.len() >= SMALL {
                self.send(part).await?;
            }
        }
        self.send(small.freeze()).await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.writer
            .finish()
            .await
            .map_err(|error| told(error, &self.host))
    }
}

impl Writer {
    async fn send(&mut self, data: Bytes) -> io::Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        self.writer
            .send(data)
            .await
            .map_err(|error| told(error, &self.host))
    }
}

/// The reason travels inside: [`crate::Error`].
fn told(error: ClientError, host: &str) -> io::Error {
    let kind = match &error {
        ClientError::RequestRefused { .. } => io::ErrorKind::ConnectionRefused,
        ClientError::NotResponding | ClientError::Idle => io::ErrorKind::TimedOut,
        _ => io::ErrorKind::ConnectionReset,
    };
    io::Error::new(kind, explain(error, Stage::Channel, host))
}

/// Requests of less than so many bytes share packets.
const SMALL: usize = 4 * 1024;

/// Bytes of small requests that are sent together: the largest packet of most servers.
const PACKET: usize = 32 * 1024;
