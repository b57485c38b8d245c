//! [`LocalStore`]: buckets and homes below one directory.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use rustix::fs::{Mode, OFlags, ResolveFlags, fstat, mkdirat, openat, openat2};
use rustix::io::Errno;

use super::fault::Fault;
use super::home::{HomeRoot, LocalHome};
use super::io::Medium;
use super::options::{LocalOptions, ResolverChoice};
use super::resolve::{self, DirId, Resolve};
use super::shared::{Bucket, Shared, lock};
use super::{blocking, resolve::OpenAt2};
use crate::error::{ErrorKind, Result, StorageError};
use crate::path::{BucketName, RemotePath};
use crate::store::{Home, Store};
use crate::types::OwnerId;
use crate::upload_types::{EndedUpload, Published, UploadId, UploadInfo};
use crate::uploads::{Journal, Repair, oversight};

/// All buckets below one directory of a local file system.
///
/// One process at a time may have a store open: opening it settles what a crash left in the staging directories.
#[derive(Debug)]
pub struct LocalStore {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    root: OwnedFd,
    /// Homes are opened in one call; otherwise part by part.
    has_openat2: bool,
    shared: Arc<Shared>,
    buckets: Mutex<HashMap<BucketName, Arc<Bucket>>>,
    /// Held while a bucket is opened: with two journals in one bucket, what goes into the first would be lost.
    opening: Mutex<()>,
}

const DIR_FLAGS: OFlags = OFlags::PATH
    .union(OFlags::DIRECTORY)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

impl LocalStore {
    /// Opens the store whose buckets lie in `root` (`<data-dir>/buckets`); makes the directory if it is missing and
    /// parks what can be proved of uploads that a crash interrupted, and removes the rest. Blocks; meant for the start of a program.
    ///
    /// # Errors
    /// Of the file system, with `root` as the path; `Unsupported` when the options ask for `openat2` and the
    /// kernel has none.
    pub fn open(root: &Path, options: LocalOptions) -> Result<Arc<Self>> {
        let shown = root.as_os_str().as_encoded_bytes();
        let fail = |fault: Fault| fault.during("open store", shown);
        std::fs::create_dir_all(root).map_err(|e| {
            Fault::from(Errno::from_io_error(&e).unwrap_or(Errno::IO)).during("open store", shown)
        })?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(rustix::fs::CWD, root, flags, Mode::empty()).map_err(|e| fail(e.into()))?;
        let resolver = resolve::choose(options.resolver, dir.as_fd())
            .ok_or_else(|| StorageError::new(ErrorKind::Unsupported, "open store").with_path(shown))?;
        Self::with_resolver(dir, options, resolver).map_err(fail)
    }

    pub(crate) fn with_resolver(
        root: OwnedFd,
        options: LocalOptions,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Arc<Self>, Fault> {
        let by_hand = options.resolver == ResolverChoice::Fallback;
        let inner = Inner {
            has_openat2: !by_hand && OpenAt2::works(root.as_fd()),
            root,
            shared: Arc::new(Shared::new(options, resolver)),
            buckets: Mutex::default(),
            opening: Mutex::default(),
        };
        inner.repair()?;
        Ok(Arc::new(Self {
            inner: Arc::new(inner),
        }))
    }
}

#[async_trait]
impl Store for LocalStore {
    async fn create_bucket(&self, bucket: &BucketName) -> Result<()> {
        let (inner, bucket) = (Arc::clone(&self.inner), bucket.clone());
        blocking::run("create bucket", move || {
            inner
                .create_bucket(&bucket)
                .map_err(|f| f.during("create bucket", bucket.as_str().as_bytes()))
        })
        .await
    }

    async fn make_home(&self, bucket: &BucketName, home: &RemotePath) -> Result<()> {
        let (inner, bucket, home) = (Arc::clone(&self.inner), bucket.clone(), home.clone());
        blocking::run("make home", move || {
            inner
                .make_home(&bucket, &home)
                .map_err(|f| f.during("make home", home.as_bytes()))
        })
        .await
    }

