//! What is done where it stands: a future that is ready when it is asked for the first time has left its thread to
//! nobody.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::FutureExt as _;
use longshore_storage::suite::{fresh, get, over, p, put};
use longshore_storage::{
    BucketName, Digest, Home, LocalOptions, LocalStore, OwnerId, ResolverChoice, Store, Upload, UploadOptions,
};
use tempfile::TempDir;

/// A home in memory.
async fn home(resolver: ResolverChoice) -> (Arc<dyn Home>, TempDir) {
    let dir = tempfile::tempdir_in(Path::new("/dev/shm")).unwrap();
    let options = LocalOptions {
        resolver,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(&dir.path().join("buckets"), options).unwrap();
    let bucket = BucketName::parse("memory").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    let home = store.open_home(&bucket, &p("/alice"), OwnerId(1)).await.unwrap();
    (home, dir)
}

fn begun_at_once(home: &Arc<dyn Home>, path: &str, options: UploadOptions) -> Option<Arc<dyn Upload>> {
    Some(home.begin_upload(&p(path), options).now_or_never()?.unwrap())
}

#[tokio::test]
async fn a_small_upload_in_memory_wakes_no_thread() {
    for resolver in [ResolverChoice::OpenAt2, ResolverChoice::Fallback] {
        let (home, _dir) = home(resolver).await;
        let upload = begun_at_once(&home, "/f", fresh()).expect("begun");
        for (offset, data) in [(0, &b"abc"[..]), (3, b"def")] {
            let write = upload.write_at(offset, Bytes::from_static(data)).now_or_never();
            write.expect("written").unwrap();
        }
        upload.publish().now_or_never().expect("published").unwrap();
        assert!(matches!(upload.digest(), Digest::Known(_)));
        assert_eq!(get(&home, "/f").await.unwrap(), b"abcdef");
        upload.publish().await.expect_err("it is over");
    }
}

/// Runs a test with a single thread for blocking work.
fn with_one_thread(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.max_blocking_threads(1).build().unwrap().block_on(test);
}

/// Whether `work` needs a thread of the pool: it is not done while another job has the only one.
async fn needs_a_thread<T>(work: impl Future<Output = T>) -> (bool, T) {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let job = tokio::task::spawn_blocking(move || released.recv().is_err());
    let mut work = Box::pin(work);
    let (waits, done) = match (&mut work).now_or_never() {
        Some(done) => (false, Some(done)),
        None => (true, None),
    };
    drop(release);
    assert!(job.await.unwrap());
    let done = match done {
        Some(done) => done,
        None => work.await,
    };
    (waits, done)
}

#[test]
fn what_takes_longer_is_left_to_a_thread() {
    with_one_thread(async {
        let (home, _dir) = home(ResolverChoice::OpenAt2).await;
        let upload = begun_at_once(&home, "/large", fresh()).expect("begun");
        let block = Bytes::from(vec![7; 64 << 10]);
        for (offset, leaves) in [(0, false), (64 << 10, true)] {
            let (left, written) = needs_a_thread(upload.write_at(offset, block.clone())).await;
            written.unwrap();
            assert_eq!(left, leaves, "{offset}");
        }
        let (left, closed) = needs_a_thread(upload.publish()).await;
        closed.unwrap();
        assert!(left, "128 KiB");
        assert_eq!(get(&home, "/large").await.unwrap(), vec![7; 128 << 10]);
        let upload = begun_at_once(&home, "/large", fresh()).expect("begun");
        let (left, closed) = needs_a_thread(upload.publish()).await;
        closed.unwrap();
        assert!(left, "freeing what is replaced");
        assert_eq!(get(&home, "/large").await.unwrap(), b"");
    });
}

#[test]
fn an_upload_that_others_have_open_is_left_to_a_thread() {
    with_one_thread(async {
        let (home, _dir) = home(ResolverChoice::OpenAt2).await;
        let upload = begun_at_once(&home, "/f", fresh()).expect("begun");
        let (left, other) = needs_a_thread(home.begin_upload(&p("/f"), over())).await;
        let other = other.unwrap();
        assert!(left, "joining");
        let (left, written) = needs_a_thread(upload.write_at(0, Bytes::from_static(b"one"))).await;
        written.unwrap();
        assert!(left, "writing");
        let (left, closed) = needs_a_thread(upload.publish()).await;
        closed.unwrap();
        assert!(left, "closing");
        other.publish().await.unwrap();
        assert_eq!(get(&home, "/f").await.unwrap(), b"one");
    });
}

#[tokio::test]
async fn what_is_cached_is_read_without_waking_a_thread() {
    let (home, dir) = home(ResolverChoice::OpenAt2).await;
    put(&home, "/f", b"content").await;
    std::os::unix::fs::symlink("f", dir.path().join("buckets/memory/files/alice/link")).unwrap();
    for path in ["/f", "/link"] {
        let stat = home.stat(&p(path), true).now_or_never().expect("known").unwrap();
        assert_eq!(stat.size, 7);
        let file = home.open_read(&p(path)).now_or_never().expect("opened").unwrap();
        let read = file.read_at(0, 100, Vec::new()).now_or_never().expect("read");
        assert_eq!(read.unwrap(), b"content");
        let end = file.read_at(7, 100, Vec::new()).now_or_never().expect("read");
        assert_eq!(end.unwrap(), b"");
        assert_eq!(file.stat().now_or_never().expect("known").unwrap().size, 7);
    }
    let link = home
        .stat(&p("/link"), false)
        .now_or_never()
        .expect("known")
        .unwrap();
    assert_eq!(link.size, 1);
}
