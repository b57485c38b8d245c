//! What a session puts on record: its published uploads, its changes in place, the names that files get.

use std::sync::Arc;
use std::time::SystemTime;

use longshore_catalog::{UploadDigest, UploadKey, User, UserId};
use longshore_storage::{Digest, Published, RemotePath, Sha256, Upload};

use crate::origin::{Change, Origin};
use crate::recorder::{Recorder, Rename};
use crate::verdict::is_temporary;

/// The records of one session.
#[derive(Debug)]
pub(crate) struct Records {
    recorder: Recorder,
    origin: Origin,
    user: UserId,
    bucket: String,
    /// The home directory as the catalog has it.
    home: String,
}

impl Records {
    pub(crate) fn new(recorder: Recorder, user: &User, origin: Origin) -> Self {
        Self {
            recorder,
            origin,
            user: user.id,
            bucket: user.bucket.clone(),
            home: user.home_directory.clone(),
        }
    }

    /// What the store keeps beside an upload until it is on record.
    pub(crate) fn note(&self) -> Vec<u8> {
        self.origin.to_note()
    }

    /// Puts an upload on record that was just published through `upload`.
    pub(crate) async fn published(&self, published: &Published, upload: &Arc<dyn Upload>) {
        let digest = match upload.digest() {
            Digest::Known(Sha256(bytes)) => UploadDigest::Known(bytes),
            Digest::Pending => UploadDigest::Pending,
            Digest::Absent => UploadDigest::Absent,
        };
        self.recorder.record(self.origin.record(published, digest)).await;
        if digest == UploadDigest::Pending {
            let (recorder, upload, id) = (self.recorder.clone(), upload.clone(), UploadKey(published.id.0));
            // Ends with the digest, which the store bounds; without it the record says "absent" after the next start.
            tokio::spawn(async move { recorder.digest(id, upload.settled_digest().await).await });
        }
    }

    /// Puts a change in place of `path` on record.
    pub(crate) async fn changed(
        &self,
        path: &RemotePath,
        size: u64,
        written: u64,
        appended: bool,
        began: SystemTime,
    ) {
        let Some(path) = self.in_bucket(path) else { return };
        let mut id = [0; 16];
        // Without random numbers there is no key exchange either.
        if aws_lc_rs::rand::fill(&mut id).is_err() {
            return;
        }
        let change = Change {
            id,
            user: self.user,
            bucket: &self.bucket,
            path: &path,
            size,
            written,
            appended,
            began,
        };
        self.recorder.record(self.origin.record_change(&change)).await;
    }

    /// Notes the new name of a file that had a temporary one.
    pub(crate) async fn renamed(&self, from: &RemotePath, to: &RemotePath) {
        if !is_temporary(from.as_bytes()) {
            return;
        }
        if let (Some(from), Some(to)) = (self.in_bucket(from), self.in_bucket(to)) {
            let rename = Rename {
                bucket: self.bucket.clone(),
                from: from.as_bytes().to_vec(),
                to: to.as_bytes().to_vec(),
            };
            self.recorder.renamed(rename).await;
        }
    }

    /// A path of the home as it reads in the bucket; `None` if it would be too long.
    fn in_bucket(&self, path: &RemotePath) -> Option<RemotePath> {
        RemotePath::parse(&[self.home.as_bytes(), path.as_bytes()].concat()).ok()
    }
}
