//! What a restart finds: of uploads that were parked, of those that a killed process left open, and of published ones
//! that nobody recorded.
//!
//! A killed process is played by a copy of the store's directory, taken while the store is open: the copy holds what
//! had been written at that moment, and nothing that the store does at its end.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use longshore_storage::suite::{begin, fresh, get, kind, listed, over, p, put, write};
use longshore_storage::{
    BucketName, Durability, ErrorKind, Home, LocalOptions, LocalStore, OwnerId, SetStat, Store, Upload,
    UploadInfo, VisibleTo,
};
use tempfile::TempDir;

/// A store that can be closed or killed, and opened again.
struct Rig {
    _dir: TempDir,
    root: PathBuf,
    store: Arc<LocalStore>,
    options: LocalOptions,
}

fn options(durability: Durability) -> LocalOptions {
    LocalOptions {
        durability,
        ..LocalOptions::default()
    }
}

fn bucket() -> BucketName {
    BucketName::parse("restarted").unwrap()
}

impl Rig {
    async fn new(options: LocalOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("buckets");
        let store = LocalStore::open(&root, options).unwrap();
        store.create_bucket(&bucket()).await.unwrap();
        Self {
            _dir: dir,
            root,
            store,
            options,
        }
    }

    /// A store on what a process that is killed now would leave.
    fn killed(&self) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("buckets");
        copy(&self.root, &root);
        let store = LocalStore::open(&root, self.options).unwrap();
        Self {
            _dir: dir,
            root,
            store,
            options: self.options,
        }
    }

    /// Closes the store and opens it again.
    fn restarted(self) -> Self {
        let Self {
            _dir,
            root,
            store,
            options,
        } = self;
        drop(store);
        let store = LocalStore::open(&root, options).unwrap();
        Self {
            _dir,
            root,
            store,
            options,
        }
    }

    async fn home(&self, owner: i64) -> Arc<dyn Home> {
        self.store
            .open_home(&bucket(), &p("/alice"), OwnerId(owner))
            .await
            .unwrap()
    }

    async fn uploads(&self) -> Vec<UploadInfo> {
        self.store.uploads().await.unwrap()
    }

    fn staged(&self) -> usize {
        std::fs::read_dir(self.root.join("restarted/staging"))
            .unwrap()
            .count()
            - 1
    }
}

