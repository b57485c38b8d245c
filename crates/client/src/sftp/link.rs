//! One channel's requests and replies: ids, the queue out, who waits for what, and the deadline.
//!
//! [`Link::send`] never waits: it queues the packet and returns the future of its reply, so that requests leave in the order
//! of the calls. Whoever drops that future has dropped the interest, not the request: its reply is taken and forgotten, and a
//! handle that nobody took is closed.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use longshore_sftp::{DecodeError, EncodeError, Handle, Reply, Request, RequestId, write_header};
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Permit;
use crate::error::{Error, ErrorKind, Stage};

/// The sending half of a session, shared by everything that belongs to it.
#[derive(Debug)]
pub(crate) struct Link {
    outgoing: mpsc::UnboundedSender<Outgoing>,
    pub(super) state: Arc<State>,
}

/// What the writer task takes.
#[derive(Debug)]
pub(super) enum Outgoing {
    /// A packet with its length; the payload of a WRITE stands apart.
    Packet(Bytes, Option<Bytes>),
    /// The caller is done: what is queued goes out, then the end.
    Finish,
}

/// Shared by the link and its two tasks.
#[derive(Debug)]
pub(super) struct State {
    pending: Mutex<Pending>,
    outgoing: mpsc::WeakUnboundedSender<Outgoing>,
    /// Wakes the watchdog when the first request is under way.
    pub(super) armed: Notify,
    /// Ends both tasks.
    pub(super) ended: CancellationToken,
    idle_timeout: Duration,
    slow_timeout: Duration,
}

#[derive(Debug)]
struct Pending {
    next_id: u32,
    waiting: HashMap<u32, Waiting>,
    /// How many of them may take long.
    slow: usize,
    last_progress: Instant,
    end: Option<SessionEnd>,
}

#[derive(Debug)]
struct Waiting {
    answer: oneshot::Sender<Answer>,
    cost: Cost,
    slow: bool,
}

/// What a request occupies until its reply has been used.
#[derive(Debug, Default)]
pub(crate) struct Cost {
    /// File bytes in flight.
    pub(crate) bytes: Option<Permit>,
    /// A place among the plain requests.
    pub(crate) _place: Option<OwnedSemaphorePermit>,
}

type Answer = Result<Answered, Failure>;

/// A reply, with what it still occupies.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) reply: Answering,
    pub(crate) cost: Cost,
}

/// A reply in which a handle is closed when nobody takes it.
#[derive(Debug)]
pub(crate) enum Answering {
    Handle(OpenHandle),
    Other(Reply),
}

/// Why there is no reply.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// This reply cannot be read; the session goes on.
    Malformed(DecodeError),
    /// The request cannot be put into a packet.
    Encode(EncodeError),
    /// The session has ended.
    Session(SessionEnd),
}

/// Why a session has ended.
#[derive(Debug, Clone)]
pub(crate) struct SessionEnd {
    pub(crate) kind: ErrorKind,
    pub(crate) message: Arc<str>,
}

/// A handle on the server, closed in the background when it is dropped.
#[derive(Debug)]
pub(crate) struct OpenHandle {
    handle: Handle,
    state: Arc<State>,
    open: bool,
}

/// The future of a reply.
#[derive(Debug)]
pub(crate) struct ReplyFuture {
    inner: ReplyInner,
}

/// The id of a request that goes out together with INIT; the others count from 1.
pub(super) const FIRST_REQUEST: RequestId = RequestId(0);

#[derive(Debug)]
enum ReplyInner {
    Waiting(oneshot::Receiver<Answer>),
    Failed(Option<Failure>),
}

impl Link {
    pub(super) fn new(
        idle_timeout: Duration,
        slow_timeout: Duration,
    ) -> (Self, mpsc::UnboundedReceiver<Outgoing>) {
        // bounded by what callers may have under way: the pace for file bytes, PLAIN_REQUESTS for the rest
        let (outgoing, queue) = mpsc::unbounded_channel();
        let state = Arc::new(State {
            pending: Mutex::new(Pending {
                next_id: 1,
                waiting: HashMap::new(),
                slow: 0,
                last_progress: Instant::now(),
                end: None,
            }),
            outgoing: outgoing.downgrade(),
            armed: Notify::new(),
            ended: CancellationToken::new(),
            idle_timeout,
            slow_timeout,
        });
        (Self { outgoing, state }, queue)
    }

