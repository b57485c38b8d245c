//! Operations that make, remove and move names.

use std::os::fd::AsFd as _;
use std::sync::Arc;

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, linkat, mkdirat, renameat, renameat_with, symlinkat,
    unlinkat,
};
use rustix::io::Errno;

use super::attrs::MODE_BITS;
use super::fault::Fault;
use super::home::HomeRoot;
use super::look::settle;
use super::resolve::{DirId, Place, is_inside};
use crate::error::ErrorKind;
use crate::limits;
use crate::path::RemotePath;
use crate::upload_types::UploadEnd;
use crate::uploads::{self, Staged};

pub(super) fn make_dir(home: &HomeRoot, path: &RemotePath, mode: Option<u32>) -> Result<(), Fault> {
    let place = home.find(path, false)?;
    refuse_taken(home, &place)?;
    let mode = mode.unwrap_or(0o755) & MODE_BITS & !home.shared.options.umask;
    home.shared.change_dirs(&[&place.parent], || {
        Ok(mkdirat(
            &place.parent,
            place.name.as_slice(),
            Mode::from_raw_mode(mode),
        )?)
    })
}

pub(super) fn remove_dir(home: &HomeRoot, path: &RemotePath) -> Result<(), Fault> {
    let place = home.find(path, false)?;
    refuse_nameless(&place)?;
    let dir = DirId::of_stat(place.existing()?);
    if place.file_type() != Some(FileType::Directory) {
        return Err(Errno::NOTDIR.into());
    }
    let _guard = home.shared.lock_dir(dir);
    if home.shared.uploads.any_in(dir) {
        return Err(ErrorKind::NotEmpty.into());
    }
    home.shared.change_dirs(&[&place.parent], || {
        Ok(unlinkat(
            &place.parent,
            place.name.as_slice(),
            AtFlags::REMOVEDIR,
        )?)
    })
}

pub(super) fn remove_file(home: &HomeRoot, path: &RemotePath) -> Result<(), Fault> {
    let place = home.find(path, false)?;
    refuse_nameless(&place)?;
    if home.bucket.is_beside() {
        // What lies parked there is known from here on.
        home.own_upload(&place)?;
    }
    let own = home.shared.uploads.all_seen_by(&place.key()?, home.viewer);
    match place.file_type() {
        None if own.is_empty() => return Err(Errno::NOENT.into()),
        None => {}
        // unlink(2) of a directory is EISDIR on Linux but EPERM elsewhere.
        Some(FileType::Directory) => return Err(ErrorKind::IsADirectory.into()),
        Some(_) => home.shared.change_dirs(&[&place.parent], || {
            Ok(unlinkat(&place.parent, place.name.as_slice(), AtFlags::empty())?)
        })?,
    }
    // Only now: the uploads stay when the published file cannot be removed. None may turn up behind another one.
    own.iter()
        .try_for_each(|upload| upload.discard(UploadEnd::Removed))
}

/// Renames the published file and the viewer's own unfinished upload, whichever of them stands at `from`.
pub(super) fn rename(
    home: &HomeRoot,
    from: &RemotePath,
    to: &RemotePath,
    replace: bool,
) -> Result<(), Fault> {
    settle(|| {
        let old = home.find(from, false)?;
        // OpenSSH's RENAME looks for the file first; rename(2) looks for both directories before.
        if !replace {
            expect_something(home, &old)?;
        }
        let new = home.find(to, false)?;
        if replace {
            expect_something(home, &old)?;
            if !old.is_nameless() && old.key()? == new.key()? {
                // Nothing to do, and nothing to fail.
                return Ok(());
            }
        }
        if old.file_type() == Some(FileType::Directory) {
            let (from, to) = (home.path_in_bucket(&old, from), home.path_in_bucket(&new, to));
            uploads::announce_move(home, &from, &to)?;
        }
        try_rename(home, &old, &new, replace)
    })
}

fn try_rename(home: &HomeRoot, from: &Place, to: &Place, replace: bool) -> Result<(), Fault> {
    refuse_nameless(from)?;
    refuse_nameless(to)?;
    let moved = home.own_upload(from)?;
    let displaced = home.own_upload(to)?;
    if moved.is_none() {
        from.existing()?;
    }
    let is_same = from.key()? == to.key()?;
    if displaced.is_some() && !replace {
        return Err(ErrorKind::AlreadyExists.into());
    }
    if displaced.is_some() && from.file_type() == Some(FileType::Directory) {
        refuse_into_itself(from, to)?;
        return Err(Errno::NOTDIR.into());
    }
    let guard = if replace {
        guard_replaced_dir(home, from, to)?
    } else {
        None
    };
    let moved_id = moved.as_ref().map(|upload| upload.id());
    match moved {
        Some(upload) => rename_upload(home, &upload, from, to, replace)?,
        None => rename_published(home, from, to, replace)?,
    }
    // Ending an upload takes locks that others hold while they wait for this one.
    drop(guard);
    if !is_same {
        // As after a publish: what somebody left parked under the new name is older than what is there now.
        for parked in home.shared.uploads.parked_at(&to.key()?) {
            let is_moved = moved_id == Some(parked.id());
            let is_own = displaced.as_ref().is_some_and(|own| own.id() == parked.id());
            if !is_moved && !is_own {
                parked.end_if_parked(UploadEnd::Superseded);
            }
        }
    }
    match displaced {
        Some(upload) if !is_same => upload.discard(UploadEnd::Removed),
        _ => Ok(()),
    }
}

