//! Continuing an upload that was interrupted, after proving that what is there is the beginning of the source.

use std::sync::Arc;

use bytes::Bytes;
use longshore_sftp::{Attrs, FileKind};

use super::context::Transfer;
use super::digest::{Hasher, sha256};
use super::events::{Proof, Resumed};
use super::limits::{DISK_CHUNK_LEN, KEEP_PARTIAL_LEN};
use super::local::blocking;
use super::naming::{join, split, temporary_name};
use super::options::Placing;
use super::place::{OpenTarget, RemoteTarget};
use super::source::{OpenedFile, hash_prefix, read_block};
use super::verify::{is_fatal, read_in_order};
use crate::error::{ErrorKind, Result};
use crate::sftp::{HashAlgorithm, OpenOptions};

/// The partial file of an earlier upload, open behind what of it is proved; `None`: there is nothing to continue.
pub(crate) async fn find(
    transfer: &Transfer,
    opened: &Arc<OpenedFile>,
    remote: &Bytes,
) -> Result<Option<(OpenTarget, Resumed)>> {
    let sftp = transfer.sftp();
    let (dir, name) = split(remote);
    let working = match transfer.options().placing {
        Placing::Atomic => Bytes::from(join(dir, &temporary_name(name, 0)?)),
        Placing::InPlace => remote.clone(),
    };
    let (partial, existing) = futures::join!(sftp.try_lstat(&working), sftp.try_stat(remote));
    let Some(there) = partial?.filter(|attrs| attrs.kind().is_none_or(|kind| kind == FileKind::Regular))
    else {
        return Ok(None);
    };
    let len = there.size.unwrap_or(0).min(opened.stat.size);
    let (from, proof) = prove(transfer, opened, &working, len).await?;
    if from < KEEP_PARTIAL_LEN {
        return begin_anew(transfer, &working).await;
    }
    let (file, place) = transfer.open(&working, &OpenOptions::new().write()).await?;
    // rclone's server empties every file that is opened for writing: what was proved is then gone
    if file.stat().await?.size.is_none_or(|size| size < from) {
        file.close().await?;
        drop(place);
        return begin_anew(transfer, &working).await;
    }
    if there.size.is_none_or(|size| size > from) {
        file.set_stat(&Attrs {
            size: Some(from),
            ..Attrs::default()
        })
        .await?;
    }
    let target = RemoteTarget {
        target: remote.clone(),
        working,
        resumable: true,
        existing: existing?,
    };
    Ok(Some((
        OpenTarget { target, file, place },
        Resumed { from, proof },
    )))
}

/// Whether what was to be continued is not there any more.
pub(crate) async fn is_gone(transfer: &Transfer, working: &Bytes, from: u64) -> Result<bool> {
    let there = transfer.sftp().try_stat(working).await?;
    Ok(there.is_none_or(|attrs| attrs.size.is_some_and(|size| size < from)))
}

/// There is nothing worth continuing; the name must be free for the upload that follows.
pub(crate) async fn begin_anew(
    transfer: &Transfer,
    working: &Bytes,
) -> Result<Option<(OpenTarget, Resumed)>> {
    if transfer.options().placing == Placing::Atomic {
        match transfer.sftp().remove(working).await {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// How much of the first `len` bytes is the source's.
async fn prove(
    transfer: &Transfer,
    opened: &Arc<OpenedFile>,
    working: &Bytes,
    len: u64,
) -> Result<(u64, Proof)> {
    if len < KEEP_PARTIAL_LEN {
        return Ok((0, Proof::ReadBack));
    }
    if transfer.sftp().can_hash() {
        match by_server_hash(transfer, opened, working, len).await {
            Ok(from) => return Ok((from, Proof::ServerHash)),
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => tracing::debug!(%error, "the server computes no hash of the partial file"),
        }
    }
    if let Some(hasher) = &transfer.options().hasher
        && let Some(found) = hasher.sha256(working, len).await?
    {
        let ours = hash_prefix(opened, len, Hasher::new(true)).await?.finish();
        if ours == Some(found) {
            return Ok((len, Proof::CommandHash));
        }
    }
    Ok((by_reading(transfer, opened, working, len).await?, Proof::ReadBack))
}

/// Block by block, so that a partial file whose end is torn is good up to there.
async fn by_server_hash(
    transfer: &Transfer,
    opened: &Arc<OpenedFile>,
    working: &Bytes,
    len: u64,
) -> Result<u64> {
    // at most a few thousand hashes, which fit into one packet
    let block_len = u32::try_from((len / HASH_BLOCKS).max(DISK_CHUNK_LEN as u64)).unwrap_or(u32::MAX);
    let found = transfer
        .sftp()
        .hash(working, HashAlgorithm::Sha256, 0, len, block_len)
        .await?;
    let opened = Arc::clone(opened);
    blocking(move || {
        let mut good = 0;
        for theirs in found.hashes {
            let want = u64::from(block_len).min(len - good);
            if want == 0 || block_hash(&opened, good, want)? != theirs[..] {
                break;
            }
            good += want;
        }
        Ok(good)
    })
    .await
}

fn block_hash(opened: &OpenedFile, offset: u64, len: u64) -> Result<[u8; 32]> {
    let mut hasher = Hasher::new(true);
    let mut at = offset;
    while at < offset + len {
        let want = usize::try_from(offset + len - at)
            .unwrap_or(usize::MAX)
            .min(DISK_CHUNK_LEN);
        let block = read_block(&opened.file, at, want, &opened.path)?;
        hasher.update(&block);
        at += want as u64;
    }
    Ok(hasher.finish().unwrap_or_else(|| sha256(b"")))
}

/// Reads what is there and compares, until it differs.
async fn by_reading(transfer: &Transfer, opened: &Arc<OpenedFile>, working: &Bytes, len: u64) -> Result<u64> {
    let (file, _place) = transfer.open(working, &OpenOptions::new().read()).await?;
    let mut good = 0;
    read_in_order(transfer, &file, len, |theirs| {
        // a block of the local file that was read or written a moment ago; short enough to be read here
        let ours = read_block(&opened.file, good, theirs.len(), &opened.path)?;
        let same = ours
            .iter()
            .zip(&theirs)
            .take_while(|(one, other)| one == other)
            .count();
        good += same as u64;
        Ok(same == theirs.len())
    })
    .await?;
    file.close().await?;
    Ok(good)
}

/// Hashes asked for at a time, at most.
const HASH_BLOCKS: u64 = 4096;