/// With holes and extended attributes.
fn copy(from: &Path, to: &Path) {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

async fn leave(home: &Arc<dyn Home>, path: &str, data: &[u8]) {
    let upload = begin(home, path, fresh()).await;
    write(&upload, 0, data).await;
    upload.park().await.unwrap();
}

async fn resume(home: &Arc<dyn Home>, path: &str) -> Arc<dyn Upload> {
    home.resume(&p(path)).await.unwrap().expect("a parked upload")
}

#[tokio::test]
async fn a_parked_upload_is_there_after_a_restart() {
    for durability in [Durability::Close, Durability::None] {
        let rig = Rig::new(options(durability)).await;
        let alice = rig.home(1).await;
        put(&alice, "/f", b"the old one").await;
        let upload = begin(&alice, "/f", fresh()).await;
        write(&upload, 0, b"0123").await;
        write(&upload, 100, b"behind a gap").await;
        upload
            .set_stat(&SetStat {
                mode: Some(0o600),
                ..SetStat::default()
            })
            .await
            .unwrap();
        let id = upload.id();
        upload.park().await.unwrap();
        let before = rig.uploads().await;
        drop((alice, upload));

        let rig = rig.restarted();
        let (alice, colleague) = (rig.home(1).await, rig.home(2).await);
        assert_eq!(rig.uploads().await, before);
        assert_eq!(get(&alice, "/f").await.unwrap(), b"0123");
        assert_eq!(get(&colleague, "/f").await.unwrap(), b"the old one");
        assert!(colleague.resume(&p("/f")).await.unwrap().is_none());
        let upload = resume(&alice, "/f").await;
        assert_eq!(upload.id(), id);
        write(&upload, 4, b"4567").await;
        upload.publish().await.unwrap();
        assert_eq!(get(&colleague, "/f").await.unwrap(), b"01234567");
        assert_eq!(colleague.stat(&p("/f"), true).await.unwrap().mode, 0o600);
        drop((alice, upload));
        let rig = rig.restarted();
        assert!(rig.uploads().await.is_empty());
        assert_eq!(rig.staged(), 0);
    }
}

#[tokio::test]
async fn a_killed_process_leaves_what_came_in_order() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    let large = begin(&alice, "/large", fresh()).await;
    let block = vec![b'x'; 1 << 20];
    for at in 0..3 {
        write(&large, at << 20, &block).await;
    }
    let disordered = begin(&alice, "/disordered", fresh()).await;
    write(&disordered, 0, &block).await;
    write(&disordered, 2 << 20, &block).await;
    write(&disordered, 1 << 20, b"more of the front").await;
    let small = begin(&alice, "/small", fresh()).await;
    write(&small, 0, b"sent again faster than it is found").await;

    let killed = rig.killed();
    let again = killed.home(1).await;
    assert_eq!(listed(&again, "/").await, ["disordered", "large"]);
    assert_eq!(again.stat(&p("/large"), true).await.unwrap().size, 3 << 20);
    // What was written behind the gap may be anything: the front is what was said before that.
    assert_eq!(again.stat(&p("/disordered"), true).await.unwrap().size, 1 << 20);
    assert_eq!(killed.staged(), 2);
    let upload = resume(&again, "/large").await;
    write(&upload, 3 << 20, b"end").await;
    let published = upload.close(&[]).await.unwrap().published.unwrap();
    assert_eq!((published.size, published.facts.dropped), ((3 << 20) + 3, 1));
}

#[tokio::test]
async fn room_that_was_taken_ahead_is_no_front() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    let upload = begin(&alice, "/preallocated", fresh()).await;
    let ahead = SetStat {
        size: Some(5 << 20),
        ..SetStat::default()
    };
    upload.set_stat(&ahead).await.unwrap();
    let block = vec![b'x'; 1 << 20];
    for at in 0..2 {
        write(&upload, at << 20, &block).await;
    }
    let killed = rig.killed();
    let again = killed.home(1).await;
    let front = again
        .stat(&p("/preallocated"), true)
        .await
        .map_or(0, |stat| stat.size);
    assert!(front <= 2 << 20, "{front} bytes, of which 2 MiB were sent");
}

#[tokio::test]
async fn a_cut_that_came_after_is_not_forgotten() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    let block = vec![b'x'; 1 << 20];
    let cut = SetStat {
        size: Some(10),
        ..SetStat::default()
    };
    for (name, sync) in [("/told", false), ("/synced", true)] {
        let upload = begin(&alice, name, fresh()).await;
        write(&upload, 0, &block).await;
        if sync {
            upload.sync().await.unwrap();
        }
        upload.set_stat(&cut).await.unwrap();
        write(&upload, 500, b"far away").await;
        let killed = rig.killed();
        let again = killed.home(1).await;
        assert_eq!(get(&again, name).await.unwrap(), b"xxxxxxxxxx", "{name}");
    }
    let stretched = begin(&alice, "/stretched", fresh()).await;
    write(&stretched, 0, &block).await;
    stretched
        .set_stat(&SetStat {
            size: Some(5 << 20),
            ..SetStat::default()
        })
        .await
        .unwrap();
    let killed = rig.killed();
    let again = killed.home(1).await;
    assert_eq!(again.stat(&p("/stretched"), true).await.unwrap().size, 1 << 20);
}

