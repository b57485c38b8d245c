//! What the process needs before anything else: descriptors and threads.

use std::num::NonZeroUsize;

use longshore_ssh::Workers;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::runtime::{Builder, Runtime};

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::BLOCKING_THREADS;

/// Raises the soft limit on open files to the hard one: a session holds a socket and a descriptor per handle,
/// and the usual soft limit of 1024 is meant for programs that use select(2).
pub(super) fn raise_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current == limit.maximum {
        return;
    }
    match setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    ) {
        Ok(()) => {
            tracing::debug!(from = ?limit.current, to = ?limit.maximum, "raised the limit on open files");
        }
        Err(error) => tracing::warn!(%error, limit = ?limit.current, "cannot raise the limit on open files"),
    }
}

/// The threads that sessions live on, one per processor, with bounded pools for blocking work.
///
/// # Errors
/// [`ExitCode::Failure`] when no threads can be made.
pub(super) fn workers() -> Result<Workers> {
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let blocking = NonZeroUsize::new(BLOCKING_THREADS / threads).unwrap_or(NonZeroUsize::MIN);
    Workers::start(threads, blocking).map_err(|error| {
        CliError::new(ExitCode::Failure, "cannot start the threads of the sessions").because(error)
    })
}

/// The runtime of everything but the sessions: a worker per processor, a bounded pool for blocking work.
///
/// # Errors
/// [`ExitCode::Failure`] when no threads can be made.
pub(super) fn runtime() -> Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .thread_name("longshore")
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))
}
