//! Listing users page by page.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Fixture, assert_err, create};
use crate::{Catalog, CatalogError, User, UserStore};

/// No users, no token.
pub async fn without_users_there_is_one_empty_page<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let page = store.list_users(25, None).await.expect("list");
    assert!(page.users.is_empty() && page.next_page_token.is_none());
}

/// All users in the order they were made, whatever the page size.
pub async fn pages_follow_creation_order<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create_many(&*store, 11).await;
    for size in [1, 2, 3, 5, 10, 11, 12, 50] {
        assert_eq!(walk(&*store, size).await, made, "page size {size}");
    }
    let store = fixture.restart(store).await;
    assert_eq!(walk(&*store, 4).await, made);
}

/// The token tells that more users follow, and nothing else.
pub async fn a_last_page_that_is_exactly_full_has_no_token<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    create_many(&*store, 6).await;
    assert!(
        store
            .list_users(6, None)
            .await
            .expect("list")
            .next_page_token
            .is_none()
    );
    let first = store.list_users(3, None).await.expect("list");
    let second = store
        .list_users(3, first.next_page_token.as_deref())
        .await
        .expect("list");
    assert_eq!((second.users.len(), second.next_page_token), (3, None));
    assert!(
        store
            .list_users(5, None)
            .await
            .expect("list")
            .next_page_token
            .is_some_and(|t| !t.is_empty())
    );
}

/// Clients send `pageToken=` when they mean none.
pub async fn the_empty_token_means_the_first_page<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create_many(&*store, 2).await;
    assert_eq!(
        store.list_users(1, Some("")).await.expect("list").users,
        made[..1]
    );
}

/// The API checks sizes; the store only must not fail or give everything away.
pub async fn odd_page_sizes_still_give_pages<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create_many(&*store, 2).await;
    assert_eq!(store.list_users(0, None).await.expect("list").users, made[..1]);
    assert_eq!(store.list_users(u32::MAX, None).await.expect("list").users, made);
}

/// Only what the store gave out is a token.
pub async fn forged_tokens_are_refused<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    create_many(&*store, 3).await;
    let token = store
        .list_users(1, None)
        .await
        .expect("list")
        .next_page_token
        .expect("token");
    assert!(store.list_users(1, Some(&token)).await.is_ok());
    let mut forged: Vec<String> = ["1", "x", " ", "null", "AAAAAAAAAAE", "é", "\0"]
        .map(str::to_owned)
        .to_vec();
    forged.extend([
        token.to_lowercase(),
        token.to_uppercase(),
        format!("{token}="),
        format!("{token}{token}"),
    ]);
    forged.push("A".repeat(100_000));
    forged.extend((1..token.len()).map(|cut| token[..cut].to_owned()));
    for i in 0..token.len() {
        let other = if token.as_bytes()[i] == b'A' { "B" } else { "A" };
        forged.push(format!("{}{other}{}", &token[..i], &token[i + 1..]));
    }
    for forged in forged.into_iter().filter(|f| *f != token) {
        assert_err!(
            store.list_users(1, Some(&forged)).await,
            CatalogError::InvalidPageToken
        );
    }
}

/// Tokens are bound to their account.
pub async fn a_token_of_another_account_is_refused<F: Fixture>() {
    let (one, other) = (F::new().await, F::new().await);
    let (store, foreign) = (one.open().await, other.open().await);
    create_many(&*store, 2).await;
    create_many(&*foreign, 2).await;
    let token = foreign
        .list_users(1, None)
        .await
        .expect("list")
        .next_page_token
        .expect("token");
    assert_err!(
        store.list_users(1, Some(&token)).await,
        CatalogError::InvalidPageToken
    );
}

/// A client may go on with its walk after the service was restarted.
pub async fn a_token_is_good_after_a_restart<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let made = create_many(&*store, 4).await;
    let token = store
        .list_users(2, None)
        .await
        .expect("list")
        .next_page_token
        .expect("token");
    let store = fixture.restart(store).await;
    assert_eq!(
        store.list_users(2, Some(&token)).await.expect("list").users,
        made[2..]
    );
}

