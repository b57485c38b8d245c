//! Resolution by the kernel: `openat2(2)`.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::{Resolve, Walk};
use crate::limits;

/// `openat2` with `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS`.
#[derive(Debug)]
pub(crate) struct OpenAt2;

impl OpenAt2 {
    /// Whether the kernel has the call (Linux 5.6) and no filter forbids it.
    pub(crate) fn works(dir: BorrowedFd<'_>) -> bool {
        open(dir, b".").is_ok()
    }
}

impl Resolve for OpenAt2 {
    fn open_dir(&self, root: BorrowedFd<'_>, raw: &[u8]) -> Result<OwnedFd, Errno> {
        let path = if raw.is_empty() { b"." } else { raw };
        for _ in 0..limits::OPENAT2_TRIES {
            match open(root, path) {
                Err(Errno::AGAIN | Errno::INTR) => {}
                // A magic link, or a mount moved meanwhile: nothing that exists for this user.
                Err(Errno::XDEV) => return Err(Errno::NOENT),
                result => return result,
            }
        }
        // Renames all over the machine disturb lookups of `..`; the walk needs no luck.
        Walk.open_dir(root, raw)
    }
}

fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    openat2(root, path, flags, Mode::empty(), resolve)
}
