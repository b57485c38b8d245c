//! The writing task and the drawing of names.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::broadcast::error::TryRecvError;

use super::{Installation, call, create};
use crate::error::CatalogError;
use crate::limits::{REPLAY_WINDOW, USERNAME_ATTEMPTS};
use crate::model::{Timestamp, UserChange, UserId};
use crate::secrets::Secrets;
use crate::sql::buckets;
use crate::sqlite::{NameSource, SqliteCatalog, SqliteOptions};
use crate::store::{BucketStore, Catalog, UserStore};

/// Gives out the names in turn, the last one for ever.
fn names(list: &'static [&'static str]) -> NameSource {
    let next = AtomicUsize::new(0);
    Arc::new(move || Ok(list[next.fetch_add(1, Ordering::SeqCst).min(list.len() - 1)].to_owned()))
}

#[tokio::test]
async fn a_name_used_before_is_drawn_again() {
    let here = Installation::new();
    let catalog = here
        .open_with_names(names(&[
            "AAAAAAAA", "AAAAAAAA", "BBBBBBBB", "AAAAAAAA", "CCCCCCCC",
        ]))
        .await;
    let first = create(&catalog, None).await.expect("create").user;
    assert_eq!(first.username, "AAAAAAAA");
    catalog.delete_user(&first.username, None).await.expect("delete");
    let second = create(&catalog, None).await.expect("create").user;
    assert_eq!(
        second.username, "BBBBBBBB",
        "the name of a deleted user does not come back"
    );
    catalog.close().await;
    let catalog = here
        .open_with_names(names(&["AAAAAAAA", "BBBBBBBB", "CCCCCCCC"]))
        .await;
    assert_eq!(
        create(&catalog, None).await.expect("create").user.username,
        "CCCCCCCC"
    );
}

#[tokio::test]
async fn without_an_unused_name_nothing_is_made() {
    let here = Installation::new();
    let catalog = here.open_with_names(names(&["AAAAAAAA"])).await;
    create(&catalog, None).await.expect("create");
    let failed = create(&catalog, Some(call("i"))).await.map(|_| ());
    assert!(
        matches!(failed, Err(CatalogError::Unavailable(_))),
        "after {USERNAME_ATTEMPTS} draws"
    );
    assert_eq!(catalog.list_users(10, None).await.expect("list").users.len(), 1);
    assert_eq!(count(&catalog).await, 1, "the failed one is not counted");
}

#[tokio::test]
async fn the_counter_follows_the_rows() {
    let here = Installation::new();
    let catalog = here.open().await;
    let mut users = Vec::new();
    for i in 0..9 {
        users.push(
            create(&catalog, Some(call(&i.to_string())))
                .await
                .expect("create")
                .user,
        );
        create(&catalog, Some(call(&i.to_string())))
            .await
            .expect("replay");
    }
    for user in &users[..4] {
        catalog
            .delete_user(&user.username, Some(call(&user.username)))
            .await
            .expect("delete");
        catalog
            .delete_user(&user.username, Some(call(&user.username)))
            .await
            .expect("replay");
        catalog.delete_user(&user.username, None).await.expect_err("gone");
    }
    assert_eq!(count(&catalog).await, 5);
}

async fn count(catalog: &SqliteCatalog) -> i64 {
    let mut conn = catalog.reader().await.expect("reader");
    sqlx::query_scalar("SELECT user_count FROM accounts")
        .fetch_one(&mut *conn)
        .await
        .expect("count")
}

/// One write that makes a bucket; fails afterwards if told so.
async fn make_bucket(catalog: &SqliteCatalog, name: &'static str, fail: bool) -> Result<(), CatalogError> {
    let account = catalog.account.id;
    let write = catalog.writer.write(move |tx| {
        async move {
            buckets::ensure(&mut tx.conn, account, name, Timestamp(0)).await?;
            tx.changes.push(UserChange::Deleted(UserId(i64::from(!fail))));
            if fail {
                Err(CatalogError::NotFound { what: "user" })
            } else {
                Ok(())
            }
        }
        .boxed()
    });
    write.await
}

/// Runs a statement of the connection itself, inside a job.
async fn sabotage(catalog: &SqliteCatalog, statement: &'static str) -> Result<(), CatalogError> {
    let write = catalog.writer.write(move |tx| {
        async move {
            sqlx::query(statement)
                .execute(&mut tx.conn)
                .await
                .map_err(super::super::engine::failed)?;
            Ok(())
        }
        .boxed()
    });
    write.await
}

/// In these tests nothing else runs on the single thread, so joined writes wait together and share a
/// transaction.
#[tokio::test]
async fn a_job_that_fails_is_undone_alone() {
    let here = Installation::new();
    let catalog = here.open().await;
    let mut changes = catalog.changes();
    let (one, two, three) = tokio::join!(
        make_bucket(&catalog, "one", false),
        make_bucket(&catalog, "two", true),
        make_bucket(&catalog, "three", false),
    );
    assert!(one.is_ok() && three.is_ok());
    assert!(matches!(two, Err(CatalogError::NotFound { .. })));
    for (name, there) in [("one", true), ("two", false), ("three", true)] {
        assert_eq!(
            catalog.bucket_exists(name).await.expect("exists"),
            there,
            "{name}"
        );
    }
    let done = UserChange::Deleted(UserId(1));
    assert_eq!((changes.try_recv(), changes.try_recv()), (Ok(done), Ok(done)));
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
}

