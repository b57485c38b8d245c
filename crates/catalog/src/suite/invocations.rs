//! Giving the same answer once more.

use std::time::Duration;

use futures::future::join_all;

use super::{Fixture, assert_err, call, call_by, count_users, create, draft, plain};
use crate::limits::REPLAY_WINDOW;
use crate::{CatalogError, Deleted, Invocation, KeyStore, NewUser, UserChanges, UserStore};

/// User and password as the first time, and one user only.
pub async fn a_repeated_create_gives_the_first_answer<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = NewUser {
        password_length: 40,
        ..draft(&*store, "//alice/").await
    };
    let first = store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("first");
    assert!(!first.replayed);
    for _ in 0..3 {
        fixture.clock().advance(Duration::from_secs(20));
        let again = store
            .create_user(new.clone(), Some(call("i", 1)), None)
            .await
            .expect("again");
        assert!(again.replayed);
        assert_eq!(again.user, first.user);
        assert_eq!(plain(&again.password), plain(&first.password));
    }
    assert_eq!(count_users(&*store).await, 1);
    let login = store
        .authenticate(&first.user.username, &first.password)
        .await
        .expect("authenticate");
    assert_eq!(login, Some(first.user));
}

/// The answer outlives the process that gave it.
pub async fn a_repeated_create_gives_the_first_answer_after_a_restart<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let first = store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("first");
    let store = fixture.restart(store).await;
    let again = store
        .create_user(new, Some(call("i", 1)), None)
        .await
        .expect("again");
    assert!(again.replayed);
    assert_eq!(again.user, first.user);
    assert_eq!(plain(&again.password), plain(&first.password));
    assert_eq!(count_users(&*store).await, 1);
}

/// 32 equal calls at the same time: one user, one password, one call that made it.
pub async fn equal_creates_at_once_make_one_user<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let calls = (0..32).map(|_| {
        let (store, new) = (store.clone(), new.clone());
        tokio::spawn(async move { store.create_user(new, Some(call("i", 1)), None).await })
    });
    let answers: Vec<_> = join_all(calls)
        .await
        .into_iter()
        .map(|a| a.expect("no panic").expect("create"))
        .collect();
    assert_eq!(answers.iter().filter(|a| !a.replayed).count(), 1);
    for answer in &answers {
        assert_eq!(answer.user, answers[0].user);
        assert_eq!(plain(&answer.password), plain(&answers[0].password));
    }
    assert_eq!(count_users(&*store).await, 1);
    let login = store
        .authenticate(&answers[0].user.username, &answers[0].password)
        .await;
    assert!(login.expect("authenticate").is_some());
}

/// The id with another request is a mistake of the caller: nothing is made, the first answer stays.
pub async fn another_request_with_the_same_id_conflicts<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let first = store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("first");
    let other = store
        .create_user(draft(&*store, "/bob").await, Some(call("i", 2)), None)
        .await;
    assert_err!(other, CatalogError::InvocationConflict);
    assert_eq!(count_users(&*store).await, 1);
    let again = store
        .create_user(new, Some(call("i", 1)), None)
        .await
        .expect("again");
    assert_eq!(again.user, first.user);
}

/// Also when a caller computes fingerprints that do not tell the two apart.
pub async fn a_create_and_a_delete_with_the_same_id_conflict<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let user = store
        .create_user(new.clone(), Some(call("c", 1)), None)
        .await
        .expect("create")
        .user;
    assert_err!(
        store.delete_user(&user.username, Some(call("c", 1))).await,
        CatalogError::InvocationConflict
    );
    assert_eq!(count_users(&*store).await, 1);
    store
        .delete_user(&user.username, Some(call("d", 1)))
        .await
        .expect("delete");
    assert_err!(
        store.create_user(new, Some(call("d", 1)), None).await,
        CatalogError::InvocationConflict
    );
    assert_eq!(count_users(&*store).await, 0);
}

/// Two keys and the admin socket that draw the same id get answers of their own.
pub async fn each_caller_has_ids_of_its_own<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let one = store.create_key("one").await.expect("key").key.id;
    let two = store.create_key("two").await.expect("key").key.id;
    let calls = [call("i", 1), call_by(one, "i", 2), call_by(two, "i", 1)];
    let mut names = Vec::new();
    for call in &calls {
        let made = store
            .create_user(new.clone(), Some(call.clone()), None)
            .await
            .expect("create");
        assert!(!made.replayed && !names.contains(&made.user.username));
        names.push(made.user.username);
    }
    for (call, name) in calls.into_iter().zip(names) {
        let again = store
            .create_user(new.clone(), Some(call), None)
            .await
            .expect("again");
        assert!(again.replayed);
        assert_eq!(again.user.username, name);
    }
}

/// To the millisecond, for creates and deletes, with and without a restart in between.
pub async fn an_answer_is_forgotten_after_the_window<F: Fixture>() {
    let fixture = F::new().await;
    let mut store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    for restart in [false, true] {
        let created = store
            .create_user(new.clone(), Some(call("c", 1)), None)
            .await
            .expect("create");
        assert!(!created.replayed);
        let name = &created.user.username;
        store.delete_user(name, Some(call("d", 1))).await.expect("delete");
        fixture.clock().advance(REPLAY_WINDOW - Duration::from_millis(1));
        if restart {
            store = fixture.restart(store).await;
        }
        let again = store
            .create_user(new.clone(), Some(call("c", 1)), None)
            .await
            .expect("within the window");
        assert!(again.replayed);
        let deleted = store
            .delete_user(name, Some(call("d", 1)))
            .await
            .expect("within the window");
        assert_eq!(deleted, Deleted::Replayed);
        fixture.clock().advance(Duration::from_millis(1));
        if restart {
            store = fixture.restart(store).await;
        }
        let forgotten = store.delete_user(name, Some(call("d", 1))).await;
        assert_err!(forgotten, CatalogError::NotFound { what: "user" });
        let next = store
            .create_user(new.clone(), Some(call("c", 9)), None)
            .await
            .expect("the id is free again");
        assert!(!next.replayed);
        assert_ne!(next.user.username, created.user.username);
        fixture.clock().advance(REPLAY_WINDOW);
    }
}

