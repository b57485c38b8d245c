//! Moving files and trees.
//!
//! [`Transfers`] moves single files, many files at a time, streams and whole trees over the SFTP sessions of one connection
//! (an [`SftpPool`]). A transfer that succeeds has moved the right bytes: the [`Receipt`] says what was checked. One that
//! fails leaves the target as it was, and under a temporary name what a later transfer can continue.

mod buffers;
mod context;
mod digest;
mod download;
mod events;
mod front;
mod handles;
mod hasher;
mod lanes;
mod limits;
mod local;
mod naming;
mod options;
mod output;
mod partial;
mod place;
mod pool;
mod progress;
mod receive;
mod resume_download;
mod resume_upload;
mod send;
mod source;
mod transfers;
mod tree;
mod upload;
mod verify;

pub use events::{
    Direction, Event, EventHandler, Placed, Proof, Reason, Receipt, Report, Resumed, Step, TransferId,
    Verified,
};
pub use hasher::{ExecHasher, RemoteHasher};
pub(crate) use local::io_error as local_error;
pub use options::{Overwrite, Placing, TransferOptions, Verify};
pub use pool::SftpPool;
pub use tokio_util::sync::CancellationToken;
pub use transfers::Transfers;
pub use tree::{Compare, Delete, DownloadJob, Filter, Links, TreeOptions, UploadJob};
