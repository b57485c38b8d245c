//! A name in an open directory: what every operation works on.

use std::cell::OnceCell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, Uid, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use rustix::process::geteuid;

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
    /// Identity of the directory, once it was asked for.
    dir: OnceCell<DirId>,
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
            let link = match &place.found {
                Some(stat) if follow && place.file_type() == Some(FileType::Symlink) => stat,
                _ => return Ok(place),
            };
            if !may_follow(&fstat(&place.parent)?, link, geteuid()) {
                return Err(Errno::ACCESS);
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
        Self::at(resolver.open_dir(root, dir)?, name)
    }

    /// A name in a directory, with what stands there now.
    pub(crate) fn at(parent: OwnedFd, name: &[u8]) -> Result<Self, Errno> {
        let mut place = Self {
            parent,
            name: name.to_vec(),
            found: None,
            dir: OnceCell::new(),
        };
        place.refresh()?;
        Ok(place)
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

    /// Identity of the directory, which an open handle does not lose.
    pub(crate) fn dir(&self) -> Result<DirId, Errno> {
        if let Some(dir) = self.dir.get() {
            return Ok(*dir);
        }
        let dir = DirId::of(&self.parent)?;
        Ok(*self.dir.get_or_init(|| dir))
    }

    /// What uploads of this name are filed under.
    pub(crate) fn key(&self) -> Result<NameKey, Errno> {
        Ok(NameKey {
            dir: self.dir()?,
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
            dir: self.dir.clone(),
        })
    }

    /// Opens what stands there, never through a link (`ELOOP`), never waiting for the other end of a FIFO.
    pub(crate) fn open(&self, flags: OFlags) -> Result<OwnedFd, Errno> {
        let safe = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        openat(&self.parent, self.name.as_slice(), flags | safe, Mode::empty())
    }
}

/// The rule of Linux's `fs.protected_symlinks` (proc(5)), which the kernel cannot apply to links that are read here: in a
/// directory where everybody may put links and nobody may remove those of others (`/tmp`), only one's own and those of
/// the directory's owner are followed. Otherwise anybody could lead root's uploads to any file.
fn may_follow(parent: &Stat, link: &Stat, user: Uid) -> bool {
    let open_to_all = Mode::SVTX | Mode::WOTH;
    !Mode::from_raw_mode(parent.st_mode).contains(open_to_all)
        || link.st_uid == user.as_raw()
        || link.st_uid == parent.st_uid
}

/// Splits at the last `/`: the directory as written, and the last part.
fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    match raw.iter().rposition(|b| *b == b'/') {
        Some(at) => (&raw[..at], &raw[at + 1..]),
        None => (b"", raw),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_others_in_a_directory_for_all_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let like = fstat(std::fs::File::open(dir.path()).unwrap()).unwrap();
        let (user, owner, other) = (1, 2, 3);
        for (mode, owner_of_link, follows) in [
            (0o41777, other, false),
            (0o41777, owner, true),
            (0o41777, user, true),
            (0o40777, other, true),
            (0o41775, other, true),
            (0o40700, other, true),
        ] {
            let (mut parent, mut link) = (like, like);
            (parent.st_mode, parent.st_uid) = (mode, owner);
            link.st_uid = owner_of_link;
            let found = may_follow(&parent, &link, Uid::from_raw(user));
            assert_eq!(found, follows, "{mode:o} {owner_of_link}");
        }
    }
}
