//! Paths to directory handles, never outside a home.
//!
//! A resolver does one thing: it opens the *directory* that a path names, inside a root handle, with links meaning
//! what the user of that root would see. Everything else works on that handle and a last name with `…at` calls
//! that do not follow links ([`Place`]).

mod identity;
mod openat2;
mod place;
#[cfg(test)]
mod tests;
mod walk;

use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::io::Errno;

use super::options::ResolverChoice;

pub(crate) use identity::{DirId, NameKey, is_inside, path_below};
pub(crate) use openat2::OpenAt2;
pub(crate) use place::Place;
pub(crate) use walk::{Walk, canonical};

/// Opens directories inside a root.
pub(crate) trait Resolve: std::fmt::Debug + Send + Sync {
    /// Opens the directory that `raw` names, with `root` as `/`. Links are followed, those to absolute paths from
    /// `root`; `..` stops at `root`. `raw` may be any bytes without NUL; empty means `root` itself.
    fn open_dir(&self, root: BorrowedFd<'_>, raw: &[u8]) -> Result<OwnedFd, Errno>;

    /// Looks `raw` up in the kernel's caches, on the file system of `root` only.
    fn look_in_cache(&self, root: BorrowedFd<'_>, raw: &[u8], follow: bool) -> InCache {
        let _ = (root, raw, follow);
        InCache::Unknown
    }
}

/// What the kernel's caches say of a path.
#[derive(Debug)]
pub(crate) enum InCache {
    /// All of it is there, and stays there while the handle is open: looking it up again waits for nothing.
    Found(#[allow(dead_code, reason = "held, not used")] OwnedFd),
    /// There is no such name, which they knew.
    Missing,
    /// The disk has to be asked.
    Unknown,
}

/// What stands at a path, for tests.
#[cfg(test)]
pub(crate) fn walk_to(root: BorrowedFd<'_>, raw: &[u8]) -> Result<Place, Errno> {
    Place::find(&Walk, root, raw, false)
}

/// The resolver for a choice of the options; `None` when the kernel lacks what was asked for.
pub(crate) fn choose(choice: ResolverChoice, probe: BorrowedFd<'_>) -> Option<Arc<dyn Resolve>> {
    match choice {
        ResolverChoice::Fallback => Some(Arc::new(Walk)),
        ResolverChoice::OpenAt2 if OpenAt2::works(probe) => Some(Arc::new(OpenAt2)),
        ResolverChoice::OpenAt2 => None,
        ResolverChoice::Auto if OpenAt2::works(probe) => Some(Arc::new(OpenAt2)),
        ResolverChoice::Auto => Some(Arc::new(Walk)),
    }
}
