//! What only a local disk has: device files, the staging directory, modes of other programs, large directories.

use std::fs;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use longshore_storage::suite::{begin, exclusive, fresh, get, kind, over, p, put, write};
use longshore_storage::{
    BucketName, Durability, EditMode, ErrorKind, FileType, Home, LocalOptions, LocalStore, OwnerId, SetStat,
    Store, VisibleTo,
};
use rustix::fs::{CWD, Mode, mkfifoat};

struct Disk {
    dir: tempfile::TempDir,
    store: Arc<LocalStore>,
}

impl Disk {
    async fn new(options: LocalOptions) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(&dir.path().join("buckets"), options).unwrap();
        store.create_bucket(&bucket()).await.unwrap();
        Self { dir, store }
    }

    async fn home(&self, owner: i64) -> Arc<dyn Home> {
        self.store
            .open_home(&bucket(), &p("/alice"), OwnerId(owner))
            .await
            .unwrap()
    }

    fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join("buckets/disk-bucket").join(below)
    }

    /// Names of the files of uploads in staging.
    fn staged_names(&self) -> Vec<String> {
        fs::read_dir(self.path("staging"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "journal")
            .collect()
    }

    fn staged(&self) -> usize {
        self.staged_names().len()
    }
}

fn bucket() -> BucketName {
    BucketName::parse("disk-bucket").unwrap()
}

fn fast() -> LocalOptions {
    LocalOptions {
        durability: Durability::None,
        ..LocalOptions::default()
    }
}

#[tokio::test]
async fn fifos_and_sockets_are_refused_without_waiting() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    mkfifoat(CWD, disk.path("files/alice/fifo"), Mode::RWXU).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(disk.path("files/alice/socket")).unwrap();
    std::os::unix::fs::symlink("fifo", disk.path("files/alice/link")).unwrap();
    let attempt = async {
        for name in ["/fifo", "/socket", "/link"] {
            assert_eq!(
                kind(alice.open_read(&p(name)).await),
                ErrorKind::InvalidInput,
                "{name}"
            );
            assert_eq!(
                kind(alice.begin_upload(&p(name), fresh()).await),
                ErrorKind::InvalidInput,
                "{name}"
            );
            assert_eq!(
                kind(alice.begin_upload(&p(name), over()).await),
                ErrorKind::InvalidInput,
                "{name}"
            );
            for mode in [EditMode::ReadWrite, EditMode::Append { readable: false }] {
                assert_eq!(
                    kind(alice.edit(&p(name), mode).await),
                    ErrorKind::InvalidInput,
                    "{name}"
                );
            }
            let size = SetStat {
                size: Some(0),
                ..SetStat::default()
            };
            assert_eq!(
                kind(alice.set_stat(&p(name), &size, true).await),
                ErrorKind::InvalidInput,
                "{name}"
            );
            assert_eq!(
                kind(alice.list(&p(name)).await),
                ErrorKind::NotADirectory,
                "{name}"
            );
        }
        assert_eq!(
            alice.stat(&p("/fifo"), true).await.unwrap().file_type,
            FileType::Other
        );
        alice.remove_file(&p("/fifo")).await.unwrap();
    };
    tokio::time::timeout(Duration::from_secs(20), attempt)
        .await
        .expect("it waits for the other end");
}

#[tokio::test]
async fn staging_is_empty_when_uploads_are_over() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    put(&alice, "/published", b"x").await;
    begin(&alice, "/discarded", fresh())
        .await
        .discard()
        .await
        .unwrap();
    begin(&alice, "/dead", fresh()).await.park().await.unwrap();
    assert_eq!(
        kind(alice.begin_upload(&p("/published"), exclusive()).await),
        ErrorKind::AlreadyExists
    );
    let removed = begin(&alice, "/removed", fresh()).await;
    assert_eq!(disk.staged(), 1);
    for name in ["journal", &disk.staged_names()[0]] {
        let mode = fs::metadata(disk.path("staging").join(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "nobody else may read {name}");
    }
    alice.remove_file(&p("/removed")).await.unwrap();
    drop(removed);
    drop(begin(&alice, "/dropped", fresh()).await);
    for _ in 0..500 {
        if disk.staged() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} files stay in staging", disk.staged());
}

