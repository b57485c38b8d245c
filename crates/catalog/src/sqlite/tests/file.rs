//! The database file and the pepper beside it.

use std::fs;
use std::os::unix::fs::MetadataExt;

use secrecy::ExposeSecret;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Row};

use super::{Installation, call, create};
use crate::error::CatalogError;
use crate::limits::REPLAY_WINDOW;
use crate::model::Date;
use crate::secrets::Secrets;
use crate::sqlite::{SqliteCatalog, engine};
use crate::store::{KeyStore, UserStore};

#[tokio::test]
async fn no_file_holds_a_secret_in_plain_text() {
    let here = Installation::new();
    let catalog = here.open().await;
    let mut secrets = Vec::new();
    for i in 0..40 {
        let made = create(&catalog, Some(call(&format!("call {i}"))))
            .await
            .expect("create");
        secrets.push((made.user.username, made.password.expose_secret().to_owned()));
        let key = catalog.create_key("key").await.expect("key");
        let (prefix, secret) = key.secret.expose_secret().split_once('.').expect("prefix.secret");
        secrets.push((prefix.to_owned(), secret.to_owned()));
    }
    // Once with everything in the log, once with everything in the file.
    for closed in [false, true] {
        if closed {
            catalog.close().await;
        }
        let files = here.files();
        assert_eq!(
            files.len(),
            if closed { 1 } else { 3 },
            "{:?}",
            files.iter().map(|f| &f.0).collect::<Vec<_>>()
        );
        let held = |text: &str| {
            files
                .iter()
                .any(|(_, bytes)| bytes.windows(text.len()).any(|w| w == text.as_bytes()))
        };
        for (public, secret) in &secrets {
            assert!(held(public), "the search finds what is there");
            assert!(!held(secret), "closed: {closed}");
            // Half of it in a row would be no better.
            assert!(!held(&secret[..secret.len() / 2]), "closed: {closed}");
        }
    }
}

