//! Which names have uploads in work, and by whom: plain records behind a trait, so that several processes can
//! share a register later (`design.md` §4).

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::local::{DirId, NameKey, Viewer, lock};
use crate::upload_types::UploadId;

/// An upload in work.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) id: UploadId,
    pub(crate) key: NameKey,
    pub(crate) viewer: Viewer,
    /// The name was free at `begin` and is reserved against others who need it free.
    pub(crate) exclusive: bool,
    /// It would rather be one more handle of an upload that the viewer has there already.
    pub(crate) joins: bool,
}

/// The register of uploads.
pub(crate) trait Registry: Debug + Send + Sync {
    /// Files an upload. `false`, and nothing filed, when it is exclusive and another one has reserved the name or
    /// stands there for the same viewer, or when it joins and there is one to join.
    fn open(&self, record: Record) -> bool;

    /// Strikes an upload out. Quiet when it is not there.
    fn close(&self, id: UploadId);

    /// Files an upload under another name and drops its reservation.
    fn move_to(&self, id: UploadId, key: NameKey);

    /// Drops the reservation of a name.
    fn release(&self, id: UploadId);

    /// From now on it is `viewer` who sees the upload.
    fn show_to(&self, id: UploadId, viewer: Viewer);

    /// All uploads of `key`, oldest first.
    fn all_at(&self, key: &NameKey) -> Vec<UploadId>;

    /// The newest upload of `key` that `viewer` sees.
    fn seen_by(&self, key: &NameKey, viewer: Viewer) -> Option<UploadId>;

    /// All uploads of `key` that `viewer` sees or would see without newer ones, newest first.
    fn all_seen_by(&self, key: &NameKey, viewer: Viewer) -> Vec<UploadId>;

    /// The newest upload of each name in `dir` that `viewer` sees.
    fn seen_in(&self, dir: DirId, viewer: Viewer) -> Vec<(Box<[u8]>, UploadId)>;

    /// Whether anybody has an upload in work in `dir`.
    fn any_in(&self, dir: DirId) -> bool;

    /// Whether there is no upload at all. Cheap: asked by every operation.
    fn is_empty(&self) -> bool;
}

/// The register of one process.
#[derive(Debug, Default)]
pub(crate) struct InProcess {
    books: Mutex<Books>,
    count: AtomicUsize,
}

#[derive(Debug, Default)]
struct Books {
    records: HashMap<UploadId, Record>,
    names: HashMap<DirId, BTreeMap<Box<[u8]>, Vec<UploadId>>>,
}

impl Registry for InProcess {
    fn open(&self, record: Record) -> bool {
        let mut books = lock(&self.books);
        let in_the_way = |other: &Record| {
            let own = other.viewer == record.viewer;
            (record.exclusive && (other.exclusive || own)) || (record.joins && own)
        };
        if books.at(&record.key).any(in_the_way) {
            return false;
        }
        books.insert(record);
        self.count.store(books.records.len(), Ordering::Release);
        true
    }

    fn close(&self, id: UploadId) {
        let mut books = lock(&self.books);
        books.remove(id);
        self.count.store(books.records.len(), Ordering::Release);
    }

    fn move_to(&self, id: UploadId, key: NameKey) {
        let mut books = lock(&self.books);
        if let Some(record) = books.remove(id) {
            books.insert(Record {
                key,
                exclusive: false,
                ..record
            });
        }
    }

    fn release(&self, id: UploadId) {
        if let Some(record) = lock(&self.books).records.get_mut(&id) {
            record.exclusive = false;
        }
    }

    fn show_to(&self, id: UploadId, viewer: Viewer) {
        if let Some(record) = lock(&self.books).records.get_mut(&id) {
            record.viewer = viewer;
        }
    }

    fn all_at(&self, key: &NameKey) -> Vec<UploadId> {
        lock(&self.books).at(key).map(|record| record.id).collect()
    }

    fn seen_by(&self, key: &NameKey, viewer: Viewer) -> Option<UploadId> {
        let books = lock(&self.books);
        books
            .at(key)
            .filter(|record| record.viewer == viewer)
            .last()
            .map(|record| record.id)
    }

    fn all_seen_by(&self, key: &NameKey, viewer: Viewer) -> Vec<UploadId> {
        let books = lock(&self.books);
        let mut own: Vec<_> = books
            .at(key)
            .filter(|record| record.viewer == viewer)
            .map(|record| record.id)
            .collect();
        own.reverse();
        own
    }

