//! Parking without a journal, for homes whose uploads are staged beside their targets (`local::user`) by one process for
//! each session: what came without a gap gets a name that tells whose place it takes, and the next process finds it by
//! that. One process at a time has it: it takes the name away when it comes across the file.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, renameat, statat, unlinkat};
use rustix::process::geteuid;

use super::journal::Kept;
use super::ranges::Ranges;
use super::registry::Record;
use super::staged::{Phase, Staged, Target};
use super::staging;
use super::tell::boot_id;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{Fault, HomeRoot, Place, is_type, lock, stat_of};
use crate::upload_types::UploadFacts;

/// What names of parked files begin with; the name of the target follows.
const PARKED_PREFIX: &[u8] = b".longshore-parked-";

/// Name of the parked file that stands for `name`; `None` when that would be too long.
fn parked_name(name: &[u8]) -> Option<Vec<u8>> {
    let parked = [PARKED_PREFIX, name].concat();
    (parked.len() <= limits::NAME_BYTES && parked_for(name).is_none()).then_some(parked)
}

/// The name that a parked file stands for, if it is one by its name.
pub(crate) fn parked_for(name: &[u8]) -> Option<&[u8]> {
    name.strip_prefix(PARKED_PREFIX)
        .filter(|target| !target.is_empty())
}

impl Staged {
    /// Leaves what is kept of it to a later process; `false` when that is nothing, or would stand in the way of something
    /// newer.
    pub(crate) fn leave_beside(&self) -> Result<bool, Fault> {
        if !self.cut_back()? {
            return Ok(false);
        }
        {
            let mut target = self.target()?;
            let place = &mut target.place;
            place.refresh()?;
            let is_newer = place.found.is_some_and(|stat| changed(&stat) >= self.began);
            let Some(name) = parked_name(&place.name).filter(|_| !is_newer) else {
                return Ok(false);
            };
            renameat(
                &self.home.bucket.staging,
                self.file.name.as_str(),
                &place.parent,
                name,
            )?;
        }
        *self.phase.write().unwrap_or_else(PoisonError::into_inner) = Phase::Gone;
        lock(&self.content).over = true;
        self.home.shared.uploads.close(self.id);
        Ok(true)
    }
}

/// Takes over what an earlier process of this user left for `place`.
pub(crate) fn adopt(home: &HomeRoot, place: &Place) -> Result<Option<Arc<Staged>>, Fault> {
    let Some(name) = parked_name(&place.name) else {
        return Ok(None);
    };
    // The usual case, told without a lock.
    let Some(parked) = look(place, &name) else {
        return Ok(None);
    };
    let key = place.key()?;
    let _others = home.shared.lock_file(key.dir);
    if let Some(own) = home.shared.uploads.seen_by(&key, home.viewer) {
        return Ok(Some(own));
    }
    match &place.found {
        Some(found) if !is_type(found, FileType::RegularFile) => return Ok(None),
        Some(found) if changed(found) > changed(&parked) => {
            // Something newer was published since.
            let _ = unlinkat(&place.parent, name, AtFlags::empty());
            return Ok(None);
        }
        _ => {}
    }
    let home = Arc::new(home.beside(place)?);
    let id = staging::random_id()?;
    let staged_name = staging::name(home.bucket.staged_prefix, id);
    if renameat(&place.parent, name, &place.parent, staged_name.as_str()).is_err() {
        // Another process was faster, or this one may change nothing here.
        return Ok(None);
    }
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(&place.parent, staged_name.as_str(), flags, Mode::empty())?;
    let size = stat_of(&parked).size;
    let mut written = Ranges::default();
    written.insert(0, size);
    let path = home.path_in_bucket(place, &home.path);
    let now = SystemTime::now();
    let kept = Kept {
        id,
        owner: home.viewer.owner,
        home: home.path.clone(),
        opened: path.clone(),
        paths: Vec::new(),
        dir: key.dir,
        new_mode: 0o666 & !home.shared.options.umask,
        mode: None,
        times: None,
        exclusive: false,
        began: now,
        parked: Some(changed(&parked)),
        synced: false,
        boot: boot_id(),
        safe: false,
        in_order: true,
        written: Vec::new(),
        base: None,
        facts: UploadFacts::default(),
    };
    let target = Target {
        place: place.try_clone()?,
        exclusive: false,
    };
    let taken = home.shared.descriptors.take(limits::UPLOAD_DESCRIPTORS)?;
    let viewer = home.viewer;
    let shared = Arc::clone(&home.shared);
    let staged = Arc::new(Staged::restored(&kept, home, path, file, taken, target, written));
    let record = Record {
        id,
        key,
        viewer,
        exclusive: false,
        joins: false,
    };
    if !shared.uploads.open(record, &staged) {
        return Err(ErrorKind::Internal.into());
    }
    staged.parked_again()?;
    Ok(Some(staged))
}

/// The parked file, if it is one, and this user's own: what somebody else put there is none of ours.
fn look(place: &Place, name: &[u8]) -> Option<Stat> {
    let stat = statat(&place.parent, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    let is_own = stat.st_uid == geteuid().as_raw() && stat.st_nlink == 1;
    (is_type(&stat, FileType::RegularFile) && is_own).then_some(stat)
}

/// When it was changed in any way: that cannot be set.
fn changed(stat: &Stat) -> SystemTime {
    let seconds = u64::try_from(stat.st_ctime).unwrap_or(0);
    let nanos = u32::try_from(stat.st_ctime_nsec).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parked_file_tells_whose_place_it_takes() {
        let parked = parked_name(b"f").unwrap();
        assert_eq!(parked_for(&parked), Some(b"f".as_slice()));
        assert_eq!(parked_name(&parked), None, "it is nobody's target itself");
        assert_eq!(parked_name(&[b'x'; 250]), None, "no name is that long");
        assert_eq!(parked_for(b".longshore-parked-"), None);
        assert_eq!(parked_for(b"f"), None);
    }
}
