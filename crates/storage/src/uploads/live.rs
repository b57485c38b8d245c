//! The uploads of this process: the register, and the open objects that its records stand for.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use super::registry::{InProcess, Record, Registry};
use super::staged::Staged;
use crate::limits;
use crate::local::{DirId, NameKey, Viewer, lock};
use crate::types::OwnerId;
use crate::upload_types::{EndedUpload, UploadId};

/// All uploads in work.
#[derive(Debug)]
pub(crate) struct LiveUploads {
    registry: Arc<dyn Registry>,
    objects: Mutex<HashMap<UploadId, Weak<Staged>>>,
    /// Those without a handle: nothing else keeps them.
    parked: Mutex<Parked>,
    /// What became of the last ones.
    ended: Mutex<VecDeque<EndedUpload>>,
}

/// Parked uploads, and which of them an owner has.
#[derive(Debug, Default)]
struct Parked {
    all: HashMap<UploadId, Arc<Staged>>,
    by_owner: HashMap<OwnerId, HashSet<UploadId>>,
}

impl Parked {
    fn insert(&mut self, staged: &Arc<Staged>) {
        let (id, owner) = (staged.id, staged.owner());
        self.all.insert(id, Arc::clone(staged));
        self.by_owner.entry(owner).or_default().insert(id);
    }

    fn remove(&mut self, id: UploadId) -> Option<Arc<Staged>> {
        let staged = self.all.remove(&id)?;
        if let Some(own) = self.by_owner.get_mut(&staged.owner()) {
            own.remove(&id);
            if own.is_empty() {
                self.by_owner.remove(&staged.owner());
            }
        }
        Some(staged)
    }
}

impl Default for LiveUploads {
    fn default() -> Self {
        Self {
            registry: Arc::new(InProcess::default()),
            objects: Mutex::default(),
            parked: Mutex::default(),
            ended: Mutex::default(),
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
        let parked = lock(&self.parked).remove(id);
        drop(parked); // with no lock held: it may be the last one to hold the upload
    }

    /// Strikes an upload out and remembers how it ended.
    pub(crate) fn end(&self, how: EndedUpload) {
        self.close(how.id);
        let mut ended = lock(&self.ended);
        if ended.len() == limits::ENDED_UPLOADS {
            ended.pop_front();
        }
        ended.push_back(how);
    }

    /// How the last ones ended, oldest first.
    pub(crate) fn ended(&self) -> Vec<EndedUpload> {
        lock(&self.ended).iter().cloned().collect()
    }

    /// Keeps an upload that has no handle, and gives its name free for those who need it free.
    pub(crate) fn park(&self, staged: &Arc<Staged>) {
        self.registry.release(staged.id);
        lock(&self.parked).insert(staged);
    }

    /// It has a handle again.
    pub(crate) fn unpark(&self, id: UploadId) {
        let parked = lock(&self.parked).remove(id);
        drop(parked);
    }

    /// `viewer` took it up.
    pub(crate) fn show_to(&self, id: UploadId, viewer: Viewer) {
        self.registry.show_to(id, viewer);
    }

    /// The parked uploads of a name, whoever they belong to.
    pub(crate) fn parked_at(&self, key: &NameKey) -> Vec<Arc<Staged>> {
        if self.none_parked() {
            return Vec::new();
        }
        let ids = self.registry.all_at(key);
        let parked = lock(&self.parked);
        ids.iter().filter_map(|id| parked.all.get(id).cloned()).collect()
    }

    /// The parked uploads of an owner.
    pub(crate) fn parked_of(&self, owner: OwnerId) -> Vec<Arc<Staged>> {
        let parked = lock(&self.parked);
        let ids = parked.by_owner.get(&owner).into_iter().flatten();
        ids.filter_map(|id| parked.all.get(id).cloned()).collect()
    }

    /// Whether no upload is parked. Cheap.
    pub(crate) fn none_parked(&self) -> bool {
        lock(&self.parked).all.is_empty()
    }

    /// All parked uploads.
    pub(crate) fn all_parked(&self) -> Vec<Arc<Staged>> {
        lock(&self.parked).all.values().cloned().collect()
    }

    /// All uploads.
    pub(crate) fn all(&self) -> Vec<Arc<Staged>> {
        lock(&self.objects).values().filter_map(Weak::upgrade).collect()
    }

    /// One upload.
    pub(crate) fn get(&self, id: UploadId) -> Option<Arc<Staged>> {
        lock(&self.objects).get(&id)?.upgrade()
    }

    /// The store or home closes: parked uploads hold what they belong to.
    pub(crate) fn let_go(&self) {
        let parked = std::mem::take(&mut *lock(&self.parked));
        drop(parked);
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

    /// All that `viewer` has under `key`, newest first.
    pub(crate) fn all_seen_by(&self, key: &NameKey, viewer: Viewer) -> Vec<Arc<Staged>> {
        if self.is_empty() {
            return Vec::new();
        }
        let ids = self.registry.all_seen_by(key, viewer);
        let objects = lock(&self.objects);
        ids.iter().filter_map(|id| objects.get(id)?.upgrade()).collect()
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
