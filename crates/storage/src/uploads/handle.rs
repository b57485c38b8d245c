//! One open handle of a staged upload.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::queue;
use super::staged::Staged;
use crate::error::{ErrorKind, Result};
use crate::local::Fault;
use crate::store::{EditFile, Upload};
use crate::types::{Digest, SetStat, Sha256, SpaceInfo, Stat};
use crate::upload_types::{Closed, UploadFacts, UploadId};

/// A handle; the last one that ends decides about the upload.
#[derive(Debug)]
pub(crate) struct Handle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    staged: Arc<Staged>,
    readable: bool,
    /// There was nothing under the name when it was opened.
    on_free_name: bool,
    /// The turns when it was opened, and when it changed something last.
    opened: u64,
    active: AtomicU64,
    /// Published, parked or discarded through this handle.
    ended: AtomicBool,
}

impl Handle {
    pub(super) fn new(staged: Arc<Staged>, readable: bool) -> Self {
        Self::begun(staged, readable, false)
    }

    /// The first handle of an upload.
    pub(super) fn begun(staged: Arc<Staged>, readable: bool, on_free_name: bool) -> Self {
        let opened = next_turn(&staged);
        Self {
            inner: Arc::new(Inner {
                staged,
                readable,
                on_free_name,
                opened,
                active: AtomicU64::new(opened),
                ended: AtomicBool::new(false),
            }),
        }
    }

    async fn on<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        let inner = Arc::clone(&self.inner);
        let work = move || job(&inner).map_err(|fault| fault.during(operation, inner.staged.path.as_bytes()));
        self.inner.staged.home.jobs.run(operation, work).await
    }

    /// Runs `job`, which ends the handle, unless it has ended.
    async fn end<T: Send + 'static>(
        &self,
        operation: &'static str,
        job: impl FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        // Not before the job has started: it never does when the future is dropped while it waits.
        self.on(operation, move |inner| inner.end(job)).await
    }
}

impl Inner {
    /// Runs `job`, which ends the handle, unless it has ended.
    fn end<T>(&self, job: impl FnOnce(&Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if self.ended.swap(true, Ordering::AcqRel) {
            return Err(ErrorKind::UploadGone.into());
        }
        let result = job(self);
        if result.is_err() {
            // Still there, to be tried again or parked.
            self.ended.store(false, Ordering::Release);
        }
        result
    }

    /// Notes that something is changed through it.
    fn use_it(&self) {
        self.active.store(next_turn(&self.staged), Ordering::Relaxed);
    }

    fn active(&self) -> u64 {
        self.active.load(Ordering::Relaxed)
    }
}

fn next_turn(staged: &Staged) -> u64 {
    staged.turns.fetch_add(1, Ordering::Relaxed) + 1
}

impl Drop for Inner {
    fn drop(&mut self) {
        if *self.ended.get_mut() {
            return;
        }
        let (staged, active) = (Arc::clone(&self.staged), self.active());
        let clean_up = move || {
            if let Err(fault) = staged.abandon_handle(active) {
                tracing::warn!(
                    ?fault,
                    "an abandoned upload stays in staging until the next start"
                );
            }
        };
        // Freeing the blocks of a large file takes a while: not on an async thread, if there is a choice.
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => self.staged.home.jobs.start(&runtime, clean_up),
            Err(_) => clean_up(),
        }
    }
}

#[async_trait]
impl Upload for Handle {
    fn id(&self) -> UploadId {
        self.inner.staged.id
    }

    fn facts(&self) -> UploadFacts {
        self.inner.staged.facts()
    }

    fn declare(&self, size: u64) {
        self.inner.staged.declare(size);
    }

    fn digest(&self) -> Digest {
        *self.inner.staged.digest.borrow()
    }

