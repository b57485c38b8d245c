//! Making, reading, changing and deleting users.

use std::collections::HashSet;

use futures::future::join_all;

use super::{Fixture, assert_err, count_users, create, draft, plain};
use crate::{BucketStore, CatalogError, Clock, NewUser, UserChanges, UserStore};

/// Every field comes back as written; name and password are in their alphabets.
pub async fn a_made_user_reads_back_as_written<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = NewUser {
        description: "A-b_c /9".to_owned(),
        ..draft(&*store, "//alice/x.y+z:/").await
    };
    let made = store.create_user(new.clone(), None, None).await.expect("create");
    let user = made.user;
    assert!(!made.replayed);
    assert_eq!(user.home_directory, new.home_directory);
    assert_eq!(user.description, new.description);
    assert_eq!(user.bucket, new.bucket);
    assert_eq!(user.last_connected, None);
    assert_eq!(user.created, fixture.clock().now());
    assert_eq!(user.username.len(), 8);
    assert!(
        user.username
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()),
        "{}",
        user.username
    );
    assert_eq!(store.user(&user.username).await.expect("read"), Some(user));
}

/// All that was acknowledged is there after a restart, the password too.
pub async fn a_user_survives_a_restart<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    let store = fixture.restart(store).await;
    assert_eq!(
        store.user(&made.user.username).await.expect("read"),
        Some(made.user.clone())
    );
    let back = store
        .authenticate(&made.user.username, &made.password)
        .await
        .expect("authenticate");
    assert_eq!(back, Some(made.user));
}

/// 16 to 128 characters of `[A-Za-z0-9]`, never the same twice; what no caller may ask for is brought within.
pub async fn passwords_are_random_and_of_the_wanted_length<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let mut seen = HashSet::new();
    for (password_length, len) in [
        (16, 16),
        (16, 16),
        (17, 17),
        (64, 64),
        (127, 127),
        (128, 128),
        (0, 16),
        (15, 16),
        (u32::MAX, 128),
    ] {
        let new = NewUser {
            password_length,
            ..draft(&*store, "/").await
        };
        let made = store.create_user(new, None, None).await.expect("create");
        let password = plain(&made.password);
        assert_eq!(password.len(), len);
        assert!(password.bytes().all(|b| b.is_ascii_alphanumeric()));
        assert!(seen.insert(password[..16].to_owned()));
    }
}

/// `Debug` of what carries a password does not print it.
pub async fn passwords_are_not_shown_by_accident<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    let shown = format!("{made:?} {made:#?}");
    assert!(shown.contains(&made.user.username));
    assert!(!shown.contains(plain(&made.password)));
}

/// Names and ids differ for ever, also when users are deleted in between and after a restart.
pub async fn names_never_come_back<F: Fixture>() {
    let fixture = F::new().await;
    let mut store = fixture.open().await;
    let (mut names, mut last) = (HashSet::new(), None);
    for round in 0..60 {
        let user = create(&*store).await.user;
        assert!(names.insert(user.username.clone()), "{} came back", user.username);
        assert!(last < Some(user.id), "ids rise");
        last = Some(user.id);
        if round % 3 != 0 {
            store.delete_user(&user.username, None).await.expect("delete");
        }
        if round % 20 == 19 {
            store = fixture.restart(store).await;
        }
    }
    assert_eq!(count_users(&*store).await, 20);
}

/// No other case, no blanks, no wildcards.
pub async fn names_match_exactly<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    let name = &made.user.username;
    let near = [
        String::new(),
        format!("{name}A"),
        format!("{name} "),
        format!(" {name}"),
        format!("{name}\0"),
        name[..7].to_owned(),
        "%".to_owned(),
        "________".to_owned(),
        "' OR '1'='1".to_owned(),
    ];
    let lower = Some(name.to_lowercase()).filter(|lower| lower != name);
    for other in near.into_iter().chain(lower) {
        assert_eq!(store.user(&other).await.expect("read"), None, "{other:?}");
        assert_eq!(
            store
                .authenticate(&other, &made.password)
                .await
                .expect("authenticate"),
            None,
            "{other:?}"
        );
        assert_err!(
            store.delete_user(&other, None).await,
            CatalogError::NotFound { what: "user" }
        );
    }
}

/// A user in a bucket that the account does not have is refused and leaves nothing behind.
pub async fn an_unknown_bucket_is_not_found<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let kept = create(&*store).await.user;
    let new = NewUser {
        bucket: "nobodys-bucket".to_owned(),
        ..draft(&*store, "/").await
    };
    assert_err!(
        store.create_user(new, None, Some(2)).await,
        CatalogError::NotFound { what: "bucket" }
    );
    let changes = UserChanges {
        bucket: Some("nobodys-bucket".to_owned()),
        ..UserChanges::default()
    };
    let refused = store.update_user(&kept.username, changes).await;
    assert_err!(refused, CatalogError::NotFound { what: "bucket" });
    assert_eq!(store.user(&kept.username).await.expect("read"), Some(kept));
    assert_eq!(count_users(&*store).await, 1);
    // The refused one was not counted either.
    store
        .create_user(draft(&*store, "/").await, None, Some(2))
        .await
        .expect("create");
}

