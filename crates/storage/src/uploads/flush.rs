//! Writing dirty data back while an upload runs, so that CLOSE has little left to do.

use std::os::fd::BorrowedFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{fdatasync, fsync};
use rustix::io::Errno;

use crate::limits;
use crate::local::{Fault, lock, retry};

/// Dirty bytes of one upload, and whether writing back ever failed.
#[derive(Debug, Default)]
pub(crate) struct Flush {
    dirty: AtomicU64,
    /// Held while a sync runs: its failure must be on record before another one can succeed.
    running: Mutex<()>,
    failed: Mutex<Option<Errno>>,
}

/// What the dirty bytes ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pressure {
    /// Nothing.
    Low,
    /// Writing back beside further writes.
    Flush,
    /// Writing back before any further write.
    Wait,
}

impl Flush {
    /// Counts written bytes. `Flush` comes once for each [`limits::FLUSH_BYTES`].
    pub(crate) fn wrote(&self, bytes: u64) -> Pressure {
        let before = self.dirty.fetch_add(bytes, Ordering::Relaxed);
        let after = before + bytes;
        if after >= limits::FLUSH_WAIT_BYTES {
            Pressure::Wait
        } else if before < limits::FLUSH_BYTES && after >= limits::FLUSH_BYTES {
            Pressure::Flush
        } else {
            Pressure::Low
        }
    }

    /// Writes back what is dirty; says whether it did. A failure is kept for [`Flush::sync`].
    pub(crate) fn write_back(&self, fd: BorrowedFd<'_>) -> bool {
        let _running = lock(&self.running);
        if self.dirty.load(Ordering::Relaxed) < limits::FLUSH_BYTES {
            return false; // another one did it meanwhile
        }
        self.dirty.store(0, Ordering::Relaxed);
        self.keep(retry(|| fdatasync(fd)));
        lock(&self.failed).is_none()
    }

    /// fsync(2). Fails for good once any sync failed: the kernel reports lost pages once and then counts them as
    /// clean, so that a later sync would succeed over a hole (fsync(2), NOTES).
    pub(crate) fn sync(&self, fd: BorrowedFd<'_>) -> Result<(), Fault> {
        let _running = lock(&self.running);
        self.dirty.store(0, Ordering::Relaxed);
        if lock(&self.failed).is_none() {
            self.keep(retry(|| fsync(fd)));
        }
        self.check()
    }

    /// Fails when any sync failed.
    pub(crate) fn check(&self) -> Result<(), Fault> {
        match *lock(&self.failed) {
            Some(errno) => Err(errno.into()),
            None => Ok(()),
        }
    }

    fn keep(&self, result: Result<(), Errno>) {
        if let Err(errno) = result {
            *lock(&self.failed) = Some(errno);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_flush_is_asked_for_once_and_then_waited_for() {
        let flush = Flush::default();
        let half = limits::FLUSH_BYTES / 2;
        let asked: Vec<_> = (0..5).map(|_| flush.wrote(half)).collect();
        use Pressure::{Flush as F, Low, Wait};
        assert_eq!(asked, [Low, F, Low, Wait, Wait]);
        let file = tempfile::tempfile().unwrap();
        assert!(flush.write_back(file.as_fd()));
        assert_eq!(flush.wrote(1), Low);
        flush.check().unwrap();
    }

    #[test]
    fn a_failed_write_back_is_never_forgotten() {
        let flush = Flush::default();
        // A pipe cannot be synced: EINVAL.
        let (end, _other) = std::io::pipe().unwrap();
        flush.wrote(limits::FLUSH_BYTES);
        assert!(!flush.write_back(end.as_fd()));
        let file = tempfile::tempfile().unwrap();
        assert!(
            flush.sync(file.as_fd()).is_err(),
            "the next sync would succeed by itself"
        );
        assert!(flush.check().is_err());
    }
}
