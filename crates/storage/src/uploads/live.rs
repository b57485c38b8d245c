//! The uploads of this process: the register, and the open objects that its records stand for.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, Weak};

use super::registry::{InProcess, Record, Registry};
use super::staged::Staged;
use crate::local::{DirId, NameKey, Viewer, lock};
use crate::upload_types::UploadId;

/// All uploads in work.
#[derive(Debug)]
pub(crate) struct LiveUploads {
    registry: Arc<dyn Registry>,
    objects: Mutex<HashMap<UploadId, Weak<Staged>>>,
}

impl Default for LiveUploads {
    fn default() -> Self {
        Self {
            registry: Arc::new(InProcess::default()),
            objects: Mutex::default(),
        }
    }
}

impl LiveUploads {
    /// Files an upload; `false` when its name is reserved (see [`Registry::open`]).
    pub(crate) fn open(&self, record: Record, staged: &Arc<Staged>) -> bool {
        let id = record.id;
        // The object first: whoever finds the record finds the object.
        lock(&self.objects).insert(id, Arc::downgrade(staged));
        let opened = self.registry.open(record);
        if !opened {
            lock(&self.objects).remove(&id);
        }
        opened
    }

    /// Strikes an upload out.
    pub(crate) fn close(&self, id: UploadId) {
        self.registry.close(id);
        lock(&self.objects).remove(&id);
    }

    /// Files an upload under another name.
    pub(crate) fn move_to(&self, id: UploadId, key: NameKey) {
        self.registry.move_to(id, key);
    }

    /// What `viewer` sees under `key`.
    pub(crate) fn seen_by(&self, key: &NameKey, viewer: Viewer) -> Option<Arc<Staged>> {
        let id = self.registry.seen_by(key, viewer)?;
        lock(&self.objects).get(&id)?.upgrade()
    }

    /// What `viewer` sees in `dir`, by name.
    pub(crate) fn seen_in(&self, dir: DirId, viewer: Viewer) -> BTreeMap<Box<[u8]>, Arc<Staged>> {
        if self.is_empty() {
            return BTreeMap::new();
        }
        let seen = self.registry.seen_in(dir, viewer);
        let objects = lock(&self.objects);
        seen.into_iter()
            .filter_map(|(name, id)| Some((name, objects.get(&id)?.upgrade()?)))
            .collect()
    }

    /// Whether anybody has an upload in work in `dir`.
    pub(crate) fn any_in(&self, dir: DirId) -> bool {
        self.registry.any_in(dir)
    }

    /// Whether no upload is in work.
    pub(crate) fn is_empty(&self) -> bool {
        self.registry.is_empty()
    }
}
