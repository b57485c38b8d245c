//! The catalog's traits, one per resource. They speak in domain operations, never in rows.

use async_trait::async_trait;
use secrecy::SecretString;
use tokio::sync::broadcast;

use crate::error::Result;
use crate::model::{
    ApiKey, ApiKeyId, CreatedApiKey, CreatedUser, Date, Deleted, Invocation, NewUser, Timestamp, User,
    UserChange, UserChanges, UserId, UserPage,
};
use crate::uploads::{RecordedUpload, UploadKey, UploadPage, UploadRecord};

/// SFTP users.
#[async_trait]
pub trait UserStore {
    /// Makes a user with a generated name and password; committed to stable storage when it returns.
    /// With an `invocation` seen within the replay window (10 minutes): the first answer once more, also
    /// when both calls run at the same time and also after a restart (the password is kept encrypted for
    /// that long).
    ///
    /// # Errors
    /// `InvocationConflict`, `UserLimit` (`max_users`), `NotFound` (bucket).
    async fn create_user(
        &self,
        new: NewUser,
        invocation: Option<Invocation>,
        max_users: Option<u64>,
    ) -> Result<CreatedUser>;

    /// A user by name (exact match).
    async fn user(&self, username: &str) -> Result<Option<User>>;

    /// Changes a user; returns the new state.
    ///
    /// # Errors
    /// `NotFound` (user or bucket).
    async fn update_user(&self, username: &str, changes: UserChanges) -> Result<User>;

    /// Deletes a user. The name is never given out again.
    ///
    /// # Errors
    /// `NotFound` unless the same invocation deleted it before; `InvocationConflict`.
    async fn delete_user(&self, username: &str, invocation: Option<Invocation>) -> Result<Deleted>;

    /// A page of users in creation order: users present throughout a walk are neither skipped nor repeated.
    ///
    /// # Errors
    /// `InvalidPageToken`.
    async fn list_users(&self, page_size: u32, page_token: Option<&str>) -> Result<UserPage>;

    /// Checks a password. Unknown users take the same time. `None`: refused.
    async fn authenticate(&self, username: &str, password: &SecretString) -> Result<Option<User>>;

    /// Notes a successful login; writes only when the day differs from what is stored.
    async fn record_login(&self, user: UserId, day: Date) -> Result<()>;
}

/// API keys.
#[async_trait]
pub trait KeyStore {
    /// Makes a key.
    async fn create_key(&self, name: &str) -> Result<CreatedApiKey>;

    /// All keys, revoked ones included, in creation order.
    async fn list_keys(&self) -> Result<Vec<ApiKey>>;

    /// Revokes a key by its visible prefix.
    ///
    /// # Errors
    /// `NotFound`.
    async fn revoke_key(&self, prefix: &str) -> Result<ApiKey>;

    /// Which live key this is; compares in constant time. `None`: unknown, malformed or revoked.
    async fn check_key(&self, presented: &SecretString) -> Result<Option<ApiKeyId>>;
}

/// Buckets.
#[async_trait]
pub trait BucketStore {
    /// The account's SFTP bucket (`<account uuid>-sftp`); made on the first call.
    async fn default_bucket(&self) -> Result<String>;

    /// Whether the account has this bucket.
    async fn bucket_exists(&self, name: &str) -> Result<bool>;
}

/// Records of uploads, one for each that was published.
#[async_trait]
pub trait UploadStore {
    /// Adds records; committed to stable storage when it returns. One that is there already, told by its id, stays as
    /// it is: whoever is not sure whether a record was written writes it again.
    async fn record_uploads(&self, records: Vec<UploadRecord>) -> Result<()>;

    /// Fills in the digest of a record that says it is still being made; `None`: there will be none. `false` when
    /// there is no such record. Digests that nobody filled in before the catalog was closed are absent afterwards.
    async fn fill_digest(&self, id: UploadKey, sha256: Option<[u8; 32]>) -> Result<bool>;

    /// Notes that the file that was uploaded last as `from` is called `to` now. `false` without such a record, and when
    /// that file was renamed before: another one had its name since.
    async fn record_rename(&self, bucket: &str, from: &[u8], to: &[u8]) -> Result<bool>;

    /// One record.
    async fn upload(&self, id: UploadKey) -> Result<Option<RecordedUpload>>;

    /// A page of records, newest first; of one user or of all.
    ///
    /// # Errors
    /// `InvalidPageToken`.
    async fn list_uploads(
        &self,
        username: Option<&str>,
        page_size: u32,
        page_token: Option<&str>,
    ) -> Result<UploadPage>;

    /// Deletes the records of uploads that were published before `before`; says how many there were.
    async fn forget_uploads(&self, before: Timestamp) -> Result<u64>;
}

/// The whole catalog.
pub trait Catalog: UserStore + KeyStore + BucketStore + UploadStore + Send + Sync + 'static {
    /// Changes of users as they are committed. A receiver that lags must re-read the users it cares for.
    fn changes(&self) -> broadcast::Receiver<UserChange>;
}
