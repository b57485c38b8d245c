//! SFTP sessions: requests of every kind over one channel, many under way at a time.
//!
//! [`Sftp`] is a handle to clone freely; [`File`] reads and writes at offsets through `&self`; [`ReadDir`] lists. Paths and
//! names are bytes. Whatever is dropped midway leaves nothing behind: replies that nobody waits for are taken and
//! forgotten, handles that nobody closed are closed in the background.

mod check_file;
mod extensions;
pub(crate) mod file;
mod handshake;
pub(crate) mod limits;
pub(crate) mod link;
pub(crate) mod operations;
mod options;
mod pace;
mod probe;
mod read_dir;
mod session;
mod status;
mod symlink;
mod tasks;

pub use check_file::{FileHash, HashAlgorithm};
pub use file::File;
pub use longshore_sftp::{Attrs, FileKind, Limits, OpenFlags, StatVfs, UsersGroups};
pub use options::{OpenOptions, SftpOptions};
pub use pace::Pace;
pub use read_dir::{DirEntry, ReadDir};
pub use session::{ServerLimits, Sftp};