#[tokio::test]
async fn what_was_synced_is_there_after_a_kill_whatever_came_later() {
    for durability in [Durability::Close, Durability::None] {
        let rig = Rig::new(options(durability)).await;
        let alice = rig.home(1).await;
        put(&alice, "/over", b"published").await;
        let upload = begin(&alice, "/f", fresh()).await;
        write(&upload, 0, b"0123").await;
        write(&upload, 8, b"89").await;
        upload.sync().await.unwrap();
        write(&upload, 4, b"lost").await;
        write(&upload, 100, b"lost too").await;
        let first = begin(&alice, "/over", over()).await;
        let second = begin(&alice, "/over", over()).await;
        write(&first, 2, b"BLI").await;
        first.publish().await.unwrap();
        write(&second, 5, b"LOST").await;

        let killed = rig.killed();
        let again = killed.home(1).await;
        assert_eq!(get(&again, "/f").await.unwrap(), b"0123\0\0\0\089");
        assert_eq!(get(&again, "/over").await.unwrap(), b"puBLIshed");
        let far = SystemTime::now() + Duration::from_secs(1000 * 24 * 3600);
        assert!(killed.store.expire_uploads(far).await.unwrap().is_empty());
        resume(&again, "/over").await.publish().await.unwrap();
        assert_eq!(get(&killed.home(2).await, "/over").await.unwrap(), b"puBLIshed");
    }
}

#[tokio::test]
async fn it_is_found_where_its_directory_went() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    alice.make_dir(&p("/a"), None).await.unwrap();
    alice.make_dir(&p("/a/b"), None).await.unwrap();
    leave(&alice, "/a/b/f", b"0123").await;
    alice.rename(&p("/a/b/f"), &p("/a/b/g"), false).await.unwrap();
    alice.rename(&p("/a"), &p("/z"), false).await.unwrap();
    // Another one takes the old place: the upload must not turn up there.
    alice.make_dir(&p("/a"), None).await.unwrap();
    alice.make_dir(&p("/a/b"), None).await.unwrap();
    drop(alice);
    let rig = rig.restarted();
    let alice = rig.home(1).await;
    assert_eq!(listed(&alice, "/z/b").await, ["g"]);
    assert!(listed(&alice, "/a/b").await.is_empty());
    assert_eq!(kind(alice.remove_dir(&p("/z/b")).await), ErrorKind::NotEmpty);
    resume(&alice, "/z/b/g").await.publish().await.unwrap();
    assert_eq!(get(&rig.home(2).await, "/z/b/g").await.unwrap(), b"0123");
}

#[tokio::test]
async fn what_ended_stays_ended() {
    let rig = Rig::new(options(Durability::Close)).await;
    let (alice, colleague) = (rig.home(1).await, rig.home(2).await);
    for name in ["/removed", "/superseded", "/expired", "/discarded", "/restarted"] {
        leave(&alice, name, b"x").await;
    }
    alice.remove_file(&p("/removed")).await.unwrap();
    put(&colleague, "/superseded", b"newer").await;
    let all = rig.uploads().await;
    let discarded = all
        .iter()
        .find(|info| info.path == p("/alice/discarded"))
        .unwrap();
    rig.store.discard_upload(discarded.id).await.unwrap();
    begin(&alice, "/restarted", fresh())
        .await
        .discard()
        .await
        .unwrap();
    let far = SystemTime::now() + Duration::from_secs(30 * 24 * 3600);
    assert_eq!(rig.store.expire_uploads(far).await.unwrap().len(), 1);
    let killed = rig.killed();
    assert!(killed.uploads().await.is_empty());
    let again = killed.home(1).await;
    assert_eq!(listed(&again, "/").await, ["superseded"]);
    assert_eq!(get(&again, "/superseded").await.unwrap(), b"newer");
}