    fn seen_in(&self, dir: DirId, viewer: Viewer) -> Vec<(Box<[u8]>, UploadId)> {
        let books = lock(&self.books);
        let names = books.names.get(&dir).into_iter().flatten();
        let newest = |ids: &Vec<UploadId>| {
            ids.iter()
                .rfind(|id| books.records[*id].viewer == viewer)
                .copied()
        };
        names
            .filter_map(|(name, ids)| Some((name.clone(), newest(ids)?)))
            .collect()
    }

    fn any_in(&self, dir: DirId) -> bool {
        lock(&self.books).names.contains_key(&dir)
    }

    fn is_empty(&self) -> bool {
        self.count.load(Ordering::Acquire) == 0
    }
}

impl Books {
    fn at(&self, key: &NameKey) -> impl Iterator<Item = &Record> {
        let ids = self.names.get(&key.dir).and_then(|names| names.get(&key.name));
        ids.into_iter().flatten().map(|id| &self.records[id])
    }

    fn insert(&mut self, record: Record) {
        let names = self.names.entry(record.key.dir).or_default();
        names.entry(record.key.name.clone()).or_default().push(record.id);
        self.records.insert(record.id, record);
    }

    fn remove(&mut self, id: UploadId) -> Option<Record> {
        let record = self.records.remove(&id)?;
        if let Some(names) = self.names.get_mut(&record.key.dir) {
            if let Some(ids) = names.get_mut(&record.key.name) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    names.remove(&record.key.name);
                }
            }
            if names.is_empty() {
                self.names.remove(&record.key.dir);
            }
        }
        Some(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::OwnerId;

    const DIR: DirId = DirId { device: 1, inode: 2 };

    fn record(id: u8, name: &str, owner: i64, exclusive: bool) -> Record {
        Record {
            id: number(id),
            key: key(name),
            viewer: Viewer::of(OwnerId(owner)),
            exclusive,
            joins: false,
        }
    }

    fn number(id: u8) -> UploadId {
        UploadId([id; 16])
    }

    fn key(name: &str) -> NameKey {
        NameKey {
            dir: DIR,
            name: name.as_bytes().into(),
        }
    }

    #[test]
    fn a_reserved_name_refuses_a_second_reservation_until_it_is_closed() {
        let registry = InProcess::default();
        assert!(registry.open(record(1, "a", 1, true)));
        assert!(!registry.open(record(2, "a", 2, true)));
        assert!(registry.open(record(3, "b", 2, true)));
        registry.close(number(1));
        assert!(registry.open(record(4, "a", 2, true)));
    }

    #[test]
    fn an_open_upload_stands_in_the_way_of_its_own_viewers_reservation_only() {
        let registry = InProcess::default();
        assert!(registry.open(record(1, "a", 1, false)));
        assert!(!registry.open(record(2, "a", 1, true)));
        assert!(registry.open(record(3, "a", 2, true)));
    }

    #[test]
    fn the_viewer_sees_the_newest_of_their_own() {
        let registry = InProcess::default();
        for (id, owner) in [(1, 1), (2, 1), (3, 2)] {
            assert!(registry.open(record(id, "a", owner, false)));
        }
        let viewer = Viewer::of(OwnerId(1));
        assert_eq!(registry.seen_by(&key("a"), viewer), Some(number(2)));
        assert_eq!(registry.seen_in(DIR, viewer), vec![(Box::from(*b"a"), number(2))]);
        registry.close(number(2));
        assert_eq!(registry.seen_by(&key("a"), viewer), Some(number(1)));
        assert_eq!(registry.seen_by(&key("a"), Viewer::of(OwnerId(9))), None);
    }

    #[test]
    fn moving_takes_the_record_along_and_frees_the_old_name() {
        let registry = InProcess::default();
        assert!(registry.open(record(1, "a", 1, true)));
        registry.move_to(number(1), key("b"));
        assert_eq!(registry.seen_by(&key("a"), Viewer::of(OwnerId(1))), None);
        assert_eq!(
            registry.seen_by(&key("b"), Viewer::of(OwnerId(1))),
            Some(number(1))
        );
        assert!(registry.open(record(2, "a", 2, true)));
        registry.close(number(1));
        registry.close(number(2));
        assert!(registry.is_empty());
        assert!(!registry.any_in(DIR));
    }
}