/// A clock that was set back does not keep an answer for longer.
pub async fn an_answer_from_the_future_is_forgotten<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("create");
    fixture.clock().set_back(REPLAY_WINDOW - Duration::from_millis(1));
    assert!(
        store
            .create_user(new.clone(), Some(call("i", 1)), None)
            .await
            .expect("again")
            .replayed
    );
    fixture.clock().set_back(Duration::from_millis(1));
    assert!(
        !store
            .create_user(new, Some(call("i", 1)), None)
            .await
            .expect("forgotten")
            .replayed
    );
}

/// The answer is the one that was given, not the state of today.
pub async fn the_first_answer_stays_although_the_user_changed<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let first = store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("first");
    let name = &first.user.username;
    let changes = UserChanges {
        description: Some("x".to_owned()),
        home_directory: Some("/x".to_owned()),
        ..UserChanges::default()
    };
    store.update_user(name, changes).await.expect("update");
    store
        .record_login(first.user.id, crate::Date { days: 20_000 })
        .await
        .expect("record");
    let again = store
        .create_user(new.clone(), Some(call("i", 1)), None)
        .await
        .expect("after an update");
    assert_eq!(
        (again.user, plain(&again.password)),
        (first.user.clone(), plain(&first.password))
    );
    store.delete_user(name, None).await.expect("delete");
    let again = store
        .create_user(new, Some(call("i", 1)), None)
        .await
        .expect("after a delete");
    assert_eq!(
        (again.user, plain(&again.password)),
        (first.user.clone(), plain(&first.password))
    );
    assert_eq!(count_users(&*store).await, 0);
}

/// A retry of the call that made the last user allowed is not over the limit.
pub async fn a_repeated_create_passes_a_limit_reached_since<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    store
        .create_user(new.clone(), Some(call("i", 1)), Some(1))
        .await
        .expect("first");
    let again = store
        .create_user(new.clone(), Some(call("i", 1)), Some(1))
        .await
        .expect("again");
    assert!(again.replayed);
    assert_err!(
        store.create_user(new, Some(call("j", 1)), Some(1)).await,
        CatalogError::UserLimit { max: 1 }
    );
}

/// A call that failed may be made good with the same id.
pub async fn a_failed_call_is_not_kept<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let first = create(&*store).await.user;
    assert_err!(
        store.create_user(new.clone(), Some(call("i", 1)), Some(1)).await,
        CatalogError::UserLimit { max: 1 }
    );
    let missing = store.delete_user("WL9F11A9", Some(call("j", 1))).await;
    assert_err!(missing, CatalogError::NotFound { what: "user" });
    let made = store
        .create_user(new, Some(call("i", 1)), Some(2))
        .await
        .expect("create");
    assert!(!made.replayed);
    let deleted = store
        .delete_user(&first.username, Some(call("j", 1)))
        .await
        .expect("delete");
    assert_eq!(deleted, Deleted::Now);
}

/// A retried delete succeeds once more; another call finds no user.
pub async fn a_repeated_delete_gives_the_first_answer<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let name = create(&*store).await.user.username;
    assert_eq!(
        store
            .delete_user(&name, Some(call("i", 1)))
            .await
            .expect("delete"),
        Deleted::Now
    );
    assert_eq!(
        store.delete_user(&name, Some(call("i", 1))).await.expect("again"),
        Deleted::Replayed
    );
    let store = fixture.restart(store).await;
    assert_eq!(
        store
            .delete_user(&name, Some(call("i", 1)))
            .await
            .expect("restarted"),
        Deleted::Replayed
    );
    assert_err!(
        store.delete_user(&name, Some(call("i", 2))).await,
        CatalogError::InvocationConflict
    );
    assert_err!(
        store.delete_user(&name, Some(call("j", 1))).await,
        CatalogError::NotFound { what: "user" }
    );
    assert_err!(
        store.delete_user(&name, None).await,
        CatalogError::NotFound { what: "user" }
    );
}

/// All of them succeed, one of them did it.
pub async fn equal_deletes_at_once_delete_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let name = create(&*store).await.user.username;
    let answers = join_all((0..32).map(|_| store.delete_user(&name, Some(call("i", 1))))).await;
    let answers: Vec<Deleted> = answers.into_iter().map(|a| a.expect("delete")).collect();
    assert_eq!(answers.iter().filter(|a| **a == Deleted::Now).count(), 1);
}

/// Ids are the caller's: of any length that the API lets through and of any character.
pub async fn ids_may_be_long_and_odd<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/alice").await;
    let long = "x".repeat(128);
    let ids = ["", " ", "I", "i", "'", "é", "%", &long, &long[1..]];
    let mut calls: Vec<Invocation> = ids.iter().map(|id| call(id, 1)).collect();
    for again in [false, true] {
        for call in &calls {
            let made = store
                .create_user(new.clone(), Some(call.clone()), None)
                .await
                .expect("create");
            assert_eq!(made.replayed, again, "{:?}", call.id);
        }
        calls.reverse();
    }
    assert_eq!(count_users(&*store).await, ids.len());
}
