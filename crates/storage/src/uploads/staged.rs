//! One staged upload: its file, its target, and what may be done with it.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType, OFlags, fstat, ftruncate, unlinkat};
use rustix::io::Errno;
use tokio::sync::watch;

use super::content::{Content, Source};
use super::flush::{Flush, Pressure};
use super::queue::WriteQueue;
use crate::digest::Follow;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{
    Fault, HomeRoot, Place, Times, apply_times_fd, is_type, lock, read_into, space_of, stat_of, version_of,
    write_all_at,
};
use crate::path::RemotePath;
use crate::types::{Digest, SetStat, SpaceInfo, Stat, Version};
use crate::upload_types::{Closed, UploadFacts, UploadId};

/// A staged upload, shared by the handles that have it open. All methods block.
///
/// Locks are taken in the order of the fields `handles`, `phase`, `target`, `content`, `follow`.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) id: UploadId,
    pub(super) began: SystemTime,
    pub(super) home: Arc<HomeRoot>,
    /// What the client opened; resolved again when the directory found at first has gone.
    pub(super) path: RemotePath,
    pub(super) file: OwnedFd,
    pub(super) staged_name: String,
    /// Permission bits if no file is replaced.
    pub(super) new_mode: u32,
    /// Handles that have it open; 0 when it is over.
    pub(super) handles: Mutex<usize>,
    /// Held for reading while data is written, so that nothing is written into a published file.
    pub(super) phase: RwLock<Phase>,
    pub(super) target: Mutex<Target>,
    pub(super) content: Mutex<Content>,
    /// Serialises appends, each of which goes to the end of the moment.
    pub(super) appending: Mutex<()>,
    pub(super) queue: WriteQueue,
    pub(super) flush: Flush,
    /// The digest of what has arrived.
    pub(super) follow: Mutex<Follow>,
    /// That of what was published, for those who wait for it.
    pub(super) digest: watch::Sender<Digest>,
}

/// Where an upload stands in its life.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    Open,
    Published(Box<Closed>),
    Gone,
}

/// Where an upload is to be published.
#[derive(Debug)]
pub(crate) struct Target {
    pub(super) place: Place,
    /// The name must still be free.
    pub(super) exclusive: bool,
}

impl Staged {
    /// Writes all of `data` at `offset`; says whether it is time to write back.
    pub(super) fn write_at(&self, offset: u64, data: &[u8]) -> Result<Pressure, Fault> {
        let _phase = self.open_phase()?;
        let result = write_all_at(self.file.as_fd(), offset, data);
        let end = offset.saturating_add(data.len() as u64);
        self.follow(offset, data, result.is_ok());
        let crowded = {
            let mut content = lock(&self.content);
            let done = match &result {
                Ok(()) => end,
                Err((fault, done)) => {
                    let done = offset.saturating_add(*done as u64);
                    content.failed(done, end, fault.kind());
                    done
                }
            };
            content.wrote(offset, done);
            content
                .base
                .as_ref()
                .is_some_and(|base| base.written.len() > limits::WRITTEN_RANGES)
        };
        result.map_err(|(fault, _)| fault)?;
        if crowded {
            let target = lock(&self.target);
            self.carry_over(&target.place)?;
        }
        if !self.home.shared.is_durable() {
            return Ok(Pressure::Low);
        }
        self.flush.check()?;
        Ok(self.flush.wrote(data.len() as u64))
    }

    /// Digests what was written.
    fn follow(&self, offset: u64, data: &[u8], written: bool) {
        let mut follow = lock(&self.follow);
        if written {
            follow.wrote(offset, data, self.file.as_fd());
        } else {
            follow.disturbed(offset, offset.saturating_add(data.len() as u64));
        }
    }

    /// Writes dirty data back; a failure shows at the next write, sync or publish.
    pub(super) fn write_back(&self) {
        self.flush.write_back(self.file.as_fd());
    }

    /// Writes all of `data` at the end.
    pub(crate) fn append(&self, data: &[u8]) -> Result<(), Fault> {
        let _turn = lock(&self.appending);
        let end = self.stat()?.size;
        if self.write_at(end, data)? != Pressure::Low {
            self.write_back();
        }
        Ok(())
    }

