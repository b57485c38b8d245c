//! The self-test: it passes on the real store, and notices each lie of a twisted one.

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use longshore_server::{Outcome, SelfTest};
use longshore_storage::{BucketName, Home, LocalOptions, LocalStore, OwnerId, RemotePath, Store as _};
use support::twisted::{Twist, TwistedHome};

async fn home(dir: &std::path::Path, twist: Twist) -> Arc<dyn Home> {
    let store = LocalStore::open(dir, LocalOptions::default()).unwrap();
    let bucket = BucketName::parse("bucket").unwrap();
    let path = RemotePath::parse(b"/home").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    store.make_home(&bucket, &path).await.unwrap();
    let inner = store.open_home(&bucket, &path, OwnerId(1)).await.unwrap();
    Arc::new(TwistedHome { inner, twist })
}

/// Names of the checks that failed.
async fn broken(twist: Twist) -> BTreeSet<String> {
    let dir = tempfile::tempdir().unwrap();
    let test = SelfTest::run(home(dir.path(), twist).await).await;
    let broken: BTreeSet<_> = test
        .checks
        .iter()
        .filter(|check| matches!(check.outcome, Outcome::Broken { .. }))
        .map(|check| check.name.clone())
        .collect();
    assert_eq!(test.passed(), broken.is_empty());
    if twist == Twist::None {
        assert!(broken.is_empty(), "{:#?}", test.checks);
        assert!(test.checks.iter().all(|check| check.outcome == Outcome::Works));
        assert!(test.checks.len() >= 20, "{:#?}", test.checks);
    }
    broken
}

#[tokio::test(flavor = "multi_thread")]
async fn the_local_store_keeps_all_that_is_promised() {
    assert!(broken(Twist::None).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_lie_of_a_store_is_noticed_where_it_was_told() {
    let table: [(Twist, &[&str]); 11] = [
        (Twist::RenameReplaces, &["rename never replaces"]),
        (Twist::ReplaceDoesNothing, &["posix-rename@openssh.com"]),
        (Twist::NoHardLink, &["hardlink@openssh.com"]),
        (Twist::SyncFails, &["fsync@openssh.com"]),
        (
            Twist::AttributesForgotten,
            &["modes, times and sizes", "lsetstat@openssh.com"],
        ),
        (Twist::LinksFollowed, &["lsetstat@openssh.com"]),
        (Twist::NoSpaceInfo, &["statvfs@openssh.com", "space-available"]),
        (
            Twist::StaleDigest,
            &["check-file", "check-file-handle", "check-file-name"],
        ),
        (Twist::ExclusiveShared, &["open flags", "copy-file"]),
        (
            Twist::WritesLost,
            &["open flags", "uploads become visible whole", "copy-data"],
        ),
        (Twist::ListingsCut, &["directories and listings"]),
    ];
    for (twist, expected) in table {
        let found = broken(twist).await;
        for name in expected {
            assert!(
                found.contains(*name),
                "{twist:?}: {name} passed; broken: {found:?}"
            );
        }
        if twist != Twist::WritesLost {
            assert_eq!(found.len(), expected.len(), "{twist:?}: {found:?}");
        }
    }
}
