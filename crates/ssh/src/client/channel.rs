//! A channel to a server, as halves that work independently.

use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use futures::FutureExt as _;
use russh::ChannelWriteHalf;
use russh::client::Msg;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::error::ClientError;
use super::handler::Shared;
use super::inbound::{Exit, Half, Inbound, Next};

/// An open channel. Dropping its parts closes it. As long as nobody takes what arrives on either stream, the whole connection
/// stops being read once 16 MiB wait: read both streams at once, or drop the one that is not wanted.
#[derive(Debug)]
pub struct ClientChannel {
    /// What the server sends.
    pub reader: ClientReader,
    /// What it sends as error output.
    pub errors: ClientReader,
    /// What we send.
    pub writer: ClientWriter,
    /// How it goes.
    pub status: ChannelStatus,
}

impl ClientChannel {
    pub(super) fn new(outbound: ChannelWriteHalf<Msg>, inbound: Arc<Inbound>, shared: Arc<Shared>) -> Self {
        let reader = |half| ClientReader {
            half,
            inbound: Arc::clone(&inbound),
            shared: Arc::clone(&shared),
        };
        Self {
            reader: reader(Half::Output),
            errors: reader(Half::Errors),
            status: ChannelStatus {
                inbound: Arc::clone(&inbound),
                shared: Arc::clone(&shared),
            },
            writer: ClientWriter {
                outbound: Some(outbound),
                ended: false,
                inbound,
                shared,
            },
        }
    }

    /// The channel as one stream of bytes, without error output: for tunnels.
    #[must_use]
    pub fn into_stream(self) -> ChannelStream {
        let sender = self
            .writer
            .outbound
            .as_ref()
            .map(|outbound| Box::pin(outbound.make_writer()) as Pin<Box<dyn AsyncWrite + Send>>);
        ChannelStream {
            reader: self.reader,
            writer: self.writer,
            sender,
            rest: Bytes::new(),
        }
    }
}

/// Receives one of a channel's streams.
pub struct ClientReader {
    half: Half,
    inbound: Arc<Inbound>,
    shared: Arc<Shared>,
}

impl ClientReader {
    /// The next bytes, never none; `None` when the server says that no more will come. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::RequestRefused`] if the server did not start what the channel was opened for; otherwise why
    /// the connection ended.
    pub async fn recv(&mut self) -> Result<Option<Bytes>, ClientError> {
        match poll_fn(|cx| self.inbound.poll_next(self.half, cx)).await {
            Next::Bytes(bytes) => Ok(Some(bytes)),
            Next::End => Ok(None),
            Next::Refused => Err(ClientError::RequestRefused { what: "request" }),
            Next::Lost => Err(self.shared.end()),
        }
    }
}

impl Drop for ClientReader {
    fn drop(&mut self) {
        self.inbound.reader_gone(self.half);
    }
}

impl fmt::Debug for ClientReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientReader")
            .field("half", &self.half)
            .finish_non_exhaustive()
    }
}

/// Sends on a channel. Calls wait for the server's window; one channel with a shut window never holds up another.
pub struct ClientWriter {
    /// Gone once closed.
    outbound: Option<ChannelWriteHalf<Msg>>,
    /// We have sent CHANNEL_EOF.
    ended: bool,
    inbound: Arc<Inbound>,
    shared: Arc<Shared>,
}

impl ClientWriter {
    /// Sends all of `data`, in as many packets as needed. Waits for window and socket, so at most one buffer per caller
    /// is queued. Not cancel-safe: drop the channel after cancelling.
    ///
    /// # Errors
    /// When the channel or connection has ended.
    pub async fn send(&mut self, data: Bytes) -> Result<(), ClientError> {
        match &self.outbound {
            Some(outbound) if !self.ended => {
                until_over(&self.inbound, &self.shared, outbound.data_bytes(data)).await
            }
            _ => Err(ClientError::Closed),
        }
    }

    /// Says that no more will come (CHANNEL_EOF). The channel stays open for the server's side.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn finish(&mut self) -> Result<(), ClientError> {
        if self.ended {
            return Ok(());
        }
        let Some(outbound) = &self.outbound else {
            return Err(ClientError::Closed);
        };
        until_over(&self.inbound, &self.shared, outbound.eof()).await?;
        self.ended = true;
        Ok(())
    }

    /// Asks the server to send a signal (`TERM`, `KILL`, …, RFC 4254 §6.9) to the command. Many servers ignore it.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn signal(&mut self, name: &str) -> Result<(), ClientError> {
        let Some(outbound) = &self.outbound else {
            return Err(ClientError::Closed);
        };
        let signal = match name {
            "ABRT" => russh::Sig::ABRT,
            "ALRM" => russh::Sig::ALRM,
            "FPE" => russh::Sig::FPE,
            "HUP" => russh::Sig::HUP,
            "ILL" => russh::Sig::ILL,
            "INT" => russh::Sig::INT,
            "KILL" => russh::Sig::KILL,
            "PIPE" => russh::Sig::PIPE,
            "QUIT" => russh::Sig::QUIT,
            "SEGV" => russh::Sig::SEGV,
            "TERM" => russh::Sig::TERM,
            "USR1" => russh::Sig::USR1,
            other => russh::Sig::Custom(other.to_owned()),
        };
        until_over(&self.inbound, &self.shared, outbound.signal(signal)).await
    }
}

