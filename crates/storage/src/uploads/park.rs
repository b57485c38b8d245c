//! What is kept of an upload when its handles die or the process does: parking, taking up again, and what the journal
//! is told meanwhile.
//!
//! What may be claimed after a restart: bytes that were synced before the claim was made, and, as long as the machine
//! has not restarted either, whatever the claim says was written before it.

use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock, PoisonError};
use std::time::SystemTime;

use rustix::fs::{FallocateFlags, fallocate, ftruncate};

use super::content::Content;
use super::journal::{Entry, Kept};
use super::ranges::Ranges;
use super::staged::{Phase, Staged, Target, size_of};
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{DirId, Fault, HomeRoot, LocalOptions, NameKey, lock, write_all_at};
use crate::path::RemotePath;
use crate::types::OwnerId;
use crate::upload_types::{UploadEnd, UploadId};

/// What the journal was told of an upload that is going on.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// That all data has come in order.
    pub(super) in_order: bool,
    /// That this was synced.
    pub(super) safe: Option<Ranges>,
}

/// What a claim is about.
struct Claim {
    parked: Option<SystemTime>,
    written: Ranges,
    safe: bool,
    in_order: bool,
    /// A name that it may have soon.
    also: Option<RemotePath>,
}

impl Staged {
    /// One more handle; a parked upload is taken up again. `false` when it is over.
    pub(super) fn join(&self, edits: bool) -> bool {
        let mut handles = lock(&self.handles);
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        let mut content = lock(&self.content);
        match *phase {
            Phase::Open if *handles > 0 => content.facts.joined += 1,
            Phase::Parked => {
                *phase = Phase::Open;
                content.parked = None;
                content.facts.resumed += 1;
                self.home.shared.uploads.unpark(self.id);
            }
            Phase::Open | Phase::Published(_) | Phase::Gone => return false,
        }
        content.facts.edited |= edits;
        *handles += 1;
        true
    }

    /// A handle died without CLOSE; it was used last at the turn `active`. The last one leaves the upload parked,
    /// unless it was taken over from those that died.
    pub(super) fn abandon_handle(self: &Arc<Self>, active: u64) -> Result<(), Fault> {
        let mut handles = lock(&self.handles);
        *handles = handles.saturating_sub(1);
        let taken_over = {
            let mut content = lock(&self.content);
            content.facts.dropped += 1;
            content.last_of_dead = content.last_of_dead.max(active);
            let dead = content.last_of_dead;
            content
                .closed
                .take_if(|closed| *handles == 0 && closed.opened > dead)
        };
        if *handles > 0 {
            return Ok(());
        }
        let published = match taken_over {
            None => false,
            Some(closed) => self.publish_taken_over(&closed.note),
        };
        let parked = if published { Ok(()) } else { self.park() };
        // Both lock the handles of others: never with one's own locked, or two that die at once wait for each other.
        drop(handles);
        if published {
            self.supersede();
        } else {
            self.bound_parked();
        }
        parked
    }

    /// Whoever continued the upload closed it while a handle was open that nobody used any more: a client whose
    /// network went away comes back before the server notices. Nobody is going to send another CLOSE.
    fn publish_taken_over(&self, note: &[u8]) -> bool {
        let published = self.publish(note);
        if let Err(fault) = &published {
            tracing::warn!(upload = %self.id, ?fault, "an upload that was closed cannot be published: it is parked");
        }
        published.is_ok()
    }

    /// A handle gives the upload up. What another one was told to be safe stays.
    pub(super) fn give_up(self: &Arc<Self>, active: u64) -> Result<(), Fault> {
        if lock(&self.content).acknowledged {
            self.abandon_handle(active)
        } else {
            self.discard(UploadEnd::Discarded)
        }
    }

    /// Keeps what has no gap, and what was acknowledged; the rest goes. With nothing to keep the upload is over.
    fn park(self: &Arc<Self>) -> Result<(), Fault> {
        let now = SystemTime::now();
        {
            let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
            if !matches!(*phase, Phase::Open) {
                return Ok(());
            }
            *phase = Phase::Parked;
            lock(&self.content).parked = Some(now);
        }
        // Nothing is written from here on.
        if !self.home.bucket.journal.is_kept() {
            return self.end_unparked();
        }
        let kept = self.cut_back();
        let durable = self.home.shared.is_durable();
        let parked = match kept {
            Ok(true) if durable => self.flush.sync(self.file.as_fd()).and_then(|()| {
                self.home.sync_staging()?;
                Ok(true)
            }),
            other => other,
        };
        let told = match parked {
            Ok(true) => self.tell_parked(now, durable),
            Ok(false) => return self.discard(UploadEnd::Discarded),
            // What was acknowledged stays as it is, for whoever can save it; the rest must not keep the name.
            Err(fault) if self.is_acknowledged() => Err(fault),
            Err(fault) => {
                self.discard(UploadEnd::Discarded)?;
                return Err(fault);
            }
        };
        self.home.shared.uploads.park(self);
        if let Err(fault) = told {
            tracing::warn!(upload = %self.id, ?fault, "a parked upload will not survive a restart");
        }
        Ok(())
    }

