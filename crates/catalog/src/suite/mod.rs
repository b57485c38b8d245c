//! The conformance suite: what every catalog store must do, whatever database it uses.
//!
//! A store implements [`Fixture`] in its tests and writes `longshore_catalog::catalog_suite!(TheFixture);`.
//! The calling crate needs tokio with `macros` and `rt-multi-thread`.

pub mod authentication;
pub mod buckets;
pub mod changes;
pub mod invocations;
pub mod keys;
pub mod pages;
pub mod uploads;
pub mod users;

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use crate::{ApiKeyId, Catalog, CreatedUser, Invocation, ManualClock, NewUser};

/// An installation under test: its data outlive the store that is opened on them.
#[async_trait]
pub trait Fixture: Send + Sync + Sized + 'static {
    /// The store under test.
    type Store: Catalog;

    /// An installation of its own, without any data.
    async fn new() -> Self;

    /// Opens the store on this installation's data, on this installation's clock.
    async fn open(&self) -> Arc<Self::Store>;

    /// Ends the store as a stop of the service would.
    async fn close(&self, store: Arc<Self::Store>);

    /// The clock that the store sees.
    fn clock(&self) -> &ManualClock;

    /// Ends the store and opens it again.
    async fn restart(&self, store: Arc<Self::Store>) -> Arc<Self::Store> {
        self.close(store).await;
        self.open().await
    }
}

/// Makes a test of each case of the suite.
#[macro_export]
macro_rules! catalog_suite {
    ($fixture:ty) => {
        $crate::catalog_suite! { @modules $fixture;
            users {
                a_made_user_reads_back_as_written,
                a_user_survives_a_restart,
                passwords_are_random_and_of_the_wanted_length,
                passwords_are_not_shown_by_accident,
                names_never_come_back,
                names_match_exactly,
                an_unknown_bucket_is_not_found,
                the_limit_counts_living_users,
                the_limit_holds_when_many_create_at_once,
                many_creates_at_once_all_succeed,
                an_update_changes_what_it_names_and_nothing_else,
                a_refused_update_changes_nothing,
                a_deleted_user_is_gone,
                many_deletes_at_once_delete_once,
            }
            authentication {
                only_the_right_password_logs_in,
                an_update_keeps_password_and_login_day,
                the_day_of_the_last_login_is_kept,
                a_failed_login_leaves_the_day_alone,
                a_login_of_a_deleted_user_is_not_noted,
            }
            pages {
                without_users_there_is_one_empty_page,
                pages_follow_creation_order,
                a_last_page_that_is_exactly_full_has_no_token,
                the_empty_token_means_the_first_page,
                odd_page_sizes_still_give_pages,
                forged_tokens_are_refused,
                a_token_of_another_account_is_refused,
                a_token_is_good_after_a_restart,
                a_walk_neither_skips_nor_repeats,
                a_walk_beside_a_busy_writer_neither_skips_nor_repeats,
            }
            invocations {
                a_repeated_create_gives_the_first_answer,
                a_repeated_create_gives_the_first_answer_after_a_restart,
                equal_creates_at_once_make_one_user,
                another_request_with_the_same_id_conflicts,
                a_create_and_a_delete_with_the_same_id_conflict,
                each_caller_has_ids_of_its_own,
                an_answer_is_forgotten_after_the_window,
                an_answer_from_the_future_is_forgotten,
                the_first_answer_stays_although_the_user_changed,
                a_repeated_create_passes_a_limit_reached_since,
                a_failed_call_is_not_kept,
                a_repeated_delete_gives_the_first_answer,
                equal_deletes_at_once_delete_once,
                ids_may_be_long_and_odd,
            }
            keys {
                a_key_is_known_by_its_whole_text_only,
                a_key_is_not_shown_by_accident,
                keys_are_listed_in_creation_order,
                a_revoked_key_counts_no_more,
                an_unknown_key_cannot_be_revoked,
                many_keys_at_once_are_all_different,
            }
            buckets {
                the_default_bucket_is_named_after_the_account,
                the_default_bucket_is_made_once,
                accounts_differ,
            }
            uploads {
                a_record_reads_back_as_written,
                an_upload_is_on_record_once,
                records_survive_a_restart,
                a_pending_digest_is_filled_in_once,
                a_digest_that_nobody_finished_is_absent_after_a_restart,
                records_come_newest_first_page_by_page,
                records_of_one_user_alone,
                a_page_token_of_users_is_none_of_uploads,
                a_new_name_goes_to_the_last_upload_of_the_old_one,
                records_outlive_their_user,
                old_records_are_forgotten_and_no_others,
                a_thousand_records_at_once,
            }
            changes {
                deletes_and_moves_are_announced,
                what_changed_nothing_is_not_announced,
                an_announced_change_is_already_visible,
                changes_come_in_the_order_of_their_commits,
            }
        }
    };
    (@modules $fixture:ty; $($module:ident { $($case:ident,)* })*) => {
        $(mod $module {
            use super::*;
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    $crate::suite::$module::$case::<$fixture>().await;
                }
            )*
        })*
    };
}

