//! The bytes that a channel is served over: a channel of an SSH connection, or any two byte streams.

use bytes::{Bytes, BytesMut};
use longshore_ssh::{Channel, ChannelClosed, ChannelReader, ChannelWriter};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::limits::{STREAM_READ_LEN, STREAM_READ_ROOM};

/// Both directions.
pub(crate) struct Pipe {
    pub(crate) reader: PipeReader,
    pub(crate) writer: PipeWriter,
}

/// Bytes from the client.
pub(crate) enum PipeReader {
    Channel(ChannelReader),
    Stream(StreamReader),
}

/// Bytes to the client.
pub(crate) enum PipeWriter {
    Channel(ChannelWriter),
    Stream(Box<dyn AsyncWrite + Send + Unpin>),
}

/// Reads a stream in pieces. Nobody has to give credit: what is not read yet waits on the other side.
pub(crate) struct StreamReader {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    is_eof: bool,
}

impl From<Channel> for Pipe {
    fn from(channel: Channel) -> Self {
        Self {
            reader: PipeReader::Channel(channel.reader),
            writer: PipeWriter::Channel(channel.writer),
        }
    }
}

impl Pipe {
    /// Over two byte streams.
    pub(crate) fn over(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self {
            reader: PipeReader::Stream(StreamReader {
                stream: Box::new(reader),
                buffer: BytesMut::new(),
                is_eof: false,
            }),
            writer: PipeWriter::Stream(Box::new(writer)),
        }
    }
}

impl PipeReader {
    /// The next bytes; `None` at the end. Cancel-safe.
    pub(crate) async fn recv(&mut self) -> Option<Bytes> {
        match self {
            Self::Channel(reader) => reader.recv().await,
            Self::Stream(reader) => reader.recv().await,
        }
    }

    /// Gives credit for bytes that are dealt with.
    pub(crate) fn consumed(&self, bytes: usize) {
        match self {
            Self::Channel(reader) => reader.consumed(bytes),
            Self::Stream(_) => {}
        }
    }

    /// Whether the client ended it in an orderly way.
    pub(crate) fn is_eof(&self) -> bool {
        match self {
            Self::Channel(reader) => reader.is_eof(),
            Self::Stream(reader) => reader.is_eof,
        }
    }
}

impl StreamReader {
    async fn recv(&mut self) -> Option<Bytes> {
        if self.buffer.capacity() < STREAM_READ_ROOM {
            self.buffer.reserve(STREAM_READ_LEN);
        }
        match self.stream.read_buf(&mut self.buffer).await {
            Ok(0) => {
                self.is_eof = true;
                None
            }
            Ok(_) => Some(self.buffer.split().freeze()),
            Err(error) => {
                tracing::debug!(%error, "cannot read from the client");
                None
            }
        }
    }
}

impl PipeWriter {
    /// Sends all of `data`. Not cancel-safe.
    pub(crate) async fn send(&mut self, data: Bytes) -> Result<(), ChannelClosed> {
        match self {
            Self::Channel(writer) => writer.send(data).await,
            Self::Stream(stream) => stream.write_all(&data).await.map_err(|error| {
                tracing::debug!(%error, "cannot write to the client");
                ChannelClosed
            }),
        }
    }

    /// Ends when nobody is there any more to take anything. Of a stream only its reader can tell. Cancel-safe.
    pub(crate) async fn closed(&mut self) {
        match self {
            Self::Channel(writer) => writer.closed().await,
            Self::Stream(_) => std::future::pending().await,
        }
    }

    /// Pushes out what a buffer in between may hold.
    pub(crate) async fn flush(&mut self) -> Result<(), ChannelClosed> {
        match self {
            Self::Channel(_) => Ok(()),
            Self::Stream(stream) => stream.flush().await.map_err(|_gone| ChannelClosed),
        }
    }

    /// The last word: a complaint goes to stderr, where OpenSSH's clients show it. A stream has no place for it; whoever
    /// serves one is told by [`StreamEnd`](crate::StreamEnd).
    pub(crate) async fn finish(self, complaint: Option<String>) {
        let Self::Channel(mut writer) = self else { return };
        let status = u32::from(complaint.is_some());
        if let Some(complaint) = complaint {
            let line = Bytes::from(complaint + "\r\n");
            if writer.send_stderr(line).await.is_err() {
                return;
            }
        }
        writer.finish(status).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_hands_over_what_came_and_then_its_end() {
        let (mut theirs, ours) = tokio::io::duplex(64);
        let (reader, writer) = tokio::io::split(ours);
        let mut pipe = Pipe::over(reader, writer);
        theirs.write_all(b"abc").await.unwrap();
        assert_eq!(pipe.reader.recv().await.unwrap(), "abc");
        assert!(!pipe.reader.is_eof());
        pipe.writer.send(Bytes::from_static(b"xyz")).await.unwrap();
        let mut answer = [0; 3];
        theirs.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"xyz");
        theirs.shutdown().await.unwrap();
        assert!(pipe.reader.recv().await.is_none());
        assert!(pipe.reader.is_eof());
    }
}
