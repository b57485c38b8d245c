//! One file to the server.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use longshore_sftp::{Attrs, extension};
use tokio::io::AsyncRead;

use super::context::Transfer;
use super::digest::{Hasher, sha256};
use super::events::{Direction, Placed, Proof, Receipt, Resumed, TransferId, Verified};
use super::lanes::{Lanes, close_all, reserve_write};
use super::limits::{KEEP_PARTIAL_LEN, SMALL_FILE_LEN};
use super::local::blocking;
use super::place::{OpenTarget, RemoteTarget, open_target};
use super::pool::Reserved;
use super::progress::Progress;
use super::resume_upload;
use super::send::{send_all, send_short};
use super::source::{OpenedFile, Source, hash_prefix};
use super::verify::{is_fatal, verify_remote, wants_hash};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::File;
use crate::sftp::link::ReplyFuture;
use crate::sftp::operations::{take_attrs, take_ok};

/// What has been sent and closed, before it is checked and named.
struct Sent {
    size: u64,
    resumed: Option<Resumed>,
    sha256: Option<[u8; 32]>,
    tail: Tail,
}

/// What became of the requests behind the last byte.
struct Tail {
    /// Size that the server reports.
    size: Option<u64>,
    times_kept: bool,
    warnings: Vec<String>,
}

/// A failure, and how much of the file is certainly there.
struct Broken {
    error: Error,
    front: u64,
}

/// Uploads a local file that has been opened.
pub(crate) async fn upload_file(
    transfer: &Transfer,
    id: TransferId,
    opened: OpenedFile,
    remote: &Bytes,
) -> Result<Receipt> {
    let started = Instant::now();
    let opened = Arc::new(opened);
    let short = opened.stat.size <= SMALL_FILE_LEN;
    let content = match short {
        true => {
            let file = Arc::clone(&opened);
            Some(blocking(move || file.read_all()).await?)
        }
        false => None,
    };
    let continued = match short {
        false if transfer.options().resume => resume_upload::find(transfer, &opened, remote).await?,
        _ => None,
    };
    let resumed = continued.as_ref().map(|(_, resumed)| *resumed);
    let upload = Upload {
        transfer,
        id,
        opened: &opened,
        content,
        remote,
    };
    let (mut target, mut outcome) = upload.send(continued).await?;
    if let (Some(resumed), Err(broken)) = (resumed, &outcome)
        && !is_fatal(&broken.error)
        && resume_upload::is_gone(transfer, &target.working, resumed.from).await?
    {
        // rclone's server writes files from their beginning only, and empties them at the first write elsewhere
        resume_upload::begin_anew(transfer, &target.working).await?;
        (target, outcome) = upload.send(None).await?;
    }
    complete(transfer, &target, outcome, opened.path.clone(), started).await
}

/// A local file on its way.
struct Upload<'a> {
    transfer: &'a Transfer,
    id: TransferId,
    opened: &'a Arc<OpenedFile>,
    /// All of it, if it is short.
    content: Option<Bytes>,
    remote: &'a Bytes,
}

impl Upload<'_> {
    /// Sends it, or what is missing of it.
    async fn send(
        &self,
        continued: Option<(OpenTarget, Resumed)>,
    ) -> Result<(RemoteTarget, Result<Sent, Broken>)> {
        let Self { transfer, opened, .. } = *self;
        // beside the open of the file, which the further channels need
        let len = opened.stat.size - continued.as_ref().map_or(0, |(_, resumed)| resumed.from);
        let reserved = reserve_write(transfer, len);
        let (open, resumed) = match continued {
            Some((open, resumed)) => (open, Some(resumed)),
            None => (
                open_target(transfer, self.remote, opened.stat.mode & 0o777).await?,
                None,
            ),
        };
        let OpenTarget { target, file, place } = open;
        let attrs = final_attrs(transfer, opened, &target);
        let outcome = match &self.content {
            Some(content) => send_small(transfer, file, content, attrs, &target).await,
            None => send_large(transfer, self.id, file, opened, attrs, &target, resumed, reserved).await,
        };
        drop(place);
        Ok((target, outcome))
    }
}

/// Uploads a stream until it ends.
pub(crate) async fn upload_stream(
    transfer: &Transfer,
    id: TransferId,
    stream: Pin<Box<dyn AsyncRead + Send>>,
    remote: &Bytes,
) -> Result<Receipt> {
    let started = Instant::now();
    let OpenTarget { target, file, place } = open_target(transfer, remote, 0o666).await?;
    let outcome = send_stream(transfer, id, file, stream, &target).await;
    drop(place);
    complete(transfer, &target, outcome, PathBuf::new(), started).await
}

/// A short file: everything goes out at once, and its end is known when the last answer has come.
async fn send_small(
    transfer: &Transfer,
    file: File,
    content: &Bytes,
    attrs: Attrs,
    target: &RemoteTarget,
) -> Result<Sent, Broken> {
    let sent = async {
        let block_len = transfer.sftp().limits().await?.write_len as usize;
        let writes = send_short(transfer, &file, content, block_len).await?;
        let tail = finish(transfer, file, writes, attrs, target).await?;
        Ok(Sent {
            size: content.len() as u64,
            resumed: None,
            sha256: wants_hash(transfer).then(|| sha256(content)),
            tail,
        })
    };
    sent.await.map_err(|error| Broken { error, front: 0 })
}

