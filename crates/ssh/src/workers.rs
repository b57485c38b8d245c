//! Threads that connections live on, each with a runtime of its own.
//!
//! A request wakes half a dozen tasks one after the other: the transport, the service's engine, the writer of replies.
//! On a runtime that shares its tasks between threads nearly each of these wakes another thread, and that costs more
//! than the work itself. Here all tasks of a connection stay on the thread that it was given at the start.

use std::future::Future;
use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// Where connections run.
#[derive(Clone)]
pub struct Workers {
    threads: Arc<Vec<Worker>>,
}

struct Worker {
    runtime: Handle,
    connections: Arc<AtomicUsize>,
    /// Its thread ends when this is dropped.
    _stop: oneshot::Sender<()>,
}

impl Workers {
    /// Starts so many threads, each with at most `blocking_threads` further ones for blocking work. They end when the
    /// last clone is dropped; work that is still there then ends where it stands.
    ///
    /// # Errors
    /// When the system has no threads left.
    pub fn start(threads: NonZeroUsize, blocking_threads: NonZeroUsize) -> io::Result<Self> {
        let threads = (0..threads.get())
            .map(|number| Worker::start(number, blocking_threads.get()))
            .collect::<io::Result<_>>()?;
        Ok(Self {
            threads: Arc::new(threads),
        })
    }

    /// Runs a connection on the thread that has the fewest.
    pub(crate) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let worker = self
            .threads
            .iter()
            .min_by_key(|worker| worker.connections.load(Ordering::Relaxed));
        // There is always one: the number of threads is not zero.
        if let Some(worker) = worker {
            let counted = Counted::new(&worker.connections);
            worker.runtime.spawn(async move {
                connection.await;
                drop(counted);
            });
        }
    }
}

impl Worker {
    fn start(number: usize, blocking_threads: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .thread_name(format!("longshore-io-{number}"))
            .max_blocking_threads(blocking_threads)
            .build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel();
        std::thread::Builder::new()
            .name(format!("longshore-ssh-{number}"))
            .spawn(move || {
                // Never sent: it ends when the sender is dropped.
                let _ = runtime.block_on(stopped);
                // Blocking work that hangs (a dead network disk) must not hold up the end.
                runtime.shutdown_background();
            })?;
        Ok(Self {
            runtime: handle,
            connections: Arc::default(),
            _stop: stop,
        })
    }
}

/// A connection that counts for its thread until this is dropped, also when its task panics.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(connections: &Arc<AtomicUsize>) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connections))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Workers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workers")
            .field("threads", &self.threads.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: NonZeroUsize = NonZeroUsize::MIN;

    #[tokio::test]
    async fn connections_are_spread_and_a_panicking_one_is_not_counted_for_ever() {
        let workers = Workers::start(ONE.saturating_add(1), ONE).unwrap();
        let (names, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let (go, gone) = tokio::sync::watch::channel(());
        for number in 0..4 {
            let (names, mut go) = (names.clone(), gone.clone());
            workers.spawn(async move {
                names
                    .send(std::thread::current().name().unwrap().to_owned())
                    .unwrap();
                let _ = go.changed().await;
                assert!(number != 3, "a connection that fails");
            });
        }
        let mut on = Vec::new();
        for _ in 0..4 {
            on.push(seen.recv().await.unwrap());
        }
        on.sort();
        assert_eq!(
            on,
            [
                "longshore-ssh-0",
                "longshore-ssh-0",
                "longshore-ssh-1",
                "longshore-ssh-1"
            ]
        );
        go.send(()).unwrap();
        let left = || {
            workers
                .threads
                .iter()
                .map(|w| w.connections.load(Ordering::Relaxed))
                .sum::<usize>()
        };
        while left() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn its_threads_end_with_the_last_clone() {
        let workers = Workers::start(ONE, ONE).unwrap();
        let (kept, dropped) = oneshot::channel::<()>();
        workers.spawn(async move {
            std::future::pending::<()>().await;
            drop(kept);
        });
        drop(workers.clone());
        drop(workers);
        dropped.await.unwrap_err();
    }
}