#[tokio::test]
async fn each_published_upload_is_named_until_it_is_recorded() {
    for durability in [Durability::Close, Durability::None] {
        let rig = Rig::new(options(durability)).await;
        let alice = rig.home(1).await;
        let mut expected = Vec::new();
        for name in ["/a", "/b", "/moved", "/removed", "/replaced"] {
            let upload = begin(&alice, name, fresh()).await;
            write(&upload, 0, name.as_bytes()).await;
            let published = upload.close(name.as_bytes()).await.unwrap().published.unwrap();
            expected.push(*published);
        }
        alice
            .rename(&p("/moved"), &p("/moved.done"), false)
            .await
            .unwrap();
        alice.remove_file(&p("/removed")).await.unwrap();
        expected.push({
            let upload = begin(&alice, "/replaced", fresh()).await;
            *upload.close(&[]).await.unwrap().published.unwrap()
        });
        rig.store.recorded(&[expected.remove(0).id]).await.unwrap();
        let open = begin(&alice, "/open", fresh()).await;
        write(&open, 0, b"x").await;

        let killed = rig.killed();
        assert_eq!(killed.store.unrecorded().await.unwrap(), expected);
        let killed = killed.killed();
        assert_eq!(
            killed.store.unrecorded().await.unwrap(),
            expected,
            "said again until it is done"
        );
        let ids: Vec<_> = expected.iter().map(|published| published.id).collect();
        killed.store.recorded(&ids).await.unwrap();
        assert!(killed.killed().store.unrecorded().await.unwrap().is_empty());
    }
}

/// A power cut between the announcement and the rename: the staged file is still there.
#[tokio::test]
async fn an_announced_upload_that_was_not_published_is_parked_and_not_named() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"0123").await;
    upload.sync().await.unwrap();
    let id = upload.id();
    upload.publish().await.unwrap();
    assert_eq!(rig.store.unrecorded().await.unwrap().len(), 1);
    // Undo the rename, as a file system does that had not written it down.
    let (published, staged) = (
        rig.root.join("restarted/files/alice/f"),
        rig.root.join(format!("restarted/staging/{id}")),
    );
    std::fs::rename(published, &staged).unwrap();
    let killed = rig.killed();
    assert!(killed.store.unrecorded().await.unwrap().is_empty());
    let again = killed.home(1).await;
    assert_eq!(get(&again, "/f").await.unwrap(), b"0123");
    assert_eq!(kind(get(&killed.home(2).await, "/f").await), ErrorKind::NotFound);

    // The power went between the two directories: the file has both names, and counts as published.
    std::fs::hard_link(&staged, rig.root.join("restarted/files/alice/f")).unwrap();
    let killed = rig.killed();
    assert_eq!(killed.store.unrecorded().await.unwrap().len(), 1);
    assert!(killed.uploads().await.is_empty());
    assert_eq!(killed.staged(), 0);
    assert_eq!(get(&killed.home(2).await, "/f").await.unwrap(), b"0123");
}

#[tokio::test]
async fn a_session_sees_nothing_of_another_one_and_takes_up_what_it_left() {
    let options = LocalOptions {
        visible_to: VisibleTo::Session,
        ..options(Durability::None)
    };
    let rig = Rig::new(options).await;
    let (this, other) = (rig.home(1).await, rig.home(1).await);
    leave(&this, "/f", b"0123").await;
    assert_eq!(kind(other.stat(&p("/f"), true).await), ErrorKind::NotFound);
    let upload = resume(&other, "/f").await;
    assert_eq!(other.stat(&p("/f"), true).await.unwrap().size, 4);
    assert_eq!(kind(this.stat(&p("/f"), true).await), ErrorKind::NotFound);
    upload.park().await.unwrap();
    drop((this, other, upload));
    let rig = rig.restarted();
    let alice = rig.home(1).await;
    assert_eq!(kind(alice.stat(&p("/f"), true).await), ErrorKind::NotFound);
    resume(&alice, "/f").await.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123");
}

