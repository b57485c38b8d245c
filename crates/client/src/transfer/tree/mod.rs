//! Many files at a time: trees in both directions, and lists.

mod compare;
mod down;
mod drive;
mod filter;
mod ledger;
mod many;
mod options;
mod remove;
mod up;

pub use filter::Filter;
pub use many::{DownloadJob, UploadJob};
pub use options::{Compare, Delete, Links, TreeOptions};
