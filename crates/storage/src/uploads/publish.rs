//! Publishing: the staged file gets its final name in one step.

use std::os::fd::AsFd;
use std::sync::PoisonError;
use std::time::SystemTime;

use rustix::fs::{
    AtFlags, FileType, Gid, Mode, RenameFlags, Uid, fchmod, fchown, fstat, ftruncate, linkat, renameat,
    renameat_with, unlinkat,
};
use rustix::io::Errno;

use super::content::Source;
use super::journal::{Entry, Intent};
use super::repair::mark;
use super::staged::{Phase, Staged, Target, open_base, size_of};
use super::tell::boot_id;
use crate::digest::{self, Outcome, Rest};
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{DirId, Fault, Place, copy_range, is_inside, lock, stat_of, version_of};
use crate::types::Digest;
use crate::upload_types::{Closed, EndedUpload, Published, UploadEnd};

impl Staged {
    /// Puts the upload under its final name: attributes, data sync, rename, directory sync, in this order. Fails
    /// without a trace in what is published, unless only the last step failed. May be tried again.
    pub(super) fn publish(&self, note: &[u8]) -> Result<Closed, Fault> {
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        match &*phase {
            Phase::Open => {}
            Phase::Published(closed) => return Ok((**closed).clone()),
            Phase::Parked | Phase::Gone => return Err(ErrorKind::UploadGone.into()),
        }
        self.flush.check()?;
        if let Some(kind) = lock(&self.content).broken() {
            return Err(kind.into());
        }
        let _telling = lock(&self.telling);
        let mut target = self.target()?;
        self.settle_target(&mut target)?;
        self.carry_over(&target.place)?;
        self.finish_attributes(&target.place)?;
        let rest = self.keep_digest()?;
        let published = self.published(&target.place, note)?;
        let shared = &self.home.shared;
        self.announce(&published)?;
        // Others who are on the same way wait for this one, and share their flushes with it.
        let coming = shared.expect_change(target.place.dir()?);
        if shared.is_durable() {
            let journal = &self.home.bucket.journal;
            let to_journal = self.home.keeps_records().then(|| journal.expect_flush());
            self.flush.sync(self.file()?.as_fd())?;
            if let Some(to_journal) = to_journal {
                journal.flush_expected(to_journal)?;
            }
        }
        let mut renamed = false;
        let result = shared.change_expected(coming, &target.place.parent, || {
            self.rename_to(&target)?;
            renamed = true;
            Ok(())
        });
        if renamed {
            // Also when the directory could not be synced: the name is there, only its durability is unknown.
            let ended = self.ended_as(&published);
            let closed = self.closed(published);
            // Whatever happens now, what has a name is never discarded.
            *phase = closed
                .clone()
                .map_or(Phase::Gone, |closed| Phase::Published(Box::new(closed)));
            shared.uploads.end(ended);
            self.no_longer_kept();
            self.finish_digest(rest);
            result?;
            self.tell_named();
            return closed;
        }
        if self.home.keeps_records()
            && let Err(fault) = self.home.bucket.journal.append(Entry::Void(self.id))
        {
            // The staged file says the same as long as it is there.
            tracing::debug!(upload = %self.id, ?fault, "the journal still announces an upload");
        }
        result?;
        Err(ErrorKind::Internal.into())
    }

    /// Says in the journal what is about to be published, for those who keep records.
    fn announce(&self, published: &Published) -> Result<(), Fault> {
        if !self.home.keeps_records() {
            return Ok(());
        }
        let file = self.file()?;
        mark(file.as_fd(), self.id);
        self.home.bucket.journal.append(Entry::Intent(Box::new(Intent {
            published: published.clone(),
            file: DirId::of(&*file)?,
            boot: boot_id(),
            named: false,
        })))
    }

    /// The directory was synced: what becomes of the name from here on says nothing of the upload any more. Not flushed:
    /// the next flush takes it along, and until then the record in the catalog says the same.
    fn tell_named(&self) {
        let tells = self.home.keeps_records() && self.home.shared.is_durable();
        if tells && let Err(fault) = self.home.bucket.journal.append(Entry::Named(self.id)) {
            tracing::debug!(upload = %self.id, ?fault, "the journal does not know that an upload has its name");
        }
    }