    /// The reply to a request that has been sent as [`FIRST_REQUEST`] before the session began.
    pub(super) fn expect_first(&self) -> ReplyFuture {
        let (answer, receiver) = oneshot::channel();
        self.state.pending().waiting.insert(
            FIRST_REQUEST.0,
            Waiting {
                answer,
                cost: Cost::default(),
                slow: false,
            },
        );
        ReplyFuture {
            inner: ReplyInner::Waiting(receiver),
        }
    }

    /// Queues a request at once.
    pub(crate) fn send(&self, request: &Request, cost: Cost) -> ReplyFuture {
        self.state.send(request, cost)
    }

    /// As [`Self::send`], for requests over whose answer a server may take long.
    pub(crate) fn send_slow(&self, request: &Request, cost: Cost) -> ReplyFuture {
        self.state
            .queue(cost, true, |id| Ok((request.to_packet(id)?, None)))
    }

    /// Queues a WRITE at once; its payload is not copied.
    pub(crate) fn send_write(&self, handle: &Handle, offset: u64, data: Bytes, cost: Cost) -> ReplyFuture {
        self.state.queue(cost, false, |id| {
            Ok((write_header(id, handle, offset, data.len())?, Some(data)))
        })
    }

    /// Whether and why the session has ended.
    pub(crate) fn end(&self) -> Option<SessionEnd> {
        self.state.pending().end.clone()
    }

    /// Lets what is queued go out, then says the end.
    pub(crate) fn finish(&self) {
        let _ = self.outgoing.send(Outgoing::Finish);
    }

    /// Completes when both tasks have ended.
    pub(crate) async fn ended(&self) {
        self.state.ended.cancelled().await;
    }

    /// Ends the session at once.
    pub(crate) fn abort(&self, end: SessionEnd) {
        self.state.end(end);
    }
}

impl State {
    fn send(self: &Arc<Self>, request: &Request, cost: Cost) -> ReplyFuture {
        self.queue(cost, false, |id| Ok((request.to_packet(id)?, None)))
    }

    fn queue(
        self: &Arc<Self>,
        cost: Cost,
        slow: bool,
        packet: impl FnOnce(RequestId) -> Result<(Bytes, Option<Bytes>), EncodeError>,
    ) -> ReplyFuture {
        let mut pending = self.pending();
        if let Some(end) = &pending.end {
            return ReplyFuture::failed(Failure::Session(end.clone()));
        }
        let id = pending.free_id();
        let (header, payload) = match packet(RequestId(id)) {
            Ok(parts) => parts,
            Err(error) => return ReplyFuture::failed(Failure::Encode(error)),
        };
        let queued = self
            .outgoing
            .upgrade()
            .is_some_and(|outgoing| outgoing.send(Outgoing::Packet(header, payload)).is_ok());
        if !queued {
            return ReplyFuture::failed(Failure::Session(SessionEnd::closed()));
        }
        let (answer, receiver) = oneshot::channel();
        if pending.waiting.is_empty() {
            pending.last_progress = Instant::now();
            self.armed.notify_one();
        }
        pending.slow += usize::from(slow);
        pending.waiting.insert(id, Waiting { answer, cost, slow });
        ReplyFuture {
            inner: ReplyInner::Waiting(receiver),
        }
    }

    /// Hands a reply to whoever waits for it.
    ///
    /// # Errors
    /// Nobody asked for it, or it cannot be told who did: the session has to end.
    pub(super) fn dispatch(self: &Arc<Self>, packet: Bytes) -> Result<(), SessionEnd> {
        let (id, outcome) = match Reply::decode(packet) {
            Ok((id, reply)) => (id, Ok(reply)),
            Err(error @ (DecodeError::Malformed { id, .. } | DecodeError::UnknownType { id, .. })) => {
                (id, Err(error))
            }
            Err(error) => return Err(SessionEnd::protocol(format!("the server sent a {error}"))),
        };
        let mut waiting = {
            let mut pending = self.pending();
            let waiting = pending.waiting.remove(&id.0).ok_or_else(|| {
                SessionEnd::protocol(format!(
                    "the server answered request {id}, which is not under way"
                ))
            })?;
            pending.slow -= usize::from(waiting.slow);
            pending.last_progress = Instant::now();
            waiting
        };
        if let Some(permit) = &waiting.cost.bytes {
            permit.answered();
        }
        if !matches!(outcome, Ok(Reply::Data(_))) {
            // only data that came occupies memory until somebody takes it
            waiting.cost.bytes = None;
        }
        let answer = outcome.map_err(Failure::Malformed).map(|reply| Answered {
            reply: match reply {
                Reply::Handle(handle) => Answering::Handle(OpenHandle {
                    handle,
                    state: Arc::clone(self),
                    open: true,
                }),
                other => Answering::Other(other),
            },
            cost: waiting.cost,
        });
        // nobody waits any more: what came is dropped, and a handle closed with it
        let _ = waiting.answer.send(answer);
        Ok(())
    }

