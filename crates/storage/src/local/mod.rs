//! The store on a local file system (Linux).
//!
//! `<root>/<bucket>/files` is what users see, `<root>/<bucket>/staging` holds unfinished uploads and is never
//! reachable from a home. Both lie on one file system, so that publishing is a rename.

mod attrs;
mod blocking;
mod budget;
mod dirsync;
mod edit;
mod fault;
mod home;
mod io;
mod listing;
mod look;
mod names;
mod options;
mod read;
mod resolve;
mod shared;
mod store;
mod user;

pub use options::{LocalOptions, ResolverChoice, VisibleTo};
pub use store::LocalStore;
pub use user::UserFilesOptions;

pub(crate) use attrs::{Times, apply_times_fd, is_type, size_in_blocks, stat_of, version_of};
pub(crate) use blocking::start_in;
pub(crate) use budget::Taken;
pub(crate) use dirsync::{Coming, Flushes};
pub(crate) use fault::Fault;
pub(crate) use home::HomeRoot;
pub(crate) use io::{copy_range, punch, read_into, retry, space_of, write_all_at, write_zeros};
pub(crate) use look::{refuse_unwritable, settle};
#[cfg(test)]
pub(crate) use resolve::walk_to;
pub(crate) use resolve::{DirId, NameKey, Place, is_inside, path_below};
pub(crate) use shared::{Bucket, Shared, Viewer, lock};
