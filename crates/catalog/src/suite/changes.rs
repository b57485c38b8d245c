//! What open sessions hear.

use tokio::sync::broadcast::error::TryRecvError;

use super::{Fixture, call, create, draft};
use crate::{Catalog, NewUser, UserChange, UserChanges, UserId, UserStore};

/// By the time the call returns, everybody who listens has it.
pub async fn deletes_and_moves_are_announced<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let user = create(&*store).await.user;
    let (mut one, mut other) = (store.changes(), store.changes());
    store
        .update_user(&user.username, home("/elsewhere"))
        .await
        .expect("update");
    assert_eq!(one.try_recv(), Ok(UserChange::Remapped(user.id)));
    store
        .delete_user(&user.username, Some(call("i", 1)))
        .await
        .expect("delete");
    assert_eq!(one.try_recv(), Ok(UserChange::Deleted(user.id)));
    assert_eq!(one.try_recv(), Err(TryRecvError::Empty));
    assert_eq!(other.try_recv(), Ok(UserChange::Remapped(user.id)));
    assert_eq!(other.try_recv(), Ok(UserChange::Deleted(user.id)));
}

/// Creates, other fields, equal values, refusals and repeated answers disturb no session.
pub async fn what_changed_nothing_is_not_announced<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (user, gone) = (create(&*store).await.user, create(&*store).await.user);
    store
        .delete_user(&gone.username, Some(call("i", 1)))
        .await
        .expect("delete");
    let mut changes = store.changes();
    create(&*store).await;
    let bad = NewUser {
        bucket: "nobodys-bucket".to_owned(),
        ..draft(&*store, "/").await
    };
    store
        .create_user(bad, None, None)
        .await
        .expect_err("no such bucket");
    let words = UserChanges {
        description: Some("x".to_owned()),
        ..UserChanges::default()
    };
    store
        .update_user(&user.username, words)
        .await
        .expect("description");
    store
        .update_user(&user.username, home(&user.home_directory))
        .await
        .expect("the same home");
    let bucket = UserChanges {
        bucket: Some(user.bucket.clone()),
        ..UserChanges::default()
    };
    store
        .update_user(&user.username, bucket)
        .await
        .expect("the same bucket");
    let refused = UserChanges {
        bucket: Some("nobodys-bucket".to_owned()),
        ..home("/x")
    };
    store
        .update_user(&user.username, refused)
        .await
        .expect_err("no such bucket");
    store
        .update_user(&gone.username, home("/x"))
        .await
        .expect_err("no such user");
    store
        .delete_user(&gone.username, Some(call("i", 1)))
        .await
        .expect("once more");
    store
        .delete_user(&gone.username, None)
        .await
        .expect_err("no such user");
    store
        .record_login(user.id, crate::Date { days: 20_000 })
        .await
        .expect("record");
    assert_eq!(changes.try_recv(), Err(TryRecvError::Empty));
}

/// Whoever hears of a change and looks, sees it.
pub async fn an_announced_change_is_already_visible<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    for _ in 0..20 {
        let made = create(&*store).await;
        let name = made.user.username.clone();
        let mut changes = store.changes();
        let look = async {
            assert_eq!(changes.recv().await, Ok(UserChange::Deleted(made.user.id)));
            assert_eq!(
                store
                    .authenticate(&name, &made.password)
                    .await
                    .expect("authenticate"),
                None
            );
        };
        let (deleted, ()) = tokio::join!(store.delete_user(&name, None), look);
        deleted.expect("delete");
    }
}

/// For one user the last thing heard is the last thing that happened.
pub async fn changes_come_in_the_order_of_their_commits<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let mut users = Vec::new();
    for _ in 0..8 {
        users.push(create(&*store).await.user);
    }
    let mut changes = store.changes();
    let work = users.iter().cloned().map(|user| {
        let store = store.clone();
        tokio::spawn(async move {
            for home_directory in ["/a", "/b", "/c"] {
                store
                    .update_user(&user.username, home(home_directory))
                    .await
                    .expect("update");
            }
            store.delete_user(&user.username, None).await.expect("delete");
        })
    });
    for done in futures::future::join_all(work).await {
        done.expect("no panic");
    }
    let mut heard = Vec::new();
    while let Ok(change) = changes.try_recv() {
        heard.push(change);
    }
    let of = |id: UserId| move |c: &&UserChange| matches!(c, UserChange::Remapped(u) | UserChange::Deleted(u) if *u == id);
    for user in users {
        let (moved, deleted) = (UserChange::Remapped(user.id), UserChange::Deleted(user.id));
        let mine: Vec<UserChange> = heard.iter().filter(of(user.id)).copied().collect();
        assert_eq!(mine, [moved, moved, moved, deleted]);
    }
}

fn home(home_directory: &str) -> UserChanges {
    UserChanges {
        home_directory: Some(home_directory.to_owned()),
        ..UserChanges::default()
    }
}
