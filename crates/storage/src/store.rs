//! The storage traits: [`Store`] (the installation), [`Home`] (what one user reaches), and the open things.
//!
//! They are shaped for stores that are not file systems: an upload is begun, written, published; a reader
//! holds a version. All futures may be dropped at any point: an operation then either happened whole or not
//! at all, and blocking work that already started runs to its end.

use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use crate::error::{ErrorKind, Result, StorageError};
use crate::path::{BucketName, RemotePath};
use crate::types::{
    Capabilities, Digest, DirEntry, EditMode, OwnerId, SetStat, Sha256, SpaceInfo, Stat, UploadOptions,
    Version,
};
use crate::upload_types::{Closed, EndedUpload, Published, UploadFacts, UploadId, UploadInfo};

/// All buckets of an installation.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Makes the bucket if it does not exist. Idempotent; durable when it returns.
    async fn create_bucket(&self, bucket: &BucketName) -> Result<()>;

    /// Makes the home directory and its parents inside the bucket. Idempotent; durable when it returns.
    ///
    /// # Errors
    /// `NotFound` without the bucket; `NotADirectory` when a file or link stands in the way.
    async fn make_home(&self, bucket: &BucketName, home: &RemotePath) -> Result<()>;

    /// Opens a home, making it if it is missing. No symbolic link is followed on the way to it.
    /// Uploads begun through it belong to `owner`: all homes opened for one owner share the owner's view.
    async fn open_home(
        &self,
        bucket: &BucketName,
        home: &RemotePath,
        owner: OwnerId,
    ) -> Result<Arc<dyn Home>>;

    /// A cheap sign of life for health checks: fails when buckets cannot be reached now.
    ///
    /// # Errors
    /// `Unavailable`, `Io`.
    async fn check(&self) -> Result<()>;

    /// All unfinished uploads, open and parked, oldest first.
    async fn uploads(&self) -> Result<Vec<UploadInfo>> {
        Ok(Vec::new())
    }

    /// Throws an unfinished upload away, whoever has it open. Handles of it answer `UploadGone` from then on.
    ///
    /// # Errors
    /// `NotFound` when there is no such unfinished upload.
    async fn discard_upload(&self, id: UploadId) -> Result<()> {
        let _ = id;
        Err(StorageError::new(ErrorKind::NotFound, "discard upload"))
    }

    /// Throws away what has been parked for too long at `now`; says what. Meant to be called from time to time.
    async fn expire_uploads(&self, now: SystemTime) -> Result<Vec<EndedUpload>> {
        let _ = now;
        Ok(Vec::new())
    }

    /// What became of the uploads that ended last in this process, oldest first. Bounded: old ones are forgotten.
    async fn ended_uploads(&self) -> Result<Vec<EndedUpload>> {
        Ok(Vec::new())
    }

    /// Published uploads whose recording was never confirmed by [`Store::recorded`]: what a crash between publishing
    /// and recording left. Each published upload is in it until it is confirmed, an unpublished one never.
    async fn unrecorded(&self) -> Result<Vec<Published>> {
        Ok(Vec::new())
    }

    /// Confirms that these published uploads are on record elsewhere. Quiet about others. Not durable by itself: after
    /// a crash [`Store::unrecorded`] may name them once more, and the one who keeps the record tells by the id.
    async fn recorded(&self, ids: &[UploadId]) -> Result<()> {
        let _ = ids;
        Ok(())
    }
}

/// What one user sees as `/`. Every path is resolved inside it: links mean what the user would see
/// (an absolute target starts at the home), and nothing resolves outside.
#[async_trait]
pub trait Home: Send + Sync {
    /// What this store can do.
    fn capabilities(&self) -> Capabilities;

    /// Attributes; `follow` decides whether a link at the end is followed (STAT against LSTAT).
    async fn stat(&self, path: &RemotePath, follow: bool) -> Result<Stat>;

    /// Changes attributes; `follow` as for [`Home::stat`] (SETSTAT against `lsetstat@openssh.com`).
    async fn set_stat(&self, path: &RemotePath, changes: &SetStat, follow: bool) -> Result<()>;

