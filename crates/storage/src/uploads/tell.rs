//! What the journal is told of an upload that is not published.
//!
//! What may be claimed after a restart: bytes that were synced before the claim was made, and, as long as the machine
//! has not restarted either, whatever the claim says was written before it.

use std::os::fd::AsFd;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::content::Content;
use super::journal::{Entry, Kept};
use super::ranges::Ranges;
use super::staged::{Staged, Target, size_of};
use crate::local::{DirId, Fault, HomeRoot, lock};
use crate::path::RemotePath;

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
    pub(super) fn tell_parked(&self, now: SystemTime, durable: bool) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let target = self.target()?;
        let mut content = lock(&self.content);
        let claim = Claim {
            parked: Some(now),
            written: content.written.clone(),
            safe: durable,
            in_order: content.base.is_none() && size_of(self.file()?)? == content.front(),
            also: None,
        };
        self.tell(&target, &mut content, claim)?;
        drop((target, content));
        if durable {
            self.home.bucket.journal.flush()?;
        }
        Ok(())
    }

    /// Makes the data durable and says so in the journal: what was written before the call is kept for good.
    pub(super) fn sync_for_good(&self, by_force: bool) -> Result<(), Fault> {
        let _telling = lock(&self.telling);
        let size = size_of(self.file()?)?;
        let written = lock(&self.content).synced(size);
        if by_force {
            self.sync_file()?;
            self.home.sync_staging()?;
        }
        {
            let target = self.target()?;
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
        let Ok(file) = self.file() else { return };
        if !self.flush.write_back(file.as_fd()) {
            return;
        }
        let told = self.home.sync_staging().and_then(|()| {
            let target = self.target()?;
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
        let target = self.target()?;
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
        let target = self.target()?;
        let mut content = lock(&self.content);
        let written = content.written.clone();
        self.tell_again(&target, &mut content, written, false, None)
    }

    /// Before the file is cut to `size`: no claim may be about more than that. Call with `telling` held.
    pub(super) fn tell_size(&self, size: u64) -> Result<(), Fault> {
        {
            let target = self.target()?;
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
        // Its directory was moved behind our back: it lies nowhere that we know of.
        let Ok(target) = self.target() else {
            return Ok(false);
        };
        let path = self.home.path_in_bucket(&target.place, &self.path);
        if !path.starts_with(from) || lock(&self.content).told.is_none() {
            return Ok(false);
        }
        let rest = &path.as_bytes()[from.as_bytes().len()..];
        // Too long to be opened by that path: a restart will not find it.
        let Ok(new) = RemotePath::parse(&[to.as_bytes(), rest].concat()) else {
            return Ok(false);
        };
        self.tell_name(&target, Some(new.clone()))?;
        drop(target);
        self.also_at(new);
        Ok(true)
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
