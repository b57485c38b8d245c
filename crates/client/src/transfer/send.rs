//! Moving a file's bytes to the server: reading, sending and taking answers, all at once.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use super::context::{Transfer, cancelled};
use super::front::Front;
use super::lanes::Lanes;
use super::progress::Progress;
use super::source::Source;
use crate::error::Result;
use crate::sftp::File;
use crate::sftp::link::ReplyFuture;
use crate::sftp::operations::take_ok;

/// What is under way.
struct Sent {
    lane: usize,
    file: Arc<File>,
    offset: u64,
    len: usize,
    reply: ReplyFuture,
}

/// What has been sent, also when it was broken off.
pub(crate) struct SentFile {
    /// The end of the gap-free beginning that the server has acknowledged.
    pub(crate) front: u64,
    /// Where the source ended; of no meaning after a failure.
    pub(crate) end: u64,
    pub(crate) outcome: Result<()>,
}

/// Sends everything that `source` has, from `offset` on.
pub(crate) async fn send_all(
    transfer: &Transfer,
    lanes: &Lanes,
    source: &mut Source,
    offset: u64,
    progress: &mut Progress,
) -> SentFile {
    let mut front = Front::new(offset);
    let (sent, answers) = mpsc::unbounded_channel();
    let sending = send_blocks(transfer, lanes, source, offset, sent);
    let answering = take_answers(lanes, answers, &mut front, progress);
    let both = async { futures::try_join!(sending, answering) };
    let outcome = tokio::select! {
        outcome = both => outcome,
        () = transfer.cancel().cancelled() => Err(cancelled()),
    };
    let (end, outcome) = match outcome {
        Ok((end, ())) => (end, Ok(())),
        Err(error) => (front.end(), Err(error)),
    };
    SentFile {
        front: front.end(),
        end,
        outcome,
    }
}

/// Returns where the source ended.
async fn send_blocks(
    transfer: &Transfer,
    lanes: &Lanes,
    source: &mut Source,
    mut offset: u64,
    sent: mpsc::UnboundedSender<Sent>,
) -> Result<u64> {
    let pace = transfer.sftp().pace();
    while let Some(block) = source.next().await? {
        let len = block.len();
        let permit = pace.take(len).await;
        lanes.room(len).await;
        let (lane, file) = lanes.pick(len);
        let reply = file.send_write(offset, block, permit)?;
        // a receiver that is gone has failed, and its error is the one that counts
        let _ = sent.send(Sent {
            lane,
            file,
            offset,
            len,
            reply,
        });
        offset += len as u64;
    }
    Ok(offset)
}

async fn take_answers(
    lanes: &Lanes,
    mut sent: mpsc::UnboundedReceiver<Sent>,
    front: &mut Front,
    progress: &mut Progress,
) -> Result<()> {
    let mut under_way = FuturesUnordered::new();
    let mut more = true;
    while more || !under_way.is_empty() {
        tokio::select! {
            next = sent.recv(), if more => match next {
                Some(request) => under_way.push(answer(request)),
                None => more = false,
            },
            Some((lane, offset, len, outcome)) = under_way.next() => {
                let outcome: Result<()> = outcome;
                outcome?;
                lanes.done(lane, len);
                front.add(offset, len as u64);
                progress.add(len as u64);
            }
        }
    }
    Ok(())
}

async fn answer(request: Sent) -> (usize, u64, usize, Result<()>) {
    let outcome = take_ok(request.reply, "write", request.file.path()).await;
    (request.lane, request.offset, request.len, outcome)
}

/// Queues the whole of a short file at once and hands back the answers that are to come.
pub(crate) async fn send_short(
    transfer: &Transfer,
    file: &File,
    content: &Bytes,
    block_len: usize,
) -> Result<Vec<ReplyFuture>> {
    let pace = transfer.sftp().pace();
    let mut replies = Vec::new();
    let mut rest = content.clone();
    let mut offset = 0;
    while !rest.is_empty() {
        let block = rest.split_to(block_len.min(rest.len()));
        let permit = pace.take(block.len()).await;
        let len = block.len() as u64;
        replies.push(file.send_write(offset, block, permit)?);
        offset += len;
    }
    Ok(replies)
}