/// SQLite undoes a whole transaction by itself when, for example, the disk is full.
#[tokio::test]
async fn a_lost_transaction_fails_everybody_and_announces_nothing() {
    let here = Installation::new();
    let catalog = here.open().await;
    let mut changes = catalog.changes();
    let (one, lost, two, refused) = tokio::join!(
        make_bucket(&catalog, "one", false),
        sabotage(&catalog, "ROLLBACK"),
        make_bucket(&catalog, "two", false),
        make_bucket(&catalog, "three", true),
    );
    for result in [one, lost, two, refused] {
        assert!(matches!(result, Err(CatalogError::Unavailable(_))), "{result:?}");
    }
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
    for name in ["one", "two", "three"] {
        assert!(!catalog.bucket_exists(name).await.expect("exists"), "{name}");
    }
    // The writer lives on, with another connection.
    make_bucket(&catalog, "four", false).await.expect("write");
    assert!(catalog.bucket_exists("four").await.expect("exists"));
    assert_eq!(changes.try_recv(), Ok(UserChange::Deleted(UserId(1))));
    assert_eq!(
        changes.try_recv(),
        Err(TryRecvError::Empty),
        "the lost ones are not announced later either"
    );
}

#[tokio::test]
async fn a_commit_that_fails_is_not_acknowledged() {
    let here = Installation::new();
    let catalog = here.open().await;
    // A foreign key that is checked only at the commit, and broken.
    sabotage(&catalog, "CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        .await
        .expect("parent");
    sabotage(
        &catalog,
        "CREATE TABLE child (p INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)",
    )
    .await
    .expect("child");
    let (orphan, bucket) = tokio::join!(
        sabotage(&catalog, "INSERT INTO child VALUES (5)"),
        make_bucket(&catalog, "one", false)
    );
    assert!(matches!(orphan, Err(CatalogError::Unavailable(_))), "{orphan:?}");
    assert!(matches!(bucket, Err(CatalogError::Unavailable(_))), "{bucket:?}");
    assert!(!catalog.bucket_exists("one").await.expect("exists"));
    make_bucket(&catalog, "one", false)
        .await
        .expect("the next transaction is unharmed");
}

#[tokio::test]
async fn waiting_writes_are_committed_together() {
    let here = Installation::new();
    let catalog = here.open().await;
    let log = || {
        std::fs::metadata(here.dir.path().join("catalog.db-wal"))
            .expect("log")
            .len()
    };
    create(&catalog, None).await.expect("create");
    let before = log();
    create(&catalog, None).await.expect("create");
    let one = log() - before;
    let before = log();
    futures::future::join_all((0..30).map(|_| create(&catalog, None))).await;
    // Alone, each would write its pages to the log once more.
    assert!(
        log() - before < 10 * one,
        "{} bytes for 30 users, {one} for one",
        log() - before
    );
    assert_eq!(count(&catalog).await, 32);
}

#[tokio::test]
async fn after_close_every_call_fails_and_queued_writes_are_done() {
    let here = Installation::new();
    let catalog = here.open().await;
    let (bucket, ()) = tokio::join!(make_bucket(&catalog, "one", false), catalog.close());
    bucket.expect("queued before the close");
    assert!(matches!(
        make_bucket(&catalog, "two", false).await,
        Err(CatalogError::Unavailable(_))
    ));
    assert!(matches!(
        catalog.user("WL9F11A9").await,
        Err(CatalogError::Unavailable(_))
    ));
    catalog.close().await;
    let catalog = here.open().await;
    assert!(catalog.bucket_exists("one").await.expect("exists"));
}

#[tokio::test]
async fn an_idle_catalog_forgets_old_answers_too() {
    let here = Installation::new();
    let secrets = Secrets::load_or_create(here.dir.path()).expect("secrets");
    let options = SqliteOptions {
        sweep_interval: Duration::from_millis(5),
        ..here.options()
    };
    let catalog = SqliteCatalog::open(&here.database(), secrets, options)
        .await
        .expect("open");
    create(&catalog, Some(call("i"))).await.expect("create");
    let kept = || async {
        let mut conn = catalog.reader().await.expect("reader");
        let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM invocations")
            .fetch_one(&mut *conn)
            .await
            .expect("count");
        count
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(kept().await, 1, "young answers stay");
    here.clock.advance(REPLAY_WINDOW);
    tokio::time::timeout(Duration::from_secs(20), async {
        while kept().await > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("forgotten without any call");
}

#[tokio::test]
async fn a_write_happens_although_its_caller_went_away() {
    let here = Installation::new();
    let catalog = here.open().await;
    {
        let mut write = Box::pin(make_bucket(&catalog, "one", false));
        // Far enough to be queued.
        assert!(futures::poll!(&mut write).is_pending());
    }
    make_bucket(&catalog, "two", false).await.expect("write");
    assert!(catalog.bucket_exists("one").await.expect("exists"));
}