#[tokio::test]
async fn files_are_private() {
    let here = Installation::new();
    let catalog = here.open().await;
    create(&catalog, None).await.expect("create");
    let files = here.files();
    assert_eq!(files.len(), 3, "database, log and index");
    for (name, _) in files {
        let mode = fs::metadata(here.dir.path().join(&name))
            .expect("metadata")
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_lost_pepper_is_reported_and_not_replaced() {
    let here = Installation::new();
    let catalog = here.open().await;
    create(&catalog, None).await.expect("create");
    catalog.close().await;
    let pepper = here.dir.path().join("secrets/pepper");
    let backup = fs::read(&pepper).expect("read");
    fs::remove_file(&pepper).expect("remove");
    for _ in 0..2 {
        match here.try_open().await.map(|_| ()) {
            Err(error @ CatalogError::PepperMissing { .. }) => {
                let message = error.to_string();
                assert!(
                    message.contains(pepper.to_str().expect("text")) && message.contains("restore"),
                    "{message}"
                );
            }
            other => panic!("expected PepperMissing, got {other:?}"),
        }
        assert!(!pepper.exists());
    }
    fs::write(&pepper, backup).expect("write");
    fs::set_permissions(&pepper, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("chmod");
    here.open().await;
}

#[tokio::test]
async fn another_pepper_is_refused() {
    let (here, there) = (Installation::new(), Installation::new());
    here.open().await.close().await;
    there.open().await.close().await;
    fs::copy(
        there.dir.path().join("secrets/pepper"),
        here.dir.path().join("secrets/pepper"),
    )
    .expect("copy");
    let refused = here.try_open().await.map(|_| ());
    assert!(
        matches!(refused, Err(CatalogError::PepperMismatch { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_pepper_without_a_database_begins_a_new_one() {
    let here = Installation::new();
    let first = here.open().await;
    first.close().await;
    fs::remove_file(here.database()).expect("remove");
    let second = here.open().await;
    assert_ne!(first.account_id(), second.account_id());
}

#[tokio::test]
async fn what_is_no_database_is_reported_and_left_alone() {
    let here = Installation::new();
    let text = "this is not a database\n".repeat(100);
    fs::write(here.database(), &text).expect("write");
    let refused = here.try_open().await.map(|_| ());
    assert!(
        matches!(
            refused,
            Err(CatalogError::Corrupt {
                what: "database file",
                ..
            })
        ),
        "{refused:?}"
    );
    assert_eq!(fs::read(here.database()).expect("read"), text.as_bytes());
    assert!(!here.dir.path().join("secrets/pepper").exists());
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let here = Installation::new();
    let path = here.dir.path().join("missing/catalog.db");
    let secrets = Secrets::load_or_create(here.dir.path()).expect("secrets");
    let refused = SqliteCatalog::open(&path, secrets, here.options())
        .await
        .map(|_| ());
    assert!(matches!(refused, Err(CatalogError::File { action: "create", path: p, .. }) if p == path));
}

#[tokio::test]
async fn nothing_is_lost_without_a_clean_end() {
    let here = Installation::new();
    let catalog = here.open().await;
    let made = create(&catalog, None).await.expect("create");
    // As after a crash: the files are taken as they are, the log among them.
    let copy = Installation::new();
    for (name, bytes) in here.files() {
        fs::write(copy.dir.path().join(name), bytes).expect("write");
    }
    fs::create_dir(copy.dir.path().join("secrets")).expect("mkdir");
    fs::copy(
        here.dir.path().join("secrets/pepper"),
        copy.dir.path().join("secrets/pepper"),
    )
    .expect("copy");
    let again = copy.open().await;
    let login = again
        .authenticate(&made.user.username, &made.password)
        .await
        .expect("authenticate");
    assert_eq!(login, Some(made.user));
}

#[tokio::test]
async fn an_unreadable_row_is_an_error_not_a_refusal() {
    let here = Installation::new();
    let catalog = here.open().await;
    let made = create(&catalog, None).await.expect("create");
    catalog.close().await;
    let mut conn = engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect");
    for damage in [
        "UPDATE users SET verifier = 'x'",
        "UPDATE users SET last_connected_day = 9999999999",
    ] {
        sqlx::query(damage).execute(&mut conn).await.expect("damage");
        let catalog = here.open().await;
        let login = catalog.authenticate(&made.user.username, &made.password).await;
        assert!(
            matches!(login, Err(CatalogError::Corrupt { .. })),
            "{damage}: {login:?}"
        );
        catalog.close().await;
    }
}

#[tokio::test]
async fn a_forgotten_answer_leaves_no_row_and_no_bytes() {
    let here = Installation::new();
    let catalog = here.open().await;
    create(&catalog, Some(call("remember me"))).await.expect("create");
    let mut conn = engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect");
    let row = sqlx::query("SELECT sealed_password FROM invocations")
        .fetch_one(&mut conn)
        .await
        .expect("row");
    let sealed: Vec<u8> = row.try_get(0).expect("bytes");
    assert_eq!(sealed.len(), 12 + 16 + 16, "nonce, password, tag");
    here.clock.advance(REPLAY_WINDOW);
    // Another call sweeps; so does a start.
    create(&catalog, Some(call("another"))).await.expect("create");
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM invocations")
        .fetch_one(&mut conn)
        .await
        .expect("count");
    assert_eq!(left, 1);
    here.clock.advance(REPLAY_WINDOW);
    catalog.close().await;
    let catalog = here.open().await;
    let left: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM invocations")
        .fetch_one(&mut conn)
        .await
        .expect("count");
    assert_eq!(left, 0);
    catalog.close().await;
    engine::close(conn).await;
    let held = |needle: &[u8]| {
        here.files()
            .iter()
            .any(|(_, f)| f.windows(needle.len()).any(|w| w == needle))
    };
    assert!(
        !held(&sealed) && !held(b"remember me"),
        "deleted rows are overwritten"
    );
}

#[tokio::test]
async fn a_login_on_the_same_day_does_not_reach_the_writer() {
    let here = Installation::new();
    let catalog = here.open().await;
    let user = create(&catalog, None).await.expect("create").user;
    catalog
        .record_login(user.id, Date { days: 20_000 })
        .await
        .expect("record");
    catalog.writer.close().await;
    catalog
        .record_login(user.id, Date { days: 20_000 })
        .await
        .expect("nothing to write");
    let next_day = catalog.record_login(user.id, Date { days: 20_001 }).await;
    assert!(
        matches!(next_day, Err(CatalogError::Unavailable(_))),
        "this one has to be written"
    );
}

#[tokio::test]
async fn connections_are_set_up_as_promised() {
    let here = Installation::new();
    let catalog = here.open().await;
    let mut writer = engine::connect(&engine::writing(&here.database()))
        .await
        .expect("connect");
    let mut reader = catalog.reader().await.expect("reader");
    for (pragma, value) in [
        ("PRAGMA synchronous", "2"),
        ("PRAGMA foreign_keys", "1"),
        ("PRAGMA secure_delete", "1"),
    ] {
        let row = sqlx::query(pragma).fetch_one(&mut writer).await.expect("pragma");
        assert_eq!(
            row.try_get::<i64, _>(0).expect("number").to_string(),
            value,
            "{pragma}"
        );
    }
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut *reader)
        .await
        .expect("pragma");
    assert_eq!(mode, "wal");
    let written = sqlx::query("DELETE FROM users").execute(&mut *reader).await;
    assert!(written.is_err(), "readers cannot write");
    let elsewhere = SqliteConnectOptions::new()
        .filename(here.database())
        .connect()
        .await;
    assert!(elsewhere.is_ok(), "backup tools may read beside us");
}
