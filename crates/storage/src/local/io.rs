//! Reading, writing and copying at offsets, on the blocking pool.

use std::io::IoSliceMut;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::buffer::spare_capacity;
use rustix::fs::{
    FallocateFlags, SeekFrom, StatVfsMountFlags, copy_file_range, fallocate, fstat, fstatfs, fstatvfs, seek,
};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2, pwrite};

use super::fault::Fault;
use crate::error::ErrorKind;
use crate::limits;
use crate::types::SpaceInfo;

/// Appends up to `len` bytes from `offset` to `buf`; fewer only at the end of the file.
///
/// The bytes go straight into the spare capacity. The safe call fills all of it, so a buffer with much more
/// room than asked for is cleared over `len` bytes instead of reading megabytes for a small request.
pub(crate) fn read_into(fd: BorrowedFd<'_>, offset: u64, len: usize, buf: &mut Vec<u8>) -> Result<(), Fault> {
    let start = buf.len();
    buf.reserve_exact(len);
    while buf.len() - start < len {
        let done = buf.len() - start;
        let at = offset.checked_add(done as u64).ok_or(ErrorKind::InvalidInput)?;
        let want = len - done;
        if i64::try_from(at.saturating_add((want + limits::READ_SLACK) as u64)).is_err() {
            // Beyond what a file can hold: the end of every file. The kernel would say EINVAL.
            break;
        }
        let count = if buf.capacity() - buf.len() <= want + limits::READ_SLACK {
            retry(|| pread(fd, spare_capacity(buf), at))?
        } else {
            let from = buf.len();
            buf.resize(from + want, 0);
            let result = retry(|| pread(fd, &mut buf[from..], at));
            buf.truncate(from + result.unwrap_or(0));
            result?
        };
        if count == 0 {
            break;
        }
    }
    buf.truncate(start + len);
    Ok(())
}

/// How a file can be read without ever waiting for a disk.
#[derive(Debug)]
pub(crate) enum Cached {
    /// The file system lies in memory.
    Memory,
    /// The kernel answers from its page cache or not at all (`RWF_NOWAIT`); cleared where the file system cannot.
    Asks(AtomicBool),
}

impl Cached {
    /// For a file on a file system that lies in memory or not.
    pub(crate) const fn new(in_memory: bool) -> Self {
        if in_memory {
            Self::Memory
        } else {
            Self::Asks(AtomicBool::new(true))
        }
    }

    /// Appends to `buf` what can be had without waiting, from `offset`, and says whether that is all: `len` bytes or
    /// the end of the file. For async threads: costs a copy of at most `len` bytes. Where it pays: handing a read
    /// to the blocking pool costs as much as copying 255 KiB.
    pub(crate) fn read(&self, fd: BorrowedFd<'_>, offset: u64, len: usize, buf: &mut Vec<u8>) -> bool {
        match self {
            _ if len > limits::READ_AT_ONCE || i64::try_from(offset).is_err() => false,
            Self::Memory => read_into(fd, offset, len, buf).is_ok(),
            Self::Asks(able) => able.load(Ordering::Relaxed) && Self::ask(able, fd, offset, len, buf),
        }
    }

    fn ask(able: &AtomicBool, fd: BorrowedFd<'_>, offset: u64, len: usize, buf: &mut Vec<u8>) -> bool {
        let start = buf.len();
        buf.reserve_exact(len);
        buf.resize(start + len, 0);
        let result = {
            let mut parts = [IoSliceMut::new(&mut buf[start..])];
            preadv2(fd, &mut parts, offset, ReadWriteFlags::NOWAIT)
        };
        buf.truncate(start + *result.as_ref().unwrap_or(&0));
        if matches!(result, Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL)) {
            able.store(false, Ordering::Relaxed);
        }
        // Fewer bytes are the end of the file or of what is cached.
        result.is_ok_and(|got| got == len || ends_at(fd, offset.saturating_add(got as u64)))
    }
}

/// Whether nothing of an open file lies behind `offset`.
fn ends_at(fd: BorrowedFd<'_>, offset: u64) -> bool {
    fstat(fd).is_ok_and(|stat| u64::try_from(stat.st_size).is_ok_and(|size| size <= offset))
}

/// What a file system may have to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Nothing: it keeps its files in memory.
    Memory,
    /// A disk of this machine, but not for what the kernel has cached.
    Disk,
    /// Anything, such as another machine or a program.
    Far,
}

impl Medium {
    /// That of the file system of `fd`.
    pub(crate) fn of(fd: BorrowedFd<'_>) -> Result<Self, Errno> {
        Ok(Self::of_type(fstatfs(fd)?.f_type))
    }

    /// The numbers are those of statfs(2).
    const fn of_type(number: i64) -> Self {
        match number {
            // TMPFS_MAGIC, RAMFS_MAGIC
            0x0102_1994 | 0x8584_58f6 => Self::Memory,
            // EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC
            0xef53 | 0x5846_5342 | 0x9123_683e => Self::Disk,
            _ => Self::Far,
        }
    }

    /// Whether files lie in memory.
    pub(crate) const fn is_memory(self) -> bool {
        matches!(self, Self::Memory)
    }
}