    /// Where nothing can be parked: what was acknowledged is published, the rest goes.
    fn end_unparked(&self) -> Result<(), Fault> {
        if !self.is_acknowledged() {
            return self.discard(UploadEnd::Discarded);
        }
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Open;
        self.publish(&[]).map(drop)
    }

    /// Keeps what an owner has parked bounded: the oldest that were not acknowledged go. What was stays; while that is
    /// too much, nothing new begins (see [`refuse_crowded`]).
    fn bound_parked(&self) {
        let shared = &self.home.shared;
        let mut parked = shared.uploads.parked_of(self.owner());
        let mut load = Load::of(&parked);
        if !load.exceeds(&shared.options) {
            return;
        }
        parked.retain(|other| other.id != self.id && !other.is_acknowledged());
        parked.sort_by_key(|other| (other.parked_since(), other.id));
        for oldest in parked {
            if !load.exceeds(&shared.options) {
                return;
            }
            let bytes = oldest.bytes();
            if oldest.end_if_parked(UploadEnd::Expired) {
                tracing::warn!(owner = self.owner().0, upload = %oldest.id, "too much is parked: the oldest one goes");
                load.count -= 1;
                load.bytes = load.bytes.saturating_sub(bytes);
            }
        }
    }

    /// Bytes that were written into it.
    fn bytes(&self) -> u64 {
        lock(&self.content).written.bytes()
    }

    /// A restart found it.
    pub(super) fn parked_again(self: &Arc<Self>) -> Result<(), Fault> {
        let durable = self.home.shared.is_durable();
        if durable {
            self.flush.sync(self.file.as_fd())?;
        }
        let since = self.parked_since().unwrap_or_else(SystemTime::now);
        self.tell_parked(since, durable)?;
        self.home.shared.uploads.park(self);
        Ok(())
    }

    /// Ends it unless somebody has it open; says whether it did.
    pub(crate) fn end_if_parked(&self, end: UploadEnd) -> bool {
        let handles = lock(&self.handles);
        if *handles > 0 || self.parked_since().is_none() {
            return false;
        }
        if let Err(fault) = self.discard(end) {
            tracing::warn!(upload = %self.id, ?fault, "the file of an ended upload stays until the next start");
        }
        true
    }

    /// Which one it is.
    pub(crate) const fn id(&self) -> UploadId {
        self.id
    }

    /// Whose it is.
    pub(crate) fn owner(&self) -> OwnerId {
        self.home.viewer.owner
    }

    /// Whether some of it was acknowledged as safe.
    pub(crate) fn is_acknowledged(&self) -> bool {
        lock(&self.content).acknowledged
    }

    /// When it was parked.
    pub(crate) fn parked_since(&self) -> Option<SystemTime> {
        lock(&self.content).parked
    }

    /// What it is filed under.
    pub(crate) fn key(&self) -> Result<NameKey, Fault> {
        Ok(lock(&self.target).place.key()?)
    }

