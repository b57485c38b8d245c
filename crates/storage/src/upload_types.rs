//! Values about uploads: their names, what is known of them, and what became of them.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use crate::path::{BucketName, RemotePath};
use crate::types::{OwnerId, Version};

/// Names an upload for good: random, kept in the parked record, in the journal and in the published file's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(pub [u8; 16]);

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// The text is not an upload id: 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an upload id has 32 hexadecimal digits")]
pub struct InvalidUploadId;

impl FromStr for UploadId {
    type Err = InvalidUploadId;

    fn from_str(text: &str) -> Result<Self, InvalidUploadId> {
        let digits = text.as_bytes();
        let lower_hex = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if digits.len() != 32 || !digits.iter().all(lower_hex) {
            return Err(InvalidUploadId);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_not_hex| InvalidUploadId)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// What happened to an upload so far: the evidence for a verdict on its completeness.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UploadFacts {
    /// Bytes that clients wrote, those written twice counted twice.
    pub received: u64,
    /// The size that a client announced ([`Upload::declare`](crate::Upload::declare)).
    pub declared: Option<u64>,
    /// Bytes of the published file that come from the version it replaced. Known from publishing on.
    pub carried: u64,
    /// Bytes of the published file that nobody wrote: they read as zeros. Known from publishing on.
    pub holes: u64,
    /// Handles that joined after the first.
    pub joined: u32,
    /// Handles that died without CLOSE.
    pub dropped: u32,
    /// Times it was taken up again after it had been parked.
    pub resumed: u32,
    /// Something was written at its end by APPEND.
    pub appended: bool,
    /// A handle opened for changes in place (READ+WRITE) joined it.
    pub edited: bool,
    /// Its name was changed before it was published.
    pub renamed: bool,
}

/// An upload that has been published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Which upload.
    pub id: UploadId,
    /// Whose.
    pub owner: OwnerId,
    /// The bucket.
    pub bucket: BucketName,
    /// The published name in the bucket (the path of the home included).
    pub path: RemotePath,
    /// Size of the file.
    pub size: u64,
    /// Modification time of the file.
    pub modified: SystemTime,
    /// When the upload began.
    pub began: SystemTime,
    /// When it was published.
    pub at: SystemTime,
    /// A file stood under the name and was replaced.
    pub replaced: bool,
    /// What happened on the way.
    pub facts: UploadFacts,
    /// What the caller of [`Upload::close`](crate::Upload::close) wanted to have kept with it.
    pub note: Vec<u8>,
}

/// What CLOSE of one handle did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    /// The version that was published, or that of the upload when other handles still have it open.
    pub version: Version,
    /// `None` when other handles still have it open: the last of them publishes.
    pub published: Option<Box<Published>>,
}

/// An unfinished upload, for the operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadInfo {
    /// Which upload.
    pub id: UploadId,
    /// Whose.
    pub owner: OwnerId,
    /// The bucket.
    pub bucket: BucketName,
    /// Where it is to be published in the bucket.
    pub path: RemotePath,
    /// Handles that have it open; 0 when it is parked.
    pub handles: usize,
    /// Size that would be published now.
    pub size: u64,
    /// Bytes from the start without a gap: where its owner can go on.
    pub gap_free: u64,
    /// When it began.
    pub began: SystemTime,
    /// When it was parked.
    pub parked: Option<SystemTime>,
    /// When it ends by itself; `None` while it is open, and when it was synced: that is never thrown away silently.
    pub expires: Option<SystemTime>,
    /// What has been written is known to be on stable storage (`fsync@openssh.com`, or CLOSE of one of several handles).
    pub synced: bool,
    /// What happened so far.
    pub facts: UploadFacts,
}

/// How an upload ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum UploadEnd {
    /// Published by CLOSE.
    Published,
    /// Thrown away through its handle, or by the operator.
    Discarded,
    /// Its owner removed the name, or renamed something onto it.
    Removed,
    /// Its owner began anew with TRUNC.
    Restarted,
    /// Somebody published a newer version of the name while it was parked.
    Superseded,
    /// It was parked for longer than the store keeps uploads.
    Expired,
}

/// An upload that has ended in this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndedUpload {
    /// Which upload.
    pub id: UploadId,
    /// Whose.
    pub owner: OwnerId,
    /// The bucket.
    pub bucket: BucketName,
    /// The name in the bucket when it ended.
    pub path: RemotePath,
    /// How.
    pub end: UploadEnd,
    /// When.
    pub at: SystemTime,
    /// What had happened to it.
    pub facts: UploadFacts,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_the_round_trip_through_text() {
        let id = UploadId([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255]);
        assert_eq!(id.to_string(), "000102030405060708090a0b0c0d0eff");
        assert_eq!(id.to_string().parse(), Ok(id));
        for wrong in [
            "",
            "00",
            "+00102030405060708090a0b0c0d0eff",
            "000102030405060708090A0B0C0D0EFF",
        ] {
            assert_eq!(wrong.parse::<UploadId>(), Err(InvalidUploadId), "{wrong}");
        }
    }
}
