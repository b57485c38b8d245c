//! Files in the staging directory.

use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use super::journal::JOURNAL;
use crate::error::ErrorKind;
use crate::local::Fault;
use crate::upload_types::UploadId;

/// Makes a file that nobody else can open, named by a new upload id behind `prefix`.
pub(crate) fn create(staging: &OwnedFd, prefix: &str) -> Result<(OwnedFd, UploadId), Fault> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let id = random_id()?;
    let file = openat(staging, name(prefix, id), flags, Mode::RUSR | Mode::WUSR)?;
    Ok((file, id))
}

/// Name of the file of an upload.
pub(crate) fn name(prefix: &str, id: UploadId) -> String {
    format!("{prefix}{id}")
}

/// Removes the files of uploads that `keep` does not want; says how many there were.
pub(crate) fn sweep(staging: &OwnedFd, keep: impl Fn(UploadId) -> bool) -> Result<usize, Fault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut removed = 0;
    for entry in Dir::new(openat(staging, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
            continue;
        }
        if entry.file_name().to_bytes() == JOURNAL.as_bytes() {
            continue;
        }
        let id = entry.file_name().to_str().ok().and_then(|name| name.parse().ok());
        if id.is_some_and(&keep) {
            continue;
        }
        match unlinkat(staging, entry.file_name(), AtFlags::empty()) {
            Ok(()) => removed += 1,
            Err(Errno::NOENT) => {}
            // Directories are not ours.
            Err(Errno::ISDIR) => {
                tracing::warn!(name = ?entry.file_name(), "left a directory in staging alone");
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(removed)
}

pub(super) fn random_id() -> Result<UploadId, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_no_entropy| Fault::from(ErrorKind::Internal))?;
    Ok(UploadId(bytes))
}