    /// It is published: as an unfinished upload the journal need not know it any more.
    fn no_longer_kept(&self) {
        lock(&self.content).over = true;
        if !self.home.keeps_records()
            && let Err(fault) = self.home.bucket.journal.forget(self.id)
        {
            // A restart finds no staged file for it.
            tracing::debug!(upload = %self.id, ?fault, "the journal still keeps a published upload");
        }
    }

    /// Parked uploads of the name are older than what was published there, whoever they belong to.
    pub(super) fn supersede(&self) {
        if self.home.shared.uploads.none_parked() {
            return;
        }
        let Ok(key) = self.key() else { return };
        for parked in self.home.shared.uploads.parked_at(&key) {
            parked.end_if_parked(UploadEnd::Superseded);
        }
    }

    fn ended_as(&self, published: &Published) -> EndedUpload {
        EndedUpload {
            id: self.id,
            owner: published.owner,
            bucket: published.bucket.clone(),
            path: published.path.clone(),
            end: UploadEnd::Published,
            at: published.at,
            facts: published.facts.clone(),
        }
    }

    /// Keeps the digest beside the content, as its times are final now. What is left to read of it, if that is much.
    fn keep_digest(&self) -> Result<Option<(Rest, bool)>, Fault> {
        let file = self.file()?;
        let file = file.as_fd();
        let (known, rest) = match lock(&self.follow).finish(file, size_of(file)?)? {
            Outcome::Off => {
                self.digest.send_replace(Digest::Absent);
                return Ok(None);
            }
            Outcome::Known(sha256) => (Digest::Known(sha256), None),
            Outcome::Later(rest) => (Digest::Pending, Some(rest)),
        };
        let kept = digest::keep(file, known);
        self.digest.send_replace(known);
        Ok(rest.map(|rest| (rest, kept)))
    }

    /// Leaves what is left of the digest to the background.
    fn finish_digest(&self, rest: Option<(Rest, bool)>) {
        let Some((rest, kept)) = rest else { return };
        let Some(held) = self.file.held() else { return };
        match (held.as_fd().try_clone_to_owned(), fstat(&*held)) {
            (Ok(file), Ok(stat)) => self.home.shared.late.push(digest::Task {
                file,
                size: stat_of(&stat).size,
                rest,
                kept,
                version: version_of(&stat),
                done: self.digest.clone(),
            }),
            _ => drop(self.digest.send_replace(Digest::Absent)),
        }
    }

    /// What is about to be published.
    fn published(&self, place: &Place, note: &[u8]) -> Result<Published, Fault> {
        if note.len() > limits::NOTE_BYTES {
            return Err(ErrorKind::InvalidInput.into());
        }
        let stat = stat_of(&fstat(self.file()?)?);
        lock(&self.content).take_stock(stat.size);
        Ok(Published {
            id: self.id,
            owner: self.home.viewer.owner,
            bucket: self.home.bucket.name.clone(),
            path: self.home.path_in_bucket(place, &self.path),
            size: stat.size,
            modified: stat.modified,
            began: self.began,
            at: SystemTime::now(),
            replaced: place.found.is_some(),
            facts: lock(&self.content).facts.clone(),
            note: note.to_vec(),
        })
    }

    fn closed(&self, published: Published) -> Result<Closed, Fault> {
        Ok(Closed {
            version: version_of(&fstat(self.file()?)?),
            published: Some(Box::new(published)),
        })
    }

    /// Makes sure that the target is a name inside the home that may be published under.
    ///
    /// The directory found at `begin` counts, whatever its path is now, as for any open file. When it was removed,
    /// or moved out of the home, or a link took the name, the path is resolved afresh.
    fn settle_target(&self, target: &mut Target) -> Result<(), Fault> {
        let place = &mut target.place;
        place.refresh()?;
        let lost = fstat(&place.parent)?.st_nlink == 0
            || place.file_type() == Some(FileType::Symlink)
            || !is_inside(self.home.dir.as_fd(), place.parent.as_fd())?;
        if lost {
            *place = self.home.find(&self.path, !target.exclusive)?;
            self.home.shared.uploads.move_to(self.id, place.key()?);
        }
        check_target(place, self.home.bucket.staging_id)?;
        if target.exclusive && place.found.is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        Ok(())
    }

