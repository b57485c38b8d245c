//! One file, directory, link or special file, twice: as it is, and as it was when it was last synced.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::SystemTime;

use fuser::{FileAttr, FileType};

/// The number of the root directory (FUSE_ROOT_ID).
pub(crate) const ROOT: u64 = 1;

/// Attributes that can be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    /// Permission bits.
    pub(crate) perm: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) atime: SystemTime,
    pub(crate) mtime: SystemTime,
    pub(crate) ctime: SystemTime,
    pub(crate) xattrs: BTreeMap<OsString, Vec<u8>>,
}

impl Meta {
    pub(crate) fn new(perm: u16, uid: u32, gid: u32) -> Self {
        let now = SystemTime::now();
        Self {
            perm,
            uid,
            gid,
            atime: now,
            mtime: now,
            ctime: now,
            xattrs: BTreeMap::new(),
        }
    }
}

/// What a sync of one inode carries over.
#[derive(Debug, Clone)]
pub(crate) struct Saved {
    /// Content of a file. Cheap to keep: whoever writes copies it first.
    pub(crate) data: Arc<Vec<u8>>,
    pub(crate) meta: Meta,
    /// Names in a directory.
    pub(crate) names: BTreeMap<OsString, u64>,
    /// Which sync it was; a slow one must not undo a later one.
    pub(crate) sync: u64,
}

/// An inode.
#[derive(Debug)]
pub(crate) struct Inode {
    pub(crate) kind: FileType,
    pub(crate) rdev: u32,
    pub(crate) links: u32,
    /// Content of a file, target of a link.
    pub(crate) data: Arc<Vec<u8>>,
    pub(crate) meta: Meta,
    pub(crate) names: BTreeMap<OsString, u64>,
    pub(crate) saved: Saved,
    /// Where it was seen last, to tell its path.
    pub(crate) seen: (u64, OsString),
}

impl Inode {
    /// A new one. That it exists, with these attributes and no content, is part of the name that it is made under;
    /// so is the target of a link.
    pub(crate) fn new(kind: FileType, meta: Meta, data: Vec<u8>, seen: (u64, OsString)) -> Self {
        let data = Arc::new(data);
        Self {
            kind,
            rdev: 0,
            links: if kind == FileType::Directory { 2 } else { 1 },
            saved: Saved {
                data: Arc::clone(&data),
                meta: meta.clone(),
                names: BTreeMap::new(),
                sync: 0,
            },
            data,
            meta,
            names: BTreeMap::new(),
            seen,
        }
    }

    pub(crate) fn is_dir(&self) -> bool {
        self.kind == FileType::Directory
    }

    /// What `stat` shows.
    pub(crate) fn attr(&self, ino: u64) -> FileAttr {
        let size = self.data.len() as u64;
        FileAttr {
            ino,
            size,
            blocks: size.div_ceil(512),
            atime: self.meta.atime,
            mtime: self.meta.mtime,
            ctime: self.meta.ctime,
            crtime: self.meta.ctime,
            kind: self.kind,
            perm: self.meta.perm,
            nlink: self.links,
            uid: self.meta.uid,
            gid: self.meta.gid,
            rdev: self.rdev,
            blksize: 4096,
            flags: 0,
        }
    }
}
