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

/// Runs a command's work on this thread.
///
/// # Errors
/// Those of the work.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    run(tokio::runtime::Builder::new_current_thread(), work)
}

/// As [`block_on`], with a second thread, so that encrypting and writing go side by side.
///
/// # Errors
/// Those of the work.
pub(crate) fn block_on_threads<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2);
    run(builder, work)
}

fn run<T>(mut builder: tokio::runtime::Builder, work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = builder
        .enable_all()
        .build()
        .map_err(|error| CliError::new(ExitCode::Failure, "cannot start the runtime").because(error))?;
    let outcome = runtime.block_on(work);
    // a thread that waits for a key at the terminal or for standard input must not keep the program
    runtime.shutdown_background();
    outcome
}
