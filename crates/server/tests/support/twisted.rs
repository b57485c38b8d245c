//! A store that is the real one but for one twist: a lie that a self-test must notice, or slowness.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use longshore_storage::{
    BucketName, Capabilities, Closed, EditFile, EditMode, ErrorKind, Home, Listing, OwnerId, ReadFile,
    RemotePath, Result, SetStat, Sha256, SpaceInfo, Stat, StorageError, Store, Upload, UploadFacts, UploadId,
    UploadOptions, Version,
};

/// What is wrong with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Twist {
    /// Nothing.
    None,
    /// A rename that must not replace does.
    RenameReplaces,
    /// A rename that must replace says that it has.
    ReplaceDoesNothing,
    /// A hard link says that it was made.
    NoHardLink,
    /// Syncing an upload fails.
    SyncFails,
    /// Attributes say that they were set.
    AttributesForgotten,
    /// Attributes of a link are set on what it leads to.
    LinksFollowed,
    /// No space anywhere.
    NoSpaceInfo,
    /// The digest is that of another file.
    StaleDigest,
    /// A reservation of a name is not one.
    ExclusiveShared,
    /// Zeros instead of what was written last.
    WritesLost,
    /// Listings end too early.
    ListingsCut,
    /// Each write takes a while.
    SlowWrites,
    /// Attributes of an upload cannot be set.
    AttributesRefused,
}

pub struct TwistedStore {
    pub inner: Arc<dyn Store>,
    pub twist: Twist,
}

#[async_trait]
impl Store for TwistedStore {
    async fn create_bucket(&self, bucket: &BucketName) -> Result<()> {
        self.inner.create_bucket(bucket).await
    }

    async fn make_home(&self, bucket: &BucketName, home: &RemotePath) -> Result<()> {
        self.inner.make_home(bucket, home).await
    }

    async fn open_home(
        &self,
        bucket: &BucketName,
        home: &RemotePath,
        owner: OwnerId,
    ) -> Result<Arc<dyn Home>> {
        let inner = self.inner.open_home(bucket, home, owner).await?;
        Ok(Arc::new(TwistedHome {
            inner,
            twist: self.twist,
        }))
    }

    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }
}

pub struct TwistedHome {
    pub inner: Arc<dyn Home>,
    pub twist: Twist,
}

#[async_trait]
impl Home for TwistedHome {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn stat(&self, path: &RemotePath, follow: bool) -> Result<Stat> {
        self.inner.stat(path, follow).await
    }

    async fn set_stat(&self, path: &RemotePath, changes: &SetStat, follow: bool) -> Result<()> {
        match self.twist {
            Twist::AttributesForgotten => Ok(()),
            Twist::LinksFollowed => self.inner.set_stat(path, changes, true).await,
            _ => self.inner.set_stat(path, changes, follow).await,
        }
    }

    async fn open_read(&self, path: &RemotePath) -> Result<Arc<dyn ReadFile>> {
        let inner = self.inner.open_read(path).await?;
        Ok(Arc::new(TwistedRead {
            inner,
            twist: self.twist,
        }))
    }

    async fn begin_upload(&self, path: &RemotePath, mut options: UploadOptions) -> Result<Arc<dyn Upload>> {
        if self.twist == Twist::ExclusiveShared {
            options.precondition = longshore_storage::Precondition::None;
        }
        let inner = self.inner.begin_upload(path, options).await?;
        Ok(Arc::new(TwistedUpload {
            inner,
            twist: self.twist,
        }))
    }

    async fn resume(&self, path: &RemotePath) -> Result<Option<Arc<dyn Upload>>> {
        self.inner.resume(path).await
    }

    async fn edit(&self, path: &RemotePath, mode: EditMode) -> Result<Arc<dyn EditFile>> {
        self.inner.edit(path, mode).await
    }

    async fn list(&self, path: &RemotePath) -> Result<Box<dyn Listing>> {
        let mut listing = self.inner.list(path).await?;
        if self.twist == Twist::ListingsCut {
            listing.next_page(1).await?;
        }
        Ok(listing)
    }

