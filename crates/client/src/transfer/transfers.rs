//! The entry: one object that moves things over a connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use longshore_sftp::Attrs;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::context::Transfer;
use super::events::{Direction, Event, EventHandler, Events, Receipt, TransferId};
use super::local::blocking;
use super::naming::split;
use super::options::TransferOptions;
use super::partial::LocalTarget;
use super::pool::SftpPool;
use super::source::OpenedFile;
use super::{download, upload};
use crate::error::Result;

/// Moves files over the SFTP sessions of one connection.
///
/// ```no_run
/// # async fn example(pool: longshore_client::transfer::SftpPool) -> longshore_client::Result<()> {
/// use longshore_client::transfer::{Transfers, TransferOptions};
///
/// let transfers = Transfers::new(pool, TransferOptions::default());
/// let receipt = transfers.upload("report.csv".as_ref(), "inbox/report.csv").await?;
/// println!("{} bytes, content checked by {:?}", receipt.size, receipt.verified.content);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Transfers {
    pub(super) transfer: Transfer,
}

impl Transfers {
    /// Transfers over the sessions of `pool`.
    #[must_use]
    pub fn new(pool: SftpPool, options: TransferOptions) -> Self {
        Self {
            transfer: Transfer::new(pool, options, Events::default(), CancellationToken::new()),
        }
    }

    /// As [`Self::new`], with somebody who is told what happens, and a token that stops everything in good order: what can be
    /// continued is kept, and the transfer fails with [`Cancelled`](crate::ErrorKind::Cancelled).
    #[must_use]
    pub fn with_events(
        pool: SftpPool,
        options: TransferOptions,
        handler: EventHandler,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            transfer: Transfer::new(pool, options, Events::new(Some(handler)), cancel),
        }
    }

    /// The options.
    #[must_use]
    pub fn options(&self) -> &TransferOptions {
        self.transfer.options()
    }

    /// The sessions.
    #[must_use]
    pub fn pool(&self) -> &SftpPool {
        self.transfer.pool()
    }

    /// Uploads a local file under exactly the remote path given.
    ///
    /// # Errors
    /// The file cannot be read, the server refuses, or what arrived is not what was sent.
    pub async fn upload(&self, local: &Path, remote: impl AsRef<[u8]>) -> Result<Receipt> {
        let remote = Bytes::copy_from_slice(remote.as_ref());
        let path = local.to_owned();
        let opened = blocking(move || OpenedFile::open(&path)).await;
        self.upload_opened(opened, local, &remote).await
    }

    /// Uploads what a stream brings, until it ends.
    ///
    /// # Errors
    /// As [`Self::upload`].
    pub async fn upload_from(
        &self,
        stream: impl AsyncRead + Send + 'static,
        remote: impl AsRef<[u8]>,
    ) -> Result<Receipt> {
        let remote = Bytes::copy_from_slice(remote.as_ref());
        let id = self.started(Direction::Upload, Path::new(""), &remote, None);
        let outcome = upload::upload_stream(&self.transfer, id, Box::pin(stream), &remote).await;
        self.ended(id, Path::new(""), &remote, outcome)
    }

    /// Downloads a file. If `local` is a directory, the file goes into it under its own name.
    ///
    /// # Errors
    /// The server refuses, the file cannot be written, or what arrived is not what is there.
    pub async fn download(&self, remote: impl AsRef<[u8]>, local: &Path) -> Result<Receipt> {
        self.download_known(remote, local, None).await
    }

    /// As [`Self::download`], for a file whose attributes a listing has told: short files come with fewer round trips.
    ///
    /// # Errors
    /// As [`Self::download`].
    pub async fn download_known(
        &self,
        remote: impl AsRef<[u8]>,
        local: &Path,
        attrs: Option<&Attrs>,
    ) -> Result<Receipt> {
        let remote = Bytes::copy_from_slice(remote.as_ref());
        let (path, name) = (local.to_owned(), split(&remote).1.to_vec());
        let target = blocking(move || LocalTarget::at(&path, &name)).await;
        self.download_to_target(&remote, target, local, attrs).await
    }

    /// Downloads a file into a stream. Only the result tells whether what went into it was right.
    ///
    /// # Errors
    /// As [`Self::download`].
    pub async fn download_into(
        &self,
        remote: impl AsRef<[u8]>,
        stream: impl AsyncWrite + Send + 'static,
    ) -> Result<Receipt> {
        let remote = Bytes::copy_from_slice(remote.as_ref());
        let id = self.started(Direction::Download, Path::new(""), &remote, None);
        let outcome = download::download_stream(&self.transfer, id, &remote, Box::pin(stream)).await;
        self.ended(id, Path::new(""), &remote, outcome)
    }

    pub(super) async fn upload_opened(
        &self,
        opened: Result<OpenedFile>,
        local: &Path,
        remote: &Bytes,
    ) -> Result<Receipt> {
        let size = opened.as_ref().ok().map(|opened| opened.stat.size);
        let id = self.started(Direction::Upload, local, remote, size);
        let outcome = match opened {
            Ok(opened) => upload::upload_file(&self.transfer, id, opened, remote).await,
            Err(error) => Err(error),
        };
        self.ended(id, local, remote, outcome)
    }

    pub(super) async fn download_to_target(
        &self,
        remote: &Bytes,
        target: Result<LocalTarget>,
        local: &Path,
        attrs: Option<&Attrs>,
    ) -> Result<Receipt> {
        let path = target
            .as_ref()
            .map_or_else(|_| local.to_owned(), LocalTarget::path);
        let size = attrs.and_then(|attrs| attrs.size);
        let id = self.started(Direction::Download, &path, remote, size);
        let outcome = match target {
            Ok(target) => download::download_file(&self.transfer, id, remote, target, attrs).await,
            Err(error) => Err(error),
        };
        self.ended(id, &path, remote, outcome)
    }

    fn started(&self, direction: Direction, local: &Path, remote: &[u8], size: Option<u64>) -> TransferId {
        let id = self.transfer.next_id();
        self.transfer.events().tell(|| Event::Started {
            id,
            direction,
            local: local.to_owned(),
            remote: remote.to_vec(),
            size,
        });
        id
    }

    fn ended(
        &self,
        id: TransferId,
        local: &Path,
        remote: &[u8],
        outcome: Result<Receipt>,
    ) -> Result<Receipt> {
        match outcome {
            Ok(receipt) => {
                self.transfer.events().tell(|| Event::Finished {
                    id,
                    receipt: Arc::new(receipt.clone()),
                });
                Ok(receipt)
            }
            Err(error) => {
                self.transfer.events().tell(|| Event::Failed {
                    id,
                    local: PathBuf::from(local),
                    remote: remote.to_vec(),
                    message: error.to_string(),
                    kind: error.kind(),
                });
                Err(error)
            }
        }
    }
}