    fn tell_parked(&self, now: SystemTime, durable: bool) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let target = lock(&self.target);
        let mut content = lock(&self.content);
        let claim = Claim {
            parked: Some(now),
            written: content.written.clone(),
            safe: durable,
            in_order: content.base.is_none() && size_of(&self.file)? == content.front(),
            also: None,
        };
        self.tell(&target, &mut content, claim)?;
        drop((target, content));
        if durable {
            self.home.bucket.journal.flush()?;
        }
        Ok(())
    }

    /// Cuts the staged file back to what is kept; `false` when that is nothing.
    pub(super) fn cut_back(&self) -> Result<bool, Fault> {
        let mut content = lock(&self.content);
        let front = content.whole_front();
        let mut kept = content.safe.clone();
        kept.insert(0, front);
        if kept.is_empty() && !content.acknowledged {
            return Ok(false);
        }
        let end = kept.end();
        if end == front {
            // Behind the front there is nothing, so nothing is looked up in the published version.
            content.base = None;
        }
        if size_of(&self.file)? != end {
            ftruncate(&self.file, end)?;
            lock(&self.follow).resized(end);
            content.times = None;
        }
        for (from, to, inside) in kept.pieces(0, end) {
            if !inside && content.base.is_none() {
                self.clear(from, to)?;
            }
        }
        content.keep_only(kept);
        Ok(true)
    }

    /// Makes zeros of `[from, to)`.
    fn clear(&self, from: u64, to: u64) -> Result<(), Fault> {
        let punch = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        if fallocate(&self.file, punch, from, to - from).is_ok() {
            return Ok(());
        }
        let zeros = vec![0; limits::COPY_CHUNK];
        let mut at = from;
        while at < to {
            let len = usize::try_from(to - at).unwrap_or(usize::MAX).min(zeros.len());
            write_all_at(self.file.as_fd(), at, &zeros[..len]).map_err(|(fault, _)| fault)?;
            at += len as u64;
        }
        Ok(())
    }

    /// Makes the data durable and says so in the journal: what was written before the call is kept for good.
    pub(super) fn sync_for_good(&self, by_force: bool) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let size = size_of(&self.file)?;
        let written = lock(&self.content).synced(size);
        if by_force {
            self.flush.sync(self.file.as_fd())?;
            self.home.sync_staging()?;
        }
        {
            let target = lock(&self.target);
            let mut content = lock(&self.content);
            content.safe = written.clone();
            content.acknowledged = true;
            let claim = Claim {
                parked: None,
                in_order: content.came_in_order(),
                written,
                safe: by_force,
                also: None,
            };
            self.tell(&target, &mut content, claim)?;
        }
        if by_force {
            self.home.bucket.journal.flush()?;
        }
        Ok(())
    }

    /// Dirty data was written back: what had been written before is safe now, and the journal may say so.
    pub(super) fn write_back(&self) {
        let _telling = lock(&self.telling);
        let written = lock(&self.content).written.clone();
        if !self.flush.write_back(self.file.as_fd()) {
            return;
        }
        let told = self.home.sync_staging().and_then(|()| {
            let target = lock(&self.target);
            let mut content = lock(&self.content);
            let claim = Claim {
                parked: None,
                in_order: content.came_in_order(),
                written,
                safe: true,
                also: None,
            };
            self.tell(&target, &mut content, claim)
        });
        if let Err(fault) = told {
            tracing::debug!(upload = %self.id, ?fault, "a restart would find less of an upload");
        }
    }

    /// Says that the data comes in order, once there is enough of it to be worth keeping.
    pub(super) fn tell_in_order(&self) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let target = lock(&self.target);
        let mut content = lock(&self.content);
        if content.told.is_some() || !content.came_in_order() {
            return Ok(());
        }
        let written = content.written.clone();
        self.tell(
            &target,
            &mut content,
            Claim {
                parked: None,
                written,
                safe: false,
                in_order: true,
                also: None,
            },
        )
    }

    /// Takes back that data comes in order: what is written next leaves a gap.
    pub(super) fn tell_disorder(&self) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let target = lock(&self.target);
        let mut content = lock(&self.content);
        let written = content.written.clone();
        self.tell_again(&target, &mut content, written, false, None)
    }

    /// Before the file is cut to `size`: no claim may be about more than that. Call with `telling` held.
    pub(super) fn tell_size(&self, size: u64) -> Result<(), Fault> {
        {
            let target = lock(&self.target);
            let mut content = lock(&self.content);
            if content.told.is_none() {
                return Ok(());
            }
            let mut written = content.written.clone();
            written.truncate(size);
            if let Some(Told { safe: Some(safe), .. }) = &mut content.told {
                safe.truncate(size);
            }
            let in_order = content.came_in_order() && size <= content.front();
            self.tell_again(&target, &mut content, written, in_order, None)?;
        }
        if self.home.shared.is_durable() {
            self.home.bucket.journal.flush()?;
        }
        Ok(())
    }

    /// Says where it is to be published, or may be soon.
    pub(super) fn tell_name(&self, target: &Target, also: Option<RemotePath>) -> Result<(), Fault> {
        let mut content = lock(&self.content);
        if content.told.is_none() {
            return Ok(());
        }
        let (written, in_order) = (content.written.clone(), content.came_in_order());
        self.tell_again(target, &mut content, written, in_order, also)
    }

    /// Says that it will move along with a directory, if it lies there and anything was said of it.
    fn tell_move(&self, from: &RemotePath, to: &RemotePath) -> Result<bool, Fault> {
        let _telling = lock(&self.telling);
        let target = lock(&self.target);
        let path = self.home.path_in_bucket(&target.place, &self.path);
        if !path.starts_with(from) || lock(&self.content).told.is_none() {
            return Ok(false);
        }
        let rest = &path.as_bytes()[from.as_bytes().len()..];
        match RemotePath::parse(&[to.as_bytes(), rest].concat()) {
            Ok(new) => self.tell_name(&target, Some(new)).map(|()| true),
            // Too long to be opened by that path: a restart will not find it.
            Err(_too_long) => Ok(false),
        }
    }

    /// Repeats what was said, as far as it still holds: once something is said to be synced, nothing less is claimed.
    fn tell_again(
        &self,
        target: &Target,
        content: &mut Content,
        written: Ranges,
        in_order: bool,
        also: Option<RemotePath>,
    ) -> Result<(), Fault> {
        let Some(told) = content.told.clone() else {
            return Ok(());
        };
        self.tell(
            target,
            content,
            Claim {
                parked: content.parked,
                in_order: told.in_order && in_order,
                safe: told.safe.is_some(),
                written: told.safe.unwrap_or(written),
                also,
            },
        )
    }

    fn tell(&self, target: &Target, content: &mut Content, claim: Claim) -> Result<(), Fault> {
        if content.over {
            return Ok(());
        }
        let place = &target.place;
        let mut paths = vec![self.home.path_in_bucket(place, &self.path)];
        paths.extend(claim.also);
        let kept = Kept {
            id: self.id,
            owner: self.home.viewer.owner,
            home: self.home.path.clone(),
            opened: self.path.clone(),
            paths,
            dir: DirId::of(&place.parent)?,
            new_mode: self.new_mode,
            mode: content.mode,
            times: content.times,
            exclusive: target.exclusive,
            began: self.began,
            parked: claim.parked,
            synced: content.acknowledged,
            boot: boot_id(),
            safe: claim.safe,
            in_order: claim.in_order,
            written: claim.written.iter().collect(),
            base: content.base.as_ref().map(|base| (base.base_end, base.fixed_len)),
            facts: content.facts.clone(),
        };
        self.home.bucket.journal.append(Entry::Kept(Box::new(kept)))?;
        content.told = Some(Told {
            in_order: claim.in_order,
            safe: claim.safe.then_some(claim.written),
        });
        Ok(())
    }
}

