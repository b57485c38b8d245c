//! [`Home`] on local disk: hands each operation to the blocking pool.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use async_trait::async_trait;

use super::blocking::Jobs;
use super::fault::Fault;
use super::io::Medium;
use super::resolve::{InCache, Place, path_below};
use super::shared::{Bucket, Shared, Viewer};
use super::{edit, listing, look, names, read};
use crate::error::Result;
use crate::path::RemotePath;
use crate::store::{EditFile, Home, Listing, ReadFile, Upload};
use crate::types::{Capabilities, EditMode, SetStat, SpaceInfo, Stat, UploadOptions};
use crate::uploads::{self, Staged};

/// What an opened home is made of.
#[derive(Debug)]
pub(crate) struct HomeRoot {
    pub(crate) dir: OwnedFd,
    /// Where it lay in the bucket when it was opened.
    pub(crate) path: RemotePath,
    pub(crate) bucket: Arc<Bucket>,
    pub(crate) viewer: Viewer,
    pub(crate) shared: Arc<Shared>,
    /// The owner's share of the blocking pool.
    pub(crate) jobs: Jobs,
}

impl HomeRoot {
    /// Looks a path up inside the home.
    pub(crate) fn find(&self, path: &RemotePath, follow: bool) -> Result<Place, Fault> {
        Ok(Place::find(
            self.shared.resolver.as_ref(),
            self.dir.as_fd(),
            path.as_bytes(),
            follow,
        )?)
    }

    /// Whether published uploads are announced to somebody who keeps records of them.
    pub(crate) fn keeps_records(&self) -> bool {
        self.shared.options.record && self.bucket.journal.is_kept()
    }

    /// Makes the names of staged files durable.
    pub(crate) fn sync_staging(&self) -> Result<(), Fault> {
        self.shared.sync_dir(&self.bucket.staging)
    }

    /// The path in the bucket of a place that was reached by `path` in this home.
    pub(crate) fn path_in_bucket(&self, place: &Place, path: &RemotePath) -> RemotePath {
        let found = path_below(self.bucket.files.as_fd(), place.parent.as_fd())
            .map(|dir| [dir.as_slice(), b"/", &place.name].concat())
            .and_then(|path| RemotePath::parse(&path).ok());
        found.unwrap_or_else(|| {
            // Without /proc: what was asked for, which is what is there unless a link or a rename led elsewhere.
            let asked = [self.path.as_bytes(), path.as_bytes()].concat();
            RemotePath::parse(&asked).unwrap_or_else(|_too_long| path.clone())
        })
    }

    /// Looks a path up without waiting for a disk, for [`LocalHome::at_once`].
    fn look_in_cache(&self, path: &RemotePath, follow: bool) -> InCache {
        if self.bucket.medium == Medium::Far {
            return InCache::Unknown;
        }
        self.shared
            .resolver
            .look_in_cache(self.dir.as_fd(), path.as_bytes(), follow)
    }

    /// The unfinished upload that this viewer sees at a place.
    pub(crate) fn own_upload(&self, place: &Place) -> Result<Option<Arc<Staged>>, Fault> {
        let uploads = &self.shared.uploads;
        if place.is_nameless() {
            return Ok(None);
        }
        let own = if uploads.is_empty() {
            None
        } else {
            uploads.seen_by(&place.key()?, self.viewer)
        };
        match &own {
            Some(own) => own.found_at(place),
            None if self.bucket.is_beside() => return uploads::adopt(self, place),
            None => {}
        }
        Ok(own)
    }
}

/// One user's view of a bucket.
#[derive(Debug)]
pub(crate) struct LocalHome {
    root: Arc<HomeRoot>,
}

impl LocalHome {
    pub(crate) const fn new(root: Arc<HomeRoot>) -> Self {
        Self { root }
    }

    /// Runs `job` where it stands, on a path that the kernel has in its caches: cheaper than waking a thread. `job` says
    /// `None`, too, when it would have to wait.
    fn at_once<T>(
        &self,
        operation: &'static str,
        path: &RemotePath,
        follow: bool,
        job: impl FnOnce(&Arc<HomeRoot>, &RemotePath) -> Result<Option<T>, Fault>,
    ) -> Option<Result<T>> {
        let pinned = self.root.look_in_cache(path, follow);
        if matches!(pinned, InCache::Unknown) {
            return None;
        }
        let done = job(&self.root, path).transpose()?;
        Some(done.map_err(|fault| fault.during(operation, path.as_bytes())))
    }