/// An empty directory may be replaced by another one, but not under the feet of a live upload.
fn guard_replaced_dir<'h>(
    home: &'h HomeRoot,
    from: &Place,
    to: &Place,
) -> Result<Option<std::sync::MutexGuard<'h, ()>>, Fault> {
    let Some(stat) = to
        .found
        .as_ref()
        .filter(|_| to.file_type() == Some(FileType::Directory))
    else {
        return Ok(None);
    };
    let dir = DirId::of_stat(stat);
    let guard = home.shared.lock_dir(dir);
    if home.shared.uploads.any_in(dir) {
        refuse_into_itself(from, to)?;
        return Err(ErrorKind::NotEmpty.into());
    }
    Ok(Some(guard))
}

/// A directory does not go into itself; rename(2) says so before anything else.
fn refuse_into_itself(from: &Place, to: &Place) -> Result<(), Fault> {
    let is_directory = from.file_type() == Some(FileType::Directory);
    if is_directory && is_inside(from.open(OFlags::PATH)?.as_fd(), to.parent.as_fd())? {
        return Err(Errno::INVAL.into());
    }
    Ok(())
}

/// Whether the viewer sees anything at the place.
fn expect_something(home: &HomeRoot, place: &Place) -> Result<(), Fault> {
    if place.found.is_none() && home.own_upload(place)?.is_none() {
        return Err(Errno::NOENT.into());
    }
    Ok(())
}

fn rename_upload(
    home: &HomeRoot,
    upload: &Arc<Staged>,
    from: &Place,
    to: &Place,
    replace: bool,
) -> Result<(), Fault> {
    match to.file_type() {
        Some(FileType::Directory) => return Err(ErrorKind::IsADirectory.into()),
        Some(_) if !replace => return Err(ErrorKind::AlreadyExists.into()),
        Some(_) | None => {}
    }
    upload.move_to(to, || match from.found {
        Some(_) => rename_published(home, from, to, replace),
        // What is replaced is the link, not what it leads to.
        None if to.file_type() == Some(FileType::Symlink) => home.shared.change_dirs(&[&to.parent], || {
            Ok(unlinkat(&to.parent, to.name.as_slice(), AtFlags::empty())?)
        }),
        None => Ok(()),
    })
}

fn rename_published(home: &HomeRoot, from: &Place, to: &Place, replace: bool) -> Result<(), Fault> {
    // The new name first: at no moment may a power cut find the file under neither.
    home.shared.change_dirs(&[&to.parent, &from.parent], || {
        let (name, new_name) = (from.name.as_slice(), to.name.as_slice());
        if replace {
            return Ok(renameat(&from.parent, name, &to.parent, new_name)?);
        }
        let flags = RenameFlags::NOREPLACE;
        match renameat_with(&from.parent, name, &to.parent, new_name, flags) {
            Err(Errno::INVAL | Errno::NOSYS) => rename_without_noreplace(from, to),
            result => Ok(result?),
        }
    })
}

/// For file systems without `RENAME_NOREPLACE`: a second link refuses a taken name in one step. Directories cannot
/// have one; there the look must do.
fn rename_without_noreplace(from: &Place, to: &Place) -> Result<(), Fault> {
    let (name, new_name) = (from.name.as_slice(), to.name.as_slice());
    if from.file_type() == Some(FileType::Directory) {
        if to.found.is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        // Also the way of `rename("/a", "/a/b")`, which stays EINVAL.
        return Ok(renameat(&from.parent, name, &to.parent, new_name)?);
    }
    linkat(&from.parent, name, &to.parent, new_name, AtFlags::empty())?;
    Ok(unlinkat(&from.parent, name, AtFlags::empty())?)
}

pub(super) fn symlink(home: &HomeRoot, target: &[u8], link: &RemotePath) -> Result<(), Fault> {
    if target.is_empty() || target.contains(&0) || target.len() > limits::LINK_TARGET {
        return Err(ErrorKind::InvalidInput.into());
    }
    let place = home.find(link, false)?;
    refuse_taken(home, &place)?;
    home.shared.change_dirs(&[&place.parent], || {
        Ok(symlinkat(target, &place.parent, place.name.as_slice())?)
    })
}

pub(super) fn hard_link(home: &HomeRoot, existing: &RemotePath, link: &RemotePath) -> Result<(), Fault> {
    let from = home.find(existing, false)?;
    expect_something(home, &from)?;
    let to = home.find(link, false)?;

    if home.own_upload(&from)?.is_some() {
        // What the owner sees there has no name yet that could be linked, and the version behind it is not what is
        // meant.
        return Err(ErrorKind::Busy.into());
    }
    refuse_taken(home, &to)?;
    if from.file_type() == Some(FileType::Directory) {
        // As link(2) says, and in its order.
        return Err(Errno::PERM.into());
    }
    home.shared.change_dirs(&[&to.parent], || {
        // Without AT_SYMLINK_FOLLOW: a link gets a second name itself, what it points to is not touched.
        let (name, new_name) = (from.name.as_slice(), to.name.as_slice());
        Ok(linkat(
            &from.parent,
            name,
            &to.parent,
            new_name,
            AtFlags::empty(),
        )?)
    })
}

/// Names that stand for no entry of their parent (the root, `..` at the end of a link) cannot be moved or removed.
fn refuse_nameless(place: &Place) -> Result<(), Fault> {
    if place.is_nameless() {
        return Err(ErrorKind::PermissionDenied.into());
    }
    Ok(())
}

/// The name must be free, for the viewer too.
fn refuse_taken(home: &HomeRoot, place: &Place) -> Result<(), Fault> {
    if place.found.is_some() || home.own_upload(place)?.is_some() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    Ok(())
}
