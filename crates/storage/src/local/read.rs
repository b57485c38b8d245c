//! Reading one version of a file.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use async_trait::async_trait;
use rustix::fs::{OFlags, fstat};

use super::attrs::{stat_of, version_of};
use super::blocking::Jobs;
use super::budget::Taken;
use super::fault::Fault;
use super::home::HomeRoot;
use super::io::{Cached, read_into, space_of};
use super::look::{open_regular, settle};
use super::resolve::{DirId, Place};
use crate::digest;
use crate::error::{ErrorKind, Result, StorageError};
use crate::limits;
use crate::path::RemotePath;
use crate::store::ReadFile;
use crate::types::{SpaceInfo, Stat, Version};
use crate::uploads::Staged;

/// Opens what the viewer sees at `path`: the own unfinished upload, or the published file.
pub(super) fn open(home: &Arc<HomeRoot>, path: &RemotePath) -> Result<Arc<dyn ReadFile>, Fault> {
    settle(|| {
        let place = home.find(path, true)?;
        if let Some(upload) = home.own_upload(&place)? {
            let version = upload.version()?;
            return Ok(Arc::new(UploadReader {
                upload,
                version,
                jobs: home.jobs.clone(),
            }) as Arc<dyn ReadFile>);
        }
        published(home, &place)
    })
}

/// As [`open`] of what is published; `None` where the viewer sees an unfinished upload.
pub(super) fn open_published(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
) -> Result<Option<Arc<dyn ReadFile>>, Fault> {
    settle(|| {
        let place = home.find(path, true)?;
        if home.own_upload(&place)?.is_some() {
            return Ok(None);
        }
        published(home, &place).map(Some)
    })
}

fn published(home: &HomeRoot, place: &Place) -> Result<Arc<dyn ReadFile>, Fault> {
    let taken = home.shared.descriptors.take(1)?;
    let (file, stat) = open_regular(place, OFlags::RDONLY)?;
    // Other file systems may be mounted inside.
    let in_memory =
        home.bucket.medium.is_memory() && DirId::of_stat(&stat).device == home.bucket.staging_id.device;
    Ok(Arc::new(LocalReadFile {
        file: Some(Arc::new((file, taken))),
        version: version_of(&stat),
        cached: Cached::new(in_memory),
        jobs: home.jobs.clone(),
    }))
}

struct LocalReadFile {
    /// There until it is dropped.
    file: Option<Arc<(OwnedFd, Taken)>>,
    version: Version,
    cached: Cached,
    jobs: Jobs,
}

impl LocalReadFile {
    fn file(&self) -> Result<&Arc<(OwnedFd, Taken)>, StorageError> {
        let gone = || StorageError::new(ErrorKind::Internal, "read");
        self.file.as_ref().ok_or_else(gone)
    }

    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&OwnedFd) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let file = Arc::clone(self.file()?);
        let work = move || job(&file.0).map_err(|fault| fault.during(operation, b""));
        self.jobs.run(operation, work).await
    }
}

#[async_trait]
impl ReadFile for LocalReadFile {
    fn version(&self) -> &Version {
        &self.version
    }

    async fn stat(&self) -> Result<Stat> {
        if matches!(self.cached, Cached::Memory) {
            return stat_open(&self.file()?.0).map_err(|fault| fault.during("stat", b""));
        }
        self.on("stat", stat_open).await
    }

    async fn read_at(&self, offset: u64, len: usize, mut buf: Vec<u8>) -> Result<Vec<u8>> {
        let start = buf.len();
        if self.cached.read(self.file()?.0.as_fd(), offset, len, &mut buf) {
            return Ok(buf);
        }
        self.on("read", move |file| {
            let done = buf.len() - start;
            read_into(
                file.as_fd(),
                offset.saturating_add(done as u64),
                len - done,
                &mut buf,
            )?;
            Ok(buf)
        })
        .await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.on("read space", |file| space_of(file.as_fd())).await
    }
}

fn stat_open(file: &OwnedFd) -> Result<Stat, Fault> {
    let raw = fstat(file)?;
    Ok(Stat {
        digest: digest::known(file.as_fd(), &raw),
        ..stat_of(&raw)
    })
}

impl Drop for LocalReadFile {
    /// The last handle of a replaced or removed file frees its blocks, which takes a while: not on an async thread.
    fn drop(&mut self) {
        let Some(file) = self.file.take() else { return };
        let is_large = fstat(&file.0).is_ok_and(|raw| raw.st_nlink == 0 && raw.st_size >= limits::LARGE_FILE);
        if is_large && let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.jobs.start(&runtime, move || drop(file));
        }
    }
}

/// The owner reading an upload of theirs that is not published yet.
struct UploadReader {
    upload: Arc<Staged>,
    version: Version,
    jobs: Jobs,
}

impl UploadReader {
    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Staged) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let upload = Arc::clone(&self.upload);
        let work = move || job(&upload).map_err(|fault| fault.during(operation, b""));
        self.jobs.run(operation, work).await
    }
}

#[async_trait]
impl ReadFile for UploadReader {
    fn version(&self) -> &Version {
        &self.version
    }

    async fn stat(&self) -> Result<Stat> {
        self.on("stat", Staged::stat).await
    }

    async fn read_at(&self, offset: u64, len: usize, mut buf: Vec<u8>) -> Result<Vec<u8>> {
        self.on("read", move |upload| {
            upload.read_at(offset, len, &mut buf)?;
            Ok(buf)
        })
        .await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.on("read space", Staged::space).await
    }
}
