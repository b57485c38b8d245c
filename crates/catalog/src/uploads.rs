//! Records of uploads: what was published, by whom, and how complete it is thought to be.

use crate::model::{Timestamp, UserId};

/// The store's name for an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadKey(pub [u8; 16]);

/// What is known of the SHA-256 of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadDigest {
    /// It is this.
    Known([u8; 32]),
    /// It is still being made; [`UploadStore::fill_digest`](crate::UploadStore::fill_digest) tells.
    Pending,
    /// There is none.
    Absent,
}

/// One published upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadRecord {
    /// Which upload.
    pub id: UploadKey,
    /// Whose; the user may be deleted by now.
    pub user: UserId,
    /// The user's name at that time.
    pub username: String,
    /// The bucket.
    pub bucket: String,
    /// The published name in the bucket; bytes.
    pub path: Vec<u8>,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file.
    pub digest: UploadDigest,
    /// How complete it is thought to be, in one word.
    pub verdict: String,
    /// On what the verdict rests: a JSON object.
    pub evidence: String,
    /// When the upload began.
    pub began: Timestamp,
    /// When it was published.
    pub finished: Timestamp,
    /// What the client said it is.
    pub client: String,
    /// The client's address.
    pub peer: String,
    /// Number of the connection in the log.
    pub session: u64,
}

/// A record as it is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedUpload {
    /// The record.
    pub record: UploadRecord,
    /// The last name that the file got from a temporary one, and when.
    pub renamed: Option<(Vec<u8>, Timestamp)>,
}

/// A page of records, newest first.
#[derive(Debug, Clone)]
pub struct UploadPage {
    /// At most as many as asked for.
    pub uploads: Vec<RecordedUpload>,
    /// Opaque; `None` when no more follow.
    pub next_page_token: Option<String>,
}