    async fn settled_digest(&self) -> Option<Sha256> {
        let mut digest = self.inner.staged.digest.subscribe();
        let settled = digest.wait_for(|digest| *digest != Digest::Pending).await;
        match settled.as_deref() {
            Ok(Digest::Known(digest)) => Some(*digest),
            Ok(Digest::Pending | Digest::Absent) | Err(_) => None,
        }
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        self.inner.use_it();
        let staged = &self.inner.staged;
        let result = match queue::write_at_once(staged, offset, &data) {
            Some(result) => result,
            None => queue::write(staged, offset, data).await,
        };
        result.map_err(|fault| fault.during("write", staged.path.as_bytes()))
    }

    async fn write_zeros(&self, offset: u64, len: u64) -> Result<()> {
        self.inner.use_it();
        self.on("write", move |inner| inner.staged.zeros_at(offset, len))
            .await
    }

    async fn append(&self, data: Bytes) -> Result<()> {
        self.inner.use_it();
        self.on("append", move |inner| inner.staged.append(&data)).await
    }

    async fn read_at(&self, offset: u64, len: usize, mut buf: Vec<u8>) -> Result<Vec<u8>> {
        self.on("read", move |inner| {
            if !inner.readable {
                return Err(ErrorKind::PermissionDenied.into());
            }
            inner.staged.read_at(offset, len, &mut buf)?;
            Ok(buf)
        })
        .await
    }

    async fn stat(&self) -> Result<Stat> {
        self.on("stat", |inner| inner.staged.stat()).await
    }

    async fn set_stat(&self, changes: &SetStat) -> Result<()> {
        self.inner.use_it();
        let changes = changes.clone();
        self.on("set attributes", move |inner| inner.staged.set_stat(&changes))
            .await
    }

    async fn sync(&self) -> Result<()> {
        self.on("sync", |inner| inner.staged.sync()).await
    }

    async fn close(&self, note: &[u8]) -> Result<Closed> {
        let (inner, staged) = (&self.inner, &self.inner.staged);
        if inner.on_free_name && staged.closes_at_once() {
            let closed = inner.end(|inner| staged.close_handle(inner.opened, note));
            return closed.map_err(|fault| fault.during("publish", staged.path.as_bytes()));
        }
        let note = note.to_vec();
        self.end("publish", move |inner| {
            inner.staged.close_handle(inner.opened, &note)
        })
        .await
    }

    async fn park(&self) -> Result<()> {
        self.end("park", |inner| inner.staged.abandon_handle(inner.active()))
            .await
    }

    async fn discard(&self) -> Result<()> {
        self.end("discard", |inner| inner.staged.give_up(inner.active()))
            .await
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.on("read space", |inner| inner.staged.space()).await
    }
}

/// A handle that was opened for changes in place and joined an unfinished upload of its owner instead.
#[derive(Debug)]
pub(crate) struct JoinedEdit {
    handle: Arc<Handle>,
    append: bool,
}

impl JoinedEdit {
    pub(crate) fn new(handle: Handle, append: bool) -> Self {
        Self {
            handle: Arc::new(handle),
            append,
        }
    }
}

#[async_trait]
impl EditFile for JoinedEdit {
    fn upload(&self) -> Option<Arc<dyn Upload>> {
        Some(self.handle.clone())
    }

    async fn write_at(&self, offset: u64, data: Bytes) -> Result<()> {
        if self.append {
            return self.handle.append(data).await;
        }
        self.handle.write_at(offset, data).await
    }

    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>> {
        self.handle.read_at(offset, len, buf).await
    }

    async fn stat(&self) -> Result<Stat> {
        self.handle.stat().await
    }

    async fn set_stat(&self, changes: &SetStat) -> Result<()> {
        self.handle.set_stat(changes).await
    }

    async fn sync(&self) -> Result<()> {
        self.handle.sync().await
    }

    async fn close(&self) -> Result<()> {
        self.handle.publish().await.map(drop)
    }

    async fn space(&self) -> Result<SpaceInfo> {
        self.handle.space().await
    }
}
