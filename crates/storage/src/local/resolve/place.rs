//! A name in an open directory: what every operation works on.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::{DirId, NameKey, Resolve};
use crate::limits;

/// The directory and the last name of a path, and what stood there when it was looked up. Only `…at` calls that
/// do not follow links may be made with it.
#[derive(Debug)]
pub(crate) struct Place {
    /// The directory (an `O_PATH` handle).
    pub(crate) parent: OwnedFd,
    /// The name in it; `.` when the path ends in a directory without a name of its own (the root, `..` of a link).
    pub(crate) name: Vec<u8>,
    /// Attributes of what stands there (a link is not followed); `None` when the name is free.
    pub(crate) found: Option<Stat>,
}

impl Place {
    /// Looks `raw` up below `root`. With `follow`, links at the end are followed, also to names that are free.
    pub(crate) fn find(
        resolver: &dyn Resolve,
        root: BorrowedFd<'_>,
        raw: &[u8],
        follow: bool,
    ) -> Result<Self, Errno> {
        let mut raw = raw.to_vec();
        for _ in 0..=limits::LINKS {
            let place = Self::find_once(resolver, root, &raw)?;
            let is_link = place.file_type() == Some(FileType::Symlink);
            if !follow || !is_link {
                return Ok(place);
            }
            let target = match readlinkat(&place.parent, place.name.as_slice(), Vec::new()) {
                Ok(target) => target.into_bytes(),
                // It changed since we looked: look again.
                Err(Errno::INVAL | Errno::NOENT) => continue,
                Err(errno) => return Err(errno),
            };
            raw = if target.first() == Some(&b'/') {
                target
            } else {
                // Not normalised: `..` in the target goes up from where the directory really is.
                let (dir, _) = split(&raw);
                [dir, b"/", &target].concat()
            };
        }
        Err(Errno::LOOP)
    }

    fn find_once(resolver: &dyn Resolve, root: BorrowedFd<'_>, raw: &[u8]) -> Result<Self, Errno> {
        let (dir, name) = split(raw);
        let (dir, name) = match name {
            // `dir/`, `dir/.` and `dir/..` can only be directories.
            b"" | b"." | b".." => (raw, b".".as_slice()),
            name => (dir, name),
        };
        let parent = resolver.open_dir(root, dir)?;
        let found = match statat(&parent, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        Ok(Self {
            parent,
            name: name.to_vec(),
            found,
        })
    }

    /// What stands there.
    pub(crate) fn file_type(&self) -> Option<FileType> {
        self.found
            .as_ref()
            .map(|stat| FileType::from_raw_mode(stat.st_mode))
    }

    /// Attributes, or `ENOENT`.
    pub(crate) fn existing(&self) -> Result<&Stat, Errno> {
        self.found.as_ref().ok_or(Errno::NOENT)
    }

    /// Whether the path ends in a directory that has no name of its own here.
    pub(crate) fn is_nameless(&self) -> bool {
        self.name == b"."
    }

    /// What uploads of this name are filed under.
    pub(crate) fn key(&self) -> Result<NameKey, Errno> {
        Ok(NameKey {
            dir: DirId::of(&self.parent)?,
            name: self.name.clone().into_boxed_slice(),
        })
    }

    /// Looks at the name again.
    pub(crate) fn refresh(&mut self) -> Result<(), Errno> {
        self.found = match statat(
            self.parent.as_fd(),
            self.name.as_slice(),
            AtFlags::SYMLINK_NOFOLLOW,
        ) {
            Ok(stat) => Some(stat),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        Ok(())
    }

    /// A second handle of the same place.
    pub(crate) fn try_clone(&self) -> Result<Self, Errno> {
        Ok(Self {
            parent: rustix::io::fcntl_dupfd_cloexec(&self.parent, 0)?,
            name: self.name.clone(),
            found: self.found,
        })
    }

    /// Opens what stands there, never through a link (`ELOOP`), never waiting for the other end of a FIFO.
    pub(crate) fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        let safe = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat(&self.parent, self.name.as_slice(), flags | safe, Mode::empty())
    }
}

/// Splits at the last `/`: the directory as written, and the last part.
fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.iter().rposition(|b| *b == b'/') {
        Some(at) => (&raw[..at], &raw[at + 1..]),
        None => (b"", raw),
    }
}
