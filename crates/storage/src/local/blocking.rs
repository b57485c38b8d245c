//! The one place where disk work leaves the async threads.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ErrorKind, Result, StorageError};
use crate::limits;

/// One owner's share of the blocking pool. A job waits for its place before it has a thread and before it takes any
/// lock, so whatever a running job waits for has a thread of its own.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    places: Arc<Semaphore>,
}

/// A place for one running job.
#[derive(Debug)]
pub(crate) struct JobPlace {
    _permit: OwnedSemaphorePermit,
}

impl Jobs {
    /// Places that nobody shares yet.
    pub(crate) fn new() -> Self {
        Self::sharing(Arc::new(Semaphore::new(limits::JOBS_PER_OWNER)))
    }

    /// The share behind `places`.
    pub(crate) const fn sharing(places: Arc<Semaphore>) -> Self {
        Self { places }
    }

    /// What another home of the owner shares.
    pub(crate) const fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    /// As [`run`], in one of the owner's places. When the future is dropped before there was one, `job` never starts.
    ///
    /// # Errors
    /// As [`run`].
    pub(crate) async fn run<T, F>(&self, operation: &'static str, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce() -> Result<T> + Send + 'static,
    {
        let place = wait(Arc::clone(&self.places)).await;
        run(operation, move || {
            let _place = place;
            job()
        })
        .await
    }

    /// Starts `job` as soon as there is a place, whoever goes away meanwhile.
    pub(crate) fn start(&self, runtime: &Handle, job: impl FnOnce() + Send + 'static) {
        if let Some(place) = self.place() {
            start_in(runtime, place, job);
            return;
        }
        let (places, own) = (Arc::clone(&self.places), runtime.clone());
        drop(runtime.spawn(async move {
            let place = wait(places).await;
            start_in(&own, place, job);
        }));
    }

    /// A place, if one is free now.
    pub(crate) fn place(&self) -> Option<JobPlace> {
        let permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(JobPlace { _permit: permit })
    }
}

/// Starts `job` in `place`.
pub(crate) fn start_in(runtime: &Handle, place: JobPlace, job: impl FnOnce() + Send + 'static) {
    drop(runtime.spawn_blocking(move || {
        let _place = place;
        job();
    }));
}

async fn wait(places: Arc<Semaphore>) -> JobPlace {
    let permit = places.acquire_owned().await;
    JobPlace {
        _permit: permit.expect("the places are never closed"),
    }
}

/// Runs `job` on the blocking pool. Once it started it runs to its end, even when the future is dropped:
/// that is what makes an operation happen whole or not at all.
///
/// # Errors
/// Those of `job`; `Internal` when it panicked; `Unavailable` when the runtime is shutting down.
pub(crate) async fn run<T, F>(operation: &'static str, job: F) -> Result<T>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    match tokio::task::spawn_blocking(job).await {
        Ok(result) => result,
        Err(failure) => {
            let kind = if failure.is_panic() {
                tracing::error!(operation, "disk work panicked");
                ErrorKind::Internal
            } else {
                ErrorKind::Unavailable
            };
            Err(StorageError::new(kind, operation).with_source(std::io::Error::other(failure)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_flood_of_slow_jobs_leaves_threads_to_others() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .max_blocking_threads(limits::JOBS_PER_OWNER + 1)
            .enable_time()
            .build()
            .expect("a runtime");
        let (greedy, other) = (Jobs::new(), Jobs::new());
        let gate = Arc::new(Mutex::new(()));
        let done = Arc::new(AtomicUsize::new(0));
        let closed = gate.lock().expect("free");
        let slow = || {
            let (gate, done) = (Arc::clone(&gate), Arc::clone(&done));
            move || {
                drop(gate.lock());
                done.fetch_add(1, Ordering::Relaxed);
            }
        };
        let mut waiting = Vec::new();
        for _ in 0..50 {
            greedy.start(runtime.handle(), slow());
            let (jobs, job) = (greedy.clone(), slow());
            waiting.push(runtime.spawn(async move {
                jobs.run("test", move || {
                    job();
                    Ok(())
                })
                .await
            }));
        }
        let answer = runtime.block_on(async {
            tokio::time::timeout(Duration::from_secs(20), other.run("test", || Ok(7))).await
        });
        assert_eq!(answer.expect("a thread is left").expect("the job cannot fail"), 7);
        assert_eq!(done.load(Ordering::Relaxed), 0);
        drop(closed);
        // All of them run in the end, those that wait for nobody too.
        let all = async {
            for job in waiting {
                job.await.expect("no panic").expect("the job cannot fail");
            }
            while done.load(Ordering::Relaxed) < 100 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        runtime
            .block_on(async { tokio::time::timeout(Duration::from_secs(20), all).await })
            .expect("all ran");
    }
}
