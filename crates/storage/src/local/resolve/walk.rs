//! Resolution by hand, for kernels without `openat2`, and for REALPATH.
//!
//! The walk opens one part at a time with `O_PATH | O_NOFOLLOW`, so each handle it holds was reached from the root
//! through directories only. Links are read and their text is queued. `..` never asks the kernel for a parent (a
//! directory may have been moved meanwhile): the walk forgets the last name and goes again from the root. At most
//! two handles are open at any time.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, Mode, OFlags, fstat, openat, readlinkat};
use rustix::io::Errno;

use super::Resolve;
use crate::limits;

/// The walk as a resolver.
#[derive(Debug)]
pub(crate) struct Walk;

impl Resolve for Walk {
    fn open_dir(&self, root: BorrowedFd<'_>, raw: &[u8]) -> Result<OwnedFd, Errno> {
        restart(|| {
            let mut walker = Walker::new(root, raw, Missing::Fails);
            walker.run()?;
            walker.into_dir()
        })
    }
}

/// The path with all links resolved; parts that do not exist (or cannot be looked at) stay as they are, as
/// `realpath -m` does.
pub(crate) fn canonical(root: BorrowedFd<'_>, raw: &[u8]) -> Result<Vec<u8>, Errno> {
    restart(|| {
        let mut walker = Walker::new(root, raw, Missing::Stays);
        walker.run()?;
        Ok(walker.path())
    })
}

/// What happens at a part that does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Fails,
    Stays,
}

struct Walker<'r> {
    root: BorrowedFd<'r>,
    missing: Missing,
    /// Parts still to go, the next one last.
    queue: Vec<Vec<u8>>,
    /// Where the walk stands: names from the root, none of them a link when it was passed.
    names: Vec<Vec<u8>>,
    /// How many of `names`, from the end, do not exist.
    absent: usize,
    /// Handle of the directory at `names` (less the absent ones); `None` at the root.
    current: Option<OwnedFd>,
    /// `..` made `current` out of date.
    stale: bool,
    links: usize,
    lookups: usize,
}

impl<'r> Walker<'r> {
    fn new(root: BorrowedFd<'r>, raw: &[u8], missing: Missing) -> Self {
        let mut walker = Self {
            root,
            missing,
            queue: Vec::new(),
            names: Vec::new(),
            absent: 0,
            current: None,
            stale: false,
            links: 0,
            lookups: 0,
        };
        walker.push(raw);
        walker
    }

    fn push(&mut self, raw: &[u8]) {
        let parts = raw
            .split(|b| *b == b'/')
            .filter(|part| !matches!(*part, b"" | b"."));
        self.queue.extend(parts.rev().map(<[u8]>::to_vec));
    }

    fn run(&mut self) -> Result<(), Errno> {
        while let Some(part) = self.queue.pop() {
            if part == b".." {
                self.up();
            } else if self.absent > 0 {
                self.names.push(part);
                self.absent += 1;
            } else {
                self.enter(part)?;
            }
        }
        Ok(())
    }

    fn up(&mut self) {
        if self.names.pop().is_none() {
            return; // `/..` is `/`
        }
        if self.absent > 0 {
            self.absent -= 1;
        } else {
            self.stale = true;
        }
    }

    fn enter(&mut self, part: Vec<u8>) -> Result<(), Errno> {
        self.refresh()?;
        let found = match self.look(&part) {
            Err(Errno::NOENT | Errno::ACCESS) if self.missing == Missing::Stays => None,
            result => Some(result?),
        };
        match found {
            Some((fd, FileType::Directory)) => {
                self.current = Some(fd);
                self.names.push(part);
            }
            Some((fd, FileType::Symlink)) => {
                self.links += 1;
                if self.links > limits::LINKS {
                    return Err(Errno::LOOP);
                }
                let target = readlinkat(&fd, "", Vec::new())?.into_bytes();
                if target.first() == Some(&b'/') {
                    self.names.clear();
                    self.current = None;
                }
                self.push(&target);
            }
            Some(_) if self.missing == Missing::Fails => return Err(Errno::NOTDIR),
            // Nothing lies below a file or a missing name.
            Some(_) | None => {
                self.names.push(part);
                self.absent = 1;
            }
        }
        Ok(())
    }

    fn look(&mut self, name: &[u8]) -> Result<(OwnedFd, FileType), Errno> {
        self.lookups += 1;
        if self.lookups > limits::WALK_LOOKUPS {
            return Err(Errno::LOOP);
        }
        let from = self.current.as_ref().map_or(self.root, AsFd::as_fd);
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(from, name, flags, Mode::empty())?;
        let kind = FileType::from_raw_mode(fstat(&fd)?.st_mode);
        Ok((fd, kind))
    }

    /// Goes again from the root after `..`. A name that is no directory any more means that somebody moved things
    /// meanwhile: `AGAIN` starts the whole walk afresh.
    fn refresh(&mut self) -> Result<(), Errno> {
        if !self.stale {
            return Ok(());
        }
        self.stale = false;
        self.current = None;
        for index in 0..self.names.len() {
            let name = self.names[index].clone();
            match self.look(&name) {
                Ok((fd, FileType::Directory)) => self.current = Some(fd),
                Ok(_) | Err(Errno::NOENT | Errno::NOTDIR) => return Err(Errno::AGAIN),
                Err(errno) => return Err(errno),
            }
        }
        Ok(())
    }

    fn into_dir(mut self) -> Result<OwnedFd, Errno> {
        self.refresh()?;
        match self.current {
            Some(fd) => Ok(fd),
            None => {
                let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
                openat(self.root, ".", flags, Mode::empty())
            }
        }
    }

    fn path(&self) -> Vec<u8> {
        let mut path = Vec::new();
        for name in &self.names {
            path.push(b'/');
            path.extend_from_slice(name);
        }
        if path.is_empty() {
            path.push(b'/');
        }
        path
    }
}

fn restart<T>(mut walk: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    for _ in 0..limits::WALK_RESTARTS {
        match walk() {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    Err(Errno::BUSY)
}
