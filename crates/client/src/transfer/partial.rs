//! The local file of a download: written under a temporary name beside its target, in order, and renamed when it is whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use longshore_sftp::Attrs;
use rustix::fs::FlockOperation;

use super::events::Placed;
use super::limits::{KEEP_PARTIAL_LEN, TEMPORARY_NAMES};
use super::local::{LocalDir, LocalKind, LocalStat, io_error, set_file_times};
use super::naming::temporary_name;
use super::options::{Overwrite, Placing, TransferOptions};
use crate::error::{Error, ErrorKind, Result, Stage};

/// Where a download goes: a name in a directory that is held open.
#[derive(Debug, Clone)]
pub(crate) struct LocalTarget {
    pub(crate) dir: LocalDir,
    pub(crate) name: OsString,
}

/// The file that is being written. Dropped before it is published, it is kept if it can be continued, and removed otherwise.
#[derive(Debug)]
pub(crate) struct Partial {
    target: LocalTarget,
    working: OsString,
    file: Arc<File>,
    resumable: bool,
    existing: Option<LocalStat>,
    settled: bool,
}

/// What the file gets when it is whole.
#[derive(Debug, Clone)]
pub(crate) struct Finish {
    /// Of the remote file.
    pub(crate) attrs: Attrs,
    pub(crate) keep_times: bool,
    pub(crate) keep_mode: bool,
    pub(crate) sync: bool,
    pub(crate) overwrite: Overwrite,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) placed: Placed,
    pub(crate) times_kept: bool,
    pub(crate) warnings: Vec<String>,
}

impl LocalTarget {
    /// The caller's own path; if it is a directory, the file goes into it under `name`. Links in the path are followed, the
    /// last one too: the file behind it is replaced. Blocks.
    pub(crate) fn at(path: &Path, name: &[u8]) -> Result<Self> {
        let real = match std::fs::canonicalize(path) {
            Ok(real) if real.is_dir() => {
                return Ok(Self {
                    dir: LocalDir::open(path)?,
                    name: super::local::safe_name(name)?.to_owned(),
                });
            }
            Ok(real) => real,
            Err(_) => path.to_owned(),
        };
        let Some(name) = real.file_name() else {
            return Err(
                Error::new(ErrorKind::InvalidInput, Stage::Local, "the path names no file")
                    .path(path.as_os_str().as_bytes()),
            );
        };
        Ok(Self {
            dir: LocalDir::open(real.parent().unwrap_or(Path::new(".")))?,
            name: name.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.join(&self.name)
    }

    /// What has the name now; fails if that cannot be replaced by a file.
    fn look(&self, overwrite: Overwrite) -> Result<Option<LocalStat>> {
        let existing = self.dir.stat(&self.name)?;
        let problem = match existing.map(|stat| stat.kind) {
            None => return Ok(None),
            Some(_) if overwrite == Overwrite::Never => (ErrorKind::AlreadyExists, "the target exists"),
            Some(LocalKind::Directory) => (ErrorKind::IsADirectory, "the target is a directory"),
            Some(LocalKind::Other) => (ErrorKind::Guarded, "the target is a device, pipe or socket"),
            Some(LocalKind::File | LocalKind::Link) => return Ok(existing),
        };
        Err(Error::new(problem.0, Stage::Local, problem.1)
            .operation("download")
            .path(self.path().into_os_string().into_vec()))
    }
}

impl Partial {
    /// Makes the file, empty. With `resume` one that an interrupted download has left is taken as it is; its length is
    /// returned. Blocks.
    pub(crate) fn open(
        target: LocalTarget,
        options: &TransferOptions,
        mode: u32,
        resume: bool,
    ) -> Result<(Self, u64)> {
        let existing = target.look(options.overwrite)?;
        if options.placing == Placing::InPlace {
            let partial = Self::open_in_place(target, options, mode, existing)?;
            let len = if resume { partial.len()? } else { 0 };
            partial.cut(len)?;
            return Ok((partial, len));
        }
        for attempt in 0..TEMPORARY_NAMES {
            let working = OsString::from_vec(temporary_name(target.name.as_bytes(), attempt)?);
            let Some(file) = open_free(&target.dir, &working, attempt > 0, mode)? else {
                continue;
            };
            let partial = Self {
                target,
                working,
                file: Arc::new(file),
                resumable: attempt == 0,
                existing,
                settled: false,
            };
            let len = if resume { partial.len()? } else { 0 };
            partial.cut(len)?;
            return Ok((partial, len));
        }
        Err(Error::new(
            ErrorKind::AlreadyExists,
            Stage::Local,
            "every temporary name is taken",
        )
        .path(target.path().into_os_string().into_vec()))
    }

    fn open_in_place(
        target: LocalTarget,
        options: &TransferOptions,
        mode: u32,
        existing: Option<LocalStat>,
    ) -> Result<Self> {
        let exclusive = options.overwrite == Overwrite::Never;
        let file = target
            .dir
            .write_file(&target.name, exclusive, mode)
            .map_err(|error| io_error("open", &target.path(), error))?;
        Ok(Self {
            working: target.name.clone(),
            target,
            file: Arc::new(file),
            resumable: true,
            existing,
            settled: true,
        })
    }

    /// The file, to write to in order.
    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(crate) fn working_path(&self) -> PathBuf {
        self.target.dir.join(&self.working)
    }

    /// Cuts it to `len` bytes. Blocks.
    pub(crate) fn cut(&self, len: u64) -> Result<()> {
        self.file
            .set_len(len)
            .map_err(|error| io_error("truncate", &self.working_path(), error))
    }

    fn len(&self) -> Result<u64> {
        Ok(LocalStat::of_file(&*self.file, &self.working_path())?.size)
    }

    /// The whole file is written: gives it its attributes and its name. Blocks.
    pub(crate) fn publish(mut self, finish: &Finish) -> Result<Published> {
        let mut warnings = Vec::new();
        self.set_mode(finish, &mut warnings);
        let times_kept = self.set_times(finish, &mut warnings);
        if finish.sync {
            self.file
                .sync_all()
                .map_err(|error| io_error("fsync", &self.working_path(), error))?;
        }
        let placed = if self.working == self.target.name {
            Placed::InPlace
        } else {
            self.expect_own_name()?;
            match finish.overwrite {
                Overwrite::Always => self.target.dir.rename(&self.working, &self.target.name)?,
                Overwrite::Never => self.target.dir.rename_new(&self.working, &self.target.name)?,
            }
            Placed::Atomically
        };
        self.settled = true;
        if finish.sync {
            self.target.dir.sync()?;
        }
        Ok(Published {
            placed,
            times_kept,
            warnings,
        })
    }

    /// What has the temporary name must be what was written: it gets the target's name next.
    fn expect_own_name(&self) -> Result<()> {
        let path = self.working_path();
        let own = LocalStat::of_file(&*self.file, &path)?;
        let named = self.target.dir.stat(&self.working)?;
        if named.is_some_and(|named| (named.device, named.inode) == (own.device, own.inode)) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Integrity,
            Stage::Local,
            "the temporary file was replaced or removed by somebody else",
        )
        .operation("download")
        .path(path.into_os_string().into_vec()))
    }

