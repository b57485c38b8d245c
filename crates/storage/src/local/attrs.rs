//! Attributes: from the kernel's form to ours and back.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, SystemTime};

use rustix::fs::{
    AtFlags, FileType as RawType, Mode, OFlags, Stat as RawStat, Timespec, Timestamps, chmodat, fchmod,
    futimens, utimensat,
};
use rustix::io::Errno;

use super::fault::Fault;
use super::resolve::Place;
use crate::digest;
use crate::error::ErrorKind;
use crate::types::{FileType, Stat, Version};

/// Permission bits that can be set from outside. The special bits (setuid, setgid, sticky) are dropped quietly: a
/// partner has no business making programs of the server's user.
pub(crate) const MODE_BITS: u32 = 0o777;

/// Times as (accessed, modified).
pub(crate) type Times = (SystemTime, SystemTime);

/// Our attributes from the kernel's.
#[allow(
    clippy::useless_conversion,
    reason = "the widths differ between architectures"
)]
pub(crate) fn stat_of(raw: &RawStat) -> Stat {
    Stat {
        file_type: match RawType::from_raw_mode(raw.st_mode) {
            RawType::RegularFile => FileType::File,
            RawType::Directory => FileType::Directory,
            RawType::Symlink => FileType::Symlink,
            _ => FileType::Other,
        },
        size: u64::try_from(raw.st_size).unwrap_or(0),
        mode: raw.st_mode & 0o7777,
        uid: raw.st_uid,
        gid: raw.st_gid,
        links: u64::from(raw.st_nlink),
        modified: time(raw.st_mtime, raw.st_mtime_nsec),
        accessed: time(raw.st_atime, raw.st_atime_nsec),
        digest: None,
    }
}

/// The version that attributes belong to: file node, size and both change times. The status change time cannot
/// be set by anybody, so an edit that sets the modification time back is noticed.
pub(crate) fn version_of(raw: &RawStat) -> Version {
    let mut bytes = Vec::with_capacity(56);
    let numbers = [
        i128::from(raw.st_dev),
        i128::from(raw.st_ino),
        i128::from(raw.st_size),
        i128::from(raw.st_mtime),
        i128::from(raw.st_mtime_nsec),
        i128::from(raw.st_ctime),
        i128::from(raw.st_ctime_nsec),
    ];
    for number in numbers {
        bytes.extend_from_slice(&number.to_be_bytes()[8..]);
    }
    Version(bytes.into_boxed_slice())
}

/// Bytes that a file takes on disk, its holes left out.
#[allow(
    clippy::useless_conversion,
    reason = "the widths differ between architectures"
)]
pub(crate) fn size_in_blocks(raw: &RawStat) -> u64 {
    // Units of 512 bytes whatever the file system's own are (stat(2)).
    u64::try_from(raw.st_blocks).unwrap_or(0).saturating_mul(512)
}

/// Whether the attributes are those of a `kind`.
pub(crate) fn is_type(raw: &RawStat, kind: RawType) -> bool {
    RawType::from_raw_mode(raw.st_mode) == kind
}

/// Sets the permission bits of what stands at `place`; a link is refused (`Unsupported`), never followed.
pub(crate) fn apply_mode(place: &Place, mode: u32) -> Result<(), Fault> {
    let mode = Mode::from_raw_mode(mode & MODE_BITS);
    // The handle pins the file node: what is changed is what was looked at, whatever the name does meanwhile.
    let fd = place.open(OFlags::PATH)?;
    if is_type(&rustix::fs::fstat(&fd)?, RawType::Symlink) {
        return Err(ErrorKind::Unsupported.into());
    }
    // fchmod(2) refuses O_PATH handles, and fchmodat2(2) is young (Linux 6.6): through the handle's own entry.
    let entry = format!("/proc/self/fd/{}", fd.as_raw_fd());
    match chmodat(rustix::fs::CWD, entry, mode, AtFlags::empty()) {
        // No /proc: open it properly; needs read permission.
        Err(Errno::NOENT) => Ok(fchmod(place.open(OFlags::RDONLY)?, mode)?),
        result => Ok(result?),
    }
}

/// Sets the times of what stands at `place`; a link is not followed.
pub(crate) fn apply_times(place: &Place, times: Times) -> Result<(), Fault> {
    let times = timestamps(times);
    let fd = place.open(OFlags::PATH)?;
    digest::retime(fd.as_fd(), || {
        Ok(utimensat(
            &place.parent,
            place.name.as_slice(),
            &times,
            AtFlags::SYMLINK_NOFOLLOW,
        )?)
    })
}

/// Sets the times of an open file.
pub(crate) fn apply_times_fd(fd: BorrowedFd<'_>, times: Times) -> Result<(), Fault> {
    Ok(futimens(fd.as_fd(), &timestamps(times))?)
}

/// A size that the kernel's signed offsets can carry.
pub(crate) fn checked_size(size: u64) -> Result<u64, Fault> {
    if i64::try_from(size).is_ok() {
        Ok(size)
    } else {
        Err(ErrorKind::TooLarge.into())
    }
}

fn timestamps((accessed, modified): Times) -> Timestamps {
    Timestamps {
        last_access: timespec(accessed),
        last_modification: timespec(modified),
    }
}

#[allow(
    clippy::cast_possible_wrap,
    reason = "a time that SystemTime can hold fits 64 signed bits of seconds"
)]
fn timespec(time: SystemTime) -> Timespec {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => Timespec {
            tv_sec: after.as_secs() as i64,
            tv_nsec: after.subsec_nanos().into(),
        },
        Err(before) => {
            let before = before.duration();
            let nanos = before.subsec_nanos();
            // 1.25 s before the epoch is second -2 plus 0.75 s.
            let (borrow, nanos) = if nanos == 0 {
                (0, 0)
            } else {
                (1, 1_000_000_000 - nanos)
            };
            Timespec {
                tv_sec: -(before.as_secs() as i64) - borrow,
                tv_nsec: nanos.into(),
            }
        }
    }
}

fn time(seconds: i64, nanos: impl TryInto<u32>) -> SystemTime {
    let nanos = Duration::from_nanos(nanos.try_into().unwrap_or(0).into());
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let base = if seconds >= 0 {
        SystemTime::UNIX_EPOCH.checked_add(whole)
    } else {
        SystemTime::UNIX_EPOCH.checked_sub(whole)
    };
    base.and_then(|base| base.checked_add(nanos))
        .unwrap_or(SystemTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_and_after_the_epoch_survive_the_round_trip() {
        for millis in [
            0_i64,
            1,
            999,
            1000,
            1_234_567,
            -1,
            -999,
            -1000,
            -1250,
            -86_400_001,
        ] {
            let length = Duration::from_millis(millis.unsigned_abs());
            let there = if millis < 0 {
                SystemTime::UNIX_EPOCH - length
            } else {
                SystemTime::UNIX_EPOCH + length
            };
            let spec = timespec(there);
            assert_eq!(time(spec.tv_sec, spec.tv_nsec), there, "{millis} ms");
        }
    }
}
