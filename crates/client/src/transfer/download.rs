//! One file from the server.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use longshore_sftp::{Attrs, FileKind};
use tokio::io::AsyncWrite;

use super::context::Transfer;
use super::digest::{Hasher, sha256};
use super::events::{Direction, Placed, Proof, Receipt, Resumed, TransferId, Verified};
use super::handles::Place;
use super::lanes::{Lanes, reserve_read};
use super::limits::{FIRST_READ_LEN, SMALL_FILE_LEN};
use super::local::{blocking, io_error};
use super::output::Output;
use super::partial::{Finish, LocalTarget, Partial};
use super::progress::Progress;
use super::receive::{Range, ended_early, receive_all};
use super::resume_download;
use super::verify::{verify_remote, wants_hash};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::file::Block;
use crate::sftp::link::ReplyFuture;
use crate::sftp::operations::take_attrs;
use crate::sftp::{File, OpenOptions};

/// A remote file that has been opened, with its beginning.
struct Opened {
    file: File,
    place: Place,
    attrs: Attrs,
    first: Block,
    /// The attributes again, looked at behind the first read: when that was all, nothing else has to be asked.
    again: ReplyFuture,
}

/// Everything has arrived.
struct Received {
    size: u64,
    resumed: Option<Resumed>,
    sha256: Option<[u8; 32]>,
}

/// Downloads one file. `hint`: its attributes, when a listing has told them a moment ago.
pub(crate) async fn download_file(
    transfer: &Transfer,
    id: TransferId,
    remote: &Bytes,
    target: LocalTarget,
    hint: Option<&Attrs>,
) -> Result<Receipt> {
    let started = Instant::now();
    let opened = open(transfer, remote, hint).await?;
    let (attrs, local) = (opened.attrs.clone(), target.path());
    let finish = finish_of(transfer, &attrs);
    let (received, published) = if is_short(&attrs) {
        let (content, received) = short_file(transfer, opened).await?;
        let proof = verify_remote(transfer, remote, received.size, received.sha256).await?;
        let options = transfer.options().clone();
        let mode = mode_of(&attrs);
        let published = blocking(move || {
            let (partial, _) = Partial::open(target, &options, mode, false)?;
            std::os::unix::fs::FileExt::write_all_at(&**partial.file(), &content, 0)
                .map_err(|error| io_error("write", &partial.working_path(), error))?;
            partial.publish(&finish)
        })
        .await?;
        ((received, proof), published)
    } else {
        let (partial, received) = long_file(transfer, id, opened, target).await?;
        let proof = match verify_remote(transfer, remote, received.size, received.sha256).await {
            Ok(proof) => proof,
            Err(error) => {
                blocking(move || {
                    partial.discard();
                    Ok(())
                })
                .await?;
                return Err(error);
            }
        };
        transfer.check_cancelled()?;
        (
            (received, proof),
            blocking(move || partial.publish(&finish)).await?,
        )
    };
    let (received, content) = received;
    for message in &published.warnings {
        transfer.events().warn(remote, message.clone());
    }
    Ok(Receipt {
        direction: Direction::Download,
        local,
        remote: remote.to_vec(),
        size: received.size,
        transferred: received.size - received.resumed.map_or(0, |resumed| resumed.from),
        resumed: received.resumed,
        verified: Verified {
            size: true,
            content,
            source_unchanged: true,
        },
        sha256: received.sha256,
        placed: published.placed,
        times_kept: published.times_kept,
        warnings: published.warnings,
        duration: started.elapsed(),
    })
}

/// Downloads one file into a stream. What has gone into the stream cannot be taken back, so only the result tells whether it
/// was right.
pub(crate) async fn download_stream(
    transfer: &Transfer,
    id: TransferId,
    remote: &Bytes,
    stream: Pin<Box<dyn AsyncWrite + Send>>,
) -> Result<Receipt> {
    let started = Instant::now();
    let opened = open(transfer, remote, None).await?;
    let output = Output::stream(stream, Hasher::new(wants_hash(transfer)));
    let received = receive(transfer, id, opened, output, None).await?;
    let content: Option<Proof> = verify_remote(transfer, remote, received.size, received.sha256).await?;
    Ok(Receipt {
        direction: Direction::Download,
        local: std::path::PathBuf::new(),
        remote: remote.to_vec(),
        size: received.size,
        transferred: received.size,
        resumed: None,
        verified: Verified {
            size: true,
            content,
            source_unchanged: true,
        },
        sha256: received.sha256,
        placed: Placed::Streamed,
        times_kept: false,
        warnings: Vec::new(),
        duration: started.elapsed(),
    })
}

