//! What a restart makes of the staging directory: published uploads are told from unpublished ones, what can be proved
//! of unfinished ones is parked, and the rest goes.

use std::collections::HashMap;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::XattrFlags;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, fgetxattr, fsetxattr, fstat, openat, statat};
use rustix::io::Errno;

use super::journal::{Entry, Intent, Kept};
use super::ranges::Ranges;
use super::registry::Record;
use super::staged::{Staged, Target, size_of};
use super::staging;
use super::tell::boot_id;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{Bucket, DirId, Fault, Place, Shared, is_type};
use crate::path::RemotePath;
use crate::upload_types::UploadId;

/// The published file carries the id of the upload that it came from.
const MARK: &str = "user.longshore.upload";

/// Marks a file that is about to be published. Where the file system has no such marks, the file node tells.
pub(super) fn mark(file: BorrowedFd<'_>, id: UploadId) {
    let _ = fsetxattr(file, MARK, &id.0, XattrFlags::empty());
}

/// A bucket that was opened, and how directories in it are.
pub(crate) struct Repair<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) bucket: &'a Arc<Bucket>,
    /// Opens a directory in the bucket, through no link.
    pub(crate) open_dir: &'a dyn Fn(&RemotePath) -> Result<OwnedFd, Errno>,
}

/// What became of the leftovers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Repaired {
    pub(crate) parked: usize,
    pub(crate) removed: usize,
}

impl Repair<'_> {
    /// Settles everything that the last run left.
    pub(crate) fn run(&self) -> Result<Repaired, Fault> {
        let known = self.bucket.journal.known();
        let mut repaired = Repaired::default();
        let mut published: HashMap<RemotePath, SystemTime> = HashMap::new();
        for intent in known.values().filter_map(|about| about.intent.as_ref()) {
            if self.was_published(intent)? {
                let latest = published
                    .entry(intent.published.path.clone())
                    .or_insert(intent.published.at);
                *latest = (*latest).max(intent.published.at);
            } else {
                self.bucket.journal.append(Entry::Void(intent.published.id))?;
            }
        }
        let known = self.bucket.journal.known();
        let unpublished = known.values().filter(|about| about.intent.is_none());
        let mut unfinished: Vec<_> = unpublished.filter_map(|about| about.kept.as_ref()).collect();
        // As they began: of several under one name its owner sees the newest.
        unfinished.sort_by_key(|kept| (kept.began, kept.id));
        for kept in unfinished {
            let id = &kept.id;
            // One that was open when the process ended would have outlived what others published meanwhile.
            let superseded = kept.parked.is_some_and(|since| {
                let newer = |path: &RemotePath| published.get(path).is_some_and(|at| *at > since);
                kept.paths.iter().any(newer)
            });
            match if superseded { Ok(false) } else { self.restore(kept) } {
                Ok(true) => repaired.parked += 1,
                Ok(false) => drop(self.bucket.journal.forget(*id)?),
                Err(fault) => {
                    tracing::warn!(upload = %id, ?fault, synced = kept.synced, "an unfinished upload cannot be restored");
                    if !kept.synced {
                        self.bucket.journal.forget(*id)?;
                    }
                }
            }
        }
        self.bucket.journal.flush()?;
        repaired.removed = staging::sweep(&self.bucket.staging, |id| {
            let about = known.get(&id);
            // Published ones have no name here any more, unless the power went between the two directories.
            about.is_some_and(|about| about.intent.is_none()) && self.bucket.journal.knows(id)
        })?;
        Ok(repaired)
    }

    /// Whether the rename that was about to happen did, and lasted.
    fn was_published(&self, intent: &Intent) -> Result<bool, Fault> {
        if self.carries(intent)? {
            return Ok(true);
        }
        let name = intent.published.id.to_string();
        Ok(
            match statat(&self.bucket.staging, name, AtFlags::SYMLINK_NOFOLLOW) {
                // Still here: it was not renamed, unless it has another name already.
                Ok(stat) => stat.st_nlink > 1,
                // Renamed, and by now replaced, removed or renamed again; or a power cut has taken both names back.
                Err(Errno::NOENT) => intent.named || intent.boot == boot_id(),
                Err(errno) => return Err(errno.into()),
            },
        )
    }

    /// Whether the file under the published name is the one that was to get it.
    fn carries(&self, intent: &Intent) -> Result<bool, Fault> {
        let path = &intent.published.path;
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(false);
        };
        let file = (self.open_dir)(&parent).and_then(|dir| {
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            openat(&dir, name, flags, Mode::empty())
        });
        let file = match file {
            Ok(file) => file,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO | Errno::ACCESS) => {
                return Ok(false);
            }
            Err(errno) => return Err(errno.into()),
        };
        let mut mark = [0; 16];
        Ok(match fgetxattr(&file, MARK, &mut mark[..]) {
            Ok(16) => mark == intent.published.id.0,
            _ => DirId::of(&file)? == intent.file,
        })
    }

    /// Parks what can be proved of an upload; `false` when that is nothing.
    fn restore(&self, kept: &Kept) -> Result<bool, Fault> {
        let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = match openat(&self.bucket.staging, kept.id.to_string(), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(false),
            Err(errno) => return Err(errno.into()),
        };
        let stat = fstat(&file)?;
        if stat.st_nlink > 1 || !is_type(&stat, FileType::RegularFile) {
            return Ok(false); // published
        }
        let Some(written) = proved(kept, size_of(&file)?) else {
            return Ok(false);
        };
        let staged = self.staged(kept, file, written)?;
        if !staged.cut_back()? {
            return Ok(false);
        }
        let record = Record {
            id: kept.id,
            key: staged.key()?,
            viewer: staged.home.viewer,
            exclusive: false,
            joins: false,
        };
        if !self.shared.uploads.open(record, &staged) {
            return Err(ErrorKind::Internal.into());
        }
        staged.parked_again()?;
        Ok(true)
    }

    fn staged(&self, kept: &Kept, file: OwnedFd, written: Ranges) -> Result<Arc<Staged>, Fault> {
        let (place, path) = self.place(kept)?;
        let (home_path, opened, dir) = match (self.open_dir)(&kept.home) {
            Ok(dir) => (kept.home.clone(), kept.opened.clone(), dir),
            // Moved or gone: what was opened is found from the top then.
            Err(Errno::NOENT | Errno::NOTDIR) => {
                (RemotePath::root(), path, (self.open_dir)(&RemotePath::root())?)
            }
            Err(errno) => return Err(errno.into()),
        };
        let home = self.shared.home_root(dir, &home_path, self.bucket, kept.owner)?;
        let taken = self.shared.descriptors.take(limits::UPLOAD_DESCRIPTORS)?;
        let target = Target {
            place,
            exclusive: kept.exclusive,
        };
        Ok(Arc::new(Staged::restored(
            kept, home, opened, file, taken, target, written,
        )))
    }

    /// The name in the directory that it was kept for; failing that, the first one whose directory is there.
    fn place(&self, kept: &Kept) -> Result<(Place, RemotePath), Fault> {
        let mut places = Vec::new();
        for path in &kept.paths {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                continue;
            };
            if let Ok(parent) = (self.open_dir)(&parent) {
                places.push((Place::at(parent, name)?, path.clone()));
            }
        }
        let right = places
            .iter()
            .position(|(place, _)| DirId::of(&place.parent).is_ok_and(|dir| dir == kept.dir));
        if places.is_empty() {
            return Err(Errno::NOENT.into());
        }
        Ok(places.swap_remove(right.unwrap_or(0)))
    }
}

