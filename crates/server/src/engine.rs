//! The engine of one SFTP channel: takes requests off the channel as long as there is room for their replies, runs
//! those at once that do not depend on each other, and queues each reply when it is ready and its turn has come.
//!
//! One task does all of it. Requests are futures that it polls itself, so a request costs no task and no channel;
//! only the store's blocking work leaves the task.

use std::sync::Arc;

use bytes::Bytes;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use longshore_sftp::{DecodeError, FrameDecoder, FrameError, Request, RequestId};
use tokio::sync::mpsc;

use crate::activity::{Busy, Doing};
use crate::budget::{ChannelBudget, Room};
use crate::context::Context;
use crate::error::OpError;
use crate::log::log_failure;
use crate::ops;
use crate::order::{Order, Scope, Ticket};
use crate::pipe::PipeReader;
use crate::replies::{Outgoing, Replied, ReplyTo};
use crate::reply_order::{Turn, WriteReplies};
use crate::request_log::{log_refusal, log_request};
use crate::sessions::EndReason;

/// How the client's side of a channel came to its end.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The client said that it is done.
    Eof,
    /// The channel or connection is gone.
    Lost,
    /// What came cannot be understood any further.
    Broken(Violation),
    /// The session was ended by us.
    Ended(EndReason),
}

/// A breach of the protocol after which a channel cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Violation {
    /// The bytes are not a row of packets.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// A packet that cannot be answered.
    #[error(transparent)]
    Packet(#[from] DecodeError),
}

/// Runs the requests of a channel.
pub(crate) struct Engine<'a> {
    context: Arc<Context>,
    input: &'a mut Input,
    budget: ChannelBudget,
    order: Order<Job>,
    write_replies: WriteReplies<Outgoing>,
    running: FuturesUnordered<BoxFuture<'static, Done>>,
    replies: mpsc::UnboundedSender<Outgoing>,
    max_in_flight: usize,
}

/// A request that was taken, with all that it needs to be answered.
struct Job {
    reply: ReplyTo,
    task: Task,
    /// When its reply may leave.
    turn: Option<Turn>,
    /// Received bytes to give credit for when it is done.
    received: usize,
    room: Room,
    busy: Busy,
}

/// What to do for a packet.
enum Task {
    Perform(Request),
    /// It cannot be performed; this is why.
    Refuse(OpError),
}

/// A request that is done.
struct Done {
    ticket: Ticket,
    turn: Option<Turn>,
    replied: Replied,
    received: usize,
    room: Room,
}

impl<'a> Engine<'a> {
    /// An engine for what follows INIT. `input` may hold requests already.
    pub(crate) fn new(
        context: Arc<Context>,
        input: &'a mut Input,
        budget: ChannelBudget,
        replies: mpsc::UnboundedSender<Outgoing>,
        max_in_flight: usize,
    ) -> Self {
        Self {
            context,
            input,
            budget,
            order: Order::new(),
            write_replies: WriteReplies::new(),
            running: FuturesUnordered::new(),
            replies,
            max_in_flight,
        }
    }

    /// Takes and runs requests until the channel ends, then finishes those that were taken. Requests of a deleted
    /// user are dropped where they stand.
    pub(crate) async fn run(mut self) -> Ending {
        let session = self.context.session.clone();
        let ending = tokio::select! {
            biased;
            reason = session.ended() => Ending::Ended(reason),
            ending = self.take_requests() => ending,
        };
        // A client that only said that it will ask for nothing more may still wait for its answers.
        if !matches!(ending, Ending::Eof) {
            self.context.gone.cancel();
        }
        if !matches!(ending, Ending::Ended(EndReason::Deleted)) {
            tokio::select! {
                biased;
                () = deleted(&session) => {}
                () = self.finish_requests() => {}
            }
        }
        ending
    }

    async fn take_requests(&mut self) -> Ending {
        let mut held = None;
        loop {
            while held.is_none() && self.order.len() < self.max_in_flight {
                held = match self.input.next_packet() {
                    Ok(Some(packet)) => match self.read_packet(packet) {
                        Ok(packet) => self.admit_if_room(packet),
                        Err(violation) => return Ending::Broken(violation),
                    },
                    Ok(None) => break,
                    Err(violation) => return Ending::Broken(violation.into()),
                };
            }
            let wants_input = held.is_none() && self.order.len() < self.max_in_flight;
            let is_heard = !self.context.gone.is_cancelled();
            tokio::select! {
                biased;
                Some(done) = self.running.next() => self.finish(done),
                room = reserve(&self.budget, held.as_ref()), if held.is_some() => {
                    if let Some(packet) = held.take() {
                        self.admit(packet, room);
                    }
                }
                // Told by the other half: with a full queue nothing is read, and hashes of half a disk may be in it. What
                // the client sent before it went is performed all the same.
                () = self.replies.closed(), if is_heard => self.context.gone.cancel(),
                more = self.input.receive(), if wants_input => {
                    self.context.session.activity.touch();
                    if let Err(ending) = more {
                        return ending;
                    }
                }
            }
        }
    }

    async fn finish_requests(&mut self) {
        while let Some(done) = self.running.next().await {
            self.finish(done);
        }
    }