    /// Opens the current version of a file for reading. Later publishes do not change what it reads.
    ///
    /// # Errors
    /// `IsADirectory`, `NotFound`, `InvalidInput` for FIFOs, sockets and devices (never blocks on them).
    async fn open_read(&self, path: &RemotePath) -> Result<Arc<dyn ReadFile>>;

    /// Begins a staged upload. Nobody but the owner sees it before [`Upload::publish`].
    ///
    /// # Errors
    /// `AlreadyExists` (precondition `Absent`), `NotFound` (`Present`, or no parent directory), `IsADirectory`.
    async fn begin_upload(&self, path: &RemotePath, options: UploadOptions) -> Result<Arc<dyn Upload>>;

    /// Continues the upload of `path` that its owner left parked, if there is one.
    ///
    /// # Errors
    /// `Unsupported` where the store cannot park.
    async fn resume(&self, path: &RemotePath) -> Result<Option<Arc<dyn Upload>>>;

    /// Opens an existing file for changes in place, as POSIX does.
    async fn edit(&self, path: &RemotePath, mode: EditMode) -> Result<Arc<dyn EditFile>>;

    /// Starts a listing. Entries come in the store's order, without `.` and `..`.
    async fn list(&self, path: &RemotePath) -> Result<Box<dyn Listing>>;

    /// Makes a directory (parent must exist). Durable as configured.
    async fn make_dir(&self, path: &RemotePath, mode: Option<u32>) -> Result<()>;

    /// Removes an empty directory. `NotEmpty` also when a live upload stands in it.
    async fn remove_dir(&self, path: &RemotePath) -> Result<()>;

    /// Removes a file or link (never a directory: `IsADirectory`). An unfinished upload that the owner sees under
    /// the name is discarded with it; its handles then answer `UploadGone`.
    async fn remove_file(&self, path: &RemotePath) -> Result<()>;

    /// Renames in one step. `replace`: POSIX semantics; otherwise `AlreadyExists` if the target is there,
    /// without a moment in which either name is missing.
    async fn rename(&self, from: &RemotePath, to: &RemotePath, replace: bool) -> Result<()>;

    /// Makes `link` a symbolic link with the text `target` (kept as written).
    async fn symlink(&self, target: &[u8], link: &RemotePath) -> Result<()>;

    /// Text of a symbolic link.
    async fn read_link(&self, path: &RemotePath) -> Result<Vec<u8>>;

    /// Makes `link` another name of the file `existing` (a link at the end of `existing` is not followed).
    async fn hard_link(&self, existing: &RemotePath, link: &RemotePath) -> Result<()>;

    /// Resolves links; parts that do not exist stay as they are (REALPATH, realpath(1) `-m`).
    async fn real_path(&self, path: &RemotePath) -> Result<RemotePath>;

    /// Space of the file system below `path`.
    async fn space(&self, path: &RemotePath) -> Result<SpaceInfo>;
}

/// An open version of a file.
#[async_trait]
pub trait ReadFile: Send + Sync {
    /// Which version this is.
    fn version(&self) -> &Version;

    /// Attributes of the open version.
    async fn stat(&self) -> Result<Stat>;

    /// Appends up to `len` bytes from `offset` to `buf` and hands it back; nothing appended means end of file.
    /// Fewer bytes than asked come only at the end of the file. What `buf` held before is kept in front,
    /// so that a reply header and its payload share one buffer.
    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>>;

    /// Space of the file system it lies on.
    async fn space(&self) -> Result<SpaceInfo>;
}

/// A staged upload between OPEN and CLOSE.
#[async_trait]
pub trait Upload: Send + Sync {
    /// Which upload this is, in every handle of it.
    fn id(&self) -> UploadId;

    /// What happened to it so far. Cheap.
    fn facts(&self) -> UploadFacts;

    /// A client announced how large the file will be; the last word counts, and only as evidence ([`UploadFacts`]).
    fn declare(&self, size: u64);

    /// Writes all of `data` at `offset`; gaps read as zeros, or as the base version.
    async fn write_at(&self, offset: u64, data: bytes::Bytes) -> Result<()>;

    /// Writes `len` zeros at `offset`, without taking room for them where the store can do that.
    async fn write_zeros(&self, offset: u64, len: u64) -> Result<()> {
        for (at, zeros) in zeros(offset, len) {
            self.write_at(at, zeros).await?;
        }
        Ok(())
    }

