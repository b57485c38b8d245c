//! The real catalog and store with a switch: they work, or fail in one of the ways that real ones can.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

use async_trait::async_trait;
use longshore_catalog::{
    ApiKey, ApiKeyId, BucketStore, Catalog, CatalogError, CreatedApiKey, CreatedUser, Date, Deleted,
    Invocation, KeyStore, NewUser, RecordedUpload, Result, Timestamp, UploadKey, UploadPage, UploadRecord,
    UploadStore, User, UserChange, UserChanges, UserId, UserPage, UserStore,
};
use longshore_storage::{
    BucketName, ErrorKind, Home, OwnerId, RemotePath, StorageError, Store, UploadId, UploadInfo,
};
use secrecy::SecretString;
use tokio::sync::{Semaphore, broadcast};

/// How the next calls go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Fault {
    /// As ever.
    None,
    /// They fail: away.
    Away,
    /// They fail: the disk is full (store), unreadable rows (catalog).
    Broken,
    /// They panic.
    Panic,
    /// They wait until [`Gate::release`].
    Stall,
}

/// The switch.
pub(crate) struct Gate {
    fault: AtomicU8,
    released: Semaphore,
    waiting: AtomicUsize,
}

impl Gate {
    fn new() -> Self {
        Self {
            fault: AtomicU8::new(Fault::None as u8),
            released: Semaphore::new(0),
            waiting: AtomicUsize::new(0),
        }
    }

    /// Throws the switch.
    pub(crate) fn set(&self, fault: Fault) {
        self.fault.store(fault as u8, Ordering::SeqCst);
    }

    /// Ends a stall, for calls that wait and for all to come.
    pub(crate) fn release(&self) {
        self.set(Fault::None);
        self.released.add_permits(1000);
    }

    /// How many calls a stall has met.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    async fn pass(&self) -> Option<Fault> {
        let fault = self.fault.load(Ordering::SeqCst);
        let faults = [Fault::Away, Fault::Broken, Fault::Panic, Fault::Stall];
        let fault = faults.into_iter().find(|known| *known as u8 == fault)?;
        match fault {
            Fault::Panic => panic!("a defect, made for this test"),
            Fault::Stall => {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                self.released.acquire().await.expect("never closed").forget();
                None
            }
            other => Some(other),
        }
    }
}

/// A catalog with a [`Gate`] before the operations on users; keys are checked as ever.
pub(crate) struct FaultyCatalog {
    inner: Arc<dyn Catalog>,
    pub(crate) gate: Gate,
    keys_checked: AtomicUsize,
}

impl FaultyCatalog {
    pub(crate) fn new(inner: Arc<dyn Catalog>) -> Self {
        Self {
            inner,
            gate: Gate::new(),
            keys_checked: AtomicUsize::new(0),
        }
    }

    /// How many keys were looked at.
    pub(crate) fn keys_checked(&self) -> usize {
        self.keys_checked.load(Ordering::SeqCst)
    }

    async fn pass(&self) -> Result<()> {
        match self.gate.pass().await {
            None => Ok(()),
            Some(Fault::Away) => Err(CatalogError::Unavailable("the database is locked".into())),
            Some(_) => Err(CatalogError::Corrupt {
                what: "user",
                source: None,
            }),
        }
    }
}

#[async_trait]
impl UserStore for FaultyCatalog {
    async fn create_user(
        &self,
        new: NewUser,
        invocation: Option<Invocation>,
        max_users: Option<u64>,
    ) -> Result<CreatedUser> {
        self.pass().await?;
        self.inner.create_user(new, invocation, max_users).await
    }

    async fn user(&self, username: &str) -> Result<Option<User>> {
        self.pass().await?;
        self.inner.user(username).await
    }

    async fn update_user(&self, username: &str, changes: UserChanges) -> Result<User> {
        self.pass().await?;
        self.inner.update_user(username, changes).await
    }

    async fn delete_user(&self, username: &str, invocation: Option<Invocation>) -> Result<Deleted> {
        self.pass().await?;
        self.inner.delete_user(username, invocation).await
    }

    async fn list_users(&self, page_size: u32, page_token: Option<&str>) -> Result<UserPage> {
        self.pass().await?;
        self.inner.list_users(page_size, page_token).await
    }

