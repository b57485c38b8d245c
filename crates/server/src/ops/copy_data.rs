//! `copy-data` (OpenSSH PROTOCOL §4.10) and `copy-file` (draft-ietf-secsh-filexfer-extensions-00 §6): copies without the
//! way through the client.

use bytes::Bytes;
use longshore_sftp::Handle;
use longshore_storage::{ErrorKind, FileType, StorageError};

use super::{close, open};
use crate::context::Context;
use crate::error::OpError;
use crate::handles::OpenFile;
use crate::limits::{COPY_CHUNK, COPY_ZEROS};
use crate::replies::{Replied, ReplyTo};

/// What `copy-data` asks for.
#[derive(Debug, Clone)]
pub(crate) struct CopyData {
    pub(crate) read_from: Handle,
    pub(crate) read_offset: u64,
    /// 0: up to the end of the file.
    pub(crate) read_len: u64,
    pub(crate) write_to: Handle,
    pub(crate) write_offset: u64,
}

pub(crate) async fn copy_data(context: &Context, wanted: &CopyData, reply: ReplyTo) -> Replied {
    reply.status(copy_between_handles(context, wanted).await)
}

pub(crate) async fn copy_file(
    context: &Context,
    source: &[u8],
    target: &[u8],
    overwrite: bool,
    reply: ReplyTo,
) -> Replied {
    reply.status(copy_between_paths(context, source, target, overwrite).await)
}

/// The same file on both sides is refused: a copy that reads what it has written may never end.
async fn copy_between_handles(context: &Context, wanted: &CopyData) -> Result<(), OpError> {
    let source = context.handles.file(&wanted.read_from)?;
    let target = context.handles.file(&wanted.write_to)?;
    if wanted.read_from == wanted.write_to || source.path == target.path {
        return Err(OpError::SameFile);
    }
    let span = Range {
        read: wanted.read_offset,
        len: wanted.read_len,
        write: wanted.write_offset,
    };
    span.check()?;
    let before = target.written();
    let copied = match copy(context, &source, &target, span).await {
        Ok(copied) => copied,
        Err(error) => {
            // A CLOSE behind it must not publish what is there of the copy. Who was told that nothing was copied may still
            // write it.
            if target.written() > before || matches!(error, OpError::ClientGone) {
                target.break_off(&error);
            }
            return Err(error);
        }
    };
    if span.ended_early(copied) {
        return Err(OpError::EndOfFile);
    }
    Ok(())
}

async fn copy_between_paths(
    context: &Context,
    source: &[u8],
    target: &[u8],
    overwrite: bool,
) -> Result<(), OpError> {
    let (source, _) = context.path(source).await?;
    let (target, _) = context.path(target).await?;
    let home = &context.home;
    if home.real_path(&source).await? == home.real_path(&target).await? {
        return Err(OpError::SameFile);
    }
    let stat = home.stat(&source, true).await?;
    if stat.file_type == FileType::Directory {
        return Err(StorageError::new(ErrorKind::IsADirectory, "copy").into());
    }
    let from = open::for_reading(context, source).await?;
    let into = open::for_copy(context, target, overwrite, stat.mode).await?;
    let all = Range {
        read: 0,
        len: 0,
        write: 0,
    };
    into.declare(stat.size);
    match copy(context, &from, &into, all).await {
        Ok(_) => close::close_file(context, &into).await,
        Err(error) => {
            // Half a copy is of no use to anybody; what it was to replace is untouched.
            into.give_up().await?;
            Err(error)
        }
    }
}

/// What is copied where.
#[derive(Debug, Clone, Copy)]
struct Range {
    read: u64,
    len: u64,
    write: u64,
}

impl Range {
    /// Offsets that no file has.
    fn check(self) -> Result<(), OpError> {
        if i64::try_from(self.read).is_err() || i64::try_from(self.write).is_err() {
            return Err(StorageError::new(ErrorKind::InvalidInput, "copy").into());
        }
        Ok(())
    }

    /// Whether the source ended so long before the range that the client is told. OpenSSH's server counts in pieces of
    /// 64 KiB what it has asked for, and takes a file that ends within the last one or the one before it for copied
    /// well.
    fn ended_early(self, copied: u64) -> bool {
        const PIECE: u64 = 64 * 1024;
        self.len > (copied.div_ceil(PIECE) + 1) * PIECE
    }
}

/// Copies until the range or the source ends; returns how many bytes that were.
///
/// A source that grows meanwhile is read up to the size that it had: under another name (a link) it may be the target
/// itself, and a copy that reads what it has written would fill the disk. Files without a size (`/proc`) are read to
/// their end.
async fn copy(context: &Context, source: &OpenFile, target: &OpenFile, range: Range) -> Result<u64, OpError> {
    let _turn = context.session.heavy_work().await;
    let size = source.stat().await?.size;
    let there = size.checked_sub(range.read).filter(|left| *left > 0);
    let asked = if range.len == 0 { u64::MAX } else { range.len };
    let end = there.map_or(asked, |there| asked.min(there));
    // What was read, and how much of its end are zeros that were not written yet: holes stay holes.
    let (mut copied, mut zeros) = (0, 0);
    while copied < end {
        if context.gone.is_cancelled() {
            return Err(OpError::ClientGone);
        }
        if zeros >= COPY_ZEROS {
            target.write_zeros(range.write + copied - zeros, zeros).await?;
            zeros = 0;
        }
        let want = usize::try_from(end - copied).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
        let piece = source
            .read_at(range.read + copied, want, Vec::with_capacity(want))
            .await?;
        if piece.is_empty() {
            break;
        }
        let len = piece.len() as u64;
        if is_zero(&piece) {
            zeros += len;
        } else {
            if zeros > 0 {
                target.write_zeros(range.write + copied - zeros, zeros).await?;
                zeros = 0;
            }
            target.write_at(range.write + copied, Bytes::from(piece)).await?;
        }
        copied += len;
    }
    if zeros > 0 {
        target.write_zeros(range.write + copied - zeros, zeros).await?;
    }
    Ok(copied)
}

/// Whether nothing else is in it. A short piece is cheaper written than looked at.
fn is_zero(piece: &[u8]) -> bool {
    const WORTH_A_HOLE: usize = 4096;
    piece.len() >= WORTH_A_HOLE && piece.first() == Some(&0) && piece[1..] == piece[..piece.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_that_ends_early_is_told_as_openssh_does() {
        const KIB: u64 = 1024;
        let early = |len, copied| {
            Range {
                read: 0,
                len,
                write: 0,
            }
            .ended_early(copied)
        };
        assert!(!early(0, 10), "up to the end");
        assert!(!early(10, 10) && !early(100, 10) && !early(128 * KIB, 10));
        assert!(early(128 * KIB + 1, 10));
        assert!(!early(64 * KIB, 0));
        assert!(early(64 * KIB + 1, 0));
        assert!(!early(128 * KIB, 64 * KIB));
        assert!(early(128 * KIB + 1, 64 * KIB));
    }
}
