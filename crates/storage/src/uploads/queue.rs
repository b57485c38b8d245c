//! Writes of one upload, taken in turn by one thread of the blocking pool.
//!
//! A client keeps dozens of writes in flight. Handing each to a thread of its own costs two thread switches per 255 KiB
//! (about 25 µs, measured, against 30 µs for the copy itself); here whoever is at work takes what comes in meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::flush::Pressure;
use super::staged::Staged;
use crate::error::ErrorKind;
use crate::limits;
use crate::local::{Fault, lock, start_in};

/// Writes that wait, and whether somebody is at work.
#[derive(Debug, Default)]
pub(crate) struct WriteQueue {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Job>,
    running: bool,
}

#[derive(Debug)]
struct Job {
    offset: u64,
    data: Bytes,
    done: oneshot::Sender<Result<(), Fault>>,
}

/// Writes `data` at `offset` in turn. Once called it happens, also when the future is dropped.
pub(super) async fn write(staged: &Arc<Staged>, offset: u64, data: Bytes) -> Result<(), Fault> {
    let (done, result) = oneshot::channel();
    let idle = {
        let mut state = lock(&staged.queue.state);
        state.waiting.push_back(Job { offset, data, done });
        !std::mem::replace(&mut state.running, true)
    };
    if idle {
        start(staged);
    }
    // Nobody answers when the worker panicked or the runtime is shutting down.
    result
        .await
        .unwrap_or_else(|_gone| Err(ErrorKind::Internal.into()))
}

/// Writes the beginning of a file where it stands; that of small files is all. `None`: somebody would have to be waited
/// for.
pub(super) fn write_at_once(staged: &Arc<Staged>, offset: u64, data: &[u8]) -> Option<Result<(), Fault>> {
    let end = offset.saturating_add(data.len() as u64);
    if end > limits::WRITE_AT_ONCE || !staged.writes_at_once() || !staged.queue.is_free() {
        return None;
    }
    let on_panic = Stop(&staged.queue);
    let result = staged.write_at(offset, data);
    std::mem::forget(on_panic);
    if let Ok(pressure) = result {
        flush(staged, pressure);
    }
    if staged.queue.is_wanted() {
        start(staged);
    }
    Some(result.map(drop))
}

/// Starts a worker.
fn start(staged: &Arc<Staged>) {
    let worker = Arc::clone(staged);
    let runtime = Handle::current();
    staged.home.jobs.start(&runtime, move || work(&worker));
}

fn work(staged: &Arc<Staged>) {
    let on_panic = Stop(&staged.queue);
    while let Some(job) = staged.queue.next() {
        let result = staged.write_at(job.offset, &job.data);
        if let Ok(pressure) = result {
            flush(staged, pressure);
        }
        // Nobody listens when the caller gave up; the data is written all the same.
        let _ = job.done.send(result.map(drop));
    }
    std::mem::forget(on_panic);
}

/// Flushes on another thread, so that writing goes on, until too much is dirty or all the owner's places are taken.
fn flush(staged: &Arc<Staged>, pressure: Pressure) {
    match pressure {
        Pressure::Low => {}
        Pressure::Flush => match staged.home.jobs.place() {
            Some(place) => {
                let staged = Arc::clone(staged);
                start_in(&Handle::current(), place, move || staged.write_back());
            }
            None => staged.write_back(),
        },
        Pressure::Wait => staged.write_back(),
    }
}

impl WriteQueue {
    /// Whether nobody was at work; the caller is now.
    fn is_free(&self) -> bool {
        !std::mem::replace(&mut lock(&self.state).running, true)
    }

    /// The caller is done: whether writes came in meanwhile, for a worker to take.
    fn is_wanted(&self) -> bool {
        let mut state = lock(&self.state);
        state.running = !state.waiting.is_empty();
        state.running
    }

    /// The next write; `None` ends the work.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        let job = state.waiting.pop_front();
        state.running = job.is_some();
        job
    }
}

/// Lets the next write start a new worker, and tells those that waited, when this one panics.
struct Stop<'q>(&'q WriteQueue);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.running = false;
        state.waiting.clear();
    }
}