    async fn authenticate(&self, username: &str, password: &SecretString) -> Result<Option<User>> {
        self.inner.authenticate(username, password).await
    }

    async fn record_login(&self, user: UserId, day: Date) -> Result<()> {
        self.inner.record_login(user, day).await
    }
}

#[async_trait]
impl KeyStore for FaultyCatalog {
    async fn create_key(&self, name: &str) -> Result<CreatedApiKey> {
        self.inner.create_key(name).await
    }

    async fn list_keys(&self) -> Result<Vec<ApiKey>> {
        self.inner.list_keys().await
    }

    async fn revoke_key(&self, prefix: &str) -> Result<ApiKey> {
        self.inner.revoke_key(prefix).await
    }

    async fn check_key(&self, presented: &SecretString) -> Result<Option<ApiKeyId>> {
        self.keys_checked.fetch_add(1, Ordering::SeqCst);
        self.inner.check_key(presented).await
    }
}

#[async_trait]
impl BucketStore for FaultyCatalog {
    async fn default_bucket(&self) -> Result<String> {
        self.inner.default_bucket().await
    }

    async fn bucket_exists(&self, name: &str) -> Result<bool> {
        self.pass().await?;
        self.inner.bucket_exists(name).await
    }
}

#[async_trait]
impl UploadStore for FaultyCatalog {
    async fn record_uploads(&self, records: Vec<UploadRecord>) -> Result<()> {
        self.inner.record_uploads(records).await
    }

    async fn fill_digest(&self, id: UploadKey, sha256: Option<[u8; 32]>) -> Result<bool> {
        self.inner.fill_digest(id, sha256).await
    }

    async fn record_rename(&self, bucket: &str, from: &[u8], to: &[u8]) -> Result<bool> {
        self.inner.record_rename(bucket, from, to).await
    }

    async fn upload(&self, id: UploadKey) -> Result<Option<RecordedUpload>> {
        self.pass().await?;
        self.inner.upload(id).await
    }

    async fn list_uploads(
        &self,
        username: Option<&str>,
        page_size: u32,
        page_token: Option<&str>,
    ) -> Result<UploadPage> {
        self.pass().await?;
        self.inner.list_uploads(username, page_size, page_token).await
    }

    async fn forget_uploads(&self, before: Timestamp) -> Result<u64> {
        self.inner.forget_uploads(before).await
    }
}

impl Catalog for FaultyCatalog {
    fn changes(&self) -> broadcast::Receiver<UserChange> {
        self.inner.changes()
    }
}

/// A store with a [`Gate`] before everything.
pub(crate) struct FaultyStore {
    inner: Arc<dyn Store>,
    pub(crate) gate: Gate,
}

impl FaultyStore {
    pub(crate) fn new(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            gate: Gate::new(),
        }
    }

    async fn pass(&self, operation: &'static str) -> longshore_storage::Result<()> {
        match self.gate.pass().await {
            None => Ok(()),
            Some(Fault::Away) => Err(StorageError::new(ErrorKind::Unavailable, operation)),
            Some(_) => Err(StorageError::new(ErrorKind::NoSpace, operation)),
        }
    }
}

#[async_trait]
impl Store for FaultyStore {
    async fn create_bucket(&self, bucket: &BucketName) -> longshore_storage::Result<()> {
        self.pass("create bucket").await?;
        self.inner.create_bucket(bucket).await
    }

    async fn make_home(&self, bucket: &BucketName, home: &RemotePath) -> longshore_storage::Result<()> {
        self.pass("make home").await?;
        self.inner.make_home(bucket, home).await
    }

    async fn open_home(
        &self,
        bucket: &BucketName,
        home: &RemotePath,
        owner: OwnerId,
    ) -> longshore_storage::Result<Arc<dyn Home>> {
        self.inner.open_home(bucket, home, owner).await
    }

    async fn check(&self) -> longshore_storage::Result<()> {
        self.pass("check").await?;
        self.inner.check().await
    }

    async fn uploads(&self) -> longshore_storage::Result<Vec<UploadInfo>> {
        self.pass("list uploads").await?;
        self.inner.uploads().await
    }

    async fn discard_upload(&self, id: UploadId) -> longshore_storage::Result<()> {
        self.pass("discard upload").await?;
        self.inner.discard_upload(id).await
    }
}
