//! Reading an open file through a hash, for `check-file-…` and for md5sum and its like.

use crate::context::Context;
use crate::error::OpError;
use crate::handles::OpenFile;
use crate::hashing::{Algorithm, Hasher};
use crate::limits::{COPY_CHUNK, HASHES_LEN};

/// Which bytes, and how many for a hash.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Part {
    pub(crate) start: u64,
    /// 0: all up to the end of the file.
    pub(crate) len: u64,
    /// 0: one hash of everything.
    pub(crate) block_len: u64,
}

/// The hash of a whole file. The store's own SHA-256 is taken where it has one that is current.
pub(crate) async fn hash_file(
    context: &Context,
    file: &OpenFile,
    algorithm: Algorithm,
) -> Result<Vec<u8>, OpError> {
    hash_blocks(context, file, algorithm, Part::default()).await
}

/// The hashes of the blocks of a part, one behind the other. A file that grows meanwhile is read up to the size that it
/// had.
pub(crate) async fn hash_blocks(
    context: &Context,
    file: &OpenFile,
    algorithm: Algorithm,
    part: Part,
) -> Result<Vec<u8>, OpError> {
    if !file.readable {
        return Err(OpError::NotReadable);
    }
    let stat = file.stat().await?;
    let left = stat.size.checked_sub(part.start).ok_or(OpError::BeyondEnd)?;
    let len = if part.len == 0 { left } else { part.len.min(left) };
    let block_len = if part.block_len == 0 { len } else { part.block_len };
    if len == stat.size
        && block_len >= len
        && algorithm == Algorithm::Sha256
        && let Some(digest) = stat.digest
    {
        return Ok(digest.0.to_vec());
    }
    let blocks = if part.block_len == 0 {
        1
    } else {
        len.div_ceil(block_len)
    };
    if blocks > (HASHES_LEN / algorithm.len()) as u64 {
        return Err(OpError::TooManyBlocks);
    }
    let _turn = context.session.heavy_work().await;
    let mut hashes = Vec::new();
    for block in 0..blocks {
        let from = block * block_len;
        let to = len.min(from.saturating_add(block_len));
        let range = (part.start + from, part.start + to);
        hashes.extend(hash_range(context, file, algorithm, range).await?);
    }
    Ok(hashes)
}

async fn hash_range(
    context: &Context,
    file: &OpenFile,
    algorithm: Algorithm,
    (mut at, end): (u64, u64),
) -> Result<Vec<u8>, OpError> {
    let mut hasher = Hasher::new(algorithm);
    let mut buffer = Vec::new();
    while at < end {
        if context.gone.is_cancelled() {
            return Err(OpError::ClientGone);
        }
        let want = usize::try_from(end - at).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
        buffer = file.read_at(at, want, buffer).await?;
        if buffer.is_empty() {
            break;
        }
        at += buffer.len() as u64;
        (hasher, buffer) = update(hasher, buffer).await?;
        buffer.clear();
    }
    Ok(hasher.finish())
}

/// Some 0.1 to 1 ms of CPU for a full chunk: not on a thread that serves others too.
async fn update(mut hasher: Hasher, buffer: Vec<u8>) -> Result<(Hasher, Vec<u8>), OpError> {
    const WORTH_A_THREAD: usize = 32 * 1024;
    if buffer.len() < WORTH_A_THREAD {
        hasher.update(&buffer);
        return Ok((hasher, buffer));
    }
    let work = move || {
        hasher.update(&buffer);
        (hasher, buffer)
    };
    // It fails only while the runtime shuts down.
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_ended| OpError::ClientGone)
}
