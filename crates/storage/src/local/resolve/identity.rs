//! What a directory and a name in it are, whatever path led there.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

use crate::limits;

/// Identity of a directory; stays when it or a directory above is renamed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct DirId {
    /// File system.
    pub(crate) device: u64,
    /// File node.
    pub(crate) inode: u64,
}

impl DirId {
    /// Identity of an open directory.
    pub(crate) fn of(fd: impl AsFd) -> Result<Self, Errno> {
        Ok(Self::of_stat(&fstat(fd)?))
    }

    /// Identity of a directory by its attributes.
    #[allow(
        clippy::useless_conversion,
        reason = "the widths differ between architectures"
    )]
    pub(crate) fn of_stat(stat: &rustix::fs::Stat) -> Self {
        Self {
            device: u64::from(stat.st_dev),
            inode: u64::from(stat.st_ino),
        }
    }
}

/// A name in a directory: what uploads are filed under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct NameKey {
    /// The directory.
    pub(crate) dir: DirId,
    /// The name in it.
    pub(crate) name: Box<[u8]>,
}

/// Whether the directory `dir` is `root` or lies below it at this moment.
pub(crate) fn is_inside(root: BorrowedFd<'_>, dir: BorrowedFd<'_>) -> Result<bool, Errno> {
    let wanted = DirId::of(root)?;
    let mut id = DirId::of(dir)?;
    let mut current = None;
    for _ in 0..limits::DEPTH {
        if id == wanted {
            return Ok(true);
        }
        let from = current.as_ref().map_or(dir, AsFd::as_fd);
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        let above = openat(from, "..", flags, Mode::empty())?;
        let above_id = DirId::of(&above)?;
        if above_id == id {
            break; // the root of the machine is its own parent
        }
        id = above_id;
        current = Some(above);
    }
    Ok(false)
}

/// The path of the directory `dir` below `root` at this moment (`/a/b`, empty for `root` itself), as the kernel knows
/// it; `None` when it does not lie there, or without /proc.
pub(crate) fn path_below(root: BorrowedFd<'_>, dir: BorrowedFd<'_>) -> Option<Vec<u8>> {
    let known = |fd: BorrowedFd<'_>| {
        let entry = format!("/proc/self/fd/{}", fd.as_raw_fd());
        readlinkat(CWD, entry, Vec::new()).map(std::ffi::CString::into_bytes)
    };
    let (root, dir) = (known(root).ok()?, known(dir).ok()?);
    // The root of the machine ends with the slash that the others lack.
    let root = root.strip_suffix(b"/").unwrap_or(&root);
    if dir == b"/" {
        return root.is_empty().then(Vec::new);
    }
    let below = dir.strip_prefix(root)?;
    matches!(below.first(), None | Some(b'/')).then(|| below.to_vec())
}
