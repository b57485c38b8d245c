//! Random operations on uploads of one name, by two owners with several handles, against a small model in memory.

use std::sync::Arc;

use bytes::Bytes;
use longshore_storage::suite::{fresh, get, over, p};
use longshore_storage::{
    BucketName, Durability, ErrorKind, Home, LocalOptions, LocalStore, OwnerId, Store, Upload, UploadOptions,
};
use proptest::prelude::*;
use tempfile::TempDir;

const OWNERS: usize = 2;
const FILE: &str = "/f";

#[derive(Debug, Clone)]
enum Step {
    /// OPEN with TRUNC.
    Truncate,
    /// OPEN without TRUNC, as the server does it: what is parked is taken up, otherwise joined or begun.
    Open,
    /// Of the handle of that number, counted from the oldest.
    Write(usize, usize, Vec<u8>),
    Sync(usize),
    Close(usize),
    /// The handle dies.
    Die(usize),
    Remove,
    /// The store is closed and opened again; all handles die.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let data = (1..20_usize, b'a'..=b'z').prop_map(|(len, byte)| vec![byte; len]);
    prop_oneof![
        2 => Just(Step::Truncate),
        4 => Just(Step::Open),
        8 => (0..4_usize, 0..60_usize, data).prop_map(|(handle, at, data)| Step::Write(handle, at, data)),
        1 => (0..4_usize).prop_map(Step::Sync),
        4 => (0..4_usize).prop_map(Step::Close),
        4 => (0..4_usize).prop_map(Step::Die),
        1 => Just(Step::Remove),
        1 => Just(Step::Restart),
    ]
}

/// An upload as it should be.
#[derive(Debug, Clone)]
struct Model {
    owner: usize,
    /// Bytes written; others come from the published version, when it began over one.
    own: Vec<Option<u8>>,
    over: bool,
    /// What was acknowledged before publishing.
    safe: Option<Vec<Option<u8>>>,
    handles: usize,
    gone: bool,
    /// Counts openings and writes, to tell what came before what.
    turns: u64,
    /// When the handle was opened that was closed before the last one; the latest of them.
    closed: Option<u64>,
    /// When a handle that died was used last.
    last_of_dead: u64,
}

impl Model {
    fn turn(&mut self) -> u64 {
        self.turns += 1;
        self.turns
    }

    fn content(&self, published: Option<&Vec<u8>>) -> Vec<u8> {
        let base = published.filter(|_| self.over).map_or(&[][..], Vec::as_slice);
        let len = self.own.len().max(base.len());
        (0..len)
            .map(|at| {
                self.own
                    .get(at)
                    .copied()
                    .flatten()
                    .or(base.get(at).copied())
                    .unwrap_or(0)
            })
            .collect()
    }

    /// What is kept when its last handle dies; `false` when nothing is.
    fn park(&mut self) -> bool {
        let front = self
            .own
            .iter()
            .position(Option::is_none)
            .unwrap_or(self.own.len());
        let safe = self.safe.clone();
        let keeps = |at: usize| at < front || safe.as_ref().and_then(|safe| *safe.get(at)?).is_some();
        let end = (0..self.own.len())
            .rev()
            .find(|at| keeps(*at))
            .map_or(0, |last| last + 1);
        for at in 0..self.own.len() {
            if !keeps(at) {
                self.own[at] = None;
            }
        }
        self.own.truncate(end);
        if end == front {
            self.over = false;
        }
        end > 0 || safe.is_some()
    }
}

/// Which handle belongs to which upload of the model.
struct Held {
    handle: Arc<dyn Upload>,
    upload: usize,
    owner: usize,
    opened: u64,
    active: u64,
}

struct World {
    dir: TempDir,
    options: LocalOptions,
    store: Option<Arc<LocalStore>>,
    homes: Vec<Arc<dyn Home>>,
    held: Vec<Held>,
    uploads: Vec<Model>,
    published: Option<Vec<u8>>,
}

