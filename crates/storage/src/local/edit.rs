//! Changing a published file in place, as POSIX does.

use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use bytes::Bytes;
use rustix::fs::{Mode, OFlags, fchmod, fstat, fsync, ftruncate};

use super::attrs::{MODE_BITS, apply_times_fd, checked_size, stat_of};
use super::blocking::Jobs;
use super::budget::Taken;
use super::fault::Fault;
use super::home::HomeRoot;
use super::io::{read_into, retry, space_of, write_all_at, write_zeros};
use super::look::{open_regular, refuse_unwritable, settle};
use super::resolve::DirId;
use super::shared::Shared;
use crate::digest;
use crate::error::{ErrorKind, Result};
use crate::path::RemotePath;
use crate::store::EditFile;
use crate::types::{EditMode, SetStat, SpaceInfo, Stat};
use crate::uploads;

/// Opens the file for changes in place; an unfinished upload of the viewer's own is joined instead.
pub(super) fn open(
    home: &Arc<HomeRoot>,
    path: &RemotePath,
    mode: EditMode,
) -> Result<Arc<dyn EditFile>, Fault> {
    let append = matches!(mode, EditMode::Append { .. });
    let readable = !matches!(mode, EditMode::Append { readable: false });
    settle(|| {
        let place = home.find(path, true)?;
        if let Some(joined) = uploads::join(home, &place, readable, !append)? {
            return Ok(Arc::new(uploads::JoinedEdit::new(joined, append)) as Arc<dyn EditFile>);
        }
        refuse_unwritable(&place)?;
        let access = if readable { OFlags::RDWR } else { OFlags::WRONLY };
        let flags = if append { access | OFlags::APPEND } else { access };
        let taken = home.shared.descriptors.take(1)?;
        let (file, _) = open_regular(&place, flags)?;
        Ok(Arc::new(LocalEdit {
            inner: Arc::new(Inner {
                file,
                _taken: taken,
                append,
                readable,
                durable: home.shared.is_durable(),
                voided: OnceLock::new(),
                shared: Arc::clone(&home.shared),
            }),
            jobs: home.jobs.clone(),
        }) as Arc<dyn EditFile>)
    })
}

struct LocalEdit {
    inner: Arc<Inner>,
    jobs: Jobs,
}

struct Inner {
    file: OwnedFd,
    _taken: Taken,
    append: bool,
    readable: bool,
    durable: bool,
    /// Set before this handle changes the content: the digest is void, and for good.
    voided: OnceLock<Result<(), Fault>>,
    shared: Arc<Shared>,
}

impl LocalEdit {
    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let work = move || job(&inner).map_err(|fault| fault.during(operation, b""));
        self.jobs.run(operation, work).await
    }
}

#[async_trait]
impl EditFile for LocalEdit {
    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.on("write", move |inner| inner.write(offset, &data)).await
    }

    async fn write_zeros(&self, offset: u64, len: u64) -> Result<()> {
        self.on("write", move |inner| {
            inner.void_digest()?;
            write_zeros(inner.file.as_fd(), offset, offset.saturating_add(len))
        })
        .await
    }

    async fn read_at(&self, offset: u64, len: usize, mut buf: Vec<u8>) -> Result<Vec<u8>> {
        self.on("read", move |inner| {
            if !inner.readable {
                return Err(ErrorKind::PermissionDenied.into());
            }
            read_into(inner.file.as_fd(), offset, len, &mut buf)?;
            Ok(buf)
        })
        .await
    }

    async fn stat(&self) -> Result<Stat> {
        self.on("stat", |inner| Ok(stat_of(&fstat(&inner.file)?))).await
    }

    async fn set_stat(&self, changes: &SetStat) -> Result<()> {
        let changes = changes.clone();
        self.on("set attributes", move |inner| inner.set_stat(&changes))
            .await
    }

    async fn sync(&self) -> Result<()> {
        self.on("sync", |inner| Ok(retry(|| fsync(&inner.file))?)).await
    }

    async fn close(&self) -> Result<()> {
        self.on("close", |inner| {
            if inner.durable {
                retry(|| fsync(&inner.file))?;
            }
            Ok(())
        })
        .await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.on("read space", |inner| space_of(inner.file.as_fd())).await
    }
}

impl Inner {
    /// Before the first change, and all who are about to change something wait for it: in the other order a digest that is
    /// bound to new times at this moment would outlive it. Synced, with either durability: after a power cut new bytes
    /// might stand under the old digest otherwise, as nothing tells in which order a file system writes the two.
    fn void_digest(&self) -> Result<(), Fault> {
        *self.voided.get_or_init(|| {
            // Another handle that finds no digest any more must not write before it is gone for good either.
            let _file = self.shared.lock_file(DirId::of(&self.file)?);
            if digest::forget(self.file.as_fd()) {
                retry(|| fsync(&self.file))?;
            }
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> Result<(), Fault> {
        self.void_digest()?;
        if self.append {
            // O_APPEND makes each call land at the end of the moment, whatever the offset (write(2)).
            let mut rest = data;
            while !rest.is_empty() {
                let count = retry(|| rustix::io::write(&self.file, rest))?;
                rest = &rest[count..];
            }
            return Ok(());
        }
        write_all_at(self.file.as_fd(), offset, data).map_err(|(fault, _)| fault)
    }

    fn set_stat(&self, changes: &SetStat) -> Result<(), Fault> {
        if let Some(size) = changes.size {
            self.void_digest()?;
            ftruncate(&self.file, checked_size(size)?)?;
        }
        if let Some(mode) = changes.mode {
            fchmod(&self.file, Mode::from_raw_mode(mode & MODE_BITS))?;
        }
        if let Some(times) = changes.times {
            let file = self.file.as_fd();
            digest::retime(file, || apply_times_fd(file, times))?;
        }
        Ok(())
    }
}