    async fn open_home(
        &self,
        bucket: &BucketName,
        home: &RemotePath,
        owner: OwnerId,
    ) -> Result<Arc<dyn Home>> {
        let (inner, bucket, home) = (Arc::clone(&self.inner), bucket.clone(), home.clone());
        blocking::run("open home", move || {
            let root = inner
                .open_home(&bucket, &home, owner)
                .map_err(|f| f.during("open home", home.as_bytes()))?;
            Ok(Arc::new(LocalHome::new(root)) as Arc<dyn Home>)
        })
        .await
    }

    async fn check(&self) -> Result<()> {
        let inner = Arc::clone(&self.inner);
        blocking::run("check", move || {
            let alive = fstat(&inner.root)
                .map_err(Fault::from)
                .and_then(|stat| match stat.st_nlink {
                    0 => Err(ErrorKind::Unavailable.into()),
                    _ => Ok(()),
                });
            alive.map_err(|fault| fault.during("check", b""))
        })
        .await
    }

    async fn uploads(&self) -> Result<Vec<UploadInfo>> {
        self.on("list uploads", |inner| Ok(oversight::list(&inner.shared)))
            .await
    }

    async fn discard_upload(&self, id: UploadId) -> Result<()> {
        self.on("discard upload", move |inner| {
            oversight::discard(&inner.shared, id)
        })
        .await
    }

    async fn expire_uploads(&self, now: SystemTime) -> Result<Vec<EndedUpload>> {
        self.on("expire uploads", move |inner| {
            Ok(oversight::expire(&inner.shared, now))
        })
        .await
    }

    async fn ended_uploads(&self) -> Result<Vec<EndedUpload>> {
        Ok(self.inner.shared.uploads.ended())
    }

    async fn unrecorded(&self) -> Result<Vec<Published>> {
        Ok(oversight::unrecorded(&self.inner.all_buckets()))
    }

    async fn recorded(&self, ids: &[UploadId]) -> Result<()> {
        let ids = ids.to_vec();
        self.on("confirm records", move |inner| {
            oversight::recorded(&inner.all_buckets(), &ids)
        })
        .await
    }
}

impl LocalStore {
    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        blocking::run(operation, move || {
            job(&inner).map_err(|fault| fault.during(operation, b""))
        })
        .await
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // They hold the shared state that holds them.
        self.shared.uploads.let_go();
    }
}

impl Inner {
    fn create_bucket(&self, name: &BucketName) -> Result<(), Fault> {
        let dir = self.make_dir(&self.root, name.as_str().as_bytes(), 0o755)?;
        self.make_dir(&dir, b"files", 0o755)?;
        self.make_dir(&dir, b"staging", 0o700)?;
        Ok(())
    }

    /// Makes a directory unless it is there, and opens it. Syncs in both cases: an earlier call may have been
    /// cut off between making and syncing.
    fn make_dir(&self, parent: &OwnedFd, name: &[u8], mode: u32) -> Result<OwnedFd, Fault> {
        self.shared.change_dirs(&[parent], || {
            match mkdirat(
                parent,
                name,
                Mode::from_raw_mode(mode & !self.shared.options.umask),
            ) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
            Ok(openat(parent, name, DIR_FLAGS, Mode::empty())?)
        })
    }

    fn make_home(&self, bucket: &BucketName, home: &RemotePath) -> Result<(), Fault> {
        let bucket = self.bucket(bucket)?;
        let mut dir = openat(&bucket.files, ".", DIR_FLAGS, Mode::empty())?;
        for part in home.components() {
            dir = self.make_dir(&dir, part, 0o755)?;
        }
        Ok(())
    }

