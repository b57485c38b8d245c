//! Many files that are no tree: those that a pattern or a list names.

use std::path::PathBuf;

use futures::stream::{Stream, StreamExt};
use longshore_sftp::Attrs;

use super::super::context::cancelled;
use super::super::events::Report;
use super::super::transfers::Transfers;
use super::ledger::Ledger;
use crate::error::Result;

/// A file to download, out of many.
#[derive(Debug, Clone, Default)]
pub struct DownloadJob {
    /// There.
    pub remote: Vec<u8>,
    /// Here; a directory takes the file under its own name.
    pub local: PathBuf,
    /// What a listing has told: short files come with fewer round trips.
    pub attrs: Option<Attrs>,
}

/// A file to upload, out of many.
#[derive(Debug, Clone, Default)]
pub struct UploadJob {
    /// Here.
    pub local: PathBuf,
    /// There, the whole path.
    pub remote: Vec<u8>,
}

impl Transfers {
    /// Uploads many files, side by side.
    ///
    /// # Errors
    /// The session ends or the caller stops it. What concerns single files stands in the report.
    pub async fn upload_many(&self, jobs: impl IntoIterator<Item = UploadJob>) -> Result<Report> {
        let uploads =
            futures::stream::iter(jobs).map(|job| async move { self.upload(&job.local, &job.remote).await });
        self.collect(uploads).await
    }

    /// Downloads many files, side by side.
    ///
    /// # Errors
    /// As [`Self::upload_many`].
    pub async fn download_many(&self, jobs: impl IntoIterator<Item = DownloadJob>) -> Result<Report> {
        let downloads = futures::stream::iter(jobs).map(|job| async move {
            self.download_known(&job.remote, &job.local, job.attrs.as_ref())
                .await
        });
        self.collect(downloads).await
    }

    async fn collect<F>(&self, transfers: impl Stream<Item = F>) -> Result<Report>
    where
        F: Future<Output = Result<super::super::events::Receipt>>,
    {
        // their events tell of the files themselves
        let ledger = Ledger::new(self.transfer.events().clone(), false);
        let mut outcomes = std::pin::pin!(transfers.buffer_unordered(self.options().files_in_flight.max(1)));
        while let Some(outcome) = outcomes.next().await {
            match outcome {
                Ok(receipt) => ledger.arrived(&receipt),
                Err(_) if self.transfer.cancel().is_cancelled() => return Err(cancelled()),
                Err(error) if self.transfer.sftp().end_reason().is_some() => return Err(error),
                Err(error) => ledger.failed(error),
            }
        }
        Ok(ledger.into_report())
    }
}