#[tokio::test]
async fn leftovers_of_a_crash_are_swept_at_the_start() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    put(&alice, "/kept", b"kept").await;
    fs::write(disk.path("staging/0123456789abcdef"), b"half an upload").unwrap();
    fs::write(disk.path("staging/another"), b"").unwrap();
    fs::write(disk.dir.path().join("buckets/a file among the buckets"), b"").unwrap();
    let again = LocalStore::open(&disk.dir.path().join("buckets"), fast()).unwrap();
    assert_eq!(disk.staged(), 0);
    let alice = again
        .open_home(&bucket(), &p("/alice"), OwnerId(1))
        .await
        .unwrap();
    assert_eq!(get(&alice, "/kept").await.unwrap(), b"kept");
}

#[tokio::test]
async fn another_session_does_not_see_the_upload_when_told_so() {
    let options = LocalOptions {
        visible_to: VisibleTo::Session,
        ..fast()
    };
    let disk = Disk::new(options).await;
    let (this, other) = (disk.home(1).await, disk.home(1).await);
    let upload = begin(&this, "/f", fresh()).await;
    write(&upload, 0, b"123").await;
    assert_eq!(this.stat(&p("/f"), true).await.unwrap().size, 3);
    assert_eq!(kind(other.stat(&p("/f"), true).await), ErrorKind::NotFound);
    upload.publish().await.unwrap();
    assert_eq!(other.stat(&p("/f"), true).await.unwrap().size, 3);
}

#[tokio::test]
async fn a_directory_of_100_000_entries_comes_in_bounded_pages() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    for index in 0..100_000 {
        fs::File::create(disk.path("files/alice").join(format!("{index:06}"))).unwrap();
    }
    let mut listing = alice.list(&p("/")).await.unwrap();
    let mut seen = vec![false; 100_000];
    loop {
        let page = listing.next_page(usize::MAX).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 1024);
        for entry in page {
            let index: usize = std::str::from_utf8(&entry.name).unwrap().parse().unwrap();
            assert!(!std::mem::replace(&mut seen[index], true), "{index} came twice");
        }
    }
    assert!(seen.iter().all(|seen| *seen));
}

#[tokio::test]
async fn concurrent_publishers_leave_one_whole_file() {
    // With syncs: they all share the directory.
    let disk = Disk::new(LocalOptions::default()).await;
    let mut tasks = Vec::new();
    for owner in 0..16_u8 {
        let home = disk.home(owner.into()).await;
        tasks.push(tokio::spawn(async move {
            for _ in 0..4 {
                put(&home, "/shared", &[b'a' + owner; 50_000]).await;
                put(&home, &format!("/own{owner}"), &[owner; 100]).await;
            }
        }));
    }
    let reader = disk.home(99).await;
    let check = tokio::spawn(async move {
        for _ in 0..200 {
            if let Ok(data) = get(&reader, "/shared").await {
                assert_eq!(data.len(), 50_000);
                assert!(data.iter().all(|byte| *byte == data[0]), "a torn file");
            }
        }
    });
    for task in tasks {
        task.await.unwrap();
    }
    check.await.unwrap();
    assert_eq!(disk.staged(), 0);
    assert_eq!(fs::read_dir(disk.path("files/alice")).unwrap().count(), 17);
}

#[tokio::test]
async fn only_one_of_many_reservations_succeeds() {
    let disk = Disk::new(fast()).await;
    for round in 0..20 {
        let mut tasks = Vec::new();
        for owner in 0..16 {
            let home = disk.home(owner).await;
            tasks.push(tokio::spawn(async move {
                let upload = home
                    .begin_upload(&p(&format!("/f{round}")), exclusive())
                    .await
                    .ok()?;
                write(&upload, 0, b"mine").await;
                upload.publish().await.ok()
            }));
        }
        let mut published = 0;
        for task in tasks {
            published += usize::from(task.await.unwrap().is_some());
        }
        assert_eq!(published, 1, "round {round}");
    }
}

