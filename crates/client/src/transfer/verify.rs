//! Comparing what the server has with what is here.

use bytes::Bytes;
use futures::stream::{FuturesOrdered, StreamExt};

use super::context::Transfer;
use super::digest::Hasher;
use super::events::Proof;
use super::options::Verify;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::{File, HashAlgorithm};

/// Whether a hash of what passes is of any use.
pub(crate) fn wants_hash(transfer: &Transfer) -> bool {
    match transfer.options().verify {
        Verify::Size => false,
        Verify::IfOffered => transfer.sftp().can_hash() || transfer.options().hasher.is_some(),
        Verify::Always => true,
    }
}

/// Compares a remote file as a whole with `sha256`. `None`: the server cannot tell, and nobody asked for more.
///
/// # Errors
/// [`ErrorKind::Integrity`] when it is another file.
pub(crate) async fn verify_remote(
    transfer: &Transfer,
    path: &Bytes,
    len: u64,
    sha256: Option<[u8; 32]>,
) -> Result<Option<Proof>> {
    let Some(expected) = sha256 else {
        return Ok(None);
    };
    let (found, proof) = match remote_hash(transfer, path, len).await? {
        Some(found) => found,
        None if transfer.options().verify == Verify::Always => {
            (read_back(transfer, path, len).await?, Proof::ReadBack)
        }
        None => return Ok(None),
    };
    if found == expected {
        return Ok(Some(proof));
    }
    // a shell may see another tree than SFTP does
    if proof == Proof::CommandHash && read_back(transfer, path, len).await? == expected {
        return Ok(Some(Proof::ReadBack));
    }
    Err(Error::new(
        ErrorKind::Integrity,
        Stage::Verify,
        "the file on the server is not the one that was sent",
    )
    .operation("verify")
    .path(&path[..])
    .retryable(true))
}

/// SHA-256 of the first `len` bytes, as the server or a command on it computes it.
pub(crate) async fn remote_hash(
    transfer: &Transfer,
    path: &Bytes,
    len: u64,
) -> Result<Option<([u8; 32], Proof)>> {
    let sftp = transfer.sftp();
    // a length of 0 means "up to the end" in the protocol; nothing has a hash that is known
    if len == 0 {
        return Ok(None);
    }
    if sftp.can_hash() {
        match sftp.hash(path, HashAlgorithm::Sha256, 0, len, 0).await {
            Ok(found) => {
                if let Some(hash) = found
                    .hashes
                    .first()
                    .and_then(|hash| <[u8; 32]>::try_from(&hash[..]).ok())
                {
                    return Ok(Some((hash, Proof::ServerHash)));
                }
            }
            Err(error) if is_fatal(&error) => return Err(error),
            Err(error) => tracing::debug!(%error, "the server computes no hash of this file"),
        }
    }
    if let Some(hasher) = &transfer.options().hasher
        && let Some(hash) = hasher.sha256(path, len).await?
    {
        return Ok(Some((hash, Proof::CommandHash)));
    }
    Ok(None)
}

/// SHA-256 of the first `len` bytes, by reading them.
async fn read_back(transfer: &Transfer, path: &Bytes, len: u64) -> Result<[u8; 32]> {
    let (file, _place) = transfer
        .open(path, &crate::sftp::OpenOptions::new().read())
        .await?;
    let mut hasher = Hasher::new(true);
    read_in_order(transfer, &file, len, |block| {
        hasher.update(&block);
        Ok(true)
    })
    .await?;
    file.close().await?;
    hasher
        .finish()
        .ok_or_else(|| Error::new(ErrorKind::Io, Stage::Verify, "no hash"))
}

/// Hands the first `len` bytes to `take`, in order, until it returns false or the file ends; returns how many there were.
pub(crate) async fn read_in_order(
    transfer: &Transfer,
    file: &File,
    len: u64,
    mut take: impl FnMut(Bytes) -> Result<bool>,
) -> Result<u64> {
    let limit = transfer.sftp().limits().await?.read_len as usize;
    let window = (transfer.sftp().pace().window() / limit).max(2);
    let mut under_way = FuturesOrdered::new();
    let (mut asked, mut done) = (0, 0);
    loop {
        while asked < len && under_way.len() < window {
            let want = usize::try_from(len - asked).unwrap_or(usize::MAX).min(limit);
            under_way.push_back(async move { (want, file.read_full_at(asked, want).await) });
            asked += want as u64;
        }
        transfer.check_cancelled()?;
        let Some((want, block)) = under_way.next().await else {
            return Ok(done);
        };
        let block = block?;
        let short = block.len() < want;
        done += block.len() as u64;
        if !take(block)? || short {
            return Ok(done);
        }
    }
}

/// Whether the session is over, so that nothing else can be tried on it.
pub(crate) fn is_fatal(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionLost | ErrorKind::TimedOut | ErrorKind::Protocol | ErrorKind::Cancelled
    )
}
