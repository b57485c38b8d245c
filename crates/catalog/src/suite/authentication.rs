//! Logging in.

use super::{Fixture, create, plain};
use crate::{Date, UserChanges, UserId, UserStore};

/// The whole password of this very user, and nothing near it.
pub async fn only_the_right_password_logs_in<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (made, other) = (create(&*store).await, create(&*store).await);
    let name = &made.user.username;
    let right = store
        .authenticate(name, &made.password)
        .await
        .expect("authenticate");
    assert_eq!(right.as_ref(), Some(&made.user));
    let password = plain(&made.password);
    let near = [
        String::new(),
        password[..15].to_owned(),
        format!("{password} "),
        format!("{password}\0"),
        format!("{password}{password}"),
        password.chars().rev().collect(),
        plain(&other.password).to_owned(),
        name.clone(),
        "x".repeat(100_000),
    ];
    for wrong in near.into_iter().filter(|w| w != password) {
        let refused = store
            .authenticate(name, &wrong.clone().into())
            .await
            .expect("authenticate");
        assert_eq!(refused, None, "{wrong:.40}");
    }
    for nobody in ["", "WL9F11A9", "root", "%", &"X".repeat(100_000)] {
        let refused = store
            .authenticate(nobody, &made.password)
            .await
            .expect("authenticate");
        assert_eq!(refused, None, "{nobody:.40}");
    }
}

/// An update of the other fields changes neither password nor day.
pub async fn an_update_keeps_password_and_login_day<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    store
        .record_login(made.user.id, Date { days: 20_000 })
        .await
        .expect("record");
    let changes = UserChanges {
        description: Some("x".to_owned()),
        home_directory: Some("/x".to_owned()),
        ..UserChanges::default()
    };
    let user = store
        .update_user(&made.user.username, changes)
        .await
        .expect("update");
    assert_eq!(user.last_connected, Some(Date { days: 20_000 }));
    let back = store
        .authenticate(&user.username, &made.password)
        .await
        .expect("authenticate");
    assert_eq!(back, Some(user));
}

/// The day of the latest login is kept, for each user alone, and seen by every way to read a user.
pub async fn the_day_of_the_last_login_is_kept<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (made, other) = (create(&*store).await, create(&*store).await);
    let name = &made.user.username;
    // The third is the second once more, the last as after a clock that was wrong.
    for days in [19_999, 20_000, 20_000, 20_001, 20_000] {
        let day = Some(Date { days });
        store
            .record_login(made.user.id, Date { days })
            .await
            .expect("record");
        let read = store.user(name).await.expect("read").expect("there");
        assert_eq!(read.last_connected, day);
        let login = store
            .authenticate(name, &made.password)
            .await
            .expect("authenticate")
            .expect("right");
        assert_eq!(login.last_connected, day);
        let listed = store.list_users(10, None).await.expect("list").users;
        assert_eq!(
            listed.iter().map(|u| u.last_connected).collect::<Vec<_>>(),
            [day, None]
        );
    }
    let store = fixture.restart(store).await;
    let read = |name: String| {
        let store = store.clone();
        async move {
            store
                .user(&name)
                .await
                .expect("read")
                .expect("there")
                .last_connected
        }
    };
    assert_eq!(read(name.clone()).await, Some(Date { days: 20_000 }));
    assert_eq!(read(other.user.username).await, None);
}

/// Checking a password notes nothing by itself, right or wrong.
pub async fn a_failed_login_leaves_the_day_alone<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create(&*store).await;
    let name = &made.user.username;
    assert_eq!(
        store
            .authenticate(name, &"wrong".into())
            .await
            .expect("authenticate"),
        None
    );
    let right = store
        .authenticate(name, &made.password)
        .await
        .expect("authenticate")
        .expect("right");
    assert_eq!(right.last_connected, None);
    assert_eq!(
        store
            .user(name)
            .await
            .expect("read")
            .expect("there")
            .last_connected,
        None
    );
}

/// A user may be deleted between the check and the note: nothing fails, nothing appears.
pub async fn a_login_of_a_deleted_user_is_not_noted<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let (made, kept) = (create(&*store).await, create(&*store).await);
    store
        .delete_user(&made.user.username, None)
        .await
        .expect("delete");
    store
        .record_login(made.user.id, Date { days: 20_000 })
        .await
        .expect("record");
    store
        .record_login(UserId(i64::MAX), Date { days: 20_000 })
        .await
        .expect("record");
    assert_eq!(store.list_users(10, None).await.expect("list").users, [kept.user]);
}
