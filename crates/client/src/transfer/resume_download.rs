//! Continuing a download that was interrupted, after proving that what is here is the beginning of the remote file.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::context::Transfer;
use super::digest::Hasher;
use super::events::{Proof, Resumed};
use super::limits::DISK_CHUNK_LEN;
use super::local::blocking;
use super::partial::Partial;
use super::source::read_block;
use super::verify::{read_in_order, remote_hash};
use crate::error::Result;
use crate::sftp::File;

/// How much of the first `len` bytes that are here is the remote file's.
pub(crate) async fn prove(transfer: &Transfer, file: &File, partial: &Partial, len: u64) -> Result<Resumed> {
    let path = Bytes::copy_from_slice(file.path());
    if let Some((theirs, proof)) = remote_hash(transfer, &path, len).await? {
        let (ours, local) = (Arc::clone(partial.file()), partial.working_path());
        let hasher = blocking(move || hash_beginning(&ours, &local, len, true)).await?;
        if hasher.finish() == Some(theirs) {
            return Ok(Resumed { from: len, proof });
        }
    }
    // how far they are the same
    let mut good = 0;
    let (ours, local) = (partial.file(), partial.working_path());
    read_in_order(transfer, file, len, |theirs| {
        let ours = read_block(ours, good, theirs.len(), &local)?;
        let same = ours
            .iter()
            .zip(&theirs)
            .take_while(|(one, other)| one == other)
            .count();
        good += same as u64;
        Ok(same == theirs.len())
    })
    .await?;
    Ok(Resumed {
        from: good,
        proof: Proof::ReadBack,
    })
}

/// A hash that has seen the first `len` bytes; blocks.
pub(crate) fn hash_beginning(file: &std::fs::File, path: &Path, len: u64, wanted: bool) -> Result<Hasher> {
    let mut hasher = Hasher::new(wanted);
    let mut offset = 0;
    while wanted && offset < len {
        let want = usize::try_from(len - offset)
            .unwrap_or(usize::MAX)
            .min(DISK_CHUNK_LEN);
        hasher.update(&read_block(file, offset, want, path)?);
        offset += want as u64;
    }
    Ok(hasher)
}