    /// Runs one operation on one path.
    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        path: &RemotePath,
        job: impl FnOnce(&Arc<HomeRoot>, &RemotePath) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let (root, path) = (Arc::clone(&self.root), path.clone());
        let work = move || job(&root, &path).map_err(|fault| fault.during(operation, path.as_bytes()));
        self.root.jobs.run(operation, work).await
    }
}

#[async_trait]
impl Home for LocalHome {
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            atomic_replace: true,
            hard_links: true,
            symlinks: true,
            space: true,
            sync: true,
            edit: true,
            attributes: true,
        }
    }

    async fn stat(&self, path: &RemotePath, follow: bool) -> Result<Stat> {
        let published = |home: &Arc<HomeRoot>, path: &RemotePath| look::stat_published(home, path, follow);
        if let Some(stat) = self.at_once("stat", path, follow, published) {
            return stat;
        }
        self.on("stat", path, move |home, path| look::stat(home, path, follow))
            .await
    }

    async fn set_stat(&self, path: &RemotePath, changes: &SetStat, follow: bool) -> Result<()> {
        let changes = changes.clone();
        self.on("set attributes", path, move |home, path| {
            look::set_stat(home, path, &changes, follow)
        })
        .await
    }

    async fn open_read(&self, path: &RemotePath) -> Result<Arc<dyn ReadFile>> {
        if let Some(file) = self.at_once("open", path, true, read::open_published) {
            return file;
        }
        self.on("open", path, read::open).await
    }

    async fn begin_upload(&self, path: &RemotePath, options: UploadOptions) -> Result<Arc<dyn Upload>> {
        if self.root.bucket.medium.is_memory()
            && let Some(begun) = uploads::begin_at_once(&self.root, path, &options).transpose()
        {
            return match begun {
                Ok(handle) => Ok(Arc::new(handle)),
                Err(fault) => Err(fault.during("begin upload", path.as_bytes())),
            };
        }
        self.on("begin upload", path, move |home, path| {
            Ok(Arc::new(uploads::begin(home, path, &options)?) as Arc<dyn Upload>)
        })
        .await
    }

    async fn resume(&self, path: &RemotePath) -> Result<Option<Arc<dyn Upload>>> {
        if self.root.shared.uploads.none_parked() {
            return Ok(None); // the usual case, told without leaving the thread
        }
        self.on("resume upload", path, |home, path| {
            let resumed = uploads::resume(home, path)?;
            Ok(resumed.map(|handle| Arc::new(handle) as Arc<dyn Upload>))
        })
        .await
    }

    async fn edit(&self, path: &RemotePath, mode: EditMode) -> Result<Arc<dyn EditFile>> {
        self.on("open", path, move |home, path| edit::open(home, path, mode))
            .await
    }

    async fn list(&self, path: &RemotePath) -> Result<Box<dyn Listing>> {
        self.on("list", path, listing::open).await
    }

    async fn make_dir(&self, path: &RemotePath, mode: Option<u32>) -> Result<()> {
        self.on("make directory", path, move |home, path| {
            names::make_dir(home, path, mode)
        })
        .await
    }

    async fn remove_dir(&self, path: &RemotePath) -> Result<()> {
        self.on("remove directory", path, |home, path| {
            names::remove_dir(home, path)
        })
        .await
    }

    async fn remove_file(&self, path: &RemotePath) -> Result<()> {
        self.on("remove", path, |home, path| names::remove_file(home, path))
            .await
    }

    async fn rename(&self, from: &RemotePath, to: &RemotePath, replace: bool) -> Result<()> {
        let to = to.clone();
        self.on("rename", from, move |home, from| {
            names::rename(home, from, &to, replace)
        })
        .await
    }

    async fn symlink(&self, target: &[u8], link: &RemotePath) -> Result<()> {
        let target = target.to_vec();
        self.on("make link", link, move |home, link| {
            names::symlink(home, &target, link)
        })
        .await
    }

    async fn read_link(&self, path: &RemotePath) -> Result<Vec<u8>> {
        self.on("read link", path, |home, path| look::read_link(home, path))
            .await
    }

    async fn hard_link(&self, existing: &RemotePath, link: &RemotePath) -> Result<()> {
        let link = link.clone();
        self.on("make hard link", existing, move |home, existing| {
            names::hard_link(home, existing, &link)
        })
        .await
    }

    async fn real_path(&self, path: &RemotePath) -> Result<RemotePath> {
        self.on("resolve", path, |home, path| look::real_path(home, path))
            .await
    }

    async fn space(&self, path: &RemotePath) -> Result<SpaceInfo> {
        self.on("read space", path, |home, path| look::space(home, path))
            .await
    }
}