#[expect(clippy::too_many_arguments, reason = "one file, and where it goes")]
async fn send_large(
    transfer: &Transfer,
    id: TransferId,
    file: File,
    opened: &Arc<OpenedFile>,
    attrs: Attrs,
    target: &RemoteTarget,
    resumed: Option<Resumed>,
    reserved: Option<Reserved>,
) -> Result<Sent, Broken> {
    let from = resumed.map_or(0, |resumed| resumed.from);
    let size = opened.stat.size;
    let whole = |error| Broken { error, front: from };
    let block_len = transfer.sftp().limits().await.map_err(whole)?.write_len as usize;
    let mut hasher = Hasher::new(wants_hash(transfer));
    if from > 0 && wants_hash(transfer) {
        hasher = hash_prefix(opened, from, hasher).await.map_err(whole)?;
    }
    let mut source = Source::file(opened, from, block_len, hasher);
    let mut progress = Progress::new(transfer.events().clone(), id, Some(size), from);
    let file = Arc::new(file);
    let lanes = Lanes::new(Arc::clone(&file));
    lanes.expect(reserved.as_ref());
    let (sent, ()) = futures::join!(
        send_all(transfer, &lanes, &mut source, from, &mut progress),
        lanes.widen_write(transfer, &target.working, reserved),
    );
    let front = sent.front;
    let broken = |error| Broken { error, front };
    let further = lanes.into_further();
    let file = Arc::into_inner(file).ok_or_else(|| broken(still_used()))?;
    if let Err(error) = sent.outcome {
        let _ = close_all(further).await;
        leave_partial(&file, front, &error).await;
        let _ = file.close().await;
        return Err(broken(error));
    }
    let unchanged = {
        let opened = Arc::clone(opened);
        blocking(move || opened.check_unchanged()).await
    };
    if let Err(error) = unchanged {
        let _ = futures::join!(close_all(further), file.close());
        // what is there belongs to a file that does not exist any more
        return Err(Broken { error, front: 0 });
    }
    let (closed, tail) = futures::join!(
        close_all(further),
        finish(transfer, file, Vec::new(), attrs, target)
    );
    let tail = closed.and(tail).map_err(broken)?;
    Ok(Sent {
        size,
        resumed,
        sha256: source.into_hash(),
        tail,
    })
}

async fn send_stream(
    transfer: &Transfer,
    id: TransferId,
    file: File,
    stream: Pin<Box<dyn AsyncRead + Send>>,
    target: &RemoteTarget,
) -> Result<Sent, Broken> {
    let nothing = |error| Broken { error, front: 0 };
    let block_len = transfer.sftp().limits().await.map_err(nothing)?.write_len as usize;
    let mut source = Source::stream(stream, block_len, Hasher::new(wants_hash(transfer)));
    let mut progress = Progress::new(transfer.events().clone(), id, None, 0);
    let file = Arc::new(file);
    let lanes = Lanes::new(Arc::clone(&file));
    let sent = send_all(transfer, &lanes, &mut source, 0, &mut progress).await;
    drop(lanes);
    let file = Arc::into_inner(file).ok_or_else(|| nothing(still_used()))?;
    if let Err(error) = sent.outcome {
        let _ = file.close().await;
        return Err(nothing(error));
    }
    let tail = finish(transfer, file, Vec::new(), Attrs::default(), target)
        .await
        .map_err(nothing)?;
    Ok(Sent {
        size: sent.end,
        resumed: None,
        sha256: source.into_hash(),
        tail,
    })
}

/// What the file shall have in the end, besides its content.
fn final_attrs(transfer: &Transfer, opened: &OpenedFile, target: &RemoteTarget) -> Attrs {
    let stat = &opened.stat;
    let permissions = if transfer.options().keep_mode {
        Some(stat.mode)
    } else if target.is_temporary() {
        // the file that is replaced keeps its permissions
        target
            .existing
            .as_ref()
            .and_then(|existing| existing.permissions)
            .map(|mode| mode & 0o7777)
    } else {
        None
    };
    Attrs {
        permissions,
        times: transfer
            .options()
            .keep_times
            .then(|| (stat.accessed_secs(), stat.modified_secs())),
        ..Attrs::default()
    }
}

