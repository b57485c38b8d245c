//! Channels: owned buffers in, owned buffers out, credit granted as data is consumed (RFC 4254 §5.2).

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use futures::FutureExt as _;
use russh::server::{Handle, Msg};
use russh::{ChannelId, ChannelWriteHalf};
use tokio::task::JoinHandle;

use crate::inbound::Shared;

/// What the client wants to run on a session channel (RFC 4254 §6.5). `pty-req` and `env` are answered by this
/// crate (refused; the channel goes on) and never reach the service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelRequest {
    /// `subsystem`, its name.
    Subsystem(String),
    /// `exec`, the command line as bytes.
    Exec(Bytes),
    /// `shell`
    Shell,
}

/// A session channel whose start request awaits an answer. Dropping it refuses.
pub struct ChannelStart {
    request: ChannelRequest,
    /// Gone once answered. In a box: the queue of start requests that every connection has reserves room for 32.
    parts: Option<Box<Parts>>,
}

/// What an answer needs.
struct Parts {
    id: ChannelId,
    handle: Handle,
    outbound: ChannelWriteHalf<Msg>,
    shared: Arc<Shared>,
}

impl ChannelStart {
    pub(crate) fn new(
        request: ChannelRequest,
        id: ChannelId,
        handle: Handle,
        outbound: ChannelWriteHalf<Msg>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            request,
            parts: Some(Box::new(Parts {
                id,
                handle,
                outbound,
                shared,
            })),
        }
    }

    /// What the client asked for.
    #[must_use]
    pub fn request(&self) -> &ChannelRequest {
        &self.request
    }

    /// Answers CHANNEL_SUCCESS and hands over the channel.
    #[must_use]
    pub fn accept(mut self) -> Channel {
        // `accept` and `refuse` take `self`, and `drop` comes last: the parts are still there.
        let Parts {
            id,
            handle,
            outbound,
            shared,
        } = *self.parts.take().expect("a start request is answered once");
        let answer = finish_soon(async move {
            // It fails only if the connection has ended, which both halves will notice.
            let _ = handle.channel_success(id).await;
        });
        let writer = ChannelWriter {
            outbound: Some(outbound),
            shared: Arc::clone(&shared),
            answer,
        };
        Channel {
            reader: ChannelReader { shared },
            writer,
        }
    }

    /// Answers CHANNEL_FAILURE and closes the channel.
    pub fn refuse(self) {
        drop(self);
    }
}

impl Drop for ChannelStart {
    fn drop(&mut self) {
        let Some(parts) = self.parts.take() else { return };
        let Parts {
            id,
            handle,
            outbound,
            shared,
        } = *parts;
        shared.reader_gone();
        shared.writer_gone();
        shared.finish();
        finish_soon(async move {
            // These fail only if the connection has ended, and the channel with it.
            let _ = handle.channel_failure(id).await;
            let _ = outbound.close().await;
        });
    }
}

impl std::fmt::Debug for ChannelStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelStart")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}

/// An open channel, as its two independent halves. It is closed when the writer is finished or dropped.
#[derive(Debug)]
pub struct Channel {
    /// Bytes from the client.
    pub reader: ChannelReader,
    /// Bytes to the client.
    pub writer: ChannelWriter,
}

/// The channel or its connection is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("channel closed")]
pub struct ChannelClosed;

/// Receives what the client sends. While nobody calls [`Self::recv`] or [`Self::consumed`], the peer runs out of
/// credit: this is how reading is paused per channel.
pub struct ChannelReader {
    shared: Arc<Shared>,
}

impl ChannelReader {
    /// The next bytes; `None` after EOF, close, or the end of the connection ([`Self::is_eof`] tells them apart).
    /// Cancel-safe. The bytes count against the connection's budget until [`Self::consumed`].
    pub async fn recv(&mut self) -> Option<Bytes> {
        poll_fn(|cx| self.shared.poll_recv(cx)).await
    }

    /// Gives `bytes` of credit back: that much received data has been dealt with and its memory freed.
    pub fn consumed(&self, bytes: usize) {
        self.shared.consumed(bytes);
    }

    /// [`Self::consumed`] for tasks that do not own the reader.
    #[must_use]
    pub fn credit(&self) -> ChannelCredit {
        ChannelCredit {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Whether the client sent CHANNEL_EOF (an orderly end), as opposed to CLOSE or a lost connection.
    #[must_use]
    pub fn is_eof(&self) -> bool {
        self.shared.is_eof()
    }
}

impl Drop for ChannelReader {
    fn drop(&mut self) {
        self.shared.reader_gone();
    }
}

impl std::fmt::Debug for ChannelReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelReader")
            .field("held", &self.shared.backlog.bytes())
            .finish_non_exhaustive()
    }
}

/// Gives credit back to the client, from any task. Cheap to clone.
#[derive(Clone)]
pub struct ChannelCredit {
    shared: Arc<Shared>,
}

