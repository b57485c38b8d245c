//! Digests that are finished after publishing, one after the other on a thread of the blocking pool.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use rustix::fs::fstat;
use tokio::sync::watch;

use super::follow::Rest;
use super::mark;
use crate::limits;
use crate::local::{Fault, lock, size_in_blocks, version_of};
use crate::types::{Digest, Sha256, Version};

/// The work that waits. Ends with its store.
#[derive(Debug, Default)]
pub(crate) struct Late {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    stop: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Task>,
    running: bool,
}

/// One digest to finish.
#[derive(Debug)]
pub(crate) struct Task {
    /// The published file.
    pub(crate) file: OwnedFd,
    /// Its size when it was published.
    pub(crate) size: u64,
    pub(crate) rest: Rest,
    /// Whether the file carries [`Digest::Pending`], which tells changes of its content from new times and names.
    pub(crate) kept: bool,
    /// Tells any change where it does not.
    pub(crate) version: Version,
    /// Who wants to know.
    pub(crate) done: watch::Sender<Digest>,
}

impl Late {
    /// Takes a task, unless too many wait: the file then has no digest, which is told at once.
    pub(crate) fn push(&self, task: Task) {
        let mut state = lock(&self.inner.state);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return task.give_up();
        };
        if state.waiting.len() >= limits::LATE_DIGESTS {
            return task.give_up();
        }
        state.waiting.push_back(task);
        if !std::mem::replace(&mut state.running, true) {
            let inner = Arc::clone(&self.inner);
            drop(runtime.spawn_blocking(move || inner.work()));
        }
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        self.inner.stop.store(true, Ordering::Relaxed);
    }
}

impl Inner {
    fn work(&self) {
        while let Some(task) = self.next() {
            task.run(|| !self.stop.load(Ordering::Relaxed));
        }
    }

    fn next(&self) -> Option<Task> {
        let mut state = lock(&self.state);
        let task = state.waiting.pop_front();
        state.running = task.is_some();
        task
    }
}

impl Task {
    fn run(mut self, go_on: impl Fn() -> bool) {
        match self.finish(go_on) {
            Ok(Some(digest)) => {
                self.done.send_replace(Digest::Known(digest));
            }
            Ok(None) => self.give_up(),
            Err(fault) => {
                tracing::warn!(?fault, "a published file could not be read for its digest");
                self.give_up();
            }
        }
    }

    /// `None` when the content changed meanwhile, or when it was told to stop.
    fn finish(&mut self, go_on: impl Fn() -> bool) -> Result<Option<Sha256>, Fault> {
        let holes = self.size.saturating_sub(size_in_blocks(&fstat(&self.file)?));
        if holes > limits::DIGEST_HOLES {
            return Ok(None);
        }
        if !self.rest.read(self.file.as_fd(), self.size, go_on)? {
            return Ok(None);
        }
        let digest = self.rest.digest();
        let unchanged = if self.kept {
            mark::complete(self.file.as_fd(), digest)
        } else {
            self.version == version_of(&fstat(&self.file)?)
        };
        Ok(unchanged.then_some(digest))
    }

    fn give_up(self) {
        self.done.send_replace(Digest::Absent);
    }
}