/// Sends everything that follows the last byte in one go (attributes, sync, a look at the size, CLOSE), and then takes all
/// answers, those of `writes` first.
async fn finish(
    transfer: &Transfer,
    file: File,
    writes: Vec<ReplyFuture>,
    attrs: Attrs,
    target: &RemoteTarget,
) -> Result<Tail> {
    let path = &target.working;
    let set = match attrs.flags() {
        0 => None,
        _ => Some(file.send_set_stat(&attrs)?),
    };
    let sync = (transfer.options().sync && transfer.sftp().supports(extension::FSYNC))
        .then(|| file.send_sync())
        .transpose()?;
    let look = file.send_stat()?;
    let close = file.send_close()?;
    for write in writes {
        take_ok(write, "write", path).await?;
    }
    let set = match set {
        Some(reply) => Some(take_ok(reply, "fsetstat", path).await),
        None => None,
    };
    if let Some(reply) = sync {
        take_ok(reply, "fsync", path).await?;
    }
    let look = take_attrs(look, "fstat", path).await;
    take_ok(close, "close", path).await?;
    let mut tail = Tail {
        size: match look {
            Ok(attrs) => attrs.size,
            Err(error) if is_fatal(&error) => return Err(error),
            Err(_) => None,
        },
        times_kept: attrs.times.is_some(),
        warnings: Vec::new(),
    };
    if transfer.options().sync && !transfer.sftp().supports(extension::FSYNC) {
        tail.warnings.push("the server offers no fsync".to_owned());
    }
    if let Some(Err(error)) = set {
        settle_attrs(transfer, path, &attrs, error, &mut tail).await?;
    }
    Ok(tail)
}

/// The attributes were refused. One by one and by the path, some servers take them; the rest is worth a warning.
async fn settle_attrs(
    transfer: &Transfer,
    path: &Bytes,
    attrs: &Attrs,
    refusal: Error,
    tail: &mut Tail,
) -> Result<()> {
    if is_fatal(&refusal) {
        return Err(refusal);
    }
    let times = Attrs {
        times: attrs.times,
        ..Attrs::default()
    };
    let mode = Attrs {
        permissions: attrs.permissions,
        ..Attrs::default()
    };
    for (attrs, what) in [(&times, "times"), (&mode, "permissions")] {
        if attrs.flags() == 0 {
            continue;
        }
        match transfer.sftp().set_stat(path, attrs).await {
            Ok(()) => {}
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => {
                tail.times_kept &= what != "times";
                let message = format!("the server does not set the {what}: {}", error.message());
                transfer.events().warn(path, message.clone());
                tail.warnings.push(message);
            }
        }
    }
    Ok(())
}

/// Checks what has arrived, gives it its name, and writes the receipt; or cleans up.
async fn complete(
    transfer: &Transfer,
    target: &RemoteTarget,
    outcome: Result<Sent, Broken>,
    local: PathBuf,
    started: Instant,
) -> Result<Receipt> {
    let sent = match outcome {
        Ok(sent) => sent,
        Err(broken) => return Err(after_failure(transfer, target, broken).await),
    };
    let (placed, content) = match check_and_place(transfer, target, &sent).await {
        Ok(done) => done,
        Err(error) => return Err(after_failure(transfer, target, Broken { error, front: 0 }).await),
    };
    Ok(Receipt {
        direction: Direction::Upload,
        local,
        remote: target.target.to_vec(),
        size: sent.size,
        transferred: sent.size - sent.resumed.map_or(0, |resumed| resumed.from),
        resumed: sent.resumed,
        verified: Verified {
            size: true,
            content,
            source_unchanged: true,
        },
        sha256: sent.sha256,
        placed,
        times_kept: sent.tail.times_kept,
        warnings: sent.tail.warnings,
        duration: started.elapsed(),
    })
}

async fn check_and_place(
    transfer: &Transfer,
    target: &RemoteTarget,
    sent: &Sent,
) -> Result<(Placed, Option<Proof>)> {
    transfer.check_cancelled()?;
    let mut size = sent.tail.size;
    if size != Some(sent.size) {
        // a server that answers side by side may have looked before the last write
        size = transfer.sftp().stat(&target.working).await?.size;
    }
    match size {
        Some(size) if size == sent.size => {}
        found => {
            let found = found.map_or_else(|| "no size".to_owned(), |size| format!("{size} bytes"));
            return Err(Error::new(
                ErrorKind::Integrity,
                Stage::Verify,
                format!("the server has {found} of {}", sent.size),
            )
            .operation("upload")
            .path(&target.target[..])
            .retryable(true));
        }
    }
    let proof = verify_remote(transfer, &target.working, sent.size, sent.sha256).await?;
    Ok((target.publish(transfer).await?, proof))
}

/// Cuts what will stay behind the gap-free beginning, so that it is a beginning.
async fn leave_partial(file: &File, front: u64, error: &Error) {
    if !is_fatal(error) || error.kind() == ErrorKind::Cancelled {
        let attrs = Attrs {
            size: Some(front),
            ..Attrs::default()
        };
        let _ = file.set_stat(&attrs).await;
    }
}

/// Keeps what a later transfer can continue, removes the rest.
async fn after_failure(transfer: &Transfer, target: &RemoteTarget, broken: Broken) -> Error {
    let Broken { error, front } = broken;
    if !target.is_temporary() {
        return error;
    }
    if target.resumable && front >= KEEP_PARTIAL_LEN {
        return error.hint_if_none("what has arrived is kept; resume continues it");
    }
    if transfer.sftp().end_reason().is_none() {
        let _ = transfer.sftp().remove(&target.working).await;
    }
    error
}

/// Every request that used the file has been answered or dropped, so nobody else holds it.
fn still_used() -> Error {
    Error::new(ErrorKind::Io, Stage::Sftp, "the file is still in use")
}
