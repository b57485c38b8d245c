//! The descriptors of an upload: held while a handle has it open. A parked one holds none, for there may be many, and is
//! found again by its names.

use std::ops::{Deref, DerefMut};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard};

use rustix::fs::{Mode, OFlags, openat};
use rustix::io::Errno;

use super::staged::{Staged, Target};
use crate::limits;
use crate::local::{DirId, Fault, NameKey, Place, Taken, lock, path_below};
use crate::path::RemotePath;

/// The file of an upload.
#[derive(Debug)]
pub(crate) struct StagedFile {
    /// Its name in staging.
    pub(super) name: String,
    held: Mutex<Option<Arc<Held>>>,
}

/// An open staged file.
#[derive(Debug)]
pub(crate) struct Held {
    file: OwnedFd,
    _taken: Option<Taken>,
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl StagedFile {
    pub(super) fn new(name: String, file: OwnedFd, taken: Taken) -> Self {
        let held = Held {
            file,
            _taken: Some(taken),
        };
        Self {
            name,
            held: Mutex::new(Some(Arc::new(held))),
        }
    }

    /// The file, opened for as long as the caller needs it if nobody holds it.
    fn open(&self, staging: &OwnedFd) -> Result<Arc<Held>, Fault> {
        if let Some(held) = self.held() {
            return Ok(held);
        }
        let file = self.find(staging)?;
        Ok(Arc::new(Held { file, _taken: None }))
    }

    /// The file, if it is held.
    pub(super) fn held(&self) -> Option<Arc<Held>> {
        lock(&self.held).clone()
    }

    fn find(&self, staging: &OwnedFd) -> Result<OwnedFd, Errno> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        openat(staging, self.name.as_str(), flags, Mode::empty())
    }
}

/// Where an upload is to be published: an open directory, or what leads there.
#[derive(Debug)]
pub(crate) enum Slot {
    Open(Target),
    Away(Away),
}

/// A target whose directory is not open.
#[derive(Debug)]
pub(crate) struct Away {
    key: NameKey,
    /// In the bucket. While a directory above is being renamed both names, the later one last.
    paths: Vec<RemotePath>,
    exclusive: bool,
}

impl Away {
    /// Names from before, the directory may yet be renamed to one of them.
    fn also(&mut self, mut before: Vec<RemotePath>) {
        before.retain(|path| !self.paths.contains(path));
        let surplus = before.len().saturating_sub(limits::NAMES_OF_PARKED);
        self.paths.extend(before.drain(surplus..));
    }
}

impl Slot {
    fn key(&self) -> Result<NameKey, Errno> {
        match self {
            Self::Open(target) => target.place.key(),
            Self::Away(away) => Ok(away.key.clone()),
        }
    }
}

/// The target, with its directory open; opened for this guard's life only if nobody holds it.
#[derive(Debug)]
pub(super) struct TargetGuard<'a> {
    staged: &'a Staged,
    slot: MutexGuard<'a, Slot>,
    for_now: Option<Target>,
}

impl Deref for TargetGuard<'_> {
    type Target = Target;

    fn deref(&self) -> &Target {
        match (&self.for_now, &*self.slot) {
            (Some(target), _) | (None, Slot::Open(target)) => target,
            (None, Slot::Away(_)) => unreachable!("what is away was opened for the guard"),
        }
    }
}

impl DerefMut for TargetGuard<'_> {
    fn deref_mut(&mut self) -> &mut Target {
        match (&mut self.for_now, &mut *self.slot) {
            (Some(target), _) | (None, Slot::Open(target)) => target,
            (None, Slot::Away(_)) => unreachable!("what is away was opened for the guard"),
        }
    }
}

impl Drop for TargetGuard<'_> {
    /// What was changed counts, and the directory may have moved.
    fn drop(&mut self) {
        if let Some(target) = self.for_now.take()
            && let Ok(mut away) = self.staged.away(&target)
        {
            if let Slot::Away(before) = &mut *self.slot
                && before.key == away.key
            {
                away.also(std::mem::take(&mut before.paths));
            }
            *self.slot = Slot::Away(away);
        }
    }
}

impl Staged {
    /// The staged file.
    pub(super) fn file(&self) -> Result<Arc<Held>, Fault> {
        self.file.open(&self.home.bucket.staging)
    }

