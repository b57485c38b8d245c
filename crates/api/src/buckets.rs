//! Buckets that users are put into.

use std::collections::HashSet;
use std::sync::Mutex;

use longshore_storage::{BucketName, RemotePath};
use tokio::sync::OnceCell;

use crate::error::ApiError;
use crate::state::ApiState;

/// What is known to exist, so that CreateUser asks catalog and store only once.
#[derive(Default)]
pub(crate) struct Buckets {
    default: OnceCell<String>,
    in_store: Mutex<HashSet<String>>,
}

/// The account's bucket; made on the first call. Callers that race on it all get the same name.
///
/// # Errors
/// `Catalog`.
pub(crate) async fn default_bucket(state: &ApiState) -> Result<&str, ApiError> {
    let made = state
        .buckets()
        .default
        .get_or_try_init(|| state.catalog().default_bucket());
    Ok(made.await?)
}

/// Makes the home directory visible in `bucket`, and the bucket's place in the store if it is missing. `/` is
/// the bucket itself and needs no directory.
///
/// # Errors
/// `HomeBlocked`, `Storage`.
pub(crate) async fn make_home(state: &ApiState, bucket: &str, home_directory: &str) -> Result<(), ApiError> {
    let name = BucketName::parse(bucket).map_err(|_invalid| ApiError::Internal)?;
    if !known_in_store(state).contains(bucket) {
        state.store().create_bucket(&name).await?;
        known_in_store(state).insert(bucket.to_owned());
    }
    // The rules of `homeDirectory` allow neither NUL nor anything longer than a path may be.
    let home = RemotePath::parse(home_directory.as_bytes()).map_err(|_invalid| ApiError::Internal)?;
    if !home.is_root() {
        state.store().make_home(&name, &home).await?;
    }
    Ok(())
}

fn known_in_store(state: &ApiState) -> std::sync::MutexGuard<'_, HashSet<String>> {
    // The set stays whole whatever panics: entries are only added.
    let known = &state.buckets().in_store;
    known.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