    async fn make_dir(&self, path: &RemotePath, mode: Option<u32>) -> Result<()> {
        self.inner.make_dir(path, mode).await
    }

    async fn remove_dir(&self, path: &RemotePath) -> Result<()> {
        self.inner.remove_dir(path).await
    }

    async fn remove_file(&self, path: &RemotePath) -> Result<()> {
        self.inner.remove_file(path).await
    }

    async fn rename(&self, from: &RemotePath, to: &RemotePath, replace: bool) -> Result<()> {
        match self.twist {
            Twist::ReplaceDoesNothing if replace => Ok(()),
            Twist::RenameReplaces => self.inner.rename(from, to, true).await,
            _ => self.inner.rename(from, to, replace).await,
        }
    }

    async fn symlink(&self, target: &[u8], link: &RemotePath) -> Result<()> {
        self.inner.symlink(target, link).await
    }

    async fn read_link(&self, path: &RemotePath) -> Result<Vec<u8>> {
        self.inner.read_link(path).await
    }

    async fn hard_link(&self, existing: &RemotePath, link: &RemotePath) -> Result<()> {
        match self.twist {
            Twist::NoHardLink => Ok(()),
            _ => self.inner.hard_link(existing, link).await,
        }
    }

    async fn real_path(&self, path: &RemotePath) -> Result<RemotePath> {
        self.inner.real_path(path).await
    }

    async fn space(&self, path: &RemotePath) -> Result<SpaceInfo> {
        match self.twist {
            Twist::NoSpaceInfo => Ok(SpaceInfo::default()),
            _ => self.inner.space(path).await,
        }
    }
}

struct TwistedRead {
    inner: Arc<dyn ReadFile>,
    twist: Twist,
}

#[async_trait]
impl ReadFile for TwistedRead {
    fn version(&self) -> &Version {
        self.inner.version()
    }

    async fn stat(&self) -> Result<Stat> {
        let mut stat = self.inner.stat().await?;
        if self.twist == Twist::StaleDigest {
            stat.digest = Some(Sha256([7; 32]));
        }
        Ok(stat)
    }

    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>> {
        self.inner.read_at(offset, len, buf).await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.inner.space().await
    }
}

struct TwistedUpload {
    inner: Arc<dyn Upload>,
    twist: Twist,
}

#[async_trait]
impl Upload for TwistedUpload {
    fn id(&self) -> UploadId {
        self.inner.id()
    }

    fn facts(&self) -> UploadFacts {
        self.inner.facts()
    }

    fn declare(&self, size: u64) {
        self.inner.declare(size);
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        match self.twist {
            Twist::WritesLost => self.inner.write_at(offset, vec![0; data.len()].into()).await,
            Twist::SlowWrites => {
                tokio::time::sleep(Duration::from_millis(20)).await;
                self.inner.write_at(offset, data).await
            }
            _ => self.inner.write_at(offset, data).await,
        }
    }

    async fn append(&self, data: Bytes) -> Result<()> {
        self.inner.append(data).await
    }

    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>> {
        self.inner.read_at(offset, len, buf).await
    }

    async fn stat(&self) -> Result<Stat> {
        self.inner.stat().await
    }

    async fn set_stat(&self, changes: &SetStat) -> Result<()> {
        match self.twist {
            Twist::AttributesRefused => Err(StorageError::new(ErrorKind::PermissionDenied, "set attributes")),
            _ => self.inner.set_stat(changes).await,
        }
    }

    async fn sync(&self) -> Result<()> {
        match self.twist {
            Twist::SyncFails => Err(StorageError::new(ErrorKind::Io, "sync")),
            _ => self.inner.sync().await,
        }
    }

    async fn close(&self, note: &[u8]) -> Result<Closed> {
        self.inner.close(note).await
    }

    async fn park(&self) -> Result<()> {
        self.inner.park().await
    }

    async fn discard(&self) -> Result<()> {
        self.inner.discard().await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.inner.space().await
    }
}
