//! What a file store does: traits, path type, error kinds, conformance suite; and the local disk.
//!
//! This crate knows neither SSH nor HTTP. Paths reach it only as [`RemotePath`].

mod digest;
mod error;
mod limits;
mod local;
mod path;
mod store;
#[doc(hidden)]
#[allow(missing_docs, reason = "the names of the cases say what they show")]
pub mod suite;
mod types;
mod upload_types;
mod uploads;

pub use error::{ErrorKind, Result, StorageError};
pub use local::{LocalOptions, LocalStore, ResolverChoice, UserFilesOptions, VisibleTo};
pub use path::{BucketName, InvalidBucketName, PathError, RemotePath};
pub use store::{EditFile, Home, Listing, ReadFile, Store, Upload};
pub use types::{
    Capabilities, Digest, DirEntry, Durability, EditMode, FileType, OwnerId, Precondition, SetStat, Sha256,
    SpaceInfo, Stat, UploadBase, UploadOptions, Version,
};
pub use upload_types::{
    Closed, EndedUpload, InvalidUploadId, Published, UploadEnd, UploadFacts, UploadId, UploadInfo,
};
