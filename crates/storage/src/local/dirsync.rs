//! Directory syncs, shared between all who changed the same directory at about the same time.

use std::collections::HashMap;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags, fsync, openat};
use rustix::io::Errno;

use super::resolve::DirId;
use super::shared::lock;
use crate::limits;

/// Group commit for `fsync` of directories: whoever arrives before a sync starts is served by it, whoever arrives
/// while one runs is served by the next.
#[derive(Debug, Default)]
pub(crate) struct DirSyncs {
    slots: Mutex<HashMap<DirId, Arc<Flushes>>>,
}

/// Flushes of one thing, shared: whoever comes while one runs waits for the next.
#[derive(Debug)]
pub(crate) struct Flushes {
    state: Mutex<State>,
    finished: Condvar,
    /// Nobody is on the way any more.
    assembled: Condvar,
    /// How long one waits at most for those.
    patience: Duration,
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
    /// Callers that are about to come.
    coming: usize,
    /// How long the last sync took.
    took: Duration,
}

/// A caller who is about to want a flush: whoever starts one waits a little for those.
#[derive(Debug)]
pub(crate) struct Coming<'f> {
    flushes: &'f Flushes,
    arrived: bool,
}

/// As [`Coming`], for the sync of a directory.
#[derive(Debug)]
pub(crate) struct ComingToSync<'s> {
    syncs: &'s DirSyncs,
    id: DirId,
    slot: Arc<Flushes>,
    arrived: bool,
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

    /// Announces a [`ComingToSync::sync`] of the directory.
    pub(crate) fn expect(&self, id: DirId) -> ComingToSync<'_> {
        let slot = self.enter(id);
        lock(&slot.state).coming += 1;
        ComingToSync {
            syncs: self,
            id,
            slot,
            arrived: false,
        }
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

impl Default for Flushes {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            finished: Condvar::new(),
            assembled: Condvar::new(),
            patience: limits::FLUSH_PATIENCE,
        }
    }
}

impl Flushes {
    /// Returns when a `work` that started after the call has ended, with its result.
    pub(crate) fn run(&self, work: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        self.run_from(lock(&self.state), work)
    }

    fn run_from<'s>(
        &'s self,
        mut state: MutexGuard<'s, State>,
        work: impl FnOnce() -> Result<(), Errno>,
    ) -> Result<(), Errno> {
        let mine = state.started + 1;
        while state.ended < mine && (state.running || state.started >= mine) {
            state = self.finished.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.ended < mine {
            state.running = true;
            state = self.assemble(state);
            state.started += 1;
            drop(state);
            let began = Instant::now();
            let result = work();
            state = lock(&self.state);
            state.took = began.elapsed();
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

    /// Waits for those who are coming, at most as long as a flush takes: alone they would have to wait that long anyway.
    fn assemble<'s>(&self, state: MutexGuard<'s, State>) -> MutexGuard<'s, State> {
        let patience = state.took.min(self.patience);
        let waited = self
            .assembled
            .wait_timeout_while(state, patience, |state| state.coming > 0);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Announces a [`Coming::run`].
    pub(crate) fn expect(&self) -> Coming<'_> {
        lock(&self.state).coming += 1;
        Coming {
            flushes: self,
            arrived: false,
        }
    }

    fn came(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.coming -= 1;
        if state.coming == 0 {
            self.assembled.notify_all();
        }
        state
    }

    /// How many there were.
    #[cfg(test)]
    pub(crate) fn count(&self) -> u64 {
        lock(&self.state).ended
    }
}

impl Coming<'_> {
    /// As [`Flushes::run`], of the one that waits for this caller.
    pub(crate) fn run(mut self, work: impl FnOnce() -> Result<(), Errno>) -> Result<(), Errno> {
        self.arrived = true;
        self.flushes.run_from(self.flushes.came(), work)
    }
}

impl Drop for Coming<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            drop(self.flushes.came());
        }
    }
}

impl ComingToSync<'_> {
    /// As [`DirSyncs::sync`].
    pub(crate) fn sync(mut self, dir: &SyncDir) -> Result<(), Errno> {
        self.arrived = true;
        let slot = &self.slot;
        slot.run_from(slot.came(), || super::io::retry(|| fsync(&dir.fd)))
    }
}

impl Drop for ComingToSync<'_> {
    fn drop(&mut self) {
        if !self.arrived {
            drop(self.slot.came());
        }
        self.syncs.leave(self.id, &self.slot);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;

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

    /// Flushes whose last one took ten minutes.
    fn slow(patience: Duration) -> Flushes {
        let flushes = Flushes {
            patience,
            ..Flushes::default()
        };
        lock(&flushes.state).took = Duration::from_secs(600);
        flushes
    }

    #[test]
    fn a_flush_waits_for_those_who_are_coming() {
        let flushes = slow(Duration::from_secs(600));
        let runs = AtomicUsize::new(0);
        let work = || {
            runs.fetch_add(1, Ordering::SeqCst);
            Ok(())
        };
        let (coming, other) = (flushes.expect(), flushes.expect());
        std::thread::scope(|scope| {
            let first = scope.spawn(|| flushes.run(work));
            while !lock(&flushes.state).running {
                std::thread::yield_now();
            }
            // One comes, the other one failed on its way.
            let second = scope.spawn(|| coming.run(work));
            drop(other);
            second.join().unwrap().unwrap();
            first.join().unwrap().unwrap();
        });
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        lock(&flushes.state).took = Duration::from_secs(600);
        flushes.run(work).unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 2, "nobody is coming: at once");
    }

    #[test]
    fn a_flush_does_not_wait_for_ever() {
        let flushes = slow(Duration::from_millis(1));
        let late = flushes.expect();
        flushes.run(|| Ok(())).unwrap();
        late.run(|| Ok(())).unwrap();
        assert_eq!(flushes.count(), 2);
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