#[tokio::test]
async fn descriptors_for_files_are_bounded_and_come_back() {
    let options = LocalOptions {
        open_files: Some(6),
        ..options(Durability::None)
    };
    let rig = Rig::new(options).await;
    let alice = rig.home(1).await;
    put(&alice, "/f", b"x").await;
    let first = begin(&alice, "/a", fresh()).await;
    write(&first, 0, b"x").await;
    let second = begin(&alice, "/b", fresh()).await;
    let reader = alice.open_read(&p("/f")).await.unwrap();
    let listing = alice.list(&p("/")).await.unwrap();
    assert_eq!(kind(alice.open_read(&p("/f")).await), ErrorKind::TooManyOpen);
    assert_eq!(kind(alice.list(&p("/")).await), ErrorKind::TooManyOpen);
    assert_eq!(
        kind(alice.begin_upload(&p("/c"), fresh()).await),
        ErrorKind::TooManyOpen
    );
    drop((reader, listing));
    second.publish().await.unwrap();
    drop(second);
    // A parked upload holds none, and takes its own when it is taken up again.
    first.park().await.unwrap();
    drop(first);
    let (_c, _d, e) = (
        begin(&alice, "/c", fresh()).await,
        begin(&alice, "/d", fresh()).await,
        begin(&alice, "/e", fresh()).await,
    );
    e.write_at(0, Bytes::from_static(b"x")).await.unwrap();
    assert_eq!(kind(alice.resume(&p("/a")).await), ErrorKind::TooManyOpen);
    assert_eq!(alice.stat(&p("/a"), true).await.unwrap().size, 1);
    e.publish().await.unwrap();
    drop(e);
    resume(&alice, "/a").await.publish().await.unwrap();
    assert_eq!(get(&alice, "/a").await.unwrap(), b"x");
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[tokio::test]
async fn parked_uploads_hold_no_descriptors() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    let names: Vec<_> = (0..20).map(|number| format!("/dir-{number}/f")).collect();
    for number in 0..20 {
        alice.make_dir(&p(&format!("/dir-{number}")), None).await.unwrap();
    }
    leave(&alice, "/first", b"x").await;
    let before = descriptors();
    for name in &names {
        // Each in a session of its own.
        leave(&rig.home(1).await, name, name.as_bytes()).await;
    }
    assert_eq!(descriptors(), before);
    drop(alice);
    let rig = rig.restarted();
    let alice = rig.home(1).await;
    assert_eq!(descriptors(), before);
    for name in &names {
        assert_eq!(get(&alice, name).await.unwrap(), name.as_bytes());
    }
    assert_eq!(rig.uploads().await.len(), 21);
    assert_eq!(descriptors(), before);
    for name in &names {
        let upload = resume(&alice, name).await;
        write(&upload, name.len() as u64, b" and more").await;
        upload.publish().await.unwrap();
        assert_eq!(
            get(&alice, name).await.unwrap(),
            format!("{name} and more").as_bytes()
        );
    }
}

#[tokio::test]
async fn a_parked_upload_is_found_where_its_directory_was_moved_from_outside() {
    let rig = Rig::new(options(Durability::Close)).await;
    let alice = rig.home(1).await;
    alice.make_dir(&p("/a"), None).await.unwrap();
    leave(&alice, "/a/f", b"0123").await;
    let files = rig.root.join("restarted/files/alice");
    std::fs::rename(files.join("a"), files.join("b")).unwrap();
    // Nobody has come across it yet: the operator sees it where it was.
    assert_eq!(rig.uploads().await[0].path, p("/alice/a/f"));
    assert_eq!(listed(&alice, "/b").await, ["f"]);
    assert_eq!(alice.stat(&p("/b/f"), true).await.unwrap().size, 4);
    assert_eq!(rig.uploads().await[0].path, p("/alice/b/f"));
    resume(&alice, "/b/f").await.publish().await.unwrap();
    assert_eq!(std::fs::read(files.join("b/f")).unwrap(), b"0123");
}
