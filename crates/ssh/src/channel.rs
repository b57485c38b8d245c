//! Channels: owned buffers in, owned buffers out, credit granted as data is consumed (RFC 4254 §5.2).

use bytes::Bytes;

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
}

impl ChannelStart {
    /// What the client asked for.
    #[must_use]
    pub fn request(&self) -> &ChannelRequest {
        &self.request
    }

    /// Answers CHANNEL_SUCCESS and hands over the channel.
    #[must_use]
    pub fn accept(self) -> Channel {
        unimplemented!()
    }

    /// Answers CHANNEL_FAILURE and closes the channel.
    pub fn refuse(self) {
        unimplemented!()
    }
}

/// An open channel, as its two independent halves.
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
pub struct ChannelReader {}

impl ChannelReader {
    /// The next bytes; `None` after EOF, close, or the end of the connection ([`Self::is_eof`] tells them apart).
    /// Cancel-safe. The bytes count against the connection's budget until [`Self::consumed`].
    pub async fn recv(&mut self) -> Option<Bytes> {
        unimplemented!()
    }

    /// Gives `bytes` of credit back: that much received data has been dealt with and its memory freed.
    pub fn consumed(&self, _bytes: usize) {
        unimplemented!()
    }

    /// Whether the client sent CHANNEL_EOF (an orderly end), as opposed to CLOSE or a lost connection.
    #[must_use]
    pub fn is_eof(&self) -> bool {
        unimplemented!()
    }
}

/// Sends to the client. Calls wait for the peer's window; one channel with a shut window never holds up another.
pub struct ChannelWriter {}

impl ChannelWriter {
    /// Sends all of `data` (CHANNEL_DATA), in as many packets as needed. Waits for window and socket, so at most
    /// one buffer per caller is queued. Not cancel-safe: drop the channel after cancelling.
    ///
    /// # Errors
    /// [`ChannelClosed`] when the channel or connection has ended.
    pub async fn send(&mut self, _data: Bytes) -> Result<(), ChannelClosed> {
        unimplemented!()
    }

    /// As [`Self::send`], as SSH_EXTENDED_DATA_STDERR.
    ///
    /// # Errors
    /// [`ChannelClosed`] when the channel or connection has ended.
    pub async fn send_stderr(&mut self, _data: Bytes) -> Result<(), ChannelClosed> {
        unimplemented!()
    }

    /// `exit-status` (RFC 4254 §6.10), CHANNEL_EOF and CHANNEL_CLOSE, in this order.
    pub async fn finish(self, _exit_status: u32) {
        unimplemented!()
    }
}
