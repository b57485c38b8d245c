//! `<data-dir>/lock`: one server per data directory.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// The held lock. The kernel gives it back when the process ends, however it ends; the file stays, because
/// removing it would let a third process lock a new one beside the old.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock and writes our process id into it.
    ///
    /// # Errors
    /// [`ExitCode::DataDirInUse`], naming the holder; [`ExitCode::DataDir`].
    pub(super) fn take(dir: &DataDir) -> Result<Self> {
        let path = dir.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(|error| dir.complain("write in", &error))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Err(in_use(dir, &mut file)),
            Err(errno) => return Err(dir.complain("lock", &io::Error::from(errno))),
        }
        write_pid(&mut file).map_err(|error| dir.complain("write in", &error))?;
        Ok(Self { _file: file })
    }
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn in_use(dir: &DataDir, file: &mut File) -> CliError {
    let mut text = String::new();
    let holder = file
        .take(32)
        .read_to_string(&mut text)
        .ok()
        .and_then(|_| text.trim().parse::<u32>().ok())
        .map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    CliError::new(
        ExitCode::DataDirInUse,
        format!(
            "the data directory {} is in use by {holder}",
            dir.path().display()
        ),
    )
    .hint("stop that server first, or give this one a directory of its own with --data-dir")
}
