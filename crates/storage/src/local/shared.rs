//! What all homes of one store share.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::Semaphore;

use super::blocking::Jobs;
use super::budget::Descriptors;
use super::dirsync::{ComingToSync, DirSyncs, SyncDir};
use super::fault::Fault;
use super::home::HomeRoot;
use super::io::Medium;
use super::options::{LocalOptions, VisibleTo};
use super::resolve::{DirId, Resolve};
use crate::digest::Late;
use crate::limits;
use crate::path::{BucketName, RemotePath};
use crate::types::{Durability, OwnerId};
use crate::uploads::{Journal, LiveUploads};

/// The state of one open store.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) options: LocalOptions,
    pub(crate) resolver: Arc<dyn Resolve>,
    pub(crate) uploads: LiveUploads,
    /// For all open files, uploads and listings.
    pub(crate) descriptors: Descriptors,
    /// Digests that are finished after publishing.
    pub(crate) late: Late,
    syncs: DirSyncs,
    dir_locks: Vec<Mutex<()>>,
    file_locks: Vec<Mutex<()>>,
    sessions: AtomicU64,
    /// The share of the blocking pool of each owner who has a home or something in it open.
    jobs: Mutex<HashMap<OwnerId, Weak<Semaphore>>>,
    /// The home of each owner who has it or something in it open.
    homes: Mutex<HashMap<(DirId, OwnerId), Weak<HomeRoot>>>,
}

/// The open directories of one bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: BucketName,
    pub(crate) files: OwnedFd,
    pub(crate) staging: OwnedFd,
    /// What names of staged files begin with: nothing where they have a directory of their own.
    pub(crate) staged_prefix: &'static str,
    /// What is known of its uploads beyond this process.
    pub(crate) journal: Journal,
    /// Identity of `staging`; its device is that of all publishable names.
    pub(crate) staging_id: DirId,
    /// What calls may have to wait for.
    pub(crate) medium: Medium,
}

impl Bucket {
    /// Whether uploads are staged and parked beside their targets.
    pub(crate) const fn is_beside(&self) -> bool {
        !self.staged_prefix.is_empty()
    }
}

/// Who is looking: decides which unfinished uploads are seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Viewer {
    pub(crate) owner: OwnerId,
    /// Number of the home handle; 0 when every session of the owner sees the same.
    session: u64,
}

impl Shared {
    pub(crate) fn new(options: LocalOptions, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            options,
            resolver,
            uploads: LiveUploads::default(),
            late: Late::default(),
            syncs: DirSyncs::default(),
            dir_locks: (0..limits::DIR_LOCKS).map(|_| Mutex::new(())).collect(),
            file_locks: (0..limits::DIR_LOCKS).map(|_| Mutex::new(())).collect(),
            sessions: AtomicU64::new(1),
            jobs: Mutex::default(),
            homes: Mutex::default(),
            descriptors: Descriptors::new(options.open_files),
        }
    }

    /// The owner's share of the blocking pool, one for all homes that are open at the same time.
    pub(crate) fn jobs(&self, owner: OwnerId) -> Jobs {
        let mut shares = lock(&self.jobs);
        if let Some(places) = shares.get(&owner).and_then(Weak::upgrade) {
            return Jobs::sharing(places);
        }
        shares.retain(|_, places| places.strong_count() > 0);
        let jobs = Jobs::new();
        shares.insert(owner, Arc::downgrade(jobs.places()));
        jobs
    }

    /// What the owner's sessions share of a home that was found as `dir`. Parked uploads go on holding it: one for all.
    pub(crate) fn home_root(
        self: &Arc<Self>,
        dir: OwnedFd,
        path: &RemotePath,
        bucket: &Arc<Bucket>,
        owner: OwnerId,
    ) -> Result<Arc<HomeRoot>, Fault> {
        let id = DirId::of(&dir)?;
        let open = |dir| {
            Arc::new(HomeRoot {
                dir,
                path: path.clone(),
                bucket: Arc::clone(bucket),
                viewer: self.viewer(owner),
                shared: Arc::clone(self),
                jobs: self.jobs(owner),
            })
        };
        if self.options.visible_to == VisibleTo::Session {
            return Ok(open(dir));
        }
        let mut homes = lock(&self.homes);
        let key = (id, owner);
        let known = homes.get(&key).and_then(Weak::upgrade);
        if let Some(home) = known.filter(|home| home.path == *path && Arc::ptr_eq(&home.bucket, bucket)) {
            return Ok(home);
        }
        homes.retain(|_, home| home.strong_count() > 0);
        let home = open(dir);
        homes.insert(key, Arc::downgrade(&home));
        Ok(home)
    }

    /// A viewer for a newly opened home.
    pub(crate) fn viewer(&self, owner: OwnerId) -> Viewer {
        let session = match self.options.visible_to {
            VisibleTo::Owner => 0,
            VisibleTo::Session => self.sessions.fetch_add(1, Ordering::Relaxed),
        };
        Viewer { owner, session }
    }

    /// Whether acknowledged changes must be on stable storage.
    pub(crate) fn is_durable(&self) -> bool {
        self.options.durability == Durability::Close
    }

    /// Runs a change of `dirs` and makes it durable as configured.
    pub(crate) fn change_dirs<T>(
        &self,
        dirs: &[&OwnedFd],
        change: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if !self.is_durable() {
            return change();
        }
        let dirs = dirs.iter().map(SyncDir::open).collect::<Result<Vec<_>, _>>()?;
        let value = change()?;
        for (index, dir) in dirs.iter().enumerate() {
            if !dirs[..index].iter().any(|earlier| earlier.is(dir)) {
                self.syncs.sync(dir)?;
            }
        }
        Ok(value)
    }

    /// Announces a [`Shared::change_expected`] of `dir`, if it is going to be made durable.
    pub(crate) fn expect_change(&self, dir: DirId) -> Option<ComingToSync<'_>> {
        self.is_durable().then(|| self.syncs.expect(dir))
    }

    /// As [`Shared::change_dirs`], of the one directory that was announced.
    pub(crate) fn change_expected<T>(
        &self,
        coming: Option<ComingToSync<'_>>,
        dir: &OwnedFd,
        change: impl FnOnce() -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(coming) = coming else {
            return change();
        };
        let dir = SyncDir::open(dir)?;
        let value = change()?;
        coming.sync(&dir)?;
        Ok(value)
    }

    /// Makes the names of a directory durable.
    pub(crate) fn sync_dir(&self, dir: &OwnedFd) -> Result<(), Fault> {
        Ok(self.syncs.sync(&SyncDir::open(dir)?)?)
    }

    /// Keeps others from removing the directory, or from beginning an upload in it, while the guard lives.
    pub(crate) fn lock_dir(&self, dir: DirId) -> MutexGuard<'_, ()> {
        lock(&self.dir_locks[spread(dir)])
    }

    /// Keeps others from changing what is known of the file while the guard lives.
    pub(crate) fn lock_file(&self, file: DirId) -> MutexGuard<'_, ()> {
        lock(&self.file_locks[spread(file)])
    }
}

impl Viewer {
    /// The owner in every session.
    #[cfg(test)]
    pub(crate) const fn of(owner: OwnerId) -> Self {
        Self { owner, session: 0 }
    }
}

/// Which of the locks is that of a directory or file.
fn spread(node: DirId) -> usize {
    let spread = node.inode ^ node.device.rotate_left(17);
    usize::try_from(spread % limits::DIR_LOCKS as u64).unwrap_or(0)
}

/// Locks; a panic elsewhere while it was held does not spread (the values are whole between statements).
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
