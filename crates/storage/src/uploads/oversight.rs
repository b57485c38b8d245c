//! The operator's view of uploads: what there is, what became of it, and what is not on record yet.

use std::sync::Arc;
use std::time::SystemTime;

use super::journal::Entry;
use super::staged::Staged;
use crate::error::ErrorKind;
use crate::local::{Bucket, Fault, Shared, lock};
use crate::upload_types::{EndedUpload, Published, UploadEnd, UploadId, UploadInfo};

/// All unfinished uploads, oldest first.
pub(crate) fn list(shared: &Shared) -> Vec<UploadInfo> {
    let mut all: Vec<_> = shared
        .uploads
        .all()
        .iter()
        .filter_map(|staged| staged.info())
        .collect();
    all.sort_by_key(|info| (info.began, info.id));
    all
}

/// Throws one away, open or parked.
pub(crate) fn discard(shared: &Shared, id: UploadId) -> Result<(), Fault> {
    let staged = shared.uploads.get(id).ok_or(ErrorKind::NotFound)?;
    staged.discard(UploadEnd::Discarded)
}

/// Throws away what has been parked for too long. What was acknowledged as safe stays until somebody says otherwise.
pub(crate) fn expire(shared: &Shared, now: SystemTime) -> Vec<EndedUpload> {
    let mut ended = Vec::new();
    for staged in shared.uploads.all_parked() {
        if staged.expires().is_some_and(|at| at <= now) {
            let how = staged.ended(UploadEnd::Expired);
            if staged.end_if_parked(UploadEnd::Expired) {
                tracing::info!(upload = %how.id, owner = how.owner.0, path = ?how.path, "a parked upload expired");
                ended.push(how);
            }
        }
    }
    ended
}

/// Published uploads whose record was not confirmed, in the order of publishing.
pub(crate) fn unrecorded(buckets: &[Arc<Bucket>]) -> Vec<Published> {
    let mut all: Vec<_> = buckets
        .iter()
        .flat_map(|bucket| bucket.journal.intents())
        .map(|intent| intent.published)
        .collect();
    all.sort_by_key(|published| (published.at, published.id));
    all
}

/// They are on record.
pub(crate) fn recorded(buckets: &[Arc<Bucket>], ids: &[UploadId]) -> Result<(), Fault> {
    for id in ids {
        if let Some(bucket) = buckets.iter().find(|bucket| bucket.journal.knows(*id)) {
            bucket.journal.append(Entry::Recorded(*id))?;
        }
    }
    Ok(())
}

impl Staged {
    fn info(&self) -> Option<UploadInfo> {
        // Over since it was found.
        let size = self.stat().ok()?.size;
        let handles = *lock(&self.handles);
        let path = self.path_in_bucket();
        let content = lock(&self.content);
        if content.over {
            return None;
        }
        Some(UploadInfo {
            id: self.id,
            owner: self.home.viewer.owner,
            bucket: self.home.bucket.name.clone(),
            path,
            handles,
            size,
            gap_free: content.front(),
            began: self.began,
            parked: content.parked,
            expires: content
                .parked
                .filter(|_| !content.acknowledged)
                .and_then(|since| since.checked_add(self.home.shared.options.expire_after)),
            synced: content.acknowledged,
            facts: content.facts.clone(),
        })
    }

    /// When it ends by itself.
    fn expires(&self) -> Option<SystemTime> {
        let since = self.parked_since().filter(|_| !self.is_acknowledged())?;
        since.checked_add(self.home.shared.options.expire_after)
    }
}
