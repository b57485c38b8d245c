//! Moving a file's bytes from the server: asking, taking and writing, all at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc;

use super::context::{Transfer, cancelled};
use super::lanes::Lanes;
use super::limits::DISK_CHUNK_LEN;
use super::output::Output;
use super::progress::Progress;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::File;
use crate::sftp::file::Block;
use crate::sftp::link::ReplyFuture;

/// What is under way.
struct Asked {
    lane: usize,
    file: Arc<File>,
    offset: u64,
    len: u32,
    reply: ReplyFuture,
}

/// What has come for a request.
struct Came {
    lane: usize,
    file: Arc<File>,
    offset: u64,
    len: u32,
    block: Result<Block>,
}

/// The part of a file that is moved.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// Moves all of `range` into `output`, in order.
pub(crate) async fn receive_all(
    transfer: &Transfer,
    lanes: &Lanes,
    range: Range,
    first: Option<Block>,
    output: &mut Output,
    progress: &mut Progress,
) -> Result<()> {
    let read_len = transfer.sftp().limits().await?.read_len;
    let (asked, answers) = mpsc::unbounded_channel();
    let (ordered, to_write) = mpsc::unbounded_channel();
    let mut start = range.start;
    if let Some(first) = first {
        start += first.data.len() as u64;
        let _ = ordered.send(first);
    }
    let rest = Range {
        start,
        end: range.end,
    };
    let all = async {
        futures::try_join!(
            ask(transfer, lanes, rest, read_len, asked),
            take(lanes, rest, answers, ordered),
            write(to_write, output, progress),
        )
    };
    tokio::select! {
        outcome = all => outcome.map(|_| ()),
        () = transfer.cancel().cancelled() => Err(cancelled()),
    }
}

async fn ask(
    transfer: &Transfer,
    lanes: &Lanes,
    range: Range,
    read_len: u32,
    asked: mpsc::UnboundedSender<Asked>,
) -> Result<()> {
    let pace = transfer.sftp().pace();
    let mut offset = range.start;
    while offset < range.end {
        let len = u32::try_from(range.end - offset)
            .unwrap_or(u32::MAX)
            .min(read_len);
        let permit = pace.take(len as usize).await;
        let (lane, file) = lanes.pick(len as usize);
        let reply = file.send_read(offset, len, permit)?;
        // a receiver that is gone has failed, and its error is the one that counts
        let _ = asked.send(Asked {
            lane,
            file,
            offset,
            len,
            reply,
        });
        offset += u64::from(len);
    }
    Ok(())
}

/// Takes blocks as they come and passes them on in order. What a short answer left out is asked for again at once.
async fn take(
    lanes: &Lanes,
    range: Range,
    mut asked: mpsc::UnboundedReceiver<Asked>,
    ordered: mpsc::UnboundedSender<Block>,
) -> Result<()> {
    let mut under_way = FuturesUnordered::new();
    let mut waiting = BTreeMap::new();
    let mut front = range.start;
    let mut more = true;
    while more || !under_way.is_empty() {
        let came = tokio::select! {
            next = asked.recv(), if more => {
                match next {
                    Some(request) => under_way.push(answer(request)),
                    None => more = false,
                }
                continue;
            },
            Some(came) = under_way.next() => came,
        };
        let Came {
            lane,
            file,
            offset,
            len,
            block,
        } = came;
        let block = block?;
        let got = block.data.len() as u64;
        if got == 0 {
            return Err(ended_early(file.path(), offset, range.end));
        }
        if got < u64::from(len) {
            let (offset, len) = (offset + got, len - u32::try_from(got).unwrap_or(len));
            // within the budget of the request that it completes
            let reply = file.send_read(offset, len, None)?;
            under_way.push(answer(Asked {
                lane,
                file,
                offset,
                len,
                reply,
            }));
        }
        lanes.done(lane, block.data.len());
        waiting.insert(offset, block);
        while let Some(block) = waiting.remove(&front) {
            front += block.data.len() as u64;
            // a writer that is gone has failed, and its error is the one that counts
            let _ = ordered.send(block);
        }
    }
    Ok(())
}

async fn answer(request: Asked) -> Came {
    let Asked {
        lane,
        file,
        offset,
        len,
        reply,
    } = request;
    let block = file.take_data(reply, len).await;
    Came {
        lane,
        file,
        offset,
        len,
        block,
    }
}

async fn write(
    mut blocks: mpsc::UnboundedReceiver<Block>,
    output: &mut Output,
    progress: &mut Progress,
) -> Result<()> {
    while let Some(block) = blocks.recv().await {
        let mut len = block.data.len();
        let mut batch = vec![block];
        while len < DISK_CHUNK_LEN
            && let Ok(block) = blocks.try_recv()
        {
            len += block.data.len();
            batch.push(block);
        }
        progress.add(output.write(batch).await?);
    }
    output.flush().await
}

/// The server says that the file ends where it should go on.
pub(crate) fn ended_early(path: &[u8], at: u64, size: u64) -> Error {
    Error::new(
        ErrorKind::Integrity,
        Stage::Sftp,
        format!("the file ended at {at} bytes of {size}"),
    )
    .operation("read")
    .path(path)
    .retryable(true)
}
