//! Tests of what only SQLite has: the file, its schema and its pepper.
use super::*;
use crate::model::*;
use crate::store::*;

#[tokio::test]
async fn smoke() {
    let dir = tempfile::tempdir().expect("tempdir");
    let open = || async {
        SqliteCatalog::open(
            &dir.path().join("c.db"),
            Secrets::load_or_create(dir.path()).expect("secrets"),
            SqliteOptions::default(),
        )
        .await
        .expect("open")
    };
    let c = open().await;
    let bucket = c.default_bucket().await.expect("bucket");
    let new = NewUser {
        home_directory: "/a".into(),
        description: "d".into(),
        bucket,
        password_length: 16,
    };
    let made = c.create_user(new, None, None).await.expect("create");
    assert_eq!(
        c.authenticate(&made.user.username, &made.password)
            .await
            .expect("auth"),
        Some(made.user.clone())
    );
    c.close().await;
    let c = open().await;
    assert_eq!(
        c.authenticate(&made.user.username, &made.password)
            .await
            .expect("auth"),
        Some(made.user)
    );
    let k = c.create_key("x").await.expect("key");
    assert_eq!(c.check_key(&k.secret).await.expect("check"), Some(k.key.id));
}