/// A user as the API would ask for it, in the default bucket.
async fn draft<S: Catalog>(store: &S, home: &str) -> NewUser {
    NewUser {
        home_directory: home.to_owned(),
        description: "Trading partner Alice".to_owned(),
        bucket: store.default_bucket().await.expect("default bucket"),
        password_length: 16,
    }
}

/// Makes a user without limit and invocation id.
async fn create<S: Catalog>(store: &S) -> CreatedUser {
    store
        .create_user(draft(store, "/alice").await, None, None)
        .await
        .expect("create")
}

/// A call of the admin socket.
fn call(id: &str, fingerprint: u8) -> Invocation {
    Invocation {
        caller: None,
        id: id.to_owned(),
        fingerprint: [fingerprint; 32],
    }
}

/// The same call by an API key.
fn call_by(key: ApiKeyId, id: &str, fingerprint: u8) -> Invocation {
    Invocation {
        caller: Some(key),
        ..call(id, fingerprint)
    }
}

/// Secrets as text, to compare them.
fn plain(secret: &SecretString) -> &str {
    secret.expose_secret()
}

/// How many users there are, counted by walking the list.
async fn count_users<S: Catalog>(store: &S) -> usize {
    let (mut count, mut token) = (0, None);
    loop {
        let page = store.list_users(50, token.as_deref()).await.expect("list");
        count += page.users.len();
        assert!(count < 10_000, "the walk goes in circles");
        token = page.next_page_token;
        if token.is_none() {
            return count;
        }
    }
}

/// Asserts on the variant of an error.
macro_rules! assert_err {
    ($result:expr, $pattern:pat) => {
        match $result {
            Err($pattern) => {}
            other => panic!("expected {}, got {other:?}", stringify!($pattern)),
        }
    };
}
use assert_err;

#[cfg(test)]
mod tests {
    /// A case that nobody runs would pass for ever.
    #[test]
    fn every_case_is_listed() {
        let sources = [
            include_str!("authentication.rs"),
            include_str!("buckets.rs"),
            include_str!("changes.rs"),
            include_str!("invocations.rs"),
            include_str!("keys.rs"),
            include_str!("pages.rs"),
            include_str!("uploads.rs"),
            include_str!("users.rs"),
        ];
        let list = include_str!("mod.rs");
        let cases = sources
            .iter()
            .flat_map(|s| s.lines())
            .filter_map(|l| l.strip_prefix("pub async fn "));
        let names: Vec<&str> = cases.filter_map(|l| l.split('<').next()).collect();
        assert!(names.len() > 50, "only {} cases found", names.len());
        for name in names {
            assert!(list.contains(&format!(" {name},\n")), "{name} is not listed");
        }
    }
}
