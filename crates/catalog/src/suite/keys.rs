//! API keys.

use std::collections::HashSet;
use std::time::Duration;

use futures::future::join_all;

use super::{Fixture, assert_err, plain};
use crate::{CatalogError, Clock, KeyStore};

/// Prefix, dot and secret together are the key; nothing near it is.
pub async fn a_key_is_known_by_its_whole_text_only<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (made, other) = (
        store.create_key("ci").await.expect("key"),
        store.create_key("").await.expect("key"),
    );
    let whole = plain(&made.secret);
    let (prefix, secret) = whole.split_once('.').expect("prefix.secret");
    assert_eq!(prefix, made.key.prefix);
    assert!(prefix.starts_with("lsk_") && prefix.len() >= 12, "{prefix}");
    assert!(
        secret.len() >= 22 && secret.bytes().all(|b| b.is_ascii_alphanumeric()),
        "128 bits"
    );
    assert_eq!(
        store.check_key(&made.secret).await.expect("check"),
        Some(made.key.id)
    );
    assert_eq!(
        store.check_key(&other.secret).await.expect("check"),
        Some(other.key.id)
    );
    let (_, foreign) = plain(&other.secret).split_once('.').expect("prefix.secret");
    let near = [
        String::new(),
        ".".to_owned(),
        prefix.to_owned(),
        format!("{prefix}."),
        secret.to_owned(),
        format!(".{secret}"),
        format!("{prefix}.{foreign}"),
        format!("{prefix}..{secret}"),
        format!("{prefix}{secret}"),
        format!(" {whole}"),
        format!("{whole} "),
        format!("{whole}\0"),
        whole[..whole.len() - 1].to_owned(),
        whole.to_uppercase(),
        format!("{}.{secret}", &prefix[4..]),
        "test".to_owned(),
        format!("{prefix}.{}", "x".repeat(100_000)),
    ];
    for wrong in near {
        assert_eq!(
            store.check_key(&wrong.clone().into()).await.expect("check"),
            None,
            "{wrong:.60}"
        );
    }
    let store = fixture.restart(store).await;
    assert_eq!(
        store.check_key(&made.secret).await.expect("check"),
        Some(made.key.id)
    );
}

/// `Debug` of what carries a key does not print its secret, and a list does not hold it.
pub async fn a_key_is_not_shown_by_accident<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = store.create_key("ci").await.expect("key");
    let (_, secret) = plain(&made.secret).split_once('.').expect("prefix.secret");
    let shown = format!("{made:?} {made:#?} {:?}", store.list_keys().await.expect("list"));
    assert!(shown.contains(&made.key.prefix));
    assert!(!shown.contains(secret));
}

/// All keys with what is known of them, revoked ones included.
pub async fn keys_are_listed_in_creation_order<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    assert_eq!(store.list_keys().await.expect("list"), []);
    let mut keys = Vec::new();
    for name in ["first", "same", "same", "naïve ☃", ""] {
        let key = store.create_key(name).await.expect("key").key;
        assert_eq!(
            (key.name.as_str(), key.created, key.revoked),
            (name, fixture.clock().now(), None)
        );
        keys.push(key);
        fixture.clock().advance(Duration::from_secs(1));
    }
    assert_eq!(store.list_keys().await.expect("list"), keys);
    keys[1] = store.revoke_key(&keys[1].prefix).await.expect("revoke");
    let store = fixture.restart(store).await;
    assert_eq!(store.list_keys().await.expect("list"), keys);
}

/// From the moment that the call returns, and for ever; the first revocation's time stays.
pub async fn a_revoked_key_counts_no_more<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (made, kept) = (
        store.create_key("old").await.expect("key"),
        store.create_key("new").await.expect("key"),
    );
    let first = store.revoke_key(&made.key.prefix).await.expect("revoke");
    assert_eq!(first.revoked, Some(fixture.clock().now()));
    assert_eq!(store.check_key(&made.secret).await.expect("check"), None);
    assert_eq!(
        store.check_key(&kept.secret).await.expect("check"),
        Some(kept.key.id)
    );
    fixture.clock().advance(Duration::from_secs(1));
    assert_eq!(store.revoke_key(&made.key.prefix).await.expect("again"), first);
    let store = fixture.restart(store).await;
    assert_eq!(store.check_key(&made.secret).await.expect("check"), None);
}

/// By its exact prefix; the whole key is none.
pub async fn an_unknown_key_cannot_be_revoked<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = store.create_key("ci").await.expect("key");
    for prefix in [
        "",
        "lsk_",
        "%",
        plain(&made.secret),
        &made.key.prefix.to_uppercase(),
    ] {
        assert_err!(
            store.revoke_key(prefix).await,
            CatalogError::NotFound { what: "api key" }
        );
    }
    assert_eq!(
        store.check_key(&made.secret).await.expect("check"),
        Some(made.key.id)
    );
}

/// Prefixes, secrets and ids differ.
pub async fn many_keys_at_once_are_all_different<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = join_all((0..40).map(|_| store.create_key("same"))).await;
    let (mut prefixes, mut ids) = (HashSet::new(), HashSet::new());
    for key in made {
        let key = key.expect("key");
        assert_eq!(
            store.check_key(&key.secret).await.expect("check"),
            Some(key.key.id)
        );
        assert!(prefixes.insert(key.key.prefix) && ids.insert(key.key.id));
    }
}
