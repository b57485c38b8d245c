//! Buckets.

use futures::future::join_all;

use super::{Fixture, create};
use crate::{BucketStore, UserStore};

/// `<uuid in lower case>-sftp`: client code cuts the name at `-sftp` to learn the account's id.
pub async fn the_default_bucket_is_named_after_the_account<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let name = store.default_bucket().await.expect("bucket");
    let uuid = name.strip_suffix("-sftp").expect("the suffix");
    assert_eq!(
        uuid.split('-').map(str::len).collect::<Vec<_>>(),
        [8, 4, 4, 4, 12],
        "{uuid}"
    );
    assert!(
        uuid.bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b'-')),
        "{uuid}"
    );
    for (other, there) in [(name.as_str(), true), (uuid, false), ("", false), ("x", false)] {
        assert_eq!(
            store.bucket_exists(other).await.expect("exists"),
            there,
            "{other:?}"
        );
    }
    assert!(!store.bucket_exists(&name.to_uppercase()).await.expect("exists"));
}

/// The same one for everybody, at once and later.
pub async fn the_default_bucket_is_made_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let names = join_all((0..16).map(|_| store.default_bucket())).await;
    let name = store.default_bucket().await.expect("bucket");
    assert!(names.into_iter().all(|n| n.expect("bucket") == name));
    let user = create(&*store).await.user;
    store.delete_user(&user.username, None).await.expect("delete");
    let store = fixture.restart(store).await;
    assert!(store.bucket_exists(&name).await.expect("exists"));
    assert_eq!(store.default_bucket().await.expect("bucket"), name);
}

/// Each installation has an account and a bucket of its own.
pub async fn accounts_differ<F: Fixture>() {
    let (one, other) = (F::new().await, F::new().await);
    let (store, foreign) = (one.open().await, other.open().await);
    let name = foreign.default_bucket().await.expect("bucket");
    assert_ne!(store.default_bucket().await.expect("bucket"), name);
    assert!(!store.bucket_exists(&name).await.expect("exists"));
}
