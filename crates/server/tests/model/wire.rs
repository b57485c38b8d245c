//! A client that sends one request at a time.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use longshore_sftp::{FrameDecoder, Init, Reply, Request, RequestId, Version};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// No answer takes this long on the slowest machine: the server hangs.
const HANG: Duration = Duration::from_secs(60);

pub struct Client {
    reader: Box<dyn AsyncRead + Unpin>,
    writer: Box<dyn AsyncWrite + Unpin>,
    frames: FrameDecoder,
    chunk: Bytes,
    next_id: u32,
}

impl Client {
    /// Greets the server; what it announces comes along.
    pub async fn start(
        reader: impl AsyncRead + Unpin + 'static,
        writer: impl AsyncWrite + Unpin + 'static,
    ) -> (Self, Version) {
        let mut client = Self {
            reader: Box::new(reader),
            writer: Box::new(writer),
            frames: FrameDecoder::default(),
            chunk: Bytes::new(),
            next_id: 0,
        };
        client
            .writer
            .write_all(&Init::v3().to_packet().unwrap())
            .await
            .unwrap();
        client.writer.flush().await.unwrap();
        let version = Version::decode(client.packet().await).unwrap();
        (client, version)
    }

    /// Sends a request and waits for its reply.
    pub async fn call(&mut self, request: &Request) -> Reply {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        self.writer
            .write_all(&request.to_packet(id).unwrap())
            .await
            .unwrap();
        self.writer.flush().await.unwrap();
        let (answered, reply) = Reply::decode(self.packet().await).unwrap();
        assert_eq!(answered, id, "reply to another request");
        reply
    }

    async fn packet(&mut self) -> Bytes {
        loop {
            if let Some(packet) = self.frames.next_packet(&mut self.chunk).unwrap() {
                return packet;
            }
            let mut chunk = BytesMut::with_capacity(128 * 1024);
            let read = tokio::time::timeout(HANG, self.reader.read_buf(&mut chunk));
            let len = read.await.expect("an answer in time").unwrap();
            assert!(len > 0, "the server ended the session");
            self.chunk = chunk.freeze();
        }
    }
}
