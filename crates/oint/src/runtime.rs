//! The functions wait; what they wait for runs on one runtime of the process.

use std::future::Future;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Runs a future to its end. Must not be called from inside an asynchronous task.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            Builder::new_multi_thread()
                // Connections that a program keeps open must answer keepalives while no call is under way.
                .worker_threads(1)
                .thread_name("oint")
                .enable_all()
                .build()
                .expect("the system has a thread to spare")
        })
        .block_on(future)
}