/// Opens the file, and in the same breath asks for its attributes and its beginning.
async fn open(transfer: &Transfer, remote: &Bytes, hint: Option<&Attrs>) -> Result<Opened> {
    let (file, place) = transfer.open(remote, &OpenOptions::new().read()).await?;
    let limit = transfer.sftp().limits().await?.read_len;
    let len = match hint.and_then(|attrs| attrs.size) {
        Some(size) => u32::try_from(size.max(1)).unwrap_or(u32::MAX).min(limit),
        None => FIRST_READ_LEN.min(limit),
    };
    let permit = transfer.sftp().pace().take(len as usize).await;
    let look = file.send_stat()?;
    let read = file.send_read(0, len, permit)?;
    let again = file.send_stat()?;
    let attrs = take_attrs(look, "fstat", remote).await?;
    if let Some(kind) = attrs.kind().filter(|kind| *kind != FileKind::Regular) {
        let (kind, message) = match kind {
            FileKind::Directory => (ErrorKind::IsADirectory, "it is a directory"),
            _ => (ErrorKind::InvalidInput, "it is no regular file"),
        };
        return Err(Error::new(kind, Stage::Sftp, message)
            .operation("download")
            .path(&remote[..]));
    }
    let first = file.take_data(read, len).await?;
    Ok(Opened {
        file,
        place,
        attrs,
        first,
        again,
    })
}

/// Whether the file goes in one piece. One whose size is not told, or told as 0, is read until it ends.
fn is_short(attrs: &Attrs) -> bool {
    attrs.size.is_some_and(|size| size <= SMALL_FILE_LEN && size > 0)
}

async fn short_file(transfer: &Transfer, opened: Opened) -> Result<(Bytes, Received)> {
    let Opened {
        file,
        place,
        attrs,
        first,
        again,
    } = opened;
    let size = attrs.size.unwrap_or(0);
    let len = usize::try_from(size).unwrap_or(usize::MAX);
    let whole = first.data.len() >= len;
    let content = if whole {
        first.data.slice(..len)
    } else {
        let mut content = BytesMut::with_capacity(len);
        content.extend_from_slice(&first.data);
        drop(first);
        let rest = file
            .read_full_at(content.len() as u64, len - content.len())
            .await?;
        content.extend_from_slice(&rest);
        content.freeze()
    };
    if content.len() < len {
        return Err(ended_early(file.path(), content.len() as u64, size));
    }
    if whole {
        let after = take_attrs(again, "fstat", file.path()).await?;
        check_unchanged(file.path(), &attrs, &after)?;
        // the answer to CLOSE of a file that was only read changes nothing
        drop(file.send_close()?);
    } else {
        close_unchanged(file, &attrs).await?;
    }
    drop(place);
    let received = Received {
        size,
        resumed: None,
        sha256: wants_hash(transfer).then(|| sha256(&content)),
    };
    Ok((content, received))
}

async fn long_file(
    transfer: &Transfer,
    id: TransferId,
    opened: Opened,
    target: LocalTarget,
) -> Result<(Partial, Received)> {
    let options = transfer.options().clone();
    let (mode, resume) = (mode_of(&opened.attrs), options.resume);
    let (partial, there) = blocking(move || Partial::open(target, &options, mode, resume)).await?;
    let size = opened.attrs.size.unwrap_or(0);
    let (mut hasher, mut resumed) = (Hasher::new(wants_hash(transfer)), None);
    if there > 0 {
        let proved = resume_download::prove(transfer, &opened.file, &partial, there.min(size)).await?;
        let file = Arc::clone(partial.file());
        let (path, from, wanted) = (partial.working_path(), proved.from, wants_hash(transfer));
        file.set_len(from)
            .map_err(|error| io_error("truncate", &path, error))?;
        hasher = blocking(move || resume_download::hash_beginning(&file, &path, from, wanted)).await?;
        resumed = (from > 0).then_some(proved);
    }
    let from = resumed.map_or(0, |resumed| resumed.from);
    let output = Output::file(Arc::clone(partial.file()), partial.working_path(), from, hasher);
    let received = match receive(transfer, id, opened, output, resumed).await {
        Ok(received) => received,
        Err(error) => return Err(after_failure(partial, error).await),
    };
    Ok((partial, received))
}