/// How much an owner has parked.
struct Load {
    count: usize,
    bytes: u64,
}

impl Load {
    fn of(parked: &[Arc<Staged>]) -> Self {
        Self {
            count: parked.len(),
            bytes: parked.iter().map(|staged| staged.bytes()).sum(),
        }
    }

    const fn exceeds(&self, options: &LocalOptions) -> bool {
        self.count > options.parked_uploads || self.bytes > options.parked_bytes
    }
}

/// Refuses to begin an upload while those that must be kept for its owner, for they were acknowledged, leave no place for
/// another one to be parked. Those in `ending` end when it begins.
pub(super) fn refuse_crowded(home: &HomeRoot, ending: &[Arc<Staged>]) -> Result<(), Fault> {
    let uploads = &home.shared.uploads;
    if uploads.none_parked() {
        return Ok(());
    }
    let mut kept = uploads.parked_of(home.viewer.owner);
    kept.retain(|staged| staged.is_acknowledged() && !ending.iter().any(|other| other.id == staged.id));
    let mut load = Load::of(&kept);
    load.count += 1;
    if load.exceeds(&home.shared.options) {
        return Err(ErrorKind::TooManyParked.into());
    }
    Ok(())
}

/// Before a directory is renamed: the journal learns which names the uploads below it will have.
pub(crate) fn announce_move(home: &HomeRoot, from: &RemotePath, to: &RemotePath) -> Result<(), Fault> {
    let mut told = false;
    for staged in home.shared.uploads.all() {
        if Arc::ptr_eq(&staged.home.bucket, &home.bucket) {
            told |= staged.tell_move(from, to)?;
        }
    }
    if told && home.shared.is_durable() {
        home.bucket.journal.flush()?;
    }
    Ok(())
}

/// Which run of the machine this is; one of this process where the kernel does not tell.
pub(super) fn boot_id() -> [u8; 16] {
    static BOOT: OnceLock<[u8; 16]> = OnceLock::new();
    *BOOT.get_or_init(|| {
        let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        u128::from_str_radix(&digits, 16).map_or_else(
            |_unknown| {
                let mut random = [0; 16];
                // Zeros are as good: they are no other run's id.
                let _ = getrandom::fill(&mut random);
                random
            },
            u128::to_be_bytes,
        )
    })
}