/// The ranges that are known to be in a staged file of `size` bytes.
fn proved(kept: &Kept, size: u64) -> Option<Ranges> {
    let same_run = kept.boot == boot_id();
    if !same_run && !kept.safe {
        return None;
    }
    let mut written = Ranges::default();
    if same_run && kept.in_order {
        written.insert(0, size);
    } else {
        kept.written
            .iter()
            .for_each(|(from, to)| written.insert(*from, *to));
        written.truncate(size);
    }
    Some(written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::{LocalOptions, LocalStore};
    use crate::path::BucketName;
    use crate::store::Store as _;
    use crate::uploads::journal::Journal;
    use crate::uploads::journal::tests::{intent, kept};

    fn front(kept: &Kept, size: u64) -> Option<Vec<(u64, u64)>> {
        proved(kept, size).map(|written| written.iter().collect())
    }

    #[test]
    fn only_synced_ranges_survive_the_machine() {
        let mut about = Kept {
            written: vec![(0, 10), (20, 30)],
            in_order: true,
            safe: true,
            boot: [0xee; 16],
            ..kept(1)
        };
        assert_ne!(about.boot, boot_id());
        assert_eq!(front(&about, 100), Some(vec![(0, 10), (20, 30)]));
        assert_eq!(
            front(&about, 25),
            Some(vec![(0, 10), (20, 25)]),
            "never more than is there"
        );
        about.safe = false;
        assert_eq!(front(&about, 100), None);
    }

    #[test]
    fn as_long_as_the_machine_runs_what_was_written_is_there() {
        let mut about = Kept {
            written: vec![(0, 10)],
            in_order: true,
            safe: false,
            boot: boot_id(),
            ..kept(1)
        };
        assert_eq!(front(&about, 100), Some(vec![(0, 100)]));
        about.in_order = false;
        assert_eq!(front(&about, 100), Some(vec![(0, 10)]));
    }

    /// Of an upload that neither lies in staging nor stands under its name, with this said of it.
    async fn counts_as_published(said: Intent, named: bool) -> bool {
        let temp = tempfile::tempdir().unwrap();
        let bucket = BucketName::parse("bucket-1").unwrap();
        let store = LocalStore::open(temp.path(), LocalOptions::default()).unwrap();
        store.create_bucket(&bucket).await.unwrap();
        drop(store);
        let staging = std::fs::File::open(temp.path().join("bucket-1/staging")).unwrap();
        let journal = Journal::open(&staging.into()).unwrap();
        let id = said.published.id;
        journal.append(Entry::Intent(Box::new(said))).unwrap();
        if named {
            journal.append(Entry::Named(id)).unwrap();
        }
        journal.flush().unwrap();
        drop(journal);
        let store = LocalStore::open(temp.path(), LocalOptions::default()).unwrap();
        store.unrecorded().await.unwrap().len() == 1
    }

    #[tokio::test]
    async fn what_a_power_cut_took_back_was_not_published() {
        let before_the_cut = || intent(1);
        assert_ne!(before_the_cut().boot, boot_id());
        assert!(!counts_as_published(before_the_cut(), false).await);
        assert!(
            counts_as_published(before_the_cut(), true).await,
            "it lasted, and was removed or renamed later"
        );
        let in_this_run = Intent {
            boot: boot_id(),
            ..intent(1)
        };
        assert!(
            counts_as_published(in_this_run, false).await,
            "nothing took it back"
        );
    }
}