/// The limit is on users there are, not on users ever made.
pub async fn the_limit_counts_living_users<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/").await;
    assert_err!(
        store.create_user(new.clone(), None, Some(0)).await,
        CatalogError::UserLimit { max: 0 }
    );
    let first = store
        .create_user(new.clone(), None, Some(2))
        .await
        .expect("first");
    store
        .create_user(new.clone(), None, Some(2))
        .await
        .expect("second");
    assert_err!(
        store.create_user(new.clone(), None, Some(2)).await,
        CatalogError::UserLimit { max: 2 }
    );
    store
        .delete_user(&first.user.username, None)
        .await
        .expect("delete");
    let store = fixture.restart(store).await;
    store
        .create_user(new.clone(), None, Some(2))
        .await
        .expect("after a delete");
    assert_err!(
        store.create_user(new.clone(), None, Some(2)).await,
        CatalogError::UserLimit { max: 2 }
    );
    store
        .create_user(new.clone(), None, Some(u64::MAX))
        .await
        .expect("a huge limit");
    store.create_user(new, None, None).await.expect("no limit");
    assert_eq!(count_users(&*store).await, 4);
}

/// Exactly as many as allowed get through.
pub async fn the_limit_holds_when_many_create_at_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let new = draft(&*store, "/").await;
    let results = join_all((0..24).map(|_| store.create_user(new.clone(), None, Some(5)))).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 5);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_err!(refused, CatalogError::UserLimit { max: 5 });
    }
    assert_eq!(count_users(&*store).await, 5);
}

/// Writers that meet do not disturb each other; one that fails fails alone.
pub async fn many_creates_at_once_all_succeed<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let good = draft(&*store, "/").await;
    let bad = NewUser {
        bucket: "nobodys-bucket".to_owned(),
        ..good.clone()
    };
    let calls = (0..120).map(|i| {
        let (store, new) = (store.clone(), if i % 4 == 3 { bad.clone() } else { good.clone() });
        tokio::spawn(async move { store.create_user(new, None, None).await })
    });
    let mut names = HashSet::new();
    for (i, result) in join_all(calls).await.into_iter().enumerate() {
        let result = result.expect("no panic");
        if i % 4 == 3 {
            assert_err!(result, CatalogError::NotFound { what: "bucket" });
        } else {
            let made = result.expect("create");
            let back = store
                .authenticate(&made.user.username, &made.password)
                .await
                .expect("authenticate");
            assert_eq!(back.as_ref(), Some(&made.user));
            assert!(names.insert(made.user.username));
        }
    }
    let store = fixture.restart(store).await;
    assert_eq!(count_users(&*store).await, names.len());
}

/// `None` leaves a field as it is; the answer is the new state.
pub async fn an_update_changes_what_it_names_and_nothing_else<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let bystander = create(&*store).await.user;
    let mut user = create(&*store).await.user;
    let name = user.username.clone();
    let text = |s: &str| Some(s.to_owned());

    let same = store
        .update_user(&name, UserChanges::default())
        .await
        .expect("no change");
    assert_eq!(same, user);

    let changes = UserChanges {
        description: text("new words"),
        ..UserChanges::default()
    };
    user.description = "new words".to_owned();
    assert_eq!(
        store.update_user(&name, changes).await.expect("description"),
        user
    );

    let changes = UserChanges {
        home_directory: text("/elsewhere/"),
        ..UserChanges::default()
    };
    user.home_directory = "/elsewhere/".to_owned();
    assert_eq!(store.update_user(&name, changes).await.expect("home"), user);

    let changes = UserChanges {
        description: text("x"),
        home_directory: text("/"),
        bucket: Some(user.bucket.clone()),
    };
    (user.description, user.home_directory) = ("x".to_owned(), "/".to_owned());
    assert_eq!(store.update_user(&name, changes).await.expect("all"), user);

    let store = fixture.restart(store).await;
    assert_eq!(store.user(&name).await.expect("read"), Some(user));
    assert_eq!(
        store.user(&bystander.username).await.expect("read"),
        Some(bystander)
    );
}

/// Unknown users are `NotFound`; a refused change leaves all fields alone.
pub async fn a_refused_update_changes_nothing<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let changes = UserChanges {
        description: Some("x".to_owned()),
        ..UserChanges::default()
    };
    assert_err!(
        store.update_user("WL9F11A9", changes).await,
        CatalogError::NotFound { what: "user" }
    );
    let user = create(&*store).await.user;
    let changes = UserChanges {
        description: Some("x".to_owned()),
        home_directory: Some("/x".to_owned()),
        bucket: Some("nobodys-bucket".to_owned()),
    };
    assert_err!(
        store.update_user(&user.username, changes).await,
        CatalogError::NotFound { what: "bucket" }
    );
    assert_eq!(store.user(&user.username).await.expect("read"), Some(user));
}

/// No call finds the user any more; the bucket stays.
pub async fn a_deleted_user_is_gone<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    let name = &made.user.username;
    let deleted = store.delete_user(name, None).await.expect("delete");
    assert_eq!(deleted, crate::Deleted::Now);
    let store = fixture.restart(store).await;
    assert_eq!(store.user(name).await.expect("read"), None);
    assert_eq!(
        store
            .authenticate(name, &made.password)
            .await
            .expect("authenticate"),
        None
    );
    assert_eq!(count_users(&*store).await, 0);
    assert_err!(
        store.delete_user(name, None).await,
        CatalogError::NotFound { what: "user" }
    );
    let update = store.update_user(name, UserChanges::default()).await;
    assert_err!(update, CatalogError::NotFound { what: "user" });
    assert!(store.bucket_exists(&made.user.bucket).await.expect("bucket"));
}

/// One call deletes; the others hear that there is no such user.
pub async fn many_deletes_at_once_delete_once<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let user = create(&*store).await.user;
    let results = join_all((0..16).map(|_| store.delete_user(&user.username, None))).await;
    assert_eq!(results.iter().filter(|r| r.is_ok()).count(), 1);
    for refused in results.into_iter().filter(Result::is_err) {
        assert_err!(refused, CatalogError::NotFound { what: "user" });
    }
}
