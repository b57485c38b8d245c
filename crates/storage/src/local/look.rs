//! Operations that look at names or change attributes.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, OFlags, Stat as RawStat, fdatasync, fstat, fsync, ftruncate, readlinkat};
use rustix::io::Errno;

use super::attrs::{apply_mode, apply_times, checked_size, is_type, stat_of};
use super::fault::Fault;
use super::home::HomeRoot;
use super::io::{retry, space_of};
use super::resolve::{DirId, Place, canonical};
use crate::digest;
use crate::error::ErrorKind;
use crate::path::RemotePath;
use crate::types::{SetStat, SpaceInfo, Stat};

pub(super) fn stat(home: &HomeRoot, path: &RemotePath, follow: bool) -> Result<Stat, Fault> {
    let place = home.find(path, follow)?;
    match home.own_upload(&place)? {
        Some(upload) => upload.stat(),
        None => Ok(stat_of(place.existing()?)),
    }
}

/// As [`stat`] of what is published; `None` where the viewer sees an unfinished upload, which may be busy.
pub(super) fn stat_published(
    home: &HomeRoot,
    path: &RemotePath,
    follow: bool,
) -> Result<Option<Stat>, Fault> {
    let place = home.find(path, follow)?;
    if home.own_upload(&place)?.is_some() {
        return Ok(None);
    }
    Ok(Some(stat_of(place.existing()?)))
}

/// Size, then mode, then times, so that the times asked for are what remains. The owner is ignored quietly:
/// clients send it along with the rest, and every file belongs to the server's user.
pub(super) fn set_stat(
    home: &HomeRoot,
    path: &RemotePath,
    changes: &SetStat,
    follow: bool,
) -> Result<(), Fault> {
    let place = home.find(path, follow)?;
    if let Some(upload) = home.own_upload(&place)? {
        upload.set_stat(changes)?;
        // By whichever way it comes, a size is the latest word on how large the file will be.
        if let Some(size) = changes.size {
            upload.declare(size);
        }
        return Ok(());
    }
    place.existing()?;
    if let Some(size) = changes.size {
        truncate(home, &place, size)?;
    }
    if let Some(mode) = changes.mode {
        apply_mode(&place, mode)?;
    }
    if let Some(times) = changes.times {
        apply_times(&place, times)?;
    }
    if changes.mode.is_some() || changes.times.is_some() {
        sync_attributes(home, &place)?;
    }
    Ok(())
}

/// Makes mode and times durable as configured. Those of links, FIFOs and devices wait for the operating system: none of
/// them can be opened for that.
fn sync_attributes(home: &HomeRoot, place: &Place) -> Result<(), Fault> {
    let opens = matches!(
        place.file_type(),
        Some(FileType::RegularFile | FileType::Directory)
    );
    if !home.shared.is_durable() || !opens {
        return Ok(());
    }
    match place.open(OFlags::RDONLY) {
        Ok(file) => Ok(retry(|| fsync(&file))?),
        // Unreadable by the mode that was just set, or replaced since.
        Err(Errno::ACCESS | Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

fn truncate(home: &HomeRoot, place: &Place, size: u64) -> Result<(), Fault> {
    refuse_unwritable(place)?;
    let (file, _) = open_regular(place, OFlags::WRONLY)?;
    {
        // As before a change in place (`edit`).
        let _file = home.shared.lock_file(DirId::of(&file)?);
        if digest::forget(file.as_fd()) {
            retry(|| fsync(&file))?;
        }
    }
    ftruncate(&file, checked_size(size)?)?;
    if home.shared.is_durable() {
        fdatasync(&file)?;
    }
    Ok(())
}

pub(super) fn read_link(home: &HomeRoot, path: &RemotePath) -> Result<Vec<u8>, Fault> {
    let place = home.find(path, false)?;
    if home.own_upload(&place)?.is_some() {
        return Err(Errno::INVAL.into());
    }
    place.existing()?;
    Ok(readlinkat(&place.parent, place.name.as_slice(), Vec::new())?.into_bytes())
}

pub(super) fn real_path(home: &HomeRoot, path: &RemotePath) -> Result<RemotePath, Fault> {
    let raw = canonical(home.dir.as_fd(), path.as_bytes())?;
    RemotePath::parse(&raw).map_err(|_too_long| Errno::NAMETOOLONG.into())
}

pub(super) fn space(home: &HomeRoot, path: &RemotePath) -> Result<SpaceInfo, Fault> {
    let place = home.find(path, true)?;
    if home.own_upload(&place)?.is_none() {
        place.existing()?;
    }
    // Links and devices have no space of their own; the directory around any name lies on the same file system
    // unless the name is a mount point.
    let target = match place.file_type() {
        Some(FileType::Directory) => place.open(OFlags::PATH | OFlags::DIRECTORY)?,
        _ => place.parent,
    };
    space_of(target.as_fd())
}

/// Refuses files whose owner may not write them. For root the kernel would let everything pass, but a read-only
/// file is a promise to whoever set it (`design.md` §4).
pub(crate) fn refuse_unwritable(place: &Place) -> Result<(), Fault> {
    match &place.found {
        Some(stat) if is_type(stat, FileType::RegularFile) && stat.st_mode & 0o200 == 0 => {
            Err(ErrorKind::PermissionDenied.into())
        }
        _ => Ok(()),
    }
}

/// Opens a regular file; refuses anything else, before opening it where the look allows (opening a device or a
/// FIFO can have effects) and after it in any case (the name may have changed since the look).
pub(crate) fn open_regular(place: &Place, flags: OFlags) -> Result<(OwnedFd, RawStat), Fault> {
    refuse_irregular(place.file_type())?;
    place.existing()?;
    let file = match place.open(flags) {
        Ok(file) => file,
        // A link since the look: the caller looks again.
        Err(Errno::LOOP) => return Err(ErrorKind::Busy.into()),
        Err(errno) => return Err(errno.into()),
    };
    let stat = fstat(&file)?;
    if is_type(&stat, FileType::RegularFile) {
        Ok((file, stat))
    } else {
        refuse_irregular(Some(FileType::from_raw_mode(stat.st_mode)))?;
        Err(ErrorKind::Busy.into())
    }
}

fn refuse_irregular(found: Option<FileType>) -> Result<(), Fault> {
    match found {
        Some(FileType::RegularFile | FileType::Symlink) | None => Ok(()),
        Some(FileType::Directory) => Err(ErrorKind::IsADirectory.into()),
        Some(_) => Err(ErrorKind::InvalidInput.into()),
    }
}

/// Repeats a lookup and open while the name keeps changing between the two.
pub(crate) fn settle<T>(mut attempt: impl FnMut() -> Result<T, Fault>) -> Result<T, Fault> {
    for _ in 0..crate::limits::CHANGED_TRIES {
        match attempt() {
            Err(fault) if fault.kind() == ErrorKind::Busy => {}
            result => return result,
        }
    }
    Err(ErrorKind::Busy.into())
}
