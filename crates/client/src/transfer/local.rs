//! The local side: directories held open, names that stay inside of them, files that appear in one step.
//!
//! Everything below a directory is reached from its descriptor, one name at a time and without following links: whatever names
//! a server lists, nothing outside of the target is written. All functions here block; [`blocking`] runs them elsewhere.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags, RawDir, Stat};

use super::limits::NAME_LEN;
use crate::error::{Error, ErrorKind, Result, Stage};

/// A directory that is held open. Clones share the descriptor.
#[derive(Debug, Clone)]
pub(crate) struct LocalDir {
    fd: Arc<OwnedFd>,
    path: PathBuf,
}

/// What lies under a local name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LocalStat {
    pub(crate) kind: LocalKind,
    pub(crate) size: u64,
    /// Seconds since 1970 and nanoseconds.
    pub(crate) modified: (i64, u32),
    pub(crate) accessed: i64,
    pub(crate) mode: u32,
    pub(crate) device: u64,
    pub(crate) inode: u64,
    pub(crate) links: u64,
    pub(crate) uid: u32,
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LocalKind {
    File,
    Directory,
    Link,
    Other,
}

/// Runs `work` where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => {
            Err(Error::new(ErrorKind::Io, Stage::Local, "local work was broken off").caused_by(error))
        }
    }
}

/// A name that is one component of a path and nothing else.
///
/// # Errors
/// [`ErrorKind::Guarded`]
pub(crate) fn safe_name(name: &[u8]) -> Result<&OsStr> {
    let problem = match name {
        b"" => "an empty name",
        b"." | b".." => "a name that leads elsewhere",
        _ if name.contains(&b'/') => "a name with a slash",
        _ if name.contains(&0) => "a name with a zero byte",
        _ if name.len() > NAME_LEN => "a name that is too long",
        _ => return Ok(OsStr::from_bytes(name)),
    };
    Err(Error::new(
        ErrorKind::Guarded,
        Stage::Local,
        format!("{problem} is not taken from a server"),
    )
    .path(name))
}