impl ChannelCredit {
    /// As [`ChannelReader::consumed`].
    pub fn consumed(&self, bytes: usize) {
        self.shared.consumed(bytes);
    }
}

impl std::fmt::Debug for ChannelCredit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelCredit")
            .field("held", &self.shared.backlog.bytes())
            .finish_non_exhaustive()
    }
}

/// Sends to the client. Calls wait for the peer's window; one channel with a shut window never holds up another.
pub struct ChannelWriter {
    /// Gone once finished.
    outbound: Option<ChannelWriteHalf<Msg>>,
    shared: Arc<Shared>,
    /// CHANNEL_SUCCESS, if the transport's queue was full when the channel was accepted.
    answer: Option<JoinHandle<()>>,
}

impl ChannelWriter {
    /// Sends all of `data` (CHANNEL_DATA), in as many packets as needed. Waits for window and socket, so at most
    /// one buffer per caller is queued. Not cancel-safe: drop the channel after cancelling.
    ///
    /// # Errors
    /// [`ChannelClosed`] when the channel or connection has ended.
    pub async fn send(&mut self, data: Bytes) -> Result<(), ChannelClosed> {
        self.answered().await;
        let outbound = self.outbound.as_ref().ok_or(ChannelClosed)?;
        until_closed(&self.shared, outbound.data_bytes(data)).await
    }

    /// As [`Self::send`], as SSH_EXTENDED_DATA_STDERR.
    ///
    /// # Errors
    /// [`ChannelClosed`] when the channel or connection has ended.
    pub async fn send_stderr(&mut self, data: Bytes) -> Result<(), ChannelClosed> {
        self.answered().await;
        let outbound = self.outbound.as_ref().ok_or(ChannelClosed)?;
        until_closed(
            &self.shared,
            outbound.extended_data_bytes(SSH_EXTENDED_DATA_STDERR, data),
        )
        .await
    }

    /// Ends when the channel or its connection has ended, from the other side. Cancel-safe.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.shared.poll_closed(cx)).await;
    }

    /// `exit-status` (RFC 4254 §6.10), CHANNEL_EOF and CHANNEL_CLOSE, in this order.
    pub async fn finish(mut self, exit_status: u32) {
        self.answered().await;
        let Some(outbound) = self.outbound.take() else {
            return;
        };
        self.shared.finish();
        let end = async {
            outbound.exit_status(exit_status).await?;
            outbound.eof().await?;
            outbound.close().await
        };
        // If the channel or the connection has ended already, there is nobody to tell.
        let _ = until_closed(&self.shared, end).await;
    }

    /// Waits until CHANNEL_SUCCESS is queued, so that nothing overtakes it.
    async fn answered(&mut self) {
        if let Some(answer) = &mut self.answer {
            // It fails only if the runtime ends.
            let _ = answer.await;
            self.answer = None;
        }
    }
}

impl Drop for ChannelWriter {
    fn drop(&mut self) {
        self.shared.writer_gone();
        let Some(outbound) = self.outbound.take() else {
            return;
        };
        if !self.shared.finish() || self.shared.is_closed() {
            return;
        }
        let answer = self.answer.take();
        finish_soon(async move {
            if let Some(answer) = answer {
                let _ = answer.await;
            }
            // It fails only if the connection has ended.
            let _ = outbound.close().await;
        });
    }
}

impl std::fmt::Debug for ChannelWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ChannelWriter")
            .field("closed", &self.shared.is_closed())
            .finish_non_exhaustive()
    }
}

/// Runs `send` to its end or to the channel's.
///
/// The transport library accounts for the peer's window by channel: its future waits until the window opens, but does
/// not wake up when the channel is closed.
async fn until_closed<E>(
    shared: &Shared,
    send: impl Future<Output = Result<(), E>>,
) -> Result<(), ChannelClosed> {
    if shared.is_closed() {
        return Err(ChannelClosed);
    }
    let mut send = pin!(send);
    let sent = poll_fn(|cx| match send.as_mut().poll(cx) {
        Poll::Ready(result) => Poll::Ready(result.map_err(|_| ChannelClosed)),
        Poll::Pending => shared.poll_closed(cx).map(|()| Err(ChannelClosed)),
    });
    let result = sent.await;
    shared.activity.mark();
    result
}

/// Runs `work` now if it needs not wait (the transport's queue has room, which is the rule), otherwise in a task.
fn finish_soon(work: impl Future<Output = ()> + Send + 'static) -> Option<JoinHandle<()>> {
    let mut work = Box::pin(work);
    if work.as_mut().now_or_never().is_some() {
        return None;
    }
    // Without a runtime there is no connection any more either.
    tokio::runtime::Handle::try_current()
        .ok()
        .map(|runtime| runtime.spawn(work))
}

/// RFC 4254 §5.2.
const SSH_EXTENDED_DATA_STDERR: u32 = 1;
