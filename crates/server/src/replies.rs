//! Replies: the duty to give exactly one, and the one writer of a channel that sends them.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use longshore_sftp::{DataReply, Reply, RequestId, StatusCode};
use longshore_ssh::ChannelClosed;
use tokio::sync::mpsc;

use crate::activity::{Activity, Busy};
use crate::budget::Room;
use crate::error::OpError;
use crate::limits::{COALESCE_BYTES, COALESCE_REPLY_LEN};
use crate::pipe::PipeWriter;
use crate::status::status;

/// The duty to answer one request. Answering consumes it and is the only way to the [`Replied`] that each operation
/// has to return: a lost or doubled reply does not compile.
#[must_use = "every request gets a reply"]
#[derive(Debug)]
pub(crate) struct ReplyTo(RequestId);

/// A request that has been answered.
#[derive(Debug)]
pub(crate) struct Replied {
    /// The reply.
    pub(crate) packet: Bytes,
    /// What it told the client, if that was no success; for the log.
    pub(crate) failure: Option<OpError>,
}

impl ReplyTo {
    /// The duty that comes with request `id`. Called once for each packet that was decoded.
    pub(crate) fn new(id: RequestId) -> Self {
        Self(id)
    }

    /// The request.
    pub(crate) fn id(&self) -> RequestId {
        self.0
    }

    /// A buffer for [`Self::packet`] that file bytes are read into.
    pub(crate) fn data_buffer(&self, capacity: usize) -> Vec<u8> {
        DataReply::begin(self.0, capacity)
    }

    /// Answers with STATUS.
    pub(crate) fn status(self, result: Result<(), OpError>) -> Replied {
        self.reply(result.map(|()| Reply::status(StatusCode::OK)))
    }

    /// Answers with `reply`, or STATUS if there is none.
    pub(crate) fn reply(self, result: Result<Reply, OpError>) -> Replied {
        let packet = result.and_then(|reply| Ok(reply.to_packet(self.0)?));
        self.packet(packet)
    }

    /// Answers with a packet that was built for this request, or STATUS if there is none.
    pub(crate) fn packet(self, result: Result<Bytes, OpError>) -> Replied {
        match result {
            Ok(packet) => Replied {
                packet,
                failure: None,
            },
            Err(failure) => Replied {
                packet: Reply::status(status(&failure))
                    .to_packet(self.0)
                    .expect("status messages are shorter than a packet"),
                failure: Some(failure),
            },
        }
    }
}

/// A reply on its way, with the memory set aside for it.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) packet: Bytes,
    /// Given back when the reply has left, both.
    pub(crate) _room: Room,
    pub(crate) _busy: Busy,
}

/// Sends the replies of a channel until `queue` is closed and empty, then hands back the writer. What the queue holds
/// is bounded by the room that each reply had to get first.
///
/// # Errors
/// When the channel is gone. The queue is closed then, which tells the engine that nobody hears its replies.
pub(crate) async fn send_replies(
    mut queue: mpsc::UnboundedReceiver<Outgoing>,
    mut writer: PipeWriter,
    activity: Arc<Activity>,
) -> Result<PipeWriter, ChannelClosed> {
    let mut batch = Vec::new();
    loop {
        tokio::select! {
            biased;
            count = queue.recv_many(&mut batch, MAX_BATCH) => if count == 0 { break },
            // Also while there is nothing to send: the engine may be at work on something long.
            () = writer.closed() => return Err(ChannelClosed),
        }
        send_batch(&mut writer, &batch, &activity).await?;
        writer.flush().await?;
        batch.clear();
    }
    Ok(writer)
}

/// Sends replies in order, small neighbours together: one SSH packet for many a STATUS. Each that left is a sign of
/// life: a batch may be megabytes, and a slow client takes its time over them.
async fn send_batch(
    writer: &mut PipeWriter,
    batch: &[Outgoing],
    activity: &Activity,
) -> Result<(), ChannelClosed> {
    let mut rest = batch;
    while let Some((first, others)) = rest.split_first() {
        let together = small_run(rest);
        if together > 1 {
            let (run, others) = rest.split_at(together);
            let len = run.iter().map(|reply| reply.packet.len()).sum();
            let mut joined = BytesMut::with_capacity(len);
            for reply in run {
                joined.extend_from_slice(&reply.packet);
            }
            writer.send(joined.freeze()).await?;
            rest = others;
        } else {
            writer.send(first.packet.clone()).await?;
            rest = others;
        }
        activity.touch();
    }
    Ok(())
}

/// How many replies at the front are small enough to travel together.
fn small_run(replies: &[Outgoing]) -> usize {
    let mut bytes = 0;
    replies
        .iter()
        .take_while(|reply| {
            bytes += reply.packet.len();
            reply.packet.len() <= COALESCE_REPLY_LEN && bytes <= COALESCE_BYTES
        })
        .count()
}

/// Replies taken from the queue at once.
const MAX_BATCH: usize = 64;
