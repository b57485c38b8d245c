//! The runtime behind the façade.

use std::future::Future;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result, Stage};

/// One thread that drives a connection, so that it goes on while the caller does something else.
#[derive(Debug, Clone)]
pub(super) struct Runtime {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// `None` once it is being dropped.
    runtime: Option<tokio::runtime::Runtime>,
}

impl Runtime {
    pub(super) fn new() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("longshore-client")
            .enable_all()
            .build()
            .map_err(|error| {
                Error::new(ErrorKind::Io, Stage::Config, "no thread can be started").caused_by(error)
            })?;
        Ok(Self {
            inner: Arc::new(Inner {
                runtime: Some(runtime),
            }),
        })
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        let runtime = self.inner.runtime.as_ref().expect("only dropping takes it away");
        runtime.block_on(future)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // does not wait, so that it may happen anywhere
            runtime.shutdown_background();
        }
    }
}