    /// Where it is to be published.
    pub(super) fn target(&self) -> Result<TargetGuard<'_>, Fault> {
        let slot = lock(&self.target);
        let for_now = match &*slot {
            Slot::Open(_) => None,
            Slot::Away(away) => Some(self.find_target(away)?),
        };
        Ok(TargetGuard {
            staged: self,
            slot,
            for_now,
        })
    }

    /// What it is filed under.
    pub(crate) fn key(&self) -> Result<NameKey, Fault> {
        Ok(lock(&self.target).key()?)
    }

    /// Where it is to be published, as a path in the bucket.
    pub(super) fn path_in_bucket(&self) -> RemotePath {
        match self.target() {
            Ok(target) => self.home.path_in_bucket(&target.place, &self.path),
            // Its directory was moved behind our back.
            Err(_) => match &*lock(&self.target) {
                Slot::Away(Away { paths, .. }) => paths.last().unwrap_or(&self.path).clone(),
                Slot::Open(target) => self.home.path_in_bucket(&target.place, &self.path),
            },
        }
    }

    /// It is parked: gives the descriptors back.
    pub(super) fn put_away(&self) {
        let mut slot = lock(&self.target);
        let away = match &*slot {
            Slot::Open(target) => self.away(target),
            Slot::Away(_) => return,
        };
        match away {
            Ok(away) => {
                *slot = Slot::Away(away);
                drop(slot);
                drop(lock(&self.file.held).take());
            }
            // It goes on holding them.
            Err(errno) => {
                tracing::debug!(upload = %self.id, ?errno, "the directory of a parked upload stays open");
            }
        }
    }

    /// Opens again what [`Staged::put_away`] gave back, found at `place`. `false` when it is filed elsewhere by now.
    pub(super) fn take_up(&self, place: &Place) -> Result<bool, Fault> {
        let mut slot = lock(&self.target);
        let Slot::Away(away) = &*slot else {
            return Ok(true);
        };
        if away.key != place.key()? {
            return Ok(false);
        }
        let taken = self.home.shared.descriptors.take(limits::UPLOAD_DESCRIPTORS)?;
        let target = Target {
            place: place.try_clone()?,
            exclusive: away.exclusive,
        };
        let file = self.file.find(&self.home.bucket.staging)?;
        *lock(&self.file.held) = Some(Arc::new(Held {
            file,
            _taken: Some(taken),
        }));
        *slot = Slot::Open(target);
        Ok(true)
    }

    /// Its owner came across it at `place`: if its directory was moved behind our back, that is where it lies now.
    pub(crate) fn found_at(&self, place: &Place) {
        // Whoever has it locked has the directory open, or looks for it. Nobody waits here, least of all for a CLOSE.
        let Ok(mut slot) = self.target.try_lock() else {
            return;
        };
        if let Slot::Away(away) = &mut *slot
            && let Some(dir) = path_below(self.home.bucket.files.as_fd(), place.parent.as_fd())
            && let Ok(path) = RemotePath::parse(&[dir.as_slice(), b"/", &place.name].concat())
            && place.key().is_ok_and(|key| key == away.key)
        {
            away.paths = vec![path];
        }
    }

    /// It moves along with a directory, or is about to: `path` in the bucket may lead to it soon.
    pub(super) fn also_at(&self, path: RemotePath) {
        if let Slot::Away(away) = &mut *lock(&self.target) {
            away.paths.push(path);
        }
    }

    fn away(&self, target: &Target) -> Result<Away, Errno> {
        Ok(Away {
            key: target.place.key()?,
            paths: vec![self.home.path_in_bucket(&target.place, &self.path)],
            exclusive: target.exclusive,
        })
    }

    fn find_target(&self, away: &Away) -> Result<Target, Fault> {
        for path in away.paths.iter().rev() {
            let Some(parent) = path.parent() else { continue };
            let Ok(parent) = self.open_dir(&parent) else {
                continue;
            };
            if DirId::of(&parent)? == away.key.dir {
                return Ok(Target {
                    place: Place::at(parent, &away.key.name)?,
                    exclusive: away.exclusive,
                });
            }
        }
        Err(Errno::NOENT.into())
    }

    /// A directory in the bucket, through no link.
    fn open_dir(&self, path: &RemotePath) -> Result<OwnedFd, Errno> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut dir = openat(&self.home.bucket.files, ".", flags, Mode::empty())?;
        for part in path.components() {
            dir = openat(&dir, part, flags, Mode::empty())?;
        }
        Ok(dir)
    }
}
