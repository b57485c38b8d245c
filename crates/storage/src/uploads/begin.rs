//! Beginning an upload, or joining one.

use std::os::fd::OwnedFd;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::SystemTime;

use rustix::fs::{Access, AtFlags, OFlags, accessat, fstat};
use rustix::io::Errno;
use tokio::sync::watch;

use super::bounds::refuse_crowded;
use super::content::Content;
use super::flush::Flush;
use super::handle::Handle;
use super::held::{Slot, StagedFile};
use super::journal::Kept;
use super::publish::check_target;
use super::queue::WriteQueue;
use super::ranges::Ranges;
use super::registry::Record;
use super::staged::{Phase, Staged, Target};
use super::staging;
use crate::digest::Follow;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{Fault, HomeRoot, Place, Taken, refuse_unwritable, settle};
use crate::path::RemotePath;
use crate::types::{Digest, Precondition, UploadBase, UploadOptions};
use crate::upload_types::UploadEnd;

/// Begins an upload of `path`, or joins the viewer's own when `options` ask for neither an empty file nor a
/// free name.
pub(crate) fn begin(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
    options: &UploadOptions,
) -> Result<Handle, Fault> {
    settle(|| {
        let exclusive = options.precondition == Precondition::Absent;
        // O_EXCL does not follow a link at the end: a link, even a dangling one, is a taken name (open(2)).
        let place = home.find(path, !exclusive)?;
        if !exclusive
            && options.base == UploadBase::Published
            && let Some(handle) = join(home, &place, options.readable, false)?
        {
            return Ok(handle);
        }
        begin_new(home, path, place, options)
    })
}

/// As [`begin`], without waiting for anybody, where files lie in memory. `None`: an upload that is there already would
/// have to be joined or ended.
pub(crate) fn begin_at_once(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
    options: &UploadOptions,
) -> Result<Option<Handle>, Fault> {
    if !home.shared.uploads.none_parked() {
        return Ok(None);
    }
    settle(|| {
        let place = home.find(path, options.precondition != Precondition::Absent)?;
        if home.own_upload(&place)?.is_some() {
            return Ok(None);
        }
        begin_new(home, path, place, options).map(Some)
    })
}

fn begin_new(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
    place: Place,
    options: &UploadOptions,
) -> Result<Handle, Fault> {
    check_precondition(home, &place, options.precondition)?;
    check_target(&place, home.bucket.staging_id)?;
    check_rights(&place, options)?;
    start(home, path, place, options)
}

/// One more handle of the viewer's own upload at `place`.
pub(crate) fn join(
    home: &HomeRoot,
    place: &Place,
    readable: bool,
    edits: bool,
) -> Result<Option<Handle>, Fault> {
    match home.own_upload(place)? {
        None => Ok(None),
        Some(staged) if staged.join(place, edits)? => Ok(Some(Handle::new(staged, readable))),
        // It ended since it was found: look again.
        Some(_) => Err(ErrorKind::Busy.into()),
    }
}

/// Takes up the upload of `path` that its owner left parked, whichever session that was in.
pub(crate) fn resume(home: &HomeRoot, path: &RemotePath) -> Result<Option<Handle>, Fault> {
    settle(|| {
        let place = home.find(path, true)?;
        if place.is_nameless() {
            return Ok(None);
        }
        let mut parked = home.shared.uploads.parked_at(&place.key()?);
        parked.retain(|staged| staged.owner() == home.viewer.owner);
        let Some(staged) = parked.into_iter().max_by_key(|staged| (staged.began, staged.id)) else {
            return Ok(None);
        };
        if !staged.join(&place, false)? {
            // Ended since it was found: look again.
            return Err(ErrorKind::Busy.into());
        }
        home.shared.uploads.show_to(staged.id, home.viewer);
        Ok(Some(Handle::new(staged, true)))
    })
}

fn check_precondition(home: &HomeRoot, place: &Place, precondition: Precondition) -> Result<(), Fault> {
    let taken = place.found.is_some();
    match precondition {
        Precondition::None => Ok(()),
        Precondition::Absent if taken => Err(ErrorKind::AlreadyExists.into()),
        Precondition::Absent => Ok(()),
        Precondition::Present if taken || home.own_upload(place)?.is_some() => Ok(()),
        Precondition::Present => Err(Errno::NOENT.into()),
    }
}

/// What POSIX asks when a file is opened for writing or made; publishing by rename alone would ask less of the
/// file, and would ask it of the directory only at the end of the transfer.
fn check_rights(place: &Place, options: &UploadOptions) -> Result<(), Fault> {
    refuse_unwritable(place)?;
    let parent = Access::WRITE_OK | Access::EXEC_OK;
    accessat(&place.parent, ".", parent, AtFlags::EACCESS)?;
    if place.found.is_some() {
        check_access(place, Access::WRITE_OK, OFlags::WRONLY)?;
        // What is kept of it has to be read at the end of the transfer: better to say so now.
        if options.readable || options.base == UploadBase::Published {
            check_access(place, Access::READ_OK, OFlags::RDONLY)?;
        }
    }
    Ok(())
}

