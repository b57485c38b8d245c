//! Directory syncs, shared between all who changed the same directory at about the same time.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex};

use rustix::fs::{Mode, OFlags, fsync, openat};
use rustix::io::Errno;

use super::resolve::DirId;
use super::shared::lock;

/// Group commit for `fsync` of directories: whoever arrives before a sync starts is served by it, whoever arrives
/// while one runs is served by the next.
#[derive(Debug, Default)]
pub(crate) struct DirSyncs {
    slots: Mutex<HashMap<DirId, Arc<Flushes>>>,
}

/// Flushes of one thing, shared: whoever comes while one runs waits for the next.
#[derive(Debug, Default)]
pub(crate) struct Flushes {
    state: Mutex<State>,
    finished: Condvar,
}

#[derive(Debug, Default)]
struct State {
    running: bool,
    /// Number of the last sync that started, and of the last that ended.
    started: u64,
    ended: u64,
    /// The last sync that failed. Waiters of earlier ones take it as their own: rather one failure too many.
    failed: Option<(u64, Errno)>,
    /// Callers inside; the slot goes away with the last.
    users: usize,
}

/// A directory opened for syncing. Opened before the change, so that a directory that cannot be synced refuses
/// the change instead of leaving it half durable.
#[derive(Debug)]
pub(crate) struct SyncDir {
    id: DirId,
    fd: OwnedFd,
}

impl SyncDir {
    /// Opens `dir` (an `O_PATH` handle cannot be synced).
    pub(crate) fn open(dir: impl AsFd) -> Result<Self, Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(dir.as_fd(), ".", flags, Mode::empty())?;
        Ok(Self {
            id: DirId::of(&fd)?,
            fd,
        })
    }

    /// Whether both are the same directory.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl DirSyncs {
    /// Returns when all changes made in `dir` before the call are on stable storage.
    pub(crate) fn sync(&self, dir: &SyncDir) -> Result<(), Errno> {
        let slot = self.enter(dir.id);
        let result = slot.run(|| super::io::retry(|| fsync(&dir.fd)));
        self.leave(dir.id, &slot);
        result
    }

    fn enter(&self, id: DirId) -> Arc<Flushes> {
        let mut slots = lock(&self.slots);
        let slot = Arc::clone(slots.entry(id).or_default());
        lock(&slot.state).users += 1;
        slot
    }

    fn leave(&self, id: DirId, slot: &Flushes) {
        let mut slots = lock(&self.slots);
        let mut state = lock(&slot.state);
        state.users -= 1;
        if state.users == 0 {
            slots.remove(&id);
        }
    }
}

impl Flushes {
    /// Returns when a `work` that started after the call has ended, with its result.
    pub(crate) fn run(&self, work: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        let mut state = lock(&self.state);
        let mine = state.started + 1;
        while state.ended < mine && (state.running || state.started >= mine) {
            state = self
                .finished
                .wait(state)
                .unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        if state.ended < mine {
            state.running = true;
            state.started += 1;
            drop(state);
            let result = work();
            state = lock(&self.state);
            state.running = false;
            state.ended = state.started;
            if let Err(errno) = result {
                state.failed = Some((state.ended, errno));
            }
            self.finished.notify_all();
        }
        match state.failed {
            Some((number, errno)) if number >= mine => Err(errno),
            _ => Ok(()),
        }
    }

    /// How many there were.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        lock(&self.state).ended
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn those_who_wait_for_a_running_sync_share_the_next_one() {
        let slot = Arc::new(Flushes::default());
        let runs = Arc::new(AtomicUsize::new(0));
        let (started_tx, started) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();

        let first = std::thread::spawn({
            let (slot, runs) = (Arc::clone(&slot), Arc::clone(&runs));
            move || {
                slot.run(|| {
                    started_tx.send(()).unwrap();
                    gate.recv().unwrap();
                    runs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                })
            }
        });
        started.recv().unwrap();
        let waiters: Vec<_> = (0..8)
            .map(|_| {
                let (slot, runs) = (Arc::clone(&slot), Arc::clone(&runs));
                std::thread::spawn(move || {
                    slot.run(|| {
                        runs.fetch_add(1, Ordering::SeqCst);
                        Ok(())
                    })
                })
            })
            .collect();
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(
            runs.load(Ordering::SeqCst),
            0,
            "nobody may pass a sync that started before it came"
        );
        release.send(()).unwrap();
        first.join().unwrap().unwrap();
        for waiter in waiters {
            waiter.join().unwrap().unwrap();
        }
        assert_eq!(runs.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn a_failure_reaches_all_whom_the_sync_served() {
        let slot = Flushes::default();
        assert_eq!(slot.run(|| Err(Errno::IO)), Err(Errno::IO));
        assert_eq!(slot.run(|| Ok(())), Ok(()), "the next one tells its own result");
    }

    #[test]
    fn slots_do_not_pile_up() {
        let dir = tempfile::tempdir().unwrap();
        let syncs = DirSyncs::default();
        let fd = std::fs::File::open(dir.path()).unwrap();
        syncs.sync(&SyncDir::open(&fd).unwrap()).unwrap();
        assert!(lock(&syncs.slots).is_empty());
    }
}
