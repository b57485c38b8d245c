//! The file system as programs see it.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;
use std::time::SystemTime;

use fuser::FileType;
use rustix::fs::RenameFlags;
use rustix::io::Errno;

use crate::inode::{Inode, Meta, ROOT};
use crate::names::{Cause, Change, NameLog};
use crate::sync::Power;

/// The longest name, as everywhere on Linux (NAME_MAX).
const NAME_MAX: usize = 255;

/// All inodes, and what a power cut would do to them.
#[derive(Debug)]
pub(crate) struct Volume {
    pub(crate) inodes: HashMap<u64, Inode>,
    next: u64,
    pub(crate) log: NameLog,
    pub(crate) power: Power,
    /// Whether the two names of a file that moves between directories may survive apart from each other, as POSIX allows.
    pub(crate) split_renames: bool,
}

/// Whose a new inode is, and what it is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Birth {
    pub(crate) kind: FileType,
    pub(crate) perm: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: u32,
}

/// Attributes that SETATTR changes.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) perm: Option<u16>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) size: Option<u64>,
    pub(crate) atime: Option<SystemTime>,
    pub(crate) mtime: Option<SystemTime>,
}

type Result<T> = std::result::Result<T, Errno>;

impl Volume {
    /// An empty one, whose root is durable.
    pub(crate) fn new(seed: u64) -> Self {
        let meta = Meta::new(
            0o755,
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        );
        let root = Inode::new(FileType::Directory, meta, Vec::new(), (ROOT, OsString::new()));
        Self {
            inodes: HashMap::from([(ROOT, root)]),
            next: ROOT + 1,
            log: NameLog::default(),
            power: Power::new(seed),
            split_renames: false,
        }
    }

    pub(crate) fn inode(&self, ino: u64) -> Result<&Inode> {
        self.inodes.get(&ino).ok_or(Errno::STALE)
    }

    pub(crate) fn inode_mut(&mut self, ino: u64) -> Result<&mut Inode> {
        self.inodes.get_mut(&ino).ok_or(Errno::STALE)
    }

    /// What a name stands for.
    pub(crate) fn look_up(&self, dir: u64, name: &OsStr) -> Result<u64> {
        let parent = self.inode(dir)?;
        if !parent.is_dir() {
            return Err(Errno::NOTDIR);
        }
        if name.len() > NAME_MAX {
            return Err(Errno::NAMETOOLONG);
        }
        parent.names.get(name).copied().ok_or(Errno::NOENT)
    }

    /// The path under which an inode was seen last.
    pub(crate) fn path_of(&self, ino: u64) -> Vec<u8> {
        if ino == ROOT {
            return b"/".to_vec();
        }
        let mut names = Vec::new();
        let mut at = ino;
        while at != ROOT {
            let Some(inode) = self.inodes.get(&at) else { break };
            names.push(inode.seen.1.as_encoded_bytes());
            at = inode.seen.0;
        }
        names.iter().rev().fold(Vec::new(), |mut path, name| {
            path.push(b'/');
            path.extend_from_slice(name);
            path
        })
    }

