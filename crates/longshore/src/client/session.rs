//! A session on a server, and the runtime that it lives on.

use longshore_client::Connection;
use longshore_client::sftp::Sftp;
use longshore_client::transfer::SftpPool;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// SFTP over a connection of its own.
pub(crate) struct Session {
    /// The connection, for commands beside SFTP.
    pub(crate) connection: Connection,
    /// SFTP on it; further channels are opened where a large file gains by them.
    pub(crate) pool: SftpPool,
}

impl Session {
    /// The first SFTP session.
    pub(crate) fn sftp(&self) -> &Sftp {
        self.pool.sftp()
    }

    /// Says good-bye.
    pub(crate) async fn close(self) {
        self.connection.close().await;
    }
}

/// Runs a command's work on this thread; only what waits for the disk leaves it. For a gigabyte that is a third less work than
/// two threads have, which wake each other for every few packets.
///
/// # Errors
/// Those of the work.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    run(tokio::runtime::Builder::new_current_thread(), work)
}

/// As [`block_on`], with a second thread on which connections live on while this one waits for somebody to type.
///
/// # Errors
/// Those of the work.
pub(crate) fn block_on_threads<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(1);
    run(builder, work)
}

fn run<T>(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<T>>) -> Result<T> {
    // Huge pages are cleared whole and stay: the many small pieces of a tree would take five times their memory. A kernel
    // without them refuses, which is as well.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))?;
    let outcome = runtime.block_on(work);
    // a thread that waits for a key at the terminal or for standard input must not keep the program
    runtime.shutdown_background();
    outcome
}