    /// Throws it away; blocks.
    pub(crate) fn discard(mut self) {
        if self.working != self.target.name {
            let _ = self.target.dir.remove(&self.working, false);
        }
        self.settled = true;
    }

    /// Set-id bits come from no server. A replaced file keeps its permissions.
    fn set_mode(&self, finish: &Finish, warnings: &mut Vec<String>) {
        let mode = if finish.keep_mode {
            finish.attrs.permissions.map(|mode| mode & 0o777)
        } else {
            self.existing
                .filter(|existing| existing.kind == LocalKind::File)
                .map(|existing| existing.mode)
        };
        let Some(mode) = mode else { return };
        if let Err(error) = rustix::fs::fchmod(&*self.file, rustix::fs::Mode::from_raw_mode(mode)) {
            warnings.push(format!("the permissions are not set: {error}"));
        }
    }

    fn set_times(&self, finish: &Finish, warnings: &mut Vec<String>) -> bool {
        if !finish.keep_times {
            return false;
        }
        let Some((accessed, modified)) = finish.attrs.times else {
            warnings.push("the server tells no time of modification".to_owned());
            return false;
        };
        match set_file_times(&self.file, modified, accessed) {
            Ok(()) => true,
            Err(error) => {
                warnings.push(format!("the times are not set: {error}"));
                false
            }
        }
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        // written in order, so what is there is a beginning
        let keep = self.resumable && self.len().is_ok_and(|len| len >= KEEP_PARTIAL_LEN);
        if !keep {
            let _ = self.target.dir.remove(&self.working, false);
        }
    }
}

/// Opens or makes a temporary file that nobody else uses: a lock tells a file that a dead process has left from one that is
/// being written. `None`: the name is taken.
fn open_free(dir: &LocalDir, name: &OsStr, exclusive: bool, mode: u32) -> Result<Option<File>> {
    let path = dir.join(name);
    let file = match dir.write_file(name, exclusive, mode) {
        Ok(file) => file,
        Err(error) => {
            return match error.kind() {
                // somebody's file, link or directory
                std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::IsADirectory => Ok(None),
                _ if dir.stat(name)?.is_some() => Ok(None),
                _ => Err(io_error("open", &path, error)),
            };
        }
    };
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Ok(None);
    }
    let stat = LocalStat::of_file(&file, &path)?;
    let named = dir.stat(name)?;
    // between open and lock another process may have given the file its final name
    let same = named.is_some_and(|named| (named.device, named.inode) == (stat.device, stat.inode));
    let ours = stat.uid == rustix::process::geteuid().as_raw() && stat.links == 1;
    Ok((same && ours && stat.kind == LocalKind::File).then_some(file))
}