    /// Makes an inode under a free name.
    pub(crate) fn make(&mut self, dir: u64, name: &OsStr, birth: Birth, data: Vec<u8>) -> Result<u64> {
        match self.look_up(dir, name) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Err(Errno::EXIST),
        }
        if self.inode(dir)?.links == 0 {
            return Err(Errno::NOENT);
        }
        let ino = self.next;
        self.next += 1;
        let meta = Meta::new(birth.perm, birth.uid, birth.gid);
        let mut inode = Inode::new(birth.kind, meta, data, (dir, name.to_owned()));
        inode.rdev = birth.rdev;
        self.inodes.insert(ino, inode);
        if birth.kind == FileType::Directory {
            self.inode_mut(dir)?.links += 1;
        }
        self.change(vec![to(dir, name, ino, Cause::Made)])?;
        Ok(ino)
    }

    /// A second name for a file.
    pub(crate) fn link(&mut self, ino: u64, dir: u64, name: &OsStr) -> Result<()> {
        match self.look_up(dir, name) {
            Err(Errno::NOENT) => {}
            Err(errno) => return Err(errno),
            Ok(_) => return Err(Errno::EXIST),
        }
        let inode = self.inode_mut(ino)?;
        if inode.is_dir() {
            return Err(Errno::PERM);
        }
        if inode.links == 0 {
            return Err(Errno::NOENT);
        }
        inode.links += 1;
        inode.meta.ctime = SystemTime::now();
        inode.seen = (dir, name.to_owned());
        self.change(vec![to(dir, name, ino, Cause::Linked)])
    }

    /// Takes a name away.
    pub(crate) fn unlink(&mut self, dir: u64, name: &OsStr, want_dir: bool) -> Result<()> {
        let ino = self.look_up(dir, name)?;
        match (self.inode(ino)?.is_dir(), want_dir) {
            (true, false) => return Err(Errno::ISDIR),
            (false, true) => return Err(Errno::NOTDIR),
            (true, true) if !self.inode(ino)?.names.is_empty() => return Err(Errno::NOTEMPTY),
            _ => {}
        }
        self.drop_link(dir, ino)?;
        self.change(vec![gone(dir, name, Cause::Removed)])
    }

    /// rename(2) and renameat2(2).
    pub(crate) fn rename(
        &mut self,
        from: (u64, &OsStr),
        new: (u64, &OsStr),
        flags: RenameFlags,
    ) -> Result<()> {
        let ino = self.look_up(from.0, from.1)?;
        let replaced = match self.look_up(new.0, new.1) {
            Ok(found) => Some(found),
            Err(Errno::NOENT) => None,
            Err(errno) => return Err(errno),
        };
        if flags.contains(RenameFlags::EXCHANGE) {
            let other = replaced.ok_or(Errno::NOENT)?;
            self.inode_mut(ino)?.seen = (new.0, new.1.to_owned());
            self.inode_mut(other)?.seen = (from.0, from.1.to_owned());
            return self.change(vec![
                to(new.0, new.1, ino, Cause::Arrived),
                to(from.0, from.1, other, Cause::Arrived),
            ]);
        }
        if flags.contains(RenameFlags::NOREPLACE) && replaced.is_some() {
            return Err(Errno::EXIST);
        }
        if flags.contains(RenameFlags::WHITEOUT) {
            return Err(Errno::INVAL);
        }
        if replaced == Some(ino) {
            return Ok(());
        }
        let is_dir = self.inode(ino)?.is_dir();
        if let Some(replaced) = replaced {
            self.may_replace(is_dir, replaced)?;
            self.drop_link(new.0, replaced)?;
        }
        if is_dir && from.0 != new.0 {
            self.inode_mut(from.0)?.links -= 1;
            self.inode_mut(new.0)?.links += 1;
        }
        let moved = self.inode_mut(ino)?;
        moved.seen = (new.0, new.1.to_owned());
        moved.meta.ctime = SystemTime::now();
        let (arrives, leaves) = (
            to(new.0, new.1, ino, Cause::Arrived),
            gone(from.0, from.1, Cause::Left),
        );
        // No file system leaves a directory under two names.
        if self.split_renames && !is_dir && from.0 != new.0 {
            self.change(vec![arrives])?;
            return self.change(vec![leaves]);
        }
        self.change(vec![arrives, leaves])
    }

    fn may_replace(&self, is_dir: bool, replaced: u64) -> Result<()> {
        let replaced = self.inode(replaced)?;
        match (is_dir, replaced.is_dir()) {
            (true, false) => Err(Errno::NOTDIR),
            (false, true) => Err(Errno::ISDIR),
            (true, true) if !replaced.names.is_empty() => Err(Errno::NOTEMPTY),
            _ => Ok(()),
        }
    }

    fn drop_link(&mut self, dir: u64, ino: u64) -> Result<()> {
        let inode = self.inode_mut(ino)?;
        inode.meta.ctime = SystemTime::now();
        if inode.is_dir() {
            inode.links = 0;
            self.inode_mut(dir)?.links -= 1;
        } else {
            inode.links -= 1;
        }
        Ok(())
    }

    /// One step: seen at once, durable later.
    fn change(&mut self, changes: Vec<Change>) -> Result<()> {
        for change in &changes {
            let dir = self.inode_mut(change.dir)?;
            dir.meta.mtime = SystemTime::now();
            dir.meta.ctime = dir.meta.mtime;
            match change.to {
                Some(ino) => dir.names.insert(change.name.clone(), ino),
                None => dir.names.remove(&change.name),
            };
        }
        self.log.push(changes);
        Ok(())
    }

    /// Writes into a file, which grows as needed.
    pub(crate) fn write(&mut self, ino: u64, offset: usize, bytes: &[u8]) -> Result<()> {
        let inode = self.inode_mut(ino)?;
        let data = Arc::make_mut(&mut inode.data);
        let end = offset.checked_add(bytes.len()).ok_or(Errno::FBIG)?;
        if data.len() < end {
            data.resize(end, 0);
        }
        data[offset..end].copy_from_slice(bytes);
        touched(&mut inode.meta);
        Ok(())
    }

    /// Up to `len` bytes at `offset`.
    pub(crate) fn read(&self, ino: u64, offset: usize, len: usize) -> Result<&[u8]> {
        let data = &self.inode(ino)?.data;
        let from = offset.min(data.len());
        Ok(&data[from..from.saturating_add(len).min(data.len())])
    }

    /// fallocate(2) without flags, or with `PUNCH_HOLE` and `ZERO_RANGE` (`zero`).
    pub(crate) fn allocate(
        &mut self,
        ino: u64,
        from: usize,
        end: usize,
        zero: bool,
        keep_size: bool,
    ) -> Result<()> {
        let inode = self.inode_mut(ino)?;
        let data = Arc::make_mut(&mut inode.data);
        if !keep_size && data.len() < end {
            data.resize(end, 0);
        }
        if zero {
            let end = end.min(data.len());
            let from = from.min(end);
            data[from..end].fill(0);
        }
        touched(&mut inode.meta);
        Ok(())
    }

    pub(crate) fn set_attributes(&mut self, ino: u64, changes: &Changes) -> Result<()> {
        let inode = self.inode_mut(ino)?;
        if let Some(size) = changes.size {
            let size = usize::try_from(size).map_err(|_too_large| Errno::FBIG)?;
            Arc::make_mut(&mut inode.data).resize(size, 0);
            touched(&mut inode.meta);
        }
        let meta = &mut inode.meta;
        meta.ctime = SystemTime::now();
        meta.perm = changes.perm.unwrap_or(meta.perm);
        meta.uid = changes.uid.unwrap_or(meta.uid);
        meta.gid = changes.gid.unwrap_or(meta.gid);
        meta.atime = changes.atime.unwrap_or(meta.atime);
        meta.mtime = changes.mtime.unwrap_or(meta.mtime);
        Ok(())
    }
}

fn touched(meta: &mut Meta) {
    meta.mtime = SystemTime::now();
    meta.ctime = meta.mtime;
}

fn to(dir: u64, name: &OsStr, ino: u64, cause: Cause) -> Change {
    Change {
        dir,
        name: name.to_owned(),
        to: Some(ino),
        cause,
    }
}

fn gone(dir: u64, name: &OsStr, cause: Cause) -> Change {
    Change {
        dir,
        name: name.to_owned(),
        to: None,
        cause,
    }
}
