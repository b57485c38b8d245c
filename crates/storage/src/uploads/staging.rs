//! Files in the staging directory.

use std::fmt::Write as _;
use std::os::fd::OwnedFd;

use rustix::fs::{AtFlags, Dir, Mode, OFlags, openat, unlinkat};
use rustix::io::Errno;

use crate::error::ErrorKind;
use crate::local::Fault;

/// Makes a file with a random name that nobody else can open.
pub(crate) fn create(staging: &OwnedFd) -> Result<(OwnedFd, String), Fault> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let name = random_name()?;
    let file = openat(staging, name.as_str(), flags, Mode::RUSR | Mode::WUSR)?;
    Ok((file, name))
}

/// Removes all files of a staging directory; says how many there were.
pub(crate) fn sweep(staging: &OwnedFd) -> Result<usize, Fault> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut removed = 0;
    for entry in Dir::new(openat(staging, ".", flags, Mode::empty())?)? {
        let entry = entry?;
        if matches!(entry.file_name().to_bytes(), b"." | b"..") {
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

fn random_name() -> Result<String, Fault> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_no_entropy| Fault::from(ErrorKind::Internal))?;
    Ok(bytes.iter().fold(String::with_capacity(32), |mut name, byte| {
        // Writing to a String cannot fail.
        let _ = write!(name, "{byte:02x}");
        name
    }))
}