impl World {
    async fn new() -> Self {
        let mut world = Self {
            dir: tempfile::tempdir_in("/dev/shm").unwrap(),
            options: LocalOptions {
                durability: Durability::None,
                ..LocalOptions::default()
            },
            store: None,
            homes: Vec::new(),
            held: Vec::new(),
            uploads: Vec::new(),
            published: None,
        };
        world.start().await;
        world
    }

    async fn start(&mut self) {
        let store = LocalStore::open(&self.dir.path().join("buckets"), self.options).unwrap();
        let bucket = BucketName::parse("model").unwrap();
        store.create_bucket(&bucket).await.unwrap();
        for owner in 0..OWNERS {
            let owner = OwnerId(i64::try_from(owner).unwrap());
            self.homes
                .push(store.open_home(&bucket, &p("/home"), owner).await.unwrap());
        }
        self.store = Some(store);
    }

    /// What the owner sees: the newest upload of their own that is not over.
    fn seen(&self, owner: usize) -> Option<usize> {
        (0..self.uploads.len())
            .rev()
            .find(|at| self.uploads[*at].owner == owner && !self.uploads[*at].gone)
    }

    fn parked(&self) -> Vec<usize> {
        (0..self.uploads.len())
            .filter(|at| !self.uploads[*at].gone && self.uploads[*at].handles == 0)
            .collect()
    }

    fn pick(&self, owner: usize, number: usize) -> Option<usize> {
        let own: Vec<_> = (0..self.held.len())
            .filter(|at| self.held[*at].owner == owner)
            .collect();
        (!own.is_empty()).then(|| own[number % own.len()])
    }

    async fn begin(&mut self, owner: usize, options: UploadOptions, upload: Option<usize>) {
        let handle = self.homes[owner].begin_upload(&p(FILE), options).await.unwrap();
        let upload = upload.unwrap_or_else(|| {
            self.uploads.push(Model {
                owner,
                own: Vec::new(),
                over: false,
                safe: None,
                handles: 0,
                gone: false,
                turns: 0,
                closed: None,
                last_of_dead: 0,
            });
            self.uploads.len() - 1
        });
        self.hold(owner, handle, upload);
    }

    fn hold(&mut self, owner: usize, handle: Arc<dyn Upload>, upload: usize) {
        self.uploads[upload].handles += 1;
        let opened = self.uploads[upload].turn();
        self.held.push(Held {
            handle,
            upload,
            owner,
            opened,
            active: opened,
        });
    }

    /// The last one that dies parks the upload, unless whoever took over from all that died has closed it.
    fn handle_died(&mut self, upload: usize, active: u64) {
        let model = &mut self.uploads[upload];
        model.handles -= 1;
        model.last_of_dead = model.last_of_dead.max(active);
        if model.handles > 0 || model.gone {
            return;
        }
        if model.closed.is_some_and(|opened| opened > model.last_of_dead) {
            self.published(upload);
        } else {
            model.gone = !model.park();
        }
    }

    fn published(&mut self, upload: usize) {
        self.uploads[upload].gone = true;
        self.published = Some(self.uploads[upload].content(self.published.as_ref()));
        for at in self.parked() {
            self.uploads[at].gone = true;
        }
    }