    pub(super) fn progress(&self) {
        self.pending().last_progress = Instant::now();
    }

    /// When the server will have been silent for too long; `None` while nothing is asked.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let pending = self.pending();
        if pending.waiting.is_empty() {
            return None;
        }
        let timeout = if pending.slow > 0 {
            self.slow_timeout
        } else {
            self.idle_timeout
        };
        Some(pending.last_progress + timeout)
    }

    /// How long the server may be silent over what is under way now.
    pub(super) fn patience(&self) -> Duration {
        if self.pending().slow > 0 {
            self.slow_timeout
        } else {
            self.idle_timeout
        }
    }

    /// Ends the session; the first reason stays.
    pub(super) fn end(&self, end: SessionEnd) {
        let waiting = {
            let mut pending = self.pending();
            let end = pending.end.get_or_insert(end).clone();
            pending.slow = 0;
            let waiting = std::mem::take(&mut pending.waiting);
            (waiting, end)
        };
        // outside of the lock: dropping an answer may come back here to close a handle
        let (waiting, end) = waiting;
        for entry in waiting.into_values() {
            let _ = entry.answer.send(Err(Failure::Session(end.clone())));
        }
        self.ended.cancel();
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Ids go up and start again; one that is still under way is skipped.
    fn free_id(&mut self) -> u32 {
        loop {
            let id = self.next_id;
            self.next_id = self.next_id.wrapping_add(1);
            if !self.waiting.contains_key(&id) {
                return id;
            }
        }
    }
}

impl SessionEnd {
    pub(super) fn protocol(message: String) -> Self {
        Self {
            kind: ErrorKind::Protocol,
            message: message.into(),
        }
    }

    pub(super) fn lost(message: &str) -> Self {
        Self {
            kind: ErrorKind::ConnectionLost,
            message: message.into(),
        }
    }

    pub(super) fn silent(timeout: Duration) -> Self {
        Self {
            kind: ErrorKind::TimedOut,
            message: format!("the server was silent for {} s", timeout.as_secs_f32()).into(),
        }
    }

    /// We closed it.
    pub(crate) fn closed() -> Self {
        Self::lost("the SFTP session has been closed")
    }

    pub(crate) fn error(&self) -> Error {
        Error::new(self.kind, Stage::Sftp, self.message.to_string())
    }
}

impl Failure {
    /// The error that a caller sees.
    pub(crate) fn error(self, operation: &'static str, path: &[u8]) -> Error {
        match self {
            Self::Malformed(error) => Error::new(
                ErrorKind::Protocol,
                Stage::Sftp,
                format!("the server's answer cannot be read: {error}"),
            )
            .caused_by(error),
            Self::Encode(error) => Error::new(
                ErrorKind::InvalidInput,
                Stage::Sftp,
                format!("the request does not fit into a packet: {error}"),
            )
            .caused_by(error),
            Self::Session(end) => end.error(),
        }
        .operation(operation)
        .path(path)
    }
}

impl OpenHandle {
    /// The bytes that the server knows it by.
    pub(crate) fn get(&self) -> &Handle {
        &self.handle
    }

    /// Sends CLOSE at once; the handle is gone whatever the answer. `slow`: the server may have a lot to put onto its disk
    /// before it answers.
    pub(crate) fn close(mut self, slow: bool) -> ReplyFuture {
        self.open = false;
        let request = Request::Close {
            handle: self.handle.clone(),
        };
        self.state
            .queue(Cost::default(), slow, |id| Ok((request.to_packet(id)?, None)))
    }
}

impl Drop for OpenHandle {
    fn drop(&mut self) {
        if self.open {
            let request = Request::Close {
                handle: self.handle.clone(),
            };
            // its reply is taken and forgotten
            drop(self.state.send(&request, Cost::default()));
        }
    }
}

impl ReplyFuture {
    fn failed(failure: Failure) -> Self {
        Self {
            inner: ReplyInner::Failed(Some(failure)),
        }
    }
}

impl Future for ReplyFuture {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.inner {
            ReplyInner::Waiting(receiver) => Pin::new(receiver)
                .poll(cx)
                .map(|answer| answer.unwrap_or_else(|_| Err(Failure::Session(SessionEnd::closed())))),
            ReplyInner::Failed(failure) => Poll::Ready(Err(failure
                .take()
                .unwrap_or_else(|| Failure::Session(SessionEnd::closed())))),
        }
    }
}
