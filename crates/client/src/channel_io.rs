//! A channel over any two streams: a child's pipes, a socket, memory.

use std::io;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::channel::{ByteReader, ByteWriter, Channel};

impl Channel {
    /// A channel over two streams, for servers that are reached without SSH (`sftp-server` as a child, tests).
    pub fn over<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self {
            reader: Box::new(Reader {
                stream: reader,
                buffer: BytesMut::new(),
            }),
            writer: Box::new(Writer { stream: Some(writer) }),
        }
    }
}

struct Reader<R> {
    stream: R,
    buffer: BytesMut,
}

/// `None` once it is finished: a pipe ends only when it is dropped.
struct Writer<W> {
    stream: Option<W>,
}

#[async_trait]
impl<R: AsyncRead + Send + Unpin> ByteReader for Reader<R> {
    async fn read(&mut self) -> io::Result<Option<Bytes>> {
        self.buffer.reserve(CHUNK_LEN);
        let len = self.stream.read_buf(&mut self.buffer).await?;
        Ok((len > 0).then(|| self.buffer.split().freeze()))
    }
}

#[async_trait]
impl<W: AsyncWrite + Send + Unpin> ByteWriter for Writer<W> {
    async fn write(&mut self, parts: &mut Vec<Bytes>) -> io::Result<()> {
        let stream = self.stream.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        for mut part in parts.drain(..) {
            stream.write_all_buf(&mut part).await?;
        }
        stream.flush().await
    }

    async fn finish(&mut self) -> io::Result<()> {
        match self.stream.take() {
            Some(mut stream) => stream.shutdown().await,
            None => Ok(()),
        }
    }
}

/// Bytes read at a time.
const CHUNK_LEN: usize = 64 * 1024;