impl LocalDir {
    /// Opens a directory by the caller's own path; links in it are followed.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let fd = rustix::fs::open(path, DIRECTORY, Mode::empty())
            .map_err(|error| io_error("open", path, error.into()))?;
        Ok(Self {
            fd: Arc::new(fd),
            path: path.to_owned(),
        })
    }

    /// As [`Self::open`], making the directory and its parents if need be.
    pub(crate) fn open_or_make(path: &Path) -> Result<Self> {
        std::fs::create_dir_all(path).map_err(|error| io_error("mkdir", path, error))?;
        Self::open(path)
    }

    pub(crate) fn join(&self, name: &OsStr) -> PathBuf {
        self.path.join(name)
    }

    /// A directory in it; a link is refused.
    pub(crate) fn child(&self, name: &OsStr) -> Result<Self> {
        let path = self.join(name);
        let fd = rustix::fs::openat(&self.fd, name, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
            .map_err(|error| io_error("open", &path, error.into()))?;
        Ok(Self {
            fd: Arc::new(fd),
            path,
        })
    }

    /// A directory any number of levels below, no link followed; itself for the empty path.
    pub(crate) fn descend(&self, path: &[u8]) -> Result<Self> {
        let mut dir = self.clone();
        for name in path.split(|byte| *byte == b'/').filter(|name| !name.is_empty()) {
            dir = dir.child(safe_name(name)?)?;
        }
        Ok(dir)
    }

    /// A directory in it, made if need be; says whether it was made.
    pub(crate) fn child_or_make(&self, name: &OsStr, mode: u32) -> Result<(Self, bool)> {
        let made = match rustix::fs::mkdirat(&self.fd, name, Mode::from_raw_mode(mode)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(io_error("mkdir", &self.join(name), error.into())),
        };
        Ok((self.child(name)?, made))
    }

    /// What lies under a name, links not followed.
    pub(crate) fn stat(&self, name: &OsStr) -> Result<Option<LocalStat>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(LocalStat::of(&stat))),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(io_error("stat", &self.join(name), error.into())),
        }
    }

    /// As [`Self::stat`] with links followed; `None` for one that leads nowhere.
    pub(crate) fn stat_followed(&self, name: &OsStr) -> Result<Option<LocalStat>> {
        match rustix::fs::statat(&self.fd, name, AtFlags::empty()) {
            Ok(stat) => Ok(Some(LocalStat::of(&stat))),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::LOOP) => Ok(None),
            Err(error) => Err(io_error("stat", &self.join(name), error.into())),
        }
    }

    /// What it is itself.
    pub(crate) fn own_stat(&self) -> Result<LocalStat> {
        LocalStat::of_file(&self.fd, &self.path)
    }

    /// Opens a regular file in it for reading, without following a link and without waiting for a pipe's other end.
    pub(crate) fn open_file(&self, name: &OsStr) -> Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::empty())
            .map_err(|error| io_error("open", &self.join(name), error.into()))?;
        Ok(fd.into())
    }

    /// Opens or makes a file in it for writing, without following a link.
    pub(crate) fn write_file(&self, name: &OsStr, exclusive: bool, mode: u32) -> io::Result<File> {
        let mut flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        if exclusive {
            flags |= OFlags::EXCL;
        }
        let fd = rustix::fs::openat(&self.fd, name, flags, Mode::from_raw_mode(mode & 0o777))?;
        Ok(fd.into())
    }

    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> Result<()> {
        rustix::fs::renameat(&self.fd, from, &self.fd, to)
            .map_err(|error| io_error("rename", &self.join(to), error.into()))
    }

    /// As [`Self::rename`], and fails if the new name is taken.
    pub(crate) fn rename_new(&self, from: &OsStr, to: &OsStr) -> Result<()> {
        rustix::fs::linkat(&self.fd, from, &self.fd, to, AtFlags::empty())
            .map_err(|error| io_error("rename", &self.join(to), error.into()))?;
        self.remove(from, false)
    }

    pub(crate) fn remove(&self, name: &OsStr, directory: bool) -> Result<()> {
        let flags = if directory {
            AtFlags::REMOVEDIR
        } else {
            AtFlags::empty()
        };
        rustix::fs::unlinkat(&self.fd, name, flags)
            .map_err(|error| io_error("remove", &self.join(name), error.into()))
    }

    pub(crate) fn symlink(&self, target: &OsStr, name: &OsStr) -> Result<()> {
        rustix::fs::symlinkat(target, &self.fd, name)
            .map_err(|error| io_error("symlink", &self.join(name), error.into()))
    }

    pub(crate) fn read_link(&self, name: &OsStr) -> Result<Vec<u8>> {
        rustix::fs::readlinkat(&self.fd, name, Vec::new())
            .map(std::ffi::CString::into_bytes)
            .map_err(|error| io_error("readlink", &self.join(name), error.into()))
    }

    /// Puts its entries onto the disk.
    pub(crate) fn sync(&self) -> Result<()> {
        rustix::fs::fsync(&self.fd).map_err(|error| io_error("fsync", &self.path, error.into()))
    }

    pub(crate) fn set_times(&self, modified: u32, accessed: u32) -> Result<()> {
        rustix::fs::futimens(&self.fd, &timestamps(modified, accessed))
            .map_err(|error| io_error("set times", &self.path, error.into()))
    }

    /// The names in it.
    pub(crate) fn names(&self) -> Result<Vec<OsString>> {
        let fault = |error: rustix::io::Errno| io_error("list", &self.path, error.into());
        // a descriptor of its own: the position in the directory belongs to it
        let fd = rustix::fs::openat(&self.fd, ".", DIRECTORY, Mode::empty()).map_err(fault)?;
        let mut buffer = Vec::with_capacity(LISTING_BUFFER);
        let mut entries = RawDir::new(fd, buffer.spare_capacity_mut());
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let name = entry.map_err(fault)?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(OsString::from_vec(name));
            }
        }
        Ok(names)
    }
}

impl LocalStat {
    pub(crate) fn of(stat: &Stat) -> Self {
        let kind = match rustix::fs::FileType::from_raw_mode(stat.st_mode) {
            rustix::fs::FileType::RegularFile => LocalKind::File,
            rustix::fs::FileType::Directory => LocalKind::Directory,
            rustix::fs::FileType::Symlink => LocalKind::Link,
            _ => LocalKind::Other,
        };
        Self {
            kind,
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified: (stat.st_mtime, u32::try_from(stat.st_mtime_nsec).unwrap_or(0)),
            accessed: stat.st_atime,
            mode: stat.st_mode & 0o7777,
            device: stat.st_dev,
            inode: stat.st_ino,
            links: stat.st_nlink,
            uid: stat.st_uid,
        }
    }