    /// Appends to `buf` up to `len` bytes from `offset` of what would be published now.
    pub(crate) fn read_at(&self, offset: u64, len: usize, buf: &mut Vec<u8>) -> Result<(), Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::Gone) {
            return Err(ErrorKind::UploadGone.into());
        }
        if lock(&self.content).base.is_none() {
            return read_into(self.file.as_fd(), offset, len, buf);
        }
        let base = open_base(&lock(&self.target).place)?;
        let base_len = base.as_ref().map_or(Ok(0), size_of)?;
        let to = offset.saturating_add(len as u64);
        let pieces = match &lock(&self.content).base {
            Some(overlay) => overlay.pieces(offset, to, base_len),
            None => vec![(offset, to, Source::Staged)],
        };
        for (from, to, source) in pieces {
            let start = buf.len();
            let want = usize::try_from(to - from).unwrap_or(usize::MAX);
            match (source, &base) {
                (Source::Staged, _) => read_into(self.file.as_fd(), from, want, buf)?,
                (Source::Base, Some(base)) => read_into(base.as_fd(), from, want, buf)?,
                (Source::Base, None) | (Source::Zeros, _) => {}
            }
            if source != Source::Staged {
                buf.resize(start + want, 0);
            }
        }
        Ok(())
    }

    /// Attributes as they would be published now.
    pub(crate) fn stat(&self) -> Result<Stat, Fault> {
        let mut place_mode = None;
        let mut size = None;
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if matches!(*phase, Phase::Open) {
            let mut target = lock(&self.target);
            target.place.refresh()?;
            place_mode = target.place.found.as_ref().map(|stat| stat.st_mode & 0o777);
            let base_len = target
                .place
                .found
                .as_ref()
                .filter(|stat| is_type(stat, FileType::RegularFile));
            let base_len = base_len.map_or(0, |stat| stat_of(stat).size);
            let content = lock(&self.content);
            size = content.base.as_ref().map(|overlay| overlay.len(base_len));
            place_mode = content.mode.or(place_mode).or(Some(self.new_mode));
        }
        let mut stat = stat_of(&fstat(&self.file)?);
        stat.size = size.unwrap_or(stat.size);
        stat.mode = place_mode.unwrap_or(stat.mode);
        Ok(stat)
    }

    /// Changes what will be published.
    pub(crate) fn set_stat(&self, changes: &SetStat) -> Result<(), Fault> {
        let _phase = self.open_phase()?;
        if let Some(size) = changes.size {
            if i64::try_from(size).is_err() {
                return Err(ErrorKind::TooLarge.into());
            }
            let mut content = lock(&self.content);
            ftruncate(&self.file, size)?;
            content.resized(size);
            lock(&self.follow).resized(size);
            content.times = None;
        }
        let mut content = lock(&self.content);
        if let Some(mode) = changes.mode {
            content.mode = Some(mode & 0o777);
        }
        if let Some(times) = changes.times {
            self.apply_times(times)?;
            content.times = Some(times);
        }
        Ok(())
    }

    /// What happened to it so far.
    pub(super) fn facts(&self) -> UploadFacts {
        lock(&self.content).facts.clone()
    }

    /// A client announced the size.
    pub(super) fn declare(&self, size: u64) {
        lock(&self.content).facts.declared = Some(size);
    }

    /// Makes the data durable without publishing it.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.flush.sync(self.file.as_fd())
    }

    /// Space of the file system.
    pub(crate) fn space(&self) -> Result<SpaceInfo, Fault> {
        space_of(self.file.as_fd())
    }

    /// Version of the staged file.
    pub(crate) fn version(&self) -> Result<Version, Fault> {
        Ok(version_of(&fstat(&self.file)?))
    }

    /// One more handle; `false` when the upload is over.
    pub(super) fn join(&self) -> bool {
        let mut handles = lock(&self.handles);
        let open = *handles > 0 && self.open_phase().is_ok();
        if open {
            *handles += 1;
            lock(&self.content).facts.joined += 1;
        }
        open
    }

    /// CLOSE of one handle: the last one publishes, the others make their data durable.
    pub(super) fn close_handle(&self, note: &[u8]) -> Result<Closed, Fault> {
        let mut handles = lock(&self.handles);
        if *handles > 1 {
            drop(self.open_phase()?);
            if self.home.shared.is_durable() {
                self.sync()?;
            }
            *handles -= 1;
            return Ok(Closed {
                version: self.version()?,
                published: None,
            });
        }
        let closed = self.publish(note)?;
        *handles = 0;
        Ok(closed)
    }

    /// A handle died without CLOSE: the last one takes the upload along.
    pub(super) fn abandon_handle(&self) -> Result<(), Fault> {
        let mut handles = lock(&self.handles);
        *handles = handles.saturating_sub(1);
        lock(&self.content).facts.dropped += 1;
        if *handles == 0 { self.discard() } else { Ok(()) }
    }

    /// Throws the upload away. Quiet when it is over already.
    pub(crate) fn discard(&self) -> Result<(), Fault> {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open) {
            return Ok(());
        }
        *phase = Phase::Gone;
        self.home.shared.uploads.close(self.id);
        // Handles may stay open for long; the space is wanted back now.
        ftruncate(&self.file, 0)?;
        match unlinkat(
            &self.home.bucket.staging,
            self.staged_name.as_str(),
            AtFlags::empty(),
        ) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Moves the target to `to`, together with `change` (the rename of the published file, if there is one).
    pub(crate) fn move_to(
        &self,
        to: &Place,
        change: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open) {
            // It ended since it was found: look again.
            return Err(ErrorKind::Busy.into());
        }
        let mut target = lock(&self.target);
        let key = to.key()?;
        let _dir = self.home.shared.lock_dir(key.dir);
        let place = to.try_clone()?;
        if fstat(&place.parent)?.st_nlink == 0 {
            return Err(Errno::NOENT.into());
        }
        change()?;
        self.home.shared.uploads.move_to(self.id, key);
        lock(&self.content).facts.renamed = true;
        *target = Target {
            place,
            exclusive: false,
        };
        Ok(())
    }

    pub(super) fn apply_times(&self, times: Times) -> Result<(), Fault> {
        apply_times_fd(self.file.as_fd(), times)
    }

    fn open_phase(&self) -> Result<RwLockReadGuard<'_, Phase>, Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        match *phase {
            Phase::Open => Ok(phase),
            Phase::Published(_) | Phase::Gone => Err(ErrorKind::UploadGone.into()),
        }
    }
}

/// The published file at `place`, if there is one.
pub(super) fn open_base(place: &Place) -> Result<Option<OwnedFd>, Fault> {
    let file = match place.open(OFlags::RDONLY) {
        Ok(file) => file,
        // Free, or a link: what is behind it is not what this upload began on.
        Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let regular = is_type(&fstat(&file)?, FileType::RegularFile);
    Ok(regular.then_some(file))
}

/// Size of an open file.
pub(super) fn size_of(file: &OwnedFd) -> Result<u64, Fault> {
    Ok(stat_of(&fstat(file)?).size)
}
