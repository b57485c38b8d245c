//! The loop over a tree: directories are looked into and files are moved side by side, within bounds.

use std::collections::VecDeque;
use std::future::Future;

use futures::stream::{FuturesUnordered, StreamExt};

use super::super::context::{Transfer, cancelled};
use super::super::limits::{LISTINGS, QUEUED_ENTRIES};
use super::super::verify::is_fatal;
use crate::error::{Error, Result};

/// One direction of a tree.
pub(super) trait Walk: Sync {
    /// A directory to look into, or the rest of one.
    type Dir: Send;
    /// A file to move.
    type File: Send;

    /// Looks into a directory.
    fn expand(&self, dir: Self::Dir) -> impl Future<Output = Result<Found<Self::Dir, Self::File>>> + Send;

    /// Moves a file.
    fn carry(&self, file: Self::File) -> impl Future<Output = Result<()>> + Send;

    /// Something has failed that others need not fail with.
    fn failed(&self, error: Error, listing: bool);
}

/// What a directory holds.
pub(super) struct Found<D, F> {
    pub(super) dirs: Vec<D>,
    pub(super) files: Vec<F>,
}

/// Walks everything below `root`.
///
/// # Errors
/// The session is over, or the caller has stopped it. Whatever concerns one file or directory only is told to the walk.
pub(super) async fn drive<W: Walk>(transfer: &Transfer, walk: &W, root: W::Dir) -> Result<()> {
    let mut dirs = vec![root];
    let mut files = VecDeque::new();
    let mut listing = FuturesUnordered::new();
    let mut carrying = FuturesUnordered::new();
    let most = transfer.options().files_in_flight.max(1);
    loop {
        while carrying.len() < most
            && let Some(file) = files.pop_front()
        {
            carrying.push(Box::pin(walk.carry(file)));
        }
        // the last one found is looked into first: what waits grows with the depth of a tree and not with its width
        while listing.len() < LISTINGS
            && files.len() < QUEUED_ENTRIES
            && let Some(dir) = dirs.pop()
        {
            listing.push(Box::pin(walk.expand(dir)));
        }
        if listing.is_empty() && carrying.is_empty() {
            return Ok(());
        }
        let outcome = tokio::select! {
            Some(found) = listing.next(), if !listing.is_empty() => found.map(|found: Found<_, _>| {
                dirs.extend(found.dirs);
                files.extend(found.files);
            }).map_err(|error| (error, true)),
            Some(carried) = carrying.next(), if !carrying.is_empty() => carried.map_err(|error| (error, false)),
        };
        if let Err((error, from_listing)) = outcome {
            if transfer.cancel().is_cancelled() {
                finish(carrying).await;
                return Err(cancelled());
            }
            if is_fatal(&error) && transfer.sftp().end_reason().is_some() {
                return Err(error);
            }
            walk.failed(error, from_listing);
        }
        if transfer.cancel().is_cancelled() {
            finish(carrying).await;
            return Err(cancelled());
        }
    }
}

/// Lets files that were stopped leave what can be continued.
async fn finish(carrying: FuturesUnordered<impl Future<Output = Result<()>>>) {
    carrying.collect::<Vec<_>>().await;
}