    /// Of an open file.
    pub(crate) fn of_file(file: &impl AsFd, path: &Path) -> Result<Self> {
        rustix::fs::fstat(file)
            .map(|stat| Self::of(&stat))
            .map_err(|error| io_error("stat", path, error.into()))
    }

    /// Time of modification as the protocol has it: seconds, from 1970 to 2106.
    pub(crate) fn modified_secs(&self) -> u32 {
        wire_secs(self.modified.0)
    }

    /// Time of access as the protocol has it.
    pub(crate) fn accessed_secs(&self) -> u32 {
        wire_secs(self.accessed)
    }
}

/// Sets the times of an open file.
pub(crate) fn set_file_times(file: &File, modified: u32, accessed: u32) -> io::Result<()> {
    Ok(rustix::fs::futimens(file, &timestamps(modified, accessed))?)
}

fn timestamps(modified: u32, accessed: u32) -> rustix::fs::Timestamps {
    let at = |secs: u32| rustix::fs::Timespec {
        tv_sec: i64::from(secs),
        tv_nsec: 0,
    };
    rustix::fs::Timestamps {
        last_access: at(accessed),
        last_modification: at(modified),
    }
}

fn wire_secs(secs: i64) -> u32 {
    u32::try_from(secs.clamp(0, i64::from(u32::MAX))).unwrap_or(0)
}

/// The error of this machine, with its kind.
pub(crate) fn io_error(operation: &'static str, path: &Path, error: io::Error) -> Error {
    let kind = match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::NoSpace,
        io::ErrorKind::IsADirectory => ErrorKind::IsADirectory,
        io::ErrorKind::NotADirectory => ErrorKind::NotADirectory,
        io::ErrorKind::DirectoryNotEmpty => ErrorKind::NotEmpty,
        _ => ErrorKind::Io,
    };
    Error::new(kind, Stage::Local, format!("{error}"))
        .operation(operation)
        .path(path.as_os_str().as_bytes())
        .caused_by(error)
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);

/// Bytes of directory entries read at a time.
const LISTING_BUFFER: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in [
            &b""[..],
            b".",
            b"..",
            b"../x",
            b"/etc/passwd",
            b"a/b",
            b"a\0b",
            &[b'x'; 256],
        ] {
            assert_eq!(
                safe_name(name).expect_err("refused").kind(),
                ErrorKind::Guarded,
                "{name:?}"
            );
        }
        for name in [&b"a"[..], b"...", b"..x", b" ", b"\xff", b"-rf", &[b'x'; 255]] {
            assert!(safe_name(name).is_ok(), "{name:?}");
        }
    }

    #[test]
    fn links_are_not_followed() {
        let outside = tempfile::tempdir().expect("directory");
        let inside = tempfile::tempdir().expect("directory");
        std::fs::write(outside.path().join("f"), b"theirs").expect("file");
        std::os::unix::fs::symlink(outside.path(), inside.path().join("d")).expect("link");
        std::os::unix::fs::symlink(outside.path().join("f"), inside.path().join("f")).expect("link");
        let dir = LocalDir::open(inside.path()).expect("open");
        let name = OsStr::new;
        assert!(dir.child(name("d")).is_err());
        assert!(dir.child_or_make(name("d"), 0o777).is_err());
        assert!(dir.open_file(name("f")).is_err());
        assert!(dir.write_file(name("f"), false, 0o600).is_err());
        let stat = dir.stat(name("f")).expect("stat").expect("there");
        assert_eq!(stat.kind, LocalKind::Link);
        assert_eq!(std::fs::read(outside.path().join("f")).expect("file"), b"theirs");
    }

    #[test]
    fn all_names_are_listed() {
        let inside = tempfile::tempdir().expect("directory");
        for number in 0..500 {
            std::fs::write(inside.path().join(format!("f{number}")), b"").expect("file");
        }
        let dir = LocalDir::open(inside.path()).expect("open");
        assert_eq!(dir.names().expect("names").len(), 500);
        assert_eq!(dir.names().expect("again").len(), 500);
    }
}
