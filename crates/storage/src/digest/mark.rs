//! The digest beside its file: an extended attribute.
//!
//! It holds the digest and a check over what tells the content's version: size, modification time, file node. Whoever
//! changes the content changes the modification time, and the check fails from then on. (The status change time would
//! tell more, but setting the attribute changes it.) Our own in-place edits remove the attribute before they write,
//! because the clock of a file system may stand still for some milliseconds.
//!
//! Name and value are short: with more, ext4 takes a block of its own for the attribute of each file.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use aws_lc_rs::digest::{SHA256, digest};
use rustix::fs::{FileType, Stat as RawStat, XattrFlags, fgetxattr, fremovexattr, fsetxattr, fstat};

use crate::local::{Fault, is_type};
use crate::types::{Digest, Sha256};

/// Of all stores of this program.
const NAME: &str = "user.longshore";

const DIGEST_LEN: usize = 32;
const CHECK_LEN: usize = 16;

/// Stands in the place of a digest that is still being made: no file has it, as far as anybody knows.
const PENDING: [u8; DIGEST_LEN] = [0; DIGEST_LEN];

/// Keeps what is known of an open file. `false` where the file system has no such attributes, or no room.
/// [`Digest::Absent`] removes what was kept.
pub(crate) fn keep(file: BorrowedFd<'_>, known: Digest) -> bool {
    let Ok(stat) = fstat(file) else { return false };
    set(file, &stat, known, XattrFlags::empty())
}

/// What is known of an open file with these attributes.
pub(super) fn read(file: BorrowedFd<'_>, stat: &RawStat) -> Digest {
    let mut value = [0; DIGEST_LEN + CHECK_LEN];
    match fgetxattr(file, NAME, &mut value[..]) {
        Ok(len) if len == value.len() && value[DIGEST_LEN..] == check(stat) => {}
        _ => return Digest::Absent,
    }
    let mut bytes = [0; DIGEST_LEN];
    bytes.copy_from_slice(&value[..DIGEST_LEN]);
    match bytes {
        PENDING => Digest::Pending,
        bytes => Digest::Known(Sha256(bytes)),
    }
}

/// The digest of an open file with these attributes.
pub(crate) fn known(file: BorrowedFd<'_>, stat: &RawStat) -> Option<Sha256> {
    match read(file, stat) {
        Digest::Known(digest) => Some(digest),
        Digest::Pending | Digest::Absent => None,
    }
}

/// Forgets what is known of an open file: it is about to change. Says whether there was anything, which a power cut can
/// bring back until the file is synced.
pub(crate) fn forget(file: BorrowedFd<'_>) -> bool {
    // Mostly there is none. Where it cannot be removed, the new times make it void.
    fremovexattr(file, NAME).is_ok()
}

/// Runs `change`, which sets the times of the file that `path_only` (an `O_PATH` handle will do) stands for, and binds
/// the digest to the new ones.
pub(crate) fn retime(
    path_only: BorrowedFd<'_>,
    change: impl FnOnce() -> Result<(), Fault>,
) -> Result<(), Fault> {
    let before = fstat(path_only)?;
    if !is_type(&before, FileType::RegularFile) {
        return change();
    }
    // Attributes are not to be had through an O_PATH handle itself, but through its entry.
    let entry = format!("/proc/self/fd/{}", path_only.as_raw_fd());
    let mut value = [0; DIGEST_LEN + CHECK_LEN];
    let found = rustix::fs::getxattr(entry.as_str(), NAME, &mut value[..]);
    let held = found == Ok(value.len()) && value[DIGEST_LEN..] == check(&before);
    if found.is_ok() && !held {
        // The times asked for may be those from before the content changed: it must not count again.
        let _ = rustix::fs::removexattr(entry.as_str(), NAME);
    }
    change()?;
    if held && let Ok(after) = fstat(path_only) {
        value[DIGEST_LEN..].copy_from_slice(&check(&after));
        // Only over an old one: if it was removed meanwhile, the content is being changed.
        let _ = rustix::fs::setxattr(entry.as_str(), NAME, &value, XattrFlags::REPLACE);
    }
    Ok(())
}

/// Puts the digest in the place of [`Digest::Pending`], if that still holds.
pub(super) fn complete(file: BorrowedFd<'_>, digest: Sha256) -> bool {
    let Ok(stat) = fstat(file) else { return false };
    read(file, &stat) == Digest::Pending && set(file, &stat, Digest::Known(digest), XattrFlags::REPLACE)
}

fn set(file: BorrowedFd<'_>, stat: &RawStat, known: Digest, flags: XattrFlags) -> bool {
    let bytes = match known {
        Digest::Known(digest) => digest.0,
        Digest::Pending => PENDING,
        Digest::Absent => return fremovexattr(file, NAME).is_ok(),
    };
    let mut value = [0; DIGEST_LEN + CHECK_LEN];
    value[..DIGEST_LEN].copy_from_slice(&bytes);
    value[DIGEST_LEN..].copy_from_slice(&check(stat));
    fsetxattr(file.as_fd(), NAME, &value, flags).is_ok()
}

/// What tells the version of the content, in short.
fn check(stat: &RawStat) -> [u8; CHECK_LEN] {
    let mut text = Vec::with_capacity(40);
    let numbers = [
        i128::from(stat.st_size),
        i128::from(stat.st_mtime),
        i128::from(stat.st_mtime_nsec),
        i128::from(stat.st_ino),
    ];
    for number in numbers {
        text.extend_from_slice(&number.to_be_bytes()[8..]);
    }
    let mut check = [0; CHECK_LEN];
    check.copy_from_slice(&digest(&SHA256, &text).as_ref()[..CHECK_LEN]);
    check
}
