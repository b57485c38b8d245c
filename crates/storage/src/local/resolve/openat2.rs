//! Resolution by the kernel: `openat2(2)`.

use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::Errno;

use super::{InCache, Resolve, Walk};
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

    fn look_in_cache(&self, root: BorrowedFd<'_>, raw: &[u8], follow: bool) -> InCache {
        let mut flags = OFlags::PATH | OFlags::CLOEXEC;
        flags.set(OFlags::NOFOLLOW, !follow);
        // Linux before 5.12 does not know RESOLVE_CACHED and says EINVAL.
        let resolve = IN_ROOT | ResolveFlags::CACHED | ResolveFlags::NO_XDEV;
        match openat2(root, raw, flags, Mode::empty(), resolve) {
            Ok(pinned) => InCache::Found(pinned),
            Err(Errno::NOENT) => InCache::Missing,
            Err(_) => InCache::Unknown,
        }
    }
}

fn open(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(root, path, flags, Mode::empty(), IN_ROOT)
}

/// The root handle is `/`, and no link of /proc leads out of it.
const IN_ROOT: ResolveFlags = ResolveFlags::IN_ROOT.union(ResolveFlags::NO_MAGICLINKS);