/// A link that took the name since the look must not be followed: it would lead out of the home.
fn check_access(place: &Place, access: Access, to_open: OFlags) -> Result<(), Fault> {
    let flags = AtFlags::EACCESS | AtFlags::SYMLINK_NOFOLLOW;
    match accessat(&place.parent, place.name.as_slice(), access, flags) {
        // Linux before 5.8 has no such flags.
        Err(Errno::NOSYS | Errno::INVAL) => match place.open(to_open) {
            Ok(_) => Ok(()),
            Err(Errno::LOOP) => Err(ErrorKind::Busy.into()),
            Err(errno) => Err(errno.into()),
        },
        result => Ok(result?),
    }
}

fn start(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
    place: Place,
    options: &UploadOptions,
) -> Result<Handle, Fault> {
    let exclusive = options.precondition == Precondition::Absent;
    let joins = !exclusive && options.base == UploadBase::Published;
    // What is published later by somebody else is no part of an upload that began on a free name.
    let on_free_name = place.found.is_none();
    let over_published = options.base == UploadBase::Published && !on_free_name;
    let key = place.key()?;
    if home.bucket.is_beside() {
        // What lies parked there is known from here on.
        home.own_upload(&place)?;
    }
    let restarts = options.base == UploadBase::Empty && !exclusive;
    let mut parked = if restarts {
        home.shared.uploads.parked_at(&key)
    } else {
        Vec::new()
    };
    parked.retain(|old| old.owner() == home.viewer.owner);
    refuse_crowded(home, &parked)?;
    let parent = place.try_clone()?;
    let taken = home.shared.descriptors.take(limits::UPLOAD_DESCRIPTORS)?;
    let (file, id) = staging::create(&home.bucket.staging, home.bucket.staged_prefix)?;
    let mode = options.mode.unwrap_or(0o644) & 0o777 & !home.shared.options.umask;
    let staged = Arc::new(Staged {
        id,
        began: SystemTime::now(),
        home: Arc::clone(home),
        path: path.clone(),
        file: StagedFile::new(staging::name(home.bucket.staged_prefix, id), file, taken),
        new_mode: mode,
        handles: Mutex::new(1),
        turns: AtomicU64::new(0),
        phase: RwLock::new(Phase::Open),
        telling: Mutex::default(),
        target: Mutex::new(Slot::Open(Target { place, exclusive })),
        content: Mutex::new(Content::new(over_published)),
        appending: Mutex::default(),
        queue: WriteQueue::default(),
        flush: Flush::default(),
        follow: Mutex::new(Follow::new(home.shared.options.digest)),
        digest: watch::Sender::new(Digest::Pending),
    });
    let record = Record {
        id: staged.id,
        key,
        viewer: home.viewer,
        exclusive,
        joins,
    };
    if let Err(fault) = register(home, record, &staged, parent) {
        staged.discard(UploadEnd::Discarded)?;
        return Err(fault);
    }
    // What the owner left parked here is not wanted any more.
    for old in parked {
        old.end_if_parked(UploadEnd::Restarted);
    }
    Ok(Handle::begun(staged, options.readable, on_free_name))
}

/// Files the upload, unless its directory goes away or its name is taken at this very moment.
fn register(home: &HomeRoot, record: Record, staged: &Arc<Staged>, mut place: Place) -> Result<(), Fault> {
    let exclusive = record.exclusive;
    let _dir = home.shared.lock_dir(record.key.dir);
    if fstat(&place.parent)?.st_nlink == 0 {
        return Err(Errno::NOENT.into());
    }
    if !home.shared.uploads.open(record, staged) {
        return Err(if exclusive {
            ErrorKind::AlreadyExists.into()
        } else {
            // One to join began since the look: look again.
            ErrorKind::Busy.into()
        });
    }
    place.refresh()?;
    if exclusive && place.found.is_some() {
        return Err(ErrorKind::AlreadyExists.into());
    }
    Ok(())
}

impl Staged {
    /// An upload that a restart found, parked.
    pub(super) fn restored(
        kept: &Kept,
        home: Arc<HomeRoot>,
        path: RemotePath,
        file: OwnedFd,
        taken: Taken,
        target: Target,
        written: Ranges,
    ) -> Self {
        let digest = home.shared.options.digest;
        Self {
            id: kept.id,
            began: kept.began,
            path,
            file: StagedFile::new(staging::name(home.bucket.staged_prefix, kept.id), file, taken),
            new_mode: kept.new_mode,
            handles: Mutex::new(0),
            turns: AtomicU64::new(0),
            phase: RwLock::new(Phase::Parked),
            telling: Mutex::default(),
            target: Mutex::new(Slot::Open(target)),
            follow: Mutex::new(Follow::resumed(digest, written.front())),
            content: Mutex::new(Content::restored(kept, written)),
            appending: Mutex::default(),
            queue: WriteQueue::default(),
            flush: Flush::default(),
            digest: watch::Sender::new(Digest::Pending),
            home,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::local::walk_to;

    #[test]
    fn a_link_that_took_the_name_is_not_asked_about_its_target() {
        let dir = tempfile::tempdir().unwrap();
        let name = dir.path().join("f");
        std::fs::write(&name, b"").unwrap();
        let root = std::fs::File::open(dir.path()).unwrap();
        let place = walk_to(root.as_fd(), b"/f").unwrap();
        std::fs::remove_file(&name).unwrap();
        symlink("/nowhere/on/this/machine", &name).unwrap();
        let options = UploadOptions {
            precondition: Precondition::None,
            base: UploadBase::Published,
            mode: None,
            readable: false,
        };
        check_rights(&place, &options).unwrap();
    }
}