/// Random creates and deletes between the pages of a walk, the last user of a page and the next one among the
/// deleted. Users present throughout come exactly once and in order.
pub async fn a_walk_neither_skips_nor_repeats<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    for seed in 1..=25 {
        let mut dice = Dice(seed);
        let mut living = walk(&*store, 50).await;
        for _ in living.len()..8 {
            living.push(create(&*store).await.user);
        }
        let mut stayed: HashSet<String> = living.iter().map(|u| u.username.clone()).collect();
        let (mut seen, mut token) = (Vec::<User>::new(), None);
        loop {
            let page = store
                .list_users(1 + dice.below(4), token.as_deref())
                .await
                .expect("list");
            let last = page.users.last().map(|u| u.id);
            seen.extend(page.users);
            assert!(seen.len() < 10_000, "seed {seed}: the walk goes in circles");
            token = page.next_page_token;
            if token.is_none() {
                break;
            }
            for _ in 0..dice.below(3) {
                // The growth is bounded, so that the walk ends.
                if living.len() < 30 {
                    living.push(create(&*store).await.user);
                }
            }
            for _ in 0..dice.below(3) {
                let around_token = living.iter().position(|u| Some(u.id) >= last).unwrap_or(0);
                let victim = match dice.below(3) {
                    0 => around_token,
                    1 => (around_token + 1).min(living.len() - 1),
                    _ => dice.below(u32::try_from(living.len()).expect("few users")) as usize,
                };
                let victim = living.remove(victim);
                stayed.remove(&victim.username);
                store.delete_user(&victim.username, None).await.expect("delete");
                if living.is_empty() {
                    living.push(create(&*store).await.user);
                }
            }
        }
        check_walk(&seen, &stayed, seed);
        assert_eq!(walk(&*store, 7).await, living, "seed {seed}");
    }
}

/// The same with a writer that really runs at the same time.
pub async fn a_walk_beside_a_busy_writer_neither_skips_nor_repeats<F: Fixture>() {
    let fixture = F::new().await;
    let store = fixture.open().await;
    let stayed: HashSet<String> = create_many(&*store, 20)
        .await
        .into_iter()
        .map(|u| u.username)
        .collect();
    let stop = AtomicBool::new(false);
    let write = async {
        while !stop.load(Ordering::SeqCst) {
            let (one, other) = tokio::join!(create(&*store), create(&*store));
            let (a, b) = tokio::join!(
                store.delete_user(&other.user.username, None),
                store.delete_user(&one.user.username, None)
            );
            a.and(b).expect("delete");
        }
    };
    let read = async {
        for round in 0..20 {
            check_walk(&walk(&*store, 3).await, &stayed, round);
        }
        stop.store(true, Ordering::SeqCst);
    };
    tokio::join!(write, read);
}

fn check_walk(seen: &[User], stayed: &HashSet<String>, seed: u64) {
    assert!(
        seen.windows(2).all(|w| w[0].id < w[1].id),
        "seed {seed}: out of order or repeated"
    );
    let seen: HashSet<&String> = seen.iter().map(|u| &u.username).collect();
    for name in stayed {
        assert!(seen.contains(name), "seed {seed}: {name} was skipped");
    }
}

async fn create_many<S: Catalog>(store: &S, count: usize) -> Vec<User> {
    let mut users = Vec::new();
    for _ in 0..count {
        users.push(create(store).await.user);
    }
    users
}

async fn walk<S: Catalog>(store: &S, size: u32) -> Vec<User> {
    let (mut users, mut token) = (Vec::new(), None);
    loop {
        let page = store.list_users(size, token.as_deref()).await.expect("list");
        assert!(page.users.len() <= size as usize);
        users.extend(page.users);
        assert!(users.len() < 10_000, "the walk goes in circles");
        token = page.next_page_token;
        if token.is_none() {
            return users;
        }
    }
}

/// Numbers that look random and are the same for the same seed (a 64-bit linear congruential generator).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        u32::try_from((self.0 >> 33) % u64::from(limit)).expect("below a u32")
    }
}