    /// Writes all of `data` at the end of the moment, whatever other handles of the upload wrote there.
    async fn append(&self, data: bytes::Bytes) -> Result<()>;

    /// As [`ReadFile::read_at`], on what the upload would publish now. `PermissionDenied` unless `readable`.
    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>>;

    /// Attributes as they would be published now.
    async fn stat(&self) -> Result<Stat>;

    /// Changes attributes of what will be published; `size` truncates or extends.
    async fn set_stat(&self, changes: &SetStat) -> Result<()>;

    /// Makes the data written so far durable without publishing (`fsync@openssh.com`).
    async fn sync(&self) -> Result<()>;

    /// SHA-256 of what was published, as far as it is known now.
    fn digest(&self) -> Digest {
        Digest::Absent
    }

    /// Waits until the digest of a published upload is known, or known never to be: it is finished in the background
    /// where much came out of order.
    async fn settled_digest(&self) -> Option<Sha256> {
        match self.digest() {
            Digest::Known(digest) => Some(digest),
            Digest::Pending | Digest::Absent => None,
        }
    }

    /// Puts the upload under its final name in one step; durable as configured when it returns. Where several
    /// handles have joined one upload, the last of them publishes and the others make their data durable.
    /// Fails with the reason of any write that failed and was not made good since: a file with a hole is torn.
    /// On failure (`NoSpace`, …) the published version is untouched and the upload may be tried again or parked.
    /// `note` (at most 4 KiB) is kept beside the facts for [`Store::unrecorded`].
    async fn close(&self, note: &[u8]) -> Result<Closed>;

    /// [`Upload::close`] for callers that keep no record.
    async fn publish(&self) -> Result<Version> {
        Ok(self.close(&[]).await?.version)
    }

    /// The handle died without CLOSE: keeps the gap-free front for [`Home::resume`] where the store can
    /// park, otherwise discards the upload.
    async fn park(&self) -> Result<()>;

    /// Throws the upload away; the published version is untouched.
    async fn discard(&self) -> Result<()>;

    /// Space of the file system it lies on.
    async fn space(&self) -> Result<SpaceInfo>;
}

/// A file open for changes in place.
#[async_trait]
pub trait EditFile: Send + Sync {
    /// Writes all of `data` at `offset` (append mode: at the end).
    async fn write_at(&self, offset: u64, data: bytes::Bytes) -> Result<()>;

    /// As [`Upload::write_zeros`].
    async fn write_zeros(&self, offset: u64, len: u64) -> Result<()> {
        for (at, zeros) in zeros(offset, len) {
            self.write_at(at, zeros).await?;
        }
        Ok(())
    }

    /// As [`ReadFile::read_at`]; `PermissionDenied` when opened without READ.
    async fn read_at(&self, offset: u64, len: usize, buf: Vec<u8>) -> Result<Vec<u8>>;

    /// Attributes now.
    async fn stat(&self) -> Result<Stat>;

    /// Changes attributes.
    async fn set_stat(&self, changes: &SetStat) -> Result<()>;

    /// fsync(2).
    async fn sync(&self) -> Result<()>;

    /// The unfinished upload of the same owner that this handle joined instead of changing the published file. It takes
    /// the same calls, and its own CLOSE tells what was published.
    fn upload(&self) -> Option<Arc<dyn Upload>> {
        None
    }

    /// CLOSE: durable as configured when it returns.
    async fn close(&self) -> Result<()>;

    /// Space of the file system it lies on.
    async fn space(&self) -> Result<SpaceInfo>;
}

/// A directory being listed.
#[async_trait]
pub trait Listing: Send {
    /// Up to `max_entries` further entries; empty at the end.
    async fn next_page(&mut self, max_entries: usize) -> Result<Vec<DirEntry>>;
}

/// `len` zeros from `offset` on, in pieces.
fn zeros(offset: u64, len: u64) -> impl Iterator<Item = (u64, bytes::Bytes)> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let end = offset.saturating_add(len);
    (offset..end).step_by(ZEROS.len()).map(move |at| {
        let left = usize::try_from(end - at).unwrap_or(usize::MAX);
        (at, bytes::Bytes::from_static(&ZEROS[..left.min(ZEROS.len())]))
    })
}
