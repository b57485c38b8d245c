//! What every part of a transfer needs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;

use super::events::{Events, TransferId};
use super::handles::Place;
use super::limits::OPEN_ATTEMPTS;
use super::options::TransferOptions;
use super::pool::SftpPool;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::limits::OPEN_HANDLES;
use crate::sftp::link::Cost;
use crate::sftp::operations::take_handle;
use crate::sftp::{File, OpenOptions, ReadDir, ServerLimits, Sftp};

/// Shared by the transfers of one [`Transfers`](super::Transfers).
#[derive(Debug, Clone)]
pub(crate) struct Transfer {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    pool: SftpPool,
    options: TransferOptions,
    events: Events,
    cancel: CancellationToken,
    ids: AtomicU64,
}

impl Transfer {
    pub(crate) fn new(
        pool: SftpPool,
        options: TransferOptions,
        events: Events,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            shared: Arc::new(Shared {
                pool,
                options,
                events,
                cancel,
                ids: AtomicU64::new(1),
            }),
        }
    }

    pub(crate) fn pool(&self) -> &SftpPool {
        &self.shared.pool
    }

    pub(crate) fn sftp(&self) -> &Sftp {
        self.shared.pool.sftp()
    }

    pub(crate) fn options(&self) -> &TransferOptions {
        &self.shared.options
    }

    pub(crate) fn events(&self) -> &Events {
        &self.shared.events
    }

    pub(crate) fn cancel(&self) -> &CancellationToken {
        &self.shared.cancel
    }

    pub(crate) fn next_id(&self) -> TransferId {
        TransferId(self.shared.ids.fetch_add(1, Ordering::Relaxed))
    }

    /// Fails if the caller has stopped everything.
    pub(crate) fn check_cancelled(&self) -> Result<()> {
        if self.shared.cancel.is_cancelled() {
            return Err(cancelled());
        }
        Ok(())
    }

    /// The limits, if they are known without waiting.
    pub(crate) fn known_limits(&self) -> Option<ServerLimits> {
        self.sftp().limits().now_or_never().and_then(Result::ok)
    }

    /// Opens a file on the first channel once there is a place for it. A failure that may come from too many open files is
    /// tried again with fewer.
    pub(crate) async fn open(&self, path: &Bytes, options: &OpenOptions) -> Result<(File, Place)> {
        let sftp = self.sftp();
        let open = || async {
            let reply = sftp.send_open(path, options, Cost::default());
            take_handle(reply, "open", path).await
        };
        match self.with_place(open).await {
            Ok((handle, place)) => Ok((File::new(sftp.clone(), handle, path.clone()), place)),
            Err(error) => Err(sftp.explain_open(error, options, path).await),
        }
    }

    /// Begins to list a directory, under the same rules.
    pub(crate) async fn read_dir(&self, path: &[u8]) -> Result<(ReadDir, Place)> {
        self.with_place(|| self.sftp().read_dir(path)).await
    }

    async fn with_place<T, F: Future<Output = Result<T>>>(&self, open: impl Fn() -> F) -> Result<(T, Place)> {
        let mut attempt = 1;
        loop {
            self.check_cancelled()?;
            let limit = self
                .known_limits()
                .map_or(OPEN_HANDLES, |limits| limits.open_handles);
            let mut place = self.pool().handles().take(limit).await;
            match open().await {
                Ok(opened) => {
                    place.opened();
                    return Ok((opened, place));
                }
                Err(error)
                    if error.kind() == ErrorKind::Failure && attempt < OPEN_ATTEMPTS && place.crowded() =>
                {
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// The caller has stopped it.
pub(crate) fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, Stage::Sftp, "the transfer was stopped")
}