    fn open_home(
        &self,
        bucket_name: &BucketName,
        home: &RemotePath,
        owner: OwnerId,
    ) -> Result<Arc<HomeRoot>, Fault> {
        let bucket = self.bucket(bucket_name)?;
        let dir = match self.open_unlinked(&bucket.files, home) {
            Err(Errno::NOENT) => {
                self.make_home(bucket_name, home)?;
                self.open_unlinked(&bucket.files, home)?
            }
            result => result?,
        };
        self.shared.home_root(dir, home, &bucket, owner)
    }

    /// Opens a directory below `files` with no link anywhere on the way.
    fn open_unlinked(&self, files: &OwnedFd, path: &RemotePath) -> Result<OwnedFd, Errno> {
        if self.has_openat2 {
            let relative = match &path.as_bytes()[1..] {
                b"" => b".".as_slice(),
                rest => rest,
            };
            let how = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            return match openat2(files, relative, DIR_FLAGS, Mode::empty(), how) {
                Err(Errno::LOOP) => Err(Errno::NOTDIR),
                result => result,
            };
        }
        let mut dir = openat(files, ".", DIR_FLAGS, Mode::empty())?;
        for part in path.components() {
            dir = openat(&dir, part, DIR_FLAGS, Mode::empty())?;
        }
        Ok(dir)
    }

    fn all_buckets(&self) -> Vec<Arc<Bucket>> {
        lock(&self.buckets).values().cloned().collect()
    }

    fn bucket(&self, name: &BucketName) -> Result<Arc<Bucket>, Fault> {
        if let Some(bucket) = self.known_bucket(name)? {
            return Ok(bucket);
        }
        let _opening = lock(&self.opening);
        if let Some(bucket) = self.known_bucket(name)? {
            return Ok(bucket);
        }
        let dir = openat(&self.root, name.as_str(), DIR_FLAGS, Mode::empty())?;
        let staging = openat(&dir, "staging", DIR_FLAGS, Mode::empty())?;
        let bucket = Arc::new(Bucket {
            name: name.clone(),
            files: openat(&dir, "files", DIR_FLAGS, Mode::empty())?,
            journal: Journal::open(&staging)?,
            staging_id: DirId::of(&staging)?,
            medium: Medium::of(staging.as_fd())?,
            staging,
            staged_prefix: "",
        });
        lock(&self.buckets).insert(name.clone(), Arc::clone(&bucket));
        Ok(bucket)
    }

    /// The bucket, if it is open. One that was removed behind our back and made again is another one.
    fn known_bucket(&self, name: &BucketName) -> Result<Option<Arc<Bucket>>, Fault> {
        let known = lock(&self.buckets).get(name).cloned();
        Ok(match known {
            Some(bucket) if fstat(&bucket.files)?.st_nlink > 0 => Some(bucket),
            _ => None,
        })
    }

    /// Opens all buckets and settles what the last run left in their staging directories.
    fn repair(&self) -> Result<(), Fault> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let listing = openat(&self.root, ".", flags, Mode::empty())?;
        for entry in rustix::fs::Dir::new(listing)? {
            let entry = entry?;
            let name = entry.file_name().to_str().ok();
            let Some(name) = name.and_then(|name| BucketName::parse(name).ok()) else {
                continue;
            };
            let bucket = match self.bucket(&name).map_err(|fault| (fault.kind(), fault)) {
                Ok(bucket) => bucket,
                // Not a bucket.
                Err((ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::LinkLoop, _)) => continue,
                Err((_, fault)) => return Err(fault),
            };
            let repair = Repair {
                shared: &self.shared,
                bucket: &bucket,
                open_dir: &|path| self.open_unlinked(&bucket.files, path),
            };
            let done = repair.run()?;
            if done.parked + done.removed > 0 {
                tracing::info!(
                    bucket = name.as_str(),
                    parked = done.parked,
                    removed = done.removed,
                    "settled unfinished uploads of the last run"
                );
            }
        }
        Ok(())
    }
}