#[tokio::test]
async fn a_large_upload_is_flushed_on_the_way_and_arrives_whole() {
    let disk = Disk::new(LocalOptions::default()).await;
    let alice = disk.home(1).await;
    let upload = begin(&alice, "/large", fresh()).await;
    let block = Bytes::from(
        (0..1_u32 << 20)
            .map(|i| u8::try_from(i % 253).unwrap())
            .collect::<Vec<_>>(),
    );
    let mut writes = tokio::task::JoinSet::new();
    for index in 0..200_u64 {
        let (upload, block) = (Arc::clone(&upload), block.clone());
        writes.spawn(async move { upload.write_at(index << 20, block).await });
        if writes.len() >= 8 {
            writes.join_next().await.unwrap().unwrap().unwrap();
        }
    }
    while let Some(done) = writes.join_next().await {
        done.unwrap().unwrap();
    }
    upload.publish().await.unwrap();
    let data = fs::read(disk.path("files/alice/large")).unwrap();
    assert_eq!(data.len(), 200 << 20);
    assert!(data.chunks(1 << 20).all(|chunk| chunk == &block[..]));
}

#[tokio::test]
async fn holes_of_the_published_version_are_not_filled() {
    const LEN: u64 = 1 << 30;
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    let published = disk.path("files/alice/f");
    let file = fs::File::create(&published).unwrap();
    file.set_len(LEN).unwrap();
    file.write_all_at(b"middle", LEN / 2).unwrap();
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"first").await;
    upload.publish().await.unwrap();
    let now = fs::metadata(&published).unwrap();
    assert_eq!(now.len(), LEN);
    assert!(now.blocks() * 512 < 1 << 20, "{} blocks", now.blocks());
    let open = alice.open_read(&p("/f")).await.unwrap();
    assert_eq!(open.read_at(0, 6, Vec::new()).await.unwrap(), b"first\0");
    assert_eq!(
        open.read_at(LEN / 2 - 1, 8, Vec::new()).await.unwrap(),
        b"\0middle\0"
    );
    assert_eq!(open.read_at(LEN - 1, 8, Vec::new()).await.unwrap(), b"\0");
}

#[tokio::test]
async fn modes_do_not_depend_on_what_the_program_was_started_with() {
    let options = LocalOptions {
        umask: 0o027,
        ..fast()
    };
    let disk = Disk::new(options).await;
    let alice = disk.home(1).await;
    put(&alice, "/f", b"").await;
    assert_eq!(
        fs::metadata(disk.path("files/alice/f"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o640
    );
    alice.make_dir(&p("/d"), Some(0o777)).await.unwrap();
    assert_eq!(
        fs::metadata(disk.path("files/alice/d"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o750
    );
}

#[tokio::test]
async fn a_home_that_vanished_is_told_and_made_again_at_the_next_login() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    fs::remove_dir(disk.path("files/alice")).unwrap();
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), fresh()).await),
        ErrorKind::NotFound
    );
    assert_eq!(kind(alice.make_dir(&p("/d"), None).await), ErrorKind::NotFound);
    let alice = disk.home(1).await;
    put(&alice, "/f", b"x").await;
    disk.store.check().await.unwrap();
    fs::remove_dir_all(disk.dir.path().join("buckets")).unwrap();
    assert_eq!(kind(disk.store.check().await), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_write_whose_caller_gave_up_is_still_whole() {
    let disk = Disk::new(fast()).await;
    let alice = disk.home(1).await;
    let upload = begin(&alice, "/f", fresh()).await;
    for index in 0..20_u8 {
        let data = Bytes::from(vec![index; 100_000]);
        let mut given_up = upload.write_at(u64::from(index) * 100_000, data);
        // Started; what comes of it is not waited for.
        let _ = futures::poll!(&mut given_up);
    }
    for _ in 0..500 {
        if upload.stat().await.unwrap().size == 2_000_000 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Whoever waits now waits behind them.
    write(&upload, 2_000_000, b"end").await;
    upload.publish().await.unwrap();
    let data = fs::read(disk.path("files/alice/f")).unwrap();
    assert_eq!(data.len(), 2_000_003);
    for (index, chunk) in data.chunks(100_000).take(20).enumerate() {
        assert!(chunk.iter().all(|byte| usize::from(*byte) == index));
    }
}
