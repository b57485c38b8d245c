//! How much a store keeps for one owner.

use std::sync::Arc;

use longshore_storage::suite::{begin, fresh, get, kind, listed, over, p, put, write};
use longshore_storage::{BucketName, ErrorKind, Home, LocalOptions, LocalStore, OwnerId, Store as _};
use tempfile::TempDir;

async fn store(options: LocalOptions) -> (Arc<LocalStore>, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let store = LocalStore::open(dir.path(), options).unwrap();
    store.create_bucket(&bucket()).await.unwrap();
    (store, dir)
}

fn bucket() -> BucketName {
    BucketName::parse("bounded").unwrap()
}

async fn home(store: &Arc<LocalStore>, path: &str, owner: i64) -> Arc<dyn Home> {
    let path = p(path);
    store.open_home(&bucket(), &path, OwnerId(owner)).await.unwrap()
}

/// Leaves an upload behind, acknowledged as safe or not.
async fn leave(home: &Arc<dyn Home>, path: &str, data: &[u8], synced: bool) {
    let upload = begin(home, path, fresh()).await;
    write(&upload, 0, data).await;
    if synced {
        upload.sync().await.unwrap();
    }
    upload.park().await.unwrap();
}

#[tokio::test]
async fn the_oldest_parked_uploads_go_when_there_are_too_many() {
    let (store, _dir) = store(LocalOptions {
        parked_uploads: 3,
        ..LocalOptions::default()
    })
    .await;
    let (alice, bob) = (home(&store, "/alice", 1).await, home(&store, "/bob", 2).await);
    leave(&bob, "/f", b"x", false).await;
    leave(&alice, "/safe", b"x", true).await;
    for name in ["/a", "/b", "/c", "/d"] {
        leave(&alice, name, b"x", false).await;
    }
    assert_eq!(listed(&alice, "/").await, ["c", "d", "safe"]);
    assert_eq!(listed(&bob, "/").await, ["f"], "others have their own");
}

#[tokio::test]
async fn the_oldest_parked_uploads_go_when_they_are_too_large() {
    let (store, _dir) = store(LocalOptions {
        parked_bytes: 10,
        ..LocalOptions::default()
    })
    .await;
    let alice = home(&store, "/alice", 1).await;
    for name in ["/a", "/b", "/c", "/d"] {
        leave(&alice, name, b"four", false).await;
    }
    assert_eq!(listed(&alice, "/").await, ["c", "d"]);
    leave(&alice, "/large", b"more than there may be", false).await;
    assert_eq!(listed(&alice, "/").await, ["large"], "what came last is kept");
}

#[tokio::test]
async fn where_all_that_is_parked_must_be_kept_nothing_new_begins() {
    for options in [
        LocalOptions {
            parked_uploads: 2,
            ..LocalOptions::default()
        },
        LocalOptions {
            parked_bytes: 7,
            ..LocalOptions::default()
        },
    ] {
        let (store, _dir) = store(options).await;
        let (alice, bob) = (home(&store, "/alice", 1).await, home(&store, "/bob", 2).await);
        for name in ["/a", "/b"] {
            leave(&alice, name, b"four", true).await;
        }
        for options in [fresh(), over()] {
            let refused = alice.begin_upload(&p("/new"), options).await;
            assert_eq!(kind(refused), ErrorKind::TooManyParked);
        }
        put(&bob, "/new", b"others have their own").await;
        assert_eq!(listed(&alice, "/").await, ["a", "b"], "nothing goes silently");
        // What helps: to go on with one, to begin it anew, to remove it.
        let upload = begin(&alice, "/a", over()).await;
        write(&upload, 4, b"five").await;
        upload.publish().await.unwrap();
        assert_eq!(get(&alice, "/a").await.unwrap(), b"fourfive");
        leave(&alice, "/c", b"four", true).await;
        put(&alice, "/c", b"anew").await;
        leave(&alice, "/d", b"four", true).await;
        let refused = alice.begin_upload(&p("/new"), fresh()).await;
        assert_eq!(kind(refused), ErrorKind::TooManyParked);
        alice.remove_file(&p("/d")).await.unwrap();
        put(&alice, "/new", b"again").await;
    }
}
