//! What is kept of an upload when its handles die or the process does: parking, and taking up again.

use std::os::fd::AsFd;
use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use rustix::fs::ftruncate;

use super::staged::{Phase, Staged, size_of};
use crate::local::{Fault, Place, lock, punch};
use crate::types::OwnerId;
use crate::upload_types::{UploadEnd, UploadId};

impl Staged {
    /// One more handle; a parked upload, found at `place`, is taken up again. `false` when it is over, or not there any
    /// more.
    pub(super) fn join(&self, place: &Place, edits: bool) -> Result<bool, Fault> {
        let mut handles = lock(&self.handles);
        let mut phase = self.phase.write().unwrap_or_else(PoisonError::into_inner);
        let is_parked = match *phase {
            Phase::Open if *handles > 0 => false,
            Phase::Parked => true,
            Phase::Open | Phase::Published(_) | Phase::Gone => return Ok(false),
        };
        if is_parked && !self.take_up(place)? {
            return Ok(false);
        }
        let mut content = lock(&self.content);
        if is_parked {
            *phase = Phase::Open;
            content.parked = None;
            content.facts.resumed += 1;
            self.home.shared.uploads.unpark(self.id);
        } else {
            content.facts.joined += 1;
        }
        content.facts.edited |= edits;
        *handles += 1;
        Ok(true)
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
        // What was claimed to be safe stays so, with either durability.
        let durable = self.home.shared.is_durable() || self.is_acknowledged();
        let parked = match kept {
            Ok(true) if durable => self
                .sync_file()
                .and_then(|()| self.home.sync_staging())
                .map(|()| true),
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
        self.put_away();
        self.home.shared.uploads.park(self);
        if let Err(fault) = told {
            tracing::warn!(upload = %self.id, ?fault, "a parked upload will not survive a restart");
        }
        Ok(())
    }

    pub(super) fn sync_file(&self) -> Result<(), Fault> {
        self.flush.sync(self.file()?.as_fd())
    }

    /// Where no journal is kept: what was acknowledged is published, the rest is left beside its target, or goes.
    fn end_unparked(&self) -> Result<(), Fault> {
        if !self.is_acknowledged() {
            let left = self.home.bucket.is_beside() && self.leave_beside().unwrap_or(false);
            return if left {
                Ok(())
            } else {
                self.discard(UploadEnd::Discarded)
            };
        }
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Open;
        self.publish(&[]).map(drop)
    }

    /// A restart found it.
    pub(super) fn parked_again(self: &Arc<Self>) -> Result<(), Fault> {
        let durable = self.home.shared.is_durable() || self.is_acknowledged();
        if durable {
            self.sync_file()?;
        }
        let since = self.parked_since().unwrap_or_else(SystemTime::now);
        self.tell_parked(since, durable)?;
        self.put_away();
        self.home.shared.uploads.park(self);
        Ok(())
    }

    /// Ends it unless somebody has it open; says whether it did.
    pub(crate) fn end_if_parked(&self, end: UploadEnd) -> bool {
        let handles = lock(&self.handles);
        if *handles > 0 || self.parked_since().is_none() {
            return false;
        }
        // It was taken up and synced since it was found to be too old, or too much.
        if end == UploadEnd::Expired && self.is_acknowledged() {
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
        let file = self.file()?;
        if size_of(&*file)? != end {
            ftruncate(&*file, end)?;
            lock(&self.follow).resized(end);
            content.times = None;
        }
        for (from, to, inside) in kept.pieces(0, end) {
            // Also over a published version: it may be shorter, and what is not kept must not show behind it.
            if !inside {
                punch(file.as_fd(), from, to)?;
            }
        }
        content.keep_only(kept);
        Ok(true)
    }
}