impl Drop for ClientWriter {
    fn drop(&mut self) {
        let Some(outbound) = self.outbound.take() else {
            return;
        };
        self.shared.forget(outbound.id());
        if !self.inbound.finish() {
            return;
        }
        let mut close = Box::pin(async move {
            // It fails only if the connection has ended.
            let _ = outbound.close().await;
        });
        // The transport's queue has room, which is the rule; otherwise a task waits for it.
        if close.as_mut().now_or_never().is_none()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(close);
        }
    }
}

impl fmt::Debug for ClientWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientWriter")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// What the server says about a channel.
pub struct ChannelStatus {
    inbound: Arc<Inbound>,
    shared: Arc<Shared>,
}

impl ChannelStatus {
    /// Waits until the server has answered the request that starts the channel's work. Cancel-safe.
    ///
    /// # Errors
    /// [`ClientError::RequestRefused`], or why the connection ended.
    pub async fn started(&self) -> Result<(), ClientError> {
        match poll_fn(|cx| self.inbound.poll_started(cx)).await {
            Some(true) => Ok(()),
            Some(false) => Err(ClientError::RequestRefused { what: "request" }),
            None if self.shared.has_ended() => Err(self.shared.end()),
            None => Err(ClientError::Closed),
        }
    }

    /// Waits until the server closes the channel, and says how the command ended, if it told. Cancel-safe.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn exit(&self) -> Result<Option<Exit>, ClientError> {
        if poll_fn(|cx| self.inbound.poll_over(cx)).await || self.inbound.exit().is_some() {
            return Ok(self.inbound.exit());
        }
        Err(self.shared.end())
    }
}

impl fmt::Debug for ChannelStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelStatus")
            .field("exit", &self.inbound.exit())
            .finish_non_exhaustive()
    }
}

/// A channel as a stream: what another connection runs over.
pub struct ChannelStream {
    reader: ClientReader,
    writer: ClientWriter,
    /// Writes through the transport library's queue; gone with the channel.
    sender: Option<Pin<Box<dyn AsyncWrite + Send>>>,
    /// Received and not yet read.
    rest: Bytes,
}

impl AsyncRead for ChannelStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.rest.is_empty() {
            match ready!(this.reader.inbound.poll_next(Half::Output, cx)) {
                Next::Bytes(bytes) => this.rest = bytes,
                Next::End => return Poll::Ready(Ok(())),
                Next::Refused | Next::Lost => return Poll::Ready(Err(lost(&this.reader.shared))),
            }
        }
        let len = buf.remaining().min(this.rest.len());
        buf.put_slice(&this.rest[..len]);
        this.rest.advance(len);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ChannelStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.writer.inbound.poll_no_writing(cx).is_ready() {
            return Poll::Ready(Err(lost(&this.reader.shared)));
        }
        match &mut this.sender {
            Some(sender) => sender.as_mut().poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().sender {
            Some(sender) => sender.as_mut().poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.get_mut().sender {
            Some(sender) => sender.as_mut().poll_shutdown(cx),
            None => Poll::Ready(Ok(())),
        }
    }
}

impl fmt::Debug for ChannelStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChannelStream").finish_non_exhaustive()
    }
}

fn lost(shared: &Shared) -> io::Error {
    let source = if shared.has_ended() {
        shared.end()
    } else {
        ClientError::Closed
    };
    io::Error::new(io::ErrorKind::ConnectionReset, source)
}

/// Runs `send` to its end or to the channel's.
///
/// The transport library accounts for the peer's window by channel: its future waits until the window opens, but does
/// not wake up when the channel is closed.
async fn until_over<E>(
    inbound: &Inbound,
    shared: &Shared,
    send: impl Future<Output = Result<(), E>>,
) -> Result<(), ClientError> {
    let ended = || {
        if shared.has_ended() {
            shared.end()
        } else {
            ClientError::Closed
        }
    };
    if inbound.is_over() {
        return Err(ended());
    }
    let mut send = pin!(send);
    poll_fn(|cx| match send.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(|_| ended())),
        Poll::Pending => inbound.poll_no_writing(cx).map(|()| Err(ended())),
    })
    .await
}
