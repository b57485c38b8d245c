//! One staged upload: its file, its target, and what may be done with it.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use rustix::fs::{AtFlags, FileType, OFlags, fstat, ftruncate, unlinkat};
use rustix::io::Errno;
use tokio::sync::watch;

use super::content::{ClosedBefore, Content, Source};
use super::flush::{Flush, Pressure};
use super::held::{Slot, StagedFile};
use super::queue::WriteQueue;
use crate::digest::Follow;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{
    Fault, HomeRoot, Place, Times, apply_times_fd, is_type, lock, read_into, space_of, stat_of, version_of,
    write_all_at, write_zeros,
};
use crate::path::RemotePath;
use crate::types::{Digest, SetStat, SpaceInfo, Stat, Version};
use crate::upload_types::{Closed, EndedUpload, UploadEnd, UploadFacts, UploadId};

/// A staged upload, shared by the handles that have it open. All methods block.
///
/// Locks are taken in the order of the fields `handles`, `phase`, `telling`, `target`, `content`, `follow`.
#[derive(Debug)]
pub(crate) struct Staged {
    pub(super) id: UploadId,
    pub(super) began: SystemTime,
    pub(super) home: Arc<HomeRoot>,
    /// What the client opened; resolved again when the directory found at first has gone.
    pub(super) path: RemotePath,
    pub(super) file: StagedFile,
    /// Permission bits if no file is replaced.
    pub(super) new_mode: u32,
    /// Handles that have it open; 0 when it is parked or over.
    pub(super) handles: Mutex<usize>,
    /// Counts what handles do, to tell what came before what.
    pub(super) turns: AtomicU64,
    /// Held for reading while data is written, so that nothing is written into a published file.
    pub(super) phase: RwLock<Phase>,
    /// Held while the journal is told what is kept, and while what it was told about changes.
    pub(super) telling: Mutex<()>,
    pub(super) target: Mutex<Slot>,
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
    /// No handle has it open; its owner may take it up again.
    Parked,
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
        let phase = self.open_phase()?;
        self.before_write(offset)?;
        let file = self.file()?;
        let result = write_all_at(file.as_fd(), offset, data);
        let end = offset.saturating_add(data.len() as u64);
        self.follow(file.as_fd(), offset, data, result.is_ok());
        let (crowded, grown) = {
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
            let crowded = content.is_crowded();
            let grown = content.told.is_none() && content.front() >= limits::KEPT_FROM;
            (crowded, grown)
        };
        result.map_err(|(fault, _)| fault)?;
        if crowded {
            drop(phase);
            self.carry_over_early()?;
        }
        if grown {
            self.tell_in_order()?;
        }
        if !self.home.shared.is_durable() {
            return Ok(Pressure::Low);
        }
        self.flush.check()?;
        Ok(self.flush.wrote(data.len() as u64))
    }

    /// Writes zeros to `[offset, offset + len)`.
    pub(super) fn zeros_at(&self, offset: u64, len: u64) -> Result<(), Fault> {
        let phase = self.open_phase()?;
        self.before_write(offset)?;
        let file = self.file()?;
        let end = offset.saturating_add(len);
        let result = write_zeros(file.as_fd(), offset, end);
        let zeros = vec![0; limits::DIGEST_CHUNK];
        let mut at = offset;
        while at < end {
            let len = zeros.len().min(usize::try_from(end - at).unwrap_or(usize::MAX));
            self.follow(file.as_fd(), at, &zeros[..len], result.is_ok());
            at += len as u64;
        }
        let crowded = {
            let mut content = lock(&self.content);
            if let Err(fault) = &result {
                content.failed(offset, end, fault.kind());
                return result;
            }
            content.wrote(offset, end);
            content.is_crowded()
        };
        if crowded {
            drop(phase);
            self.carry_over_early()?;
        }
        Ok(())
    }

    /// Carries over before the end, because there are too many ranges to tell what was written.
    fn carry_over_early(&self) -> Result<(), Fault> {
        let phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open) {
            return Ok(()); // whoever ended it has seen to that
        }
        let target = self.target()?;
        self.carry_over(&target.place)
    }

    /// Digests what was written.
    fn follow(&self, file: BorrowedFd<'_>, offset: u64, data: &[u8], written: bool) {
        let mut follow = lock(&self.follow);
        if written {
            follow.wrote(offset, data, file);
        } else {
            follow.disturbed(offset, offset.saturating_add(data.len() as u64));
        }
    }

    /// The journal must not say that data comes in order any more once a gap is left.
    fn before_write(&self, offset: u64) -> Result<(), Fault> {
        let leaves_gap = {
            let content = lock(&self.content);
            content.told.as_ref().is_some_and(|told| told.in_order) && offset > content.front()
        };
        if leaves_gap { self.tell_disorder() } else { Ok(()) }
    }

    /// Writes all of `data` at the end.
    pub(crate) fn append(&self, data: &[u8]) -> Result<(), Fault> {
        let _turn = lock(&self.appending);
        let end = self.stat()?.size;
        lock(&self.content).facts.appended = true;
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
        let file = self.file()?;
        if lock(&self.content).base.is_none() {
            return read_into(file.as_fd(), offset, len, buf);
        }
        let base = open_base(&self.target()?.place)?;
        let base_len = base.as_ref().map_or(Ok(0), size_of)?;
        let to = offset.saturating_add(len as u64);
        let pieces = {
            let content = lock(&self.content);
            match &content.base {
                Some(overlay) => overlay.pieces(&content.written, offset, to, base_len),
                None => vec![(offset, to, Source::Staged)],
            }
        };
        for (from, to, source) in pieces {
            let start = buf.len();
            let want = usize::try_from(to - from).unwrap_or(usize::MAX);
            match (source, &base) {
                (Source::Staged, _) => read_into(file.as_fd(), from, want, buf)?,
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
        if matches!(*phase, Phase::Open | Phase::Parked) {
            // That of a parked one may have been moved away behind our back.
            let found = match self.target() {
                Ok(mut target) => {
                    target.place.refresh()?;
                    target.place.found
                }
                Err(_) => None,
            };
            place_mode = found.map(|stat| stat.st_mode & 0o777);
            let base_len = found.filter(|stat| is_type(stat, FileType::RegularFile));
            let base_len = base_len.map_or(0, |stat| stat_of(&stat).size);
            let content = lock(&self.content);
            size = content
                .base
                .as_ref()
                .map(|overlay| overlay.len(&content.written, base_len));
            place_mode = content.mode.or(place_mode).or(Some(self.new_mode));
        }
        let mut stat = stat_of(&fstat(self.file()?)?);
        stat.size = size.unwrap_or(stat.size);
        stat.mode = place_mode.unwrap_or(stat.mode);
        Ok(stat)
    }

    /// Changes what will be published.
    pub(crate) fn set_stat(&self, changes: &SetStat) -> Result<(), Fault> {
        if let Some(size) = changes.size {
            self.resize(size)?;
        }
        let _phase = self.live_phase()?;
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

    /// Cuts or stretches it. No write runs beside: one that is noted only afterwards would claim bytes, and digest some,
    /// that were cut off.
    fn resize(&self, size: u64) -> Result<(), Fault> {
        if i64::try_from(size).is_err() {
            return Err(ErrorKind::TooLarge.into());
        }
        let phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open | Phase::Parked) {
            return Err(ErrorKind::UploadGone.into());
        }
        let _telling = lock(&self.telling);
        self.tell_size(size)?;
        let mut content = lock(&self.content);
        ftruncate(self.file()?, size)?;
        content.resized(size);
        lock(&self.follow).resized(size);
        content.times = None;
        Ok(())
    }

    /// What happened to it so far.
    pub(super) fn facts(&self) -> UploadFacts {
        lock(&self.content).facts.clone()
    }

    /// A client announced the size.
    pub(crate) fn declare(&self, size: u64) {
        lock(&self.content).facts.declared = Some(size);
    }

    /// Makes the data durable without publishing it.
    pub(crate) fn sync(&self) -> Result<(), Fault> {
        self.sync_for_good(true)
    }

    /// Space of the file system.
    pub(crate) fn space(&self) -> Result<SpaceInfo, Fault> {
        space_of(self.file()?.as_fd())
    }

    /// Version of the staged file.
    pub(crate) fn version(&self) -> Result<Version, Fault> {
        Ok(version_of(&fstat(self.file()?)?))
    }

    /// CLOSE of one handle, opened at the turn `opened`: the last one publishes, the others make their data durable.
    pub(super) fn close_handle(&self, opened: u64, note: &[u8]) -> Result<Closed, Fault> {
        let mut handles = lock(&self.handles);
        if *handles > 1 {
            drop(self.open_phase()?);
            self.sync_for_good(self.home.shared.is_durable() || self.is_acknowledged())?;
            *handles -= 1;
            let closed = &mut lock(&self.content).closed;
            if closed.as_ref().is_none_or(|other| other.opened < opened) {
                let note = note.to_vec();
                *closed = Some(ClosedBefore { opened, note });
            }
            return Ok(Closed {
                version: self.version()?,
                published: None,
            });
        }
        let closed = self.publish(note)?;
        *handles = 0;
        drop(handles);
        self.supersede();
        Ok(closed)
    }

    /// Throws the upload away. Quiet when it is over already.
    pub(crate) fn discard(&self, end: UploadEnd) -> Result<(), Fault> {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open | Phase::Parked) {
            return Ok(());
        }
        *phase = Phase::Gone;
        self.end_in_journal();
        self.home.shared.uploads.end(self.ended(end));
        // Handles may stay open for long; the space is wanted back now.
        if let Some(file) = self.file.held() {
            ftruncate(&*file, 0)?;
        }
        match unlinkat(
            &self.home.bucket.staging,
            self.file.name.as_str(),
            AtFlags::empty(),
        ) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// The journal forgets it, before its file goes: a file that has gone counts as published where it was about to be.
    fn end_in_journal(&self) {
        let _telling = lock(&self.telling);
        lock(&self.content).over = true;
        let journal = &self.home.bucket.journal;
        let forgotten = journal.forget(self.id).and_then(|known| {
            if known && self.home.shared.is_durable() {
                journal.flush()?;
            }
            Ok(())
        });
        if let Err(fault) = forgotten {
            tracing::warn!(upload = %self.id, ?fault, "the journal still knows an upload that is over");
        }
    }

    /// How it ended, for those who ask later.
    pub(super) fn ended(&self, end: UploadEnd) -> EndedUpload {
        EndedUpload {
            id: self.id,
            owner: self.home.viewer.owner,
            bucket: self.home.bucket.name.clone(),
            path: self.path_in_bucket(),
            end,
            at: SystemTime::now(),
            facts: self.facts(),
        }
    }

    /// Moves the target to `to`, together with `change` (the rename of the published file, if there is one).
    pub(crate) fn move_to(
        &self,
        to: &Place,
        change: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        if !matches!(*phase, Phase::Open | Phase::Parked) {
            // It ended since it was found: look again.
            return Err(ErrorKind::Busy.into());
        }
        let _telling = lock(&self.telling);
        let mut target = self.target()?;
        let key = to.key()?;
        let _dir = self.home.shared.lock_dir(key.dir);
        let place = to.try_clone()?;
        if fstat(&place.parent)?.st_nlink == 0 {
            return Err(Errno::NOENT.into());
        }
        // What stands under the new name is replaced as by rename(2): its mode does not go over to this file.
        let own_mode = self.mode_to_publish(&mut target)?;
        change()?;
        lock(&self.content).mode = Some(own_mode);
        self.home.shared.uploads.move_to(self.id, key);
        *target = Target {
            place,
            exclusive: false,
        };
        lock(&self.content).facts.renamed = true;
        self.tell_name(&target, None)?;
        if self.home.shared.is_durable() && self.home.bucket.journal.knows(self.id) {
            self.home.bucket.journal.flush()?;
        }
        Ok(())
    }

    /// Permission bits that it would be published with now.
    fn mode_to_publish(&self, target: &mut Target) -> Result<u32, Fault> {
        target.place.refresh()?;
        let replaced = target.place.found.as_ref().map(|stat| stat.st_mode & 0o777);
        Ok(lock(&self.content).mode.or(replaced).unwrap_or(self.new_mode))
    }

    pub(super) fn apply_times(&self, times: Times) -> Result<(), Fault> {
        apply_times_fd(self.file()?.as_fd(), times)
    }

    fn open_phase(&self) -> Result<RwLockReadGuard<'_, Phase>, Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        match *phase {
            Phase::Open => Ok(phase),
            Phase::Parked | Phase::Published(_) | Phase::Gone => Err(ErrorKind::UploadGone.into()),
        }
    }

    /// Open or parked.
    fn live_phase(&self) -> Result<RwLockReadGuard<'_, Phase>, Fault> {
        let phase = self.phase.read().unwrap_or_else(PoisonError::into_inner);
        match *phase {
            Phase::Open | Phase::Parked => Ok(phase),
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
pub(super) fn size_of(file: impl AsFd) -> Result<u64, Fault> {
    Ok(stat_of(&fstat(file)?).size)
}