/// Moves what is missing, in order, and closes the file.
async fn receive(
    transfer: &Transfer,
    id: TransferId,
    opened: Opened,
    mut output: Output,
    resumed: Option<Resumed>,
) -> Result<Received> {
    let Opened {
        file,
        place,
        attrs,
        first,
        again: _,
    } = opened;
    let from = resumed.map_or(0, |resumed| resumed.from);
    let mut progress = Progress::new(transfer.events().clone(), id, attrs.size, from);
    let (file, size) = match attrs.size {
        Some(size) if size > 0 => {
            let path = Bytes::copy_from_slice(file.path());
            let first =
                (from == 0 && first.data.len() as u64 <= size && !first.data.is_empty()).then_some(first);
            let file = Arc::new(file);
            let lanes = Lanes::new(Arc::clone(&file));
            let range = Range {
                start: from,
                end: size,
            };
            let reserved = reserve_read(transfer, size - from);
            let (outcome, ()) = futures::join!(
                receive_all(transfer, &lanes, range, first, &mut output, &mut progress),
                lanes.widen_read(transfer, &path, reserved, &attrs),
            );
            outcome?;
            // the answers to CLOSE of files that were only read change nothing
            drop(lanes.into_further());
            let file = Arc::into_inner(file)
                .ok_or_else(|| Error::new(ErrorKind::Io, Stage::Sftp, "the file is still in use"))?;
            (file, size)
        }
        _ => {
            let size = until_end(transfer, &file, first, &mut output, &mut progress).await?;
            (file, size)
        }
    };
    close_unchanged(file, &attrs).await?;
    drop(place);
    Ok(Received {
        size,
        resumed,
        sha256: output.into_hash(),
    })
}

/// A file that tells no size: generated ones do, and empty ones.
async fn until_end(
    transfer: &Transfer,
    file: &File,
    first: Block,
    output: &mut Output,
    progress: &mut Progress,
) -> Result<u64> {
    let mut offset = 0;
    let mut block = first;
    while !block.data.is_empty() {
        transfer.check_cancelled()?;
        let len = output.write(vec![block]).await?;
        progress.add(len);
        offset += len;
        let data = file.read_at(offset, DISK_READ_LEN).await?;
        block = Block { data, _permit: None };
    }
    output.flush().await?;
    Ok(offset)
}

/// Closes the file, after a look at whether it is still the one that was opened.
async fn close_unchanged(file: File, before: &Attrs) -> Result<()> {
    let path = Bytes::copy_from_slice(file.path());
    let look = file.send_stat()?;
    let close = file.send_close()?;
    let after = take_attrs(look, "fstat", &path).await?;
    // the answer to CLOSE of a file that was only read changes nothing
    drop(close);
    check_unchanged(&path, before, &after)
}

fn check_unchanged(path: &[u8], before: &Attrs, after: &Attrs) -> Result<()> {
    let modified = |attrs: &Attrs| attrs.times.map(|(_, modified)| modified);
    if after.size == before.size && modified(after) == modified(before) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Integrity,
        Stage::Sftp,
        "the file was changed while it was read",
    )
    .operation("download")
    .path(path)
    .retryable(true)
    .hint("try again when nobody writes to it"))
}

fn finish_of(transfer: &Transfer, attrs: &Attrs) -> Finish {
    let options = transfer.options();
    Finish {
        attrs: attrs.clone(),
        keep_times: options.keep_times,
        keep_mode: options.keep_mode,
        sync: options.sync,
        overwrite: options.overwrite,
    }
}

/// Permission bits of a new file; the umask applies.
fn mode_of(attrs: &Attrs) -> u32 {
    attrs.permissions.map_or(0o666, |mode| mode & 0o777)
}

/// A file that was changed under our hands leaves nothing to continue from.
async fn after_failure(partial: Partial, error: Error) -> Error {
    let worthless = error.kind() == ErrorKind::Integrity;
    let kept = blocking(move || {
        if worthless {
            partial.discard();
            return Ok(false);
        }
        let path = partial.working_path();
        drop(partial);
        Ok(path.exists())
    })
    .await
    .unwrap_or(false);
    if kept {
        return error.hint_if_none("what has arrived is kept; resume continues it");
    }
    error
}

/// Bytes asked for at a time of a file that tells no size.
const DISK_READ_LEN: usize = 255 * 1024;