    async fn run(&mut self, owner: usize, step: &Step) {
        match step {
            Step::Truncate => {
                let restarted: Vec<_> = self.parked();
                self.begin(owner, fresh(), None).await;
                for at in restarted {
                    self.uploads[at].gone |= self.uploads[at].owner == owner;
                }
            }
            Step::Open => self.open(owner).await,
            Step::Write(number, at, data) => {
                let Some(held) = self.pick(owner, *number) else {
                    return;
                };
                let Held {
                    handle,
                    upload,
                    active,
                    ..
                } = &mut self.held[held];
                *active = self.uploads[*upload].turn();
                let result = handle.write_at(*at as u64, Bytes::copy_from_slice(data)).await;
                let model = &mut self.uploads[*upload];
                if model.gone {
                    assert_eq!(result.unwrap_err().kind(), ErrorKind::UploadGone);
                    return;
                }
                result.unwrap();
                let end = at + data.len();
                let len = model.own.len().max(end);
                model.own.resize(len, None);
                for (slot, byte) in model.own[*at..end].iter_mut().zip(data) {
                    *slot = Some(*byte);
                }
            }
            Step::Sync(number) => {
                let Some(held) = self.pick(owner, *number) else {
                    return;
                };
                let Held { handle, upload, .. } = &self.held[held];
                let _ = handle.sync().await;
                let model = &mut self.uploads[*upload];
                model.safe = Some(model.own.clone());
            }
            Step::Close(number) => self.close(owner, *number).await,
            Step::Die(number) => {
                let Some(held) = self.pick(owner, *number) else {
                    return;
                };
                let Held {
                    handle,
                    upload,
                    active,
                    ..
                } = self.held.remove(held);
                let result = handle.park().await;
                assert!(result.is_ok(), "{result:?}");
                self.handle_died(upload, active);
            }
            Step::Remove => {
                let seen = self.seen(owner);
                let result = self.homes[owner].remove_file(&p(FILE)).await;
                assert_eq!(
                    result.is_ok(),
                    seen.is_some() || self.published.is_some(),
                    "{result:?}"
                );
                self.published = None;
                for upload in self.uploads.iter_mut().filter(|upload| upload.owner == owner) {
                    upload.gone = true;
                }
            }
            Step::Restart => {
                for held in std::mem::take(&mut self.held) {
                    held.handle.park().await.unwrap();
                    self.handle_died(held.upload, held.active);
                }
                self.homes.clear();
                self.store = None;
                self.start().await;
            }
        }
    }

    async fn open(&mut self, owner: usize) {
        let newest_parked = self
            .parked()
            .into_iter()
            .filter(|at| self.uploads[*at].owner == owner)
            .collect::<Vec<_>>();
        if let Some(handle) = self.homes[owner].resume(&p(FILE)).await.unwrap() {
            let upload = *newest_parked.last().expect("something is parked");
            self.hold(owner, handle, upload);
            return;
        }
        assert!(newest_parked.is_empty(), "a parked upload was lost");
        match self.seen(owner) {
            Some(upload) => self.begin(owner, over(), Some(upload)).await,
            None => {
                self.begin(owner, over(), None).await;
                let over = self.published.is_some();
                self.uploads.last_mut().unwrap().over = over;
            }
        }
    }

    async fn close(&mut self, owner: usize, number: usize) {
        let Some(held) = self.pick(owner, number) else {
            return;
        };
        let Held {
            handle,
            upload,
            opened,
            ..
        } = self.held.remove(held);
        let result = handle.close(&[]).await;
        let model = &mut self.uploads[upload];
        if model.gone {
            assert_eq!(result.unwrap_err().kind(), ErrorKind::UploadGone);
            model.handles -= 1;
            drop(handle);
            return;
        }
        let closed = result.unwrap();
        model.handles -= 1;
        assert_eq!(closed.published.is_some(), model.handles == 0);
        if model.handles > 0 {
            model.safe = Some(model.own.clone());
            model.closed = model.closed.max(Some(opened));
            return;
        }
        self.published(upload);
    }

    async fn check(&self) {
        for owner in 0..OWNERS {
            let expected = match self.seen(owner) {
                Some(upload) => Some(self.uploads[upload].content(self.published.as_ref())),
                None => self.published.clone(),
            };
            let found = get(&self.homes[owner], FILE).await.ok();
            assert_eq!(found, expected, "owner {owner}");
            let size = self.homes[owner]
                .stat(&p(FILE), true)
                .await
                .ok()
                .map(|stat| stat.size);
            assert_eq!(
                size,
                expected.map(|content| content.len() as u64),
                "owner {owner}"
            );
        }
        let live = self.uploads.iter().filter(|upload| !upload.gone).count();
        let listed = self.store.as_ref().unwrap().uploads().await.unwrap();
        assert_eq!(listed.len(), live);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]
    #[test]
    fn uploads_behave_as_the_model(steps in prop::collection::vec((0..OWNERS, step()), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for (owner, step) in &steps {
                world.run(*owner, step).await;
                world.check().await;
            }
        });
    }
}
