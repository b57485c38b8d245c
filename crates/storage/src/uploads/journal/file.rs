//! The file of a journal: entries with length and checksum, one behind the other.

use std::collections::HashMap;
use std::io::Read as _;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::{AtFlags, FallocateFlags, Mode, OFlags, fallocate, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::codec::Take;
use super::{Entry, Known};
use crate::limits;
use crate::local::{Fault, retry, write_all_at};
use crate::upload_types::UploadId;

/// Its name in the staging directory.
pub(crate) const NAME: &str = "journal";
/// While it is written anew.
pub(super) const NEW: &str = "journal.new";

const MAGIC: &[u8; 16] = b"longshore-jrnl-1";
/// Bytes of a checksum: the front of SHA-256.
const SUM: usize = 8;

/// An open journal file.
#[derive(Debug)]
pub(super) struct LogFile {
    file: Arc<OwnedFd>,
    /// Where the next entry goes.
    end: u64,
    /// Where it is time to write the file anew.
    full: u64,
}

impl LogFile {
    /// All whole entries of the file; none when there is no file. What follows the first entry that is not whole was
    /// never flushed.
    pub(super) fn read(staging: &OwnedFd) -> Result<Vec<Entry>, Fault> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(staging, NAME, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(errno) => return Err(errno.into()),
        };
        let mut bytes = Vec::new();
        std::fs::File::from(file)
            .read_to_end(&mut bytes)
            .map_err(|error| Fault::from(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        let Some(rest) = bytes.strip_prefix(MAGIC) else {
            if bytes.iter().any(|byte| *byte != 0) {
                tracing::warn!("the journal of uploads cannot be read; it is begun anew");
            }
            return Ok(Vec::new());
        };
        let mut take = Take(rest);
        let entries: Vec<_> = std::iter::from_fn(|| next(&mut take)).collect();
        if take.0.iter().any(|byte| *byte != 0) {
            tracing::info!(
                entries = entries.len(),
                "the journal of uploads ends in a torn entry"
            );
        }
        Ok(entries)
    }

    /// Puts a new file with what is `known` in the place of the old one, durably.
    pub(super) fn write_anew(staging: &OwnedFd, known: &HashMap<UploadId, Known>) -> Result<Self, Fault> {
        match unlinkat(staging, NEW, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno.into()),
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(staging, NEW, flags, Mode::RUSR | Mode::WUSR)?;
        let mut bytes = MAGIC.to_vec();
        for about in known.values() {
            let kept = about.kept.iter().map(|kept| Entry::Kept(Box::new(kept.clone())));
            let intent = about
                .intent
                .iter()
                .map(|intent| Entry::Intent(Box::new(intent.clone())));
            kept.chain(intent)
                .for_each(|entry| bytes.extend(frame(&entry.encode())));
        }
        let end = bytes.len() as u64;
        let full = end + limits::JOURNAL_BYTES;
        // Room is taken now, so that a full disk keeps nobody from publishing; and a file that does not grow is
        // cheaper to flush. Where the file system cannot, neither is so.
        let _ = fallocate(&file, FallocateFlags::empty(), 0, full + limits::JOURNAL_SPARE);
        write_all_at(file.as_fd(), 0, &bytes).map_err(|(fault, _)| fault)?;
        retry(|| fsync(&file))?;
        renameat(staging, NEW, staging, NAME)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(staging, ".", flags, Mode::empty())?;
        retry(|| fsync(&dir))?;
        Ok(Self {
            file: Arc::new(file),
            end,
            full,
        })
    }

    pub(super) fn is_full(&self) -> bool {
        self.end >= self.full
    }

    /// Writes an entry behind the last one. Where that fails the next one takes its place.
    pub(super) fn append(&mut self, entry: &[u8]) -> Result<(), Fault> {
        let bytes = frame(entry);
        write_all_at(self.file.as_fd(), self.end, &bytes).map_err(|(fault, _)| fault)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    #[cfg(test)]
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn handle(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.file)
    }
}

/// Length, checksum of length and bytes, bytes.
fn frame(entry: &[u8]) -> Vec<u8> {
    let len = u32::try_from(entry.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&len[..], &checksum(&len, entry), entry].concat()
}

fn checksum(len: &[u8], entry: &[u8]) -> [u8; SUM] {
    let whole = digest(&SHA256, &[len, entry].concat());
    let mut front = [0; SUM];
    front.copy_from_slice(&whole.as_ref()[..SUM]);
    front
}

/// The next whole entry. Leaves the bytes where they are when there is none.
fn next(take: &mut Take<'_>) -> Option<Entry> {
    let mut ahead = Take(take.0);
    let len = ahead.raw(4)?;
    let sum = ahead.raw(SUM)?;
    let bytes = ahead.raw(usize::try_from(u32::from_be_bytes(len.try_into().ok()?)).ok()?)?;
    if checksum(len, bytes) != sum {
        return None;
    }
    let entry = Entry::decode(bytes)?;
    take.0 = ahead.0;
    Some(entry)
}
