//! What a connection's task and a channel's halves share: received bytes on their way to the readers, and the end.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::limits::HELD;
use crate::inbound::{Segments, register, wake};

/// How a command ended (RFC 4254 §6.10).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// `exit-status`
    Status(u32),
    /// `exit-signal`
    Signal {
        /// Its name without `SIG`.
        name: String,
        /// Whether a core was written.
        core_dumped: bool,
        /// The server's words, control characters removed, bounded.
        message: String,
    },
}

/// Which of a channel's two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Half {
    /// CHANNEL_DATA
    Output,
    /// SSH_EXTENDED_DATA_STDERR
    Errors,
}

/// What became of the request that starts a channel's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Started {
    /// No answer yet.
    #[default]
    Asked,
    /// CHANNEL_SUCCESS
    Yes,
    /// CHANNEL_FAILURE
    No,
}

/// A channel as both sides see it.
#[derive(Debug, Default)]
pub(super) struct Inbound {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    output: Incoming,
    errors: Incoming,
    started: Started,
    exit: Option<Exit>,
    /// The server sent CHANNEL_EOF.
    eof: bool,
    /// The server sent CHANNEL_CLOSE.
    closed: bool,
    /// The connection has ended.
    lost: bool,
    /// We have queued CHANNEL_CLOSE.
    finished: bool,
    waiting: Waiting,
}

/// One stream's bytes.
#[derive(Debug, Default)]
struct Incoming {
    received: Segments,
    held: usize,
    /// Nobody will read.
    gone: bool,
    reader: Option<Waker>,
}

/// Others who wait.
#[derive(Debug, Default)]
struct Waiting {
    writer: Option<Waker>,
    /// For the answer to the start request, or the end.
    owner: Option<Waker>,
    /// The connection's task, for room.
    connection: Option<Waker>,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Bytes, never none.
    Bytes(Bytes),
    /// No more will come, and that is in order.
    End,
    /// The server refused to start the channel's work.
    Refused,
    /// The connection has ended.
    Lost,
}

impl Inbound {
    /// Takes over what arrived: the only copy of the payload on our side, so that one wake-up hands over many packets.
    pub(super) fn push(&self, half: Half, data: &[u8]) {
        let mut state = self.lock();
        if state.eof || state.closed {
            return;
        }
        let incoming = state.incoming(half);
        if incoming.gone {
            return;
        }
        incoming.held += data.len();
        incoming.received.append(data);
        let waker = incoming.reader.take();
        drop(state);
        wake(waker);
    }

    /// Ready when the readers hold little enough for more to be received.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.output.held + state.errors.held <= HELD || state.lost {
            return Poll::Ready(());
        }
        register(&mut state.waiting.connection, cx);
        Poll::Pending
    }

    /// The next received bytes of one stream.
    pub(super) fn poll_next(&self, half: Half, cx: &mut Context<'_>) -> Poll<Next> {
        let mut state = self.lock();
        let incoming = state.incoming(half);
        if let Some(bytes) = incoming.received.take() {
            incoming.held -= bytes.len();
            let waker = state.waiting.connection.take();
            drop(state);
            wake(waker);
            return Poll::Ready(Next::Bytes(bytes));
        }
        if state.started == Started::No {
            return Poll::Ready(Next::Refused);
        }
        if state.eof || state.closed {
            return Poll::Ready(Next::End);
        }
        if state.lost {
            return Poll::Ready(Next::Lost);
        }
        register(&mut state.incoming(half).reader, cx);
        Poll::Pending
    }

    /// Changes the state and wakes everybody.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        let wakers = [
            state.output.reader.take(),
            state.errors.reader.take(),
            state.waiting.writer.take(),
            state.waiting.owner.take(),
            state.waiting.connection.take(),
        ];
        drop(state);
        wakers.into_iter().for_each(wake);
    }

    pub(super) fn end_of_input(&self) {
        self.change(|state| state.eof = true);
    }

    pub(super) fn close(&self) {
        self.change(|state| state.closed = true);
    }

    pub(super) fn lose(&self) {
        self.change(|state| state.lost = true);
    }

    pub(super) fn answer(&self, started: bool) {
        self.change(|state| {
            if state.started == Started::Asked {
                state.started = if started { Started::Yes } else { Started::No };
            }
        });
    }

    /// The first report counts.
    pub(super) fn exited(&self, exit: Exit) {
        let mut state = self.lock();
        state.exit.get_or_insert(exit);
    }

    pub(super) fn exit(&self) -> Option<Exit> {
        self.lock().exit.clone()
    }

    /// Ready once the start request was answered (whether it succeeded) or the channel is over (`None`).
    pub(super) fn poll_started(&self, cx: &mut Context<'_>) -> Poll<Option<bool>> {
        let mut state = self.lock();
        match state.started {
            Started::Yes => Poll::Ready(Some(true)),
            Started::No => Poll::Ready(Some(false)),
            Started::Asked if state.closed || state.lost => Poll::Ready(None),
            Started::Asked => {
                register(&mut state.waiting.owner, cx);
                Poll::Pending
            }
        }
    }

    /// Ready once the channel is over; whether the server closed it (as opposed to a lost connection).
    pub(super) fn poll_over(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        if state.closed || state.lost {
            return Poll::Ready(state.closed);
        }
        register(&mut state.waiting.owner, cx);
        Poll::Pending
    }

    /// As [`Self::poll_over`], for the writer.
    pub(super) fn poll_no_writing(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed || state.lost {
            return Poll::Ready(());
        }
        register(&mut state.waiting.writer, cx);
        Poll::Pending
    }

    pub(super) fn is_over(&self) -> bool {
        let state = self.lock();
        state.closed || state.lost
    }

    /// We close the channel: returns whether that had not been done already and is still of use.
    pub(super) fn finish(&self) -> bool {
        let mut state = self.lock();
        let first = !std::mem::replace(&mut state.finished, true);
        first && !state.closed && !state.lost
    }

    /// Nobody will read this stream: what is here is freed, what comes is dropped.
    pub(super) fn reader_gone(&self, half: Half) {
        let mut state = self.lock();
        let incoming = state.incoming(half);
        incoming.gone = true;
        incoming.held = 0;
        incoming.received = Segments::default();
        let waker = state.waiting.connection.take();
        drop(state);
        wake(waker);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn incoming(&mut self, half: Half) -> &mut Incoming {
        match half {
            Half::Output => &mut self.output,
            Half::Errors => &mut self.errors,
        }
    }
}