/// Makes zeros of `[from, to)`, which lies in the file, without room for them where the file system can do that.
pub(crate) fn punch(fd: BorrowedFd<'_>, from: u64, to: u64) -> Result<(), Fault> {
    let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    if from >= to || fallocate(fd, flags, from, to - from).is_ok() {
        return Ok(());
    }
    let zeros = vec![0; limits::COPY_CHUNK];
    let mut at = from;
    while at < to {
        let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(zeros.len());
        write_all_at(fd, at, &zeros[..len]).map_err(|(fault, _)| fault)?;
        at += len as u64;
    }
    Ok(())
}

/// Writes zeros to `[from, to)`, and lets the file grow for that with a hole.
pub(crate) fn write_zeros(fd: BorrowedFd<'_>, from: u64, to: u64) -> Result<(), Fault> {
    if from >= to {
        return Ok(());
    }
    if i64::try_from(to).is_err() {
        return Err(ErrorKind::TooLarge.into());
    }
    let size = u64::try_from(fstat(fd)?.st_size).unwrap_or(0);
    punch(fd, from, to.min(size))?;
    if size < to {
        // Not ftruncate(2): somebody else may be writing behind it.
        write_all_at(fd, to - 1, &[0]).map_err(|(fault, _)| fault)?;
    }
    Ok(())
}

/// Writes all of `data` at `offset`. On failure says how many bytes had been written.
pub(crate) fn write_all_at(fd: BorrowedFd<'_>, offset: u64, data: &[u8]) -> Result<(), (Fault, usize)> {
    let end = offset.checked_add(data.len() as u64);
    if end.is_none_or(|end| end > i64::MAX as u64) {
        return Err((ErrorKind::TooLarge.into(), 0));
    }
    let mut done = 0;
    while done < data.len() {
        match retry(|| pwrite(fd, &data[done..], offset + done as u64)) {
            Ok(0) => return Err((ErrorKind::Io.into(), done)),
            Ok(count) => done += count,
            Err(errno) => return Err((errno.into(), done)),
        }
    }
    Ok(())
}

/// Copies the data in `[from, to)` of `source` to the same place of `target`, which has nothing but zeros there. Holes
/// stay holes: a file of some terabytes that takes no room costs its user nothing to make, and must not fill the disk
/// when it is copied. Stops at the end of `source`; says where it stopped. Moves the offset of `source`.
pub(crate) fn copy_range(
    source: BorrowedFd<'_>,
    target: BorrowedFd<'_>,
    from: u64,
    to: u64,
) -> Result<u64, Fault> {
    let mut at = from;
    while at < to {
        let (data, hole) = match next_data(source, at) {
            Ok(extent) => extent,
            // Nothing but a hole until the end of the file.
            Err(Errno::NXIO) => return Ok(to),
            // A file system that cannot tell.
            Err(_) => (at, to),
        };
        if data >= to {
            return Ok(to);
        }
        let end = hole.min(to);
        at = copy_extent(source, target, data, end)?;
        if at < end {
            break;
        }
    }
    Ok(at)
}

/// The next piece of data at or behind `at`: where it begins, and where the hole behind it does.
fn next_data(file: BorrowedFd<'_>, at: u64) -> Result<(u64, u64), Errno> {
    let data = seek(file, SeekFrom::Data(at))?;
    Ok((data, seek(file, SeekFrom::Hole(data))?))
}

/// Copies `[from, to)`. File systems that share blocks do so (`copy_file_range` clones where it can).
fn copy_extent(source: BorrowedFd<'_>, target: BorrowedFd<'_>, from: u64, to: u64) -> Result<u64, Fault> {
    let mut at = from;
    while at < to {
        let (mut off_in, mut off_out) = (at, at);
        let want = usize::try_from(to - at).unwrap_or(usize::MAX).min(1 << 30);
        match retry(|| copy_file_range(source, Some(&mut off_in), target, Some(&mut off_out), want)) {
            Ok(0) => break,
            Ok(count) => at += count as u64,
            Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                return copy_by_hand(source, target, at, to);
            }
            Err(errno) => return Err(errno.into()),
        }
    }
    Ok(at)
}

fn copy_by_hand(source: BorrowedFd<'_>, target: BorrowedFd<'_>, mut at: u64, to: u64) -> Result<u64, Fault> {
    let mut chunk = Vec::new();
    while at < to {
        chunk.clear();
        let want = usize::try_from(to - at)
            .unwrap_or(usize::MAX)
            .min(limits::COPY_CHUNK);
        read_into(source, at, want, &mut chunk)?;
        if chunk.is_empty() {
            break;
        }
        write_all_at(target, at, &chunk).map_err(|(fault, _)| fault)?;
        at += chunk.len() as u64;
    }
    Ok(at)
}

/// Space of the file system that `fd` lies on.
pub(crate) fn space_of(fd: BorrowedFd<'_>) -> Result<SpaceInfo, Fault> {
    let stat = fstatvfs(fd)?;
    let read_only = u64::from(stat.f_flag.contains(StatVfsMountFlags::RDONLY));
    let no_setuid = u64::from(stat.f_flag.contains(StatVfsMountFlags::NOSUID));
    Ok(SpaceInfo {
        block_size: stat.f_bsize,
        fragment_size: stat.f_frsize,
        blocks: stat.f_blocks,
        blocks_free: stat.f_bfree,
        blocks_available: stat.f_bavail,
        files: stat.f_files,
        files_free: stat.f_ffree,
        files_available: stat.f_favail,
        filesystem_id: stat.f_fsid,
        flags: read_only | no_setuid << 1,
        name_max: stat.f_namemax,
    })
}

/// Repeats a call that a signal interrupted.
pub(crate) fn retry<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            result => return result,
        }
    }
}
