//! How much is kept for one owner.

use std::sync::Arc;

use super::staged::Staged;
use crate::error::ErrorKind;
use crate::local::{Fault, HomeRoot, LocalOptions, lock};
use crate::upload_types::UploadEnd;

impl Staged {
    /// Keeps what an owner has parked bounded: the oldest that were not acknowledged go. What was stays; while that is
    /// too much, nothing new begins (see [`refuse_crowded`]).
    pub(super) fn bound_parked(&self) {
        let shared = &self.home.shared;
        let mut parked = shared.uploads.parked_of(self.owner());
        let mut load = Load::of(&parked);
        if !load.exceeds(&shared.options) {
            return;
        }
        parked.retain(|other| other.id != self.id && !other.is_acknowledged());
        parked.sort_by_key(|other| (other.parked_since(), other.id));
        for oldest in parked {
            if !load.exceeds(&shared.options) {
                return;
            }
            let bytes = oldest.bytes();
            if oldest.end_if_parked(UploadEnd::Expired) {
                tracing::warn!(owner = self.owner().0, upload = %oldest.id, "too much is parked: the oldest one goes");
                load.count -= 1;
                load.bytes = load.bytes.saturating_sub(bytes);
            }
        }
    }

    /// Bytes that were written into it.
    fn bytes(&self) -> u64 {
        lock(&self.content).written.bytes()
    }
}

/// How much an owner has parked.
struct Load {
    count: usize,
    bytes: u64,
}

impl Load {
    fn of(parked: &[Arc<Staged>]) -> Self {
        Self {
            count: parked.len(),
            bytes: parked.iter().map(|staged| staged.bytes()).sum(),
        }
    }

    const fn exceeds(&self, options: &LocalOptions) -> bool {
        self.count > options.parked_uploads || self.bytes > options.parked_bytes
    }
}

/// Refuses to begin an upload while those that must be kept for its owner, for they were acknowledged, leave no place for
/// another one to be parked. Those in `ending` end when it begins.
pub(super) fn refuse_crowded(home: &HomeRoot, ending: &[Arc<Staged>]) -> Result<(), Fault> {
    let uploads = &home.shared.uploads;
    if uploads.none_parked() {
        return Ok(());
    }
    let mut kept = uploads.parked_of(home.viewer.owner);
    kept.retain(|staged| staged.is_acknowledged() && !ending.iter().any(|other| other.id == staged.id));
    let mut load = Load::of(&kept);
    load.count += 1;
    if load.exceeds(&home.shared.options) {
        return Err(ErrorKind::TooManyParked.into());
    }
    Ok(())
}