    /// Fills what was never written from the published version; afterwards the staged file is everything. Call with
    /// `phase` held for writing: what a write has put there but not noted yet would be copied over.
    pub(super) fn carry_over(&self, place: &Place) -> Result<(), Fault> {
        if lock(&self.content).base.is_none() {
            return Ok(());
        }
        let file = self.file()?;
        let base = open_base(place)?;
        let base_len = base.as_ref().map_or(Ok(0), size_of)?;
        let (len, pieces) = {
            let content = lock(&self.content);
            let Some(overlay) = &content.base else {
                return Ok(());
            };
            let len = overlay.len(&content.written, base_len);
            (len, overlay.pieces(&content.filled(), 0, len, base_len))
        };
        // Copying may take minutes; `content` is asked for by async threads.
        for (from, to, source) in pieces {
            if let (Source::Base, Some(base)) = (source, &base) {
                let end = copy_range(base.as_fd(), file.as_fd(), from, to)?;
                // A second try must not take these bytes from yet another version.
                lock(&self.content).carried.insert(from, end);
            }
        }
        if size_of(&*file)? != len {
            ftruncate(&*file, len)?;
        }
        lock(&self.content).carried_over(len);
        Ok(())
    }

    /// Mode and owner of the file that is replaced, or those wanted; times last, as copying changed them.
    fn finish_attributes(&self, place: &Place) -> Result<(), Fault> {
        let file = self.file()?;
        let content = lock(&self.content);
        let kept = place.found.as_ref().map(|stat| stat.st_mode & 0o777);
        let mode = content.mode.or(kept).unwrap_or(self.new_mode);
        if let Some(old) = &place.found {
            let new = fstat(&*file)?;
            if (old.st_uid, old.st_gid) != (new.st_uid, new.st_gid) {
                // Writing in place would have kept the owner. Only root can give files away; for others it is
                // no reason to refuse the upload.
                let (owner, group) = (Uid::from_raw(old.st_uid), Gid::from_raw(old.st_gid));
                if fchown(&*file, Some(owner), Some(group)).is_err() {
                    // The group alone may be one of the user's own: who could read it can go on reading it.
                    let _ = fchown(&*file, None, Some(group));
                }
            }
        }
        fchmod(&*file, Mode::from_raw_mode(mode))?;
        match content.times {
            Some(times) => self.apply_times(times),
            None => Ok(()),
        }
    }

    fn rename_to(&self, target: &Target) -> Result<(), Fault> {
        let staging = &self.home.bucket.staging;
        let (parent, name) = (&target.place.parent, target.place.name.as_slice());
        let staged = self.file.name.as_str();
        if !target.exclusive {
            return Ok(renameat(staging, staged, parent, name)?);
        }
        match renameat_with(staging, staged, parent, name, RenameFlags::NOREPLACE) {
            Err(Errno::INVAL | Errno::NOSYS) => {
                // A file system without it: a link refuses a taken name just as well.
                linkat(staging, staged, parent, name, AtFlags::empty())?;
                // It is published, whatever becomes of its other name, which the next start sweeps away.
                let _ = unlinkat(staging, staged, AtFlags::empty());
                Ok(())
            }
            result => Ok(result?),
        }
    }
}

/// Whether an upload can be published at `place`.
pub(super) fn check_target(place: &Place, staging: DirId) -> Result<(), Fault> {
    if place.is_nameless() {
        return Err(ErrorKind::IsADirectory.into());
    }
    match place.file_type() {
        Some(FileType::RegularFile) | None => {}
        Some(FileType::Directory) => return Err(ErrorKind::IsADirectory.into()),
        Some(_) => return Err(ErrorKind::InvalidInput.into()),
    }
    if place.dir()?.device != staging.device {
        // A file system mounted inside the bucket: no rename leads there.
        return Err(ErrorKind::Unsupported.into());
    }
    Ok(())
}