    /// Makes a job of a packet, without room for its reply yet.
    fn read_packet(&self, packet: Bytes) -> Result<Packet, Violation> {
        let received = LENGTH_FIELD + packet.len();
        match Request::decode(packet) {
            Ok((id, request)) => Ok(Packet {
                id,
                scope: ops::scope(&request, &self.context.handles),
                room: ops::worst_reply(&request),
                task: self.task(id, request),
                received,
            }),
            Err(error) => match error.answer() {
                Some((id, _)) => Ok(Packet {
                    id,
                    scope: Scope::Nothing,
                    room: crate::limits::SMALL_REPLY,
                    task: Task::Refuse(error.into()),
                    received,
                }),
                None => Err(error.into()),
            },
        }
    }

    /// What is to be done for a request, by the terms of the channel.
    fn task(&self, id: RequestId, request: Request) -> Task {
        let terms = &self.context.terms;
        if !terms.policy.permits(&request) {
            log_refusal(&request);
            return Task::Refuse(OpError::NotPermitted);
        }
        if terms.log_requests {
            log_request(id, &request);
        }
        Task::Perform(request)
    }

    /// Admits the request, or hands it back when there is no room for its reply.
    fn admit_if_room(&mut self, packet: Packet) -> Option<Packet> {
        match self.budget.try_reserve(packet.room) {
            Some(room) => {
                self.admit(packet, room);
                None
            }
            None => Some(packet),
        }
    }

    fn admit(&mut self, packet: Packet, room: Room) {
        let job = Job {
            reply: ReplyTo::new(packet.id),
            task: packet.task,
            turn: self.write_replies.expect(packet.scope),
            received: packet.received,
            room,
            busy: self.context.session.activity.begin(Doing::Request),
        };
        if let Some((ticket, job)) = self.order.admit(packet.scope, job) {
            self.start(ticket, job);
        }
    }

    fn start(&mut self, ticket: Ticket, job: Job) {
        let context = self.context.clone();
        let unheard = self.replies.is_closed();
        self.running.push(Box::pin(async move {
            let replied = match job.task {
                // A client that went away has often asked for much more than it took: a whole file, in pieces.
                Task::Perform(request) if unheard && ops::only_tells(&request) => job.reply.status(Ok(())),
                Task::Perform(request) => ops::perform(&context, request, job.reply).await,
                Task::Refuse(error) => job.reply.status(Err(error)),
            };
            drop(job.busy);
            Done {
                ticket,
                turn: job.turn,
                replied,
                received: job.received,
                room: job.room,
            }
        }));
    }

    fn finish(&mut self, done: Done) {
        self.input.consumed(done.received);
        if let Some(failure) = &done.replied.failure {
            log_failure(&self.context.session, failure);
        }
        let reply = Outgoing {
            packet: done.replied.packet,
            _room: done.room,
            _busy: self.context.session.activity.begin(Doing::Reply),
        };
        // It fails when the channel is gone, and with it whoever waited for the reply.
        let send = |reply| {
            let _ = self.replies.send(reply);
        };
        match done.turn {
            Some(turn) => self.write_replies.finish(turn, reply, send),
            None => send(reply),
        }
        self.order.finish(done.ticket);
        while let Some((ticket, job)) = self.order.next_ready() {
            self.start(ticket, job);
        }
    }
}

/// A decoded packet that waits for room.
struct Packet {
    id: RequestId,
    scope: Scope,
    room: usize,
    task: Task,
    received: usize,
}

/// Bytes of a channel, cut into packets.
pub(crate) struct Input {
    reader: PipeReader,
    frames: FrameDecoder,
    chunk: Bytes,
}

impl Input {
    pub(crate) fn new(reader: PipeReader) -> Self {
        Self {
            reader,
            frames: FrameDecoder::default(),
            chunk: Bytes::new(),
        }
    }

    /// The next packet among the bytes received so far.
    pub(crate) fn next_packet(&mut self) -> Result<Option<Bytes>, FrameError> {
        self.frames.next_packet(&mut self.chunk)
    }

    /// Waits for more bytes. Cancel-safe.
    ///
    /// # Errors
    /// How the channel ended.
    pub(crate) async fn receive(&mut self) -> Result<(), Ending> {
        match self.reader.recv().await {
            Some(chunk) => {
                self.chunk = chunk;
                Ok(())
            }
            None if self.reader.is_eof() => Err(Ending::Eof),
            None => Err(Ending::Lost),
        }
    }

    /// Gives credit for bytes that are dealt with.
    pub(crate) fn consumed(&self, bytes: usize) {
        self.reader.consumed(bytes);
    }

    /// Drops what still comes until the channel has ended.
    pub(crate) async fn until_gone(&mut self) {
        while let Some(chunk) = self.reader.recv().await {
            self.reader.consumed(chunk.len());
        }
    }
}

async fn reserve(budget: &ChannelBudget, packet: Option<&Packet>) -> Room {
    match packet {
        Some(packet) => budget.reserve(packet.room).await,
        None => std::future::pending().await,
    }
}

/// Ends when the session's user is deleted.
async fn deleted(session: &crate::sessions::Session) {
    if session.ended().await != EndReason::Deleted {
        std::future::pending::<()>().await;
    }
}

/// Bytes in front of each packet.
pub(crate) const LENGTH_FIELD: usize = 4;
