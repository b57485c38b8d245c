//! Writing dirty data back while an upload runs, so that CLOSE has little left to do.

use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::fdatasync;
use rustix::io::Errno;

use crate::limits;
use crate::local::{Fault, lock};

/// Dirty bytes of one upload, and whether writing back ever failed.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    dirty: AtomicU64,
    running: Mutex<()>,
    failed: Mutex<Option<Errno>>,
}

impl Flush {
    /// Counts written bytes; from [`limits::FLUSH_BYTES`] on the caller writes them back. Others go on meanwhile
    /// until twice as much is dirty.
    pub(crate) fn wrote(&self, fd: BorrowedFd<'_>, bytes: u64) -> Result<(), Fault> {
        let dirty = self.dirty.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if dirty < limits::FLUSH_BYTES {
            return Ok(());
        }
        let guard = if dirty < limits::FLUSH_WAIT_BYTES {
            match self.running.try_lock() {
                Ok(guard) => guard,
                Err(_) => return Ok(()),
            }
        } else {
            lock(&self.running)
        };
        let taken = self.dirty.swap(0, Ordering::Relaxed);
        if taken < limits::FLUSH_BYTES {
            // Somebody flushed while this one waited.
            self.dirty.fetch_add(taken, Ordering::Relaxed);
            return Ok(());
        }
        let result = self.keep_failure(fdatasync(fd));
        drop(guard);
        result
    }

    /// Remembers a failure for good: the kernel reports lost pages once and then counts them as clean, so that a
    /// later sync would succeed over a hole (fsync(2), NOTES).
    pub(crate) fn keep_failure(&self, result: Result<(), Errno>) -> Result<(), Fault> {
        if let Err(errno) = result {
            *lock(&self.failed) = Some(errno);
        }
        Ok(result?)
    }

    /// Fails when any write-back failed.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match *lock(&self.failed) {
            Some(errno) => Err(errno.into()),
            None => Ok(()),
        }
    }
}
