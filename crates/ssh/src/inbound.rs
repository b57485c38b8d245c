//! What the session and the two halves of a channel share: received data on its way to the reader, and the end.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};

use crate::limits::{BULK_PACKET, SEGMENT};
use crate::stream::StreamControl;
use crate::window::Backlog;

/// Counts what moves on a connection's channels, so that idleness can be seen without reading a clock per packet.
#[derive(Debug, Default)]
pub(crate) struct Activity(AtomicU64);

impl Activity {
    /// Something moved.
    pub(crate) fn mark(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How often something moved.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A channel as the session sees it.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    /// Received and not yet given back.
    pub(crate) backlog: Arc<Backlog>,
    /// Of the connection.
    pub(crate) stream: Arc<StreamControl>,
    /// Of the connection.
    pub(crate) activity: Arc<Activity>,
}

#[derive(Debug, Default)]
struct State {
    received: Segments,
    /// The peer sent CHANNEL_EOF.
    eof: bool,
    /// No more data moves either way.
    closed: bool,
    /// We have sent or queued CHANNEL_CLOSE.
    finished: bool,
    reader_gone: bool,
    writer_gone: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Shared {
    pub(crate) fn new(stream: Arc<StreamControl>, activity: Arc<Activity>, backlog: Backlog) -> Self {
        Self {
            state: Mutex::default(),
            backlog: Arc::new(backlog),
            stream,
            activity,
        }
    }

    /// Takes over what arrived. The only copy of the payload on our side: packets are appended to one
    /// buffer, which the reader takes whole, so that one wake-up hands over many of them.
    pub(crate) fn push(&self, data: &[u8]) {
        self.activity.mark();
        let mut state = self.lock();
        if state.eof || state.closed || state.reader_gone {
            return;
        }
        self.backlog.add(data.len());
        state.received.append(data);
        let waker = state.reader.take();
        drop(state);
        wake(waker);
    }

    /// The peer will send no more.
    pub(crate) fn end_of_input(&self) {
        let mut state = self.lock();
        state.eof = true;
        let waker = state.reader.take();
        drop(state);
        wake(waker);
    }

    /// The channel or its connection has ended.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        let wakers = (state.reader.take(), state.writer.take());
        drop(state);
        wake(wakers.0);
        wake(wakers.1);
    }

    /// The next received bytes; `None` at the end.
    pub(crate) fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut state = self.lock();
        if let Some(segment) = state.received.take() {
            return Poll::Ready(Some(segment));
        }
        if state.eof || state.closed {
            return Poll::Ready(None);
        }
        register(&mut state.reader, cx);
        Poll::Pending
    }

    /// Ready once the channel has ended; wakes a writer that waits for it or for something else.
    pub(crate) fn poll_closed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(());
        }
        register(&mut state.writer, cx);
        Poll::Pending
    }

    /// Gives credit back.
    pub(crate) fn consumed(&self, bytes: usize) {
        self.backlog.sub(bytes);
        self.stream.resume();
    }

    pub(crate) fn is_eof(&self) -> bool {
        self.lock().eof
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    /// We end the channel: returns whether that had not been done already.
    pub(crate) fn finish(&self) -> bool {
        !std::mem::replace(&mut self.lock().finished, true)
    }

    /// Nobody will read: what is here is freed, what comes is dropped.
    pub(crate) fn reader_gone(&self) {
        let mut state = self.lock();
        state.reader_gone = true;
        state.received = Segments::default();
        drop(state);
        self.backlog.clear();
        self.stream.resume();
    }

    pub(crate) fn writer_gone(&self) {
        self.lock().writer_gone = true;
    }

    /// Whether the channel takes up none of the connection's places any more.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        (state.closed || state.finished) && state.reader_gone && state.writer_gone
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Received bytes in few allocations.
#[derive(Debug, Default)]
pub(crate) struct Segments {
    /// Full ones, oldest first; then `tail`.
    full: VecDeque<Bytes>,
    tail: BytesMut,
}

impl Segments {
    /// The oldest bytes, many packets at once.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        if let Some(segment) = self.full.pop_front() {
            return Some(segment);
        }
        (!self.tail.is_empty()).then(|| self.tail.split().freeze())
    }

    /// Copies `data` behind what is there.
    pub(crate) fn append(&mut self, data: &[u8]) {
        let room = self.tail.capacity() - self.tail.len();
        // A large buffer that bulk data left behind is not kept for the small talk after it.
        let oversized = self.tail.is_empty() && data.len() < BULK_PACKET && room > 4 * BULK_PACKET;
        if room < data.len() || oversized {
            let capacity = if data.len() < BULK_PACKET {
                data.len().max(SMALL_SEGMENT)
            } else {
                SEGMENT.max(data.len())
            };
            let full = std::mem::replace(&mut self.tail, BytesMut::with_capacity(capacity));
            if !full.is_empty() {
                self.full.push_back(full.freeze());
            }
        }
        self.tail.extend_from_slice(data);
    }
}

/// Bytes of an allocation for small requests.
const SMALL_SEGMENT: usize = 2048;

/// Remembers whom to wake.
pub(crate) fn register(place: &mut Option<Waker>, cx: &Context<'_>) {
    match place {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *place = Some(cx.waker().clone()),
    }
}

/// Wakes whoever waits.
pub(crate) fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
