//! The five operations on users (`reference/stedi.md` §4).

use longshore_catalog::{CatalogError, Invocation, NewUser, User, UserChanges};
use serde_json::{Map, Value};

use super::requests::{CreateUserRequest, ListUsersRequest, UpdateUserRequest, bucket_asked_for};
use super::responses::{CreateUserResponse, ListUsersResponse, UserResponse};
use crate::buckets;
use crate::error::ApiError;
use crate::state::ApiState;
use crate::validation::Failures;

/// Makes a user. The home directory comes first: whoever holds the answer can log in and finds it. A crash in
/// between leaves an empty directory, never a user without one.
pub(super) async fn create(
    state: &ApiState,
    body: &Map<String, Value>,
    invocation: Option<Invocation>,
) -> Result<CreateUserResponse, ApiError> {
    let mut failures = Failures::default();
    let request = CreateUserRequest::read(body, &mut failures);
    check_bucket(state, bucket_asked_for(body), &mut failures).await?;
    failures.into_result()?;
    let request = request.ok_or(ApiError::Internal)?;

    let password_length = request.password_length();
    let bucket = match request.bucket_name {
        Some(name) => name,
        None => buckets::default_bucket(state).await?.to_owned(),
    };
    buckets::make_home(state, &bucket, &request.home_directory).await?;
    let new = NewUser {
        home_directory: request.home_directory,
        description: request.description,
        bucket,
        password_length,
    };
    let created = state
        .catalog()
        .create_user(new, invocation, state.settings().max_users)
        .await?;
    Ok(CreateUserResponse::new(created, state.settings()))
}

/// A page of users.
pub(super) async fn list(
    state: &ApiState,
    request: ListUsersRequest<'_>,
) -> Result<ListUsersResponse, ApiError> {
    let mut failures = request.failures;
    // With a page size that is not valid the token is tried all the same: all failures are told at once.
    let page_size = request.page_size.unwrap_or(1);
    let page = match state.catalog().list_users(page_size, request.page_token).await {
        Err(CatalogError::InvalidPageToken) => {
            failures.add("/pageToken", "Member must be a token that ListUsers returned");
            None
        }
        other => Some(other?),
    };
    failures.into_result()?;
    let page = page.ok_or(ApiError::Internal)?;
    Ok(ListUsersResponse::new(page, state.settings()))
}

/// One user.
pub(super) async fn read(state: &ApiState, username: &str) -> Result<UserResponse, ApiError> {
    let user = existing(state, username).await?;
    Ok(UserResponse::new(user, state.settings()))
}

/// Changes a user. A new home or bucket is made ready before the change is stored.
pub(super) async fn update(
    state: &ApiState,
    username: String,
    body: &Map<String, Value>,
) -> Result<UserResponse, ApiError> {
    let mut failures = Failures::default();
    let request = UpdateUserRequest::read(body, &mut failures);
    check_bucket(state, bucket_asked_for(body), &mut failures).await?;
    failures.into_result()?;
    let request = request.ok_or(ApiError::Internal)?;

    let before = existing(state, &username).await?;
    if request.home_directory.is_some() || request.bucket_name.is_some() {
        let bucket = request.bucket_name.as_deref().unwrap_or(&before.bucket);
        let home = request
            .home_directory
            .as_deref()
            .unwrap_or(&before.home_directory);
        buckets::make_home(state, bucket, home).await?;
    }
    let changes = UserChanges {
        description: Some(request.description),
        home_directory: request.home_directory,
        bucket: request.bucket_name,
    };
    let user = match state.catalog().update_user(&username, changes).await {
        Err(CatalogError::NotFound { .. }) => return Err(ApiError::UnknownUser { username }),
        other => other?,
    };
    Ok(UserResponse::new(user, state.settings()))
}

/// Deletes a user; files and bucket stay.
pub(super) async fn delete(
    state: &ApiState,
    username: String,
    invocation: Option<Invocation>,
) -> Result<(), ApiError> {
    match state.catalog().delete_user(&username, invocation).await {
        Err(CatalogError::NotFound { .. }) => Err(ApiError::UnknownUser { username }),
        other => {
            other?;
            Ok(())
        }
    }
}

async fn existing(state: &ApiState, username: &str) -> Result<User, ApiError> {
    let user = state.catalog().user(username).await?;
    user.ok_or_else(|| ApiError::UnknownUser {
        username: username.to_owned(),
    })
}

/// A bucket that the account does not have is told in the same words whether or not it exists elsewhere.
async fn check_bucket(state: &ApiState, name: Option<&str>, failures: &mut Failures) -> Result<(), ApiError> {
    let Some(name) = name else { return Ok(()) };
    if !state.catalog().bucket_exists(name).await? {
        failures.add(
            "/bucketName",
            "Member must be the name of a bucket of this account",
        );
    }
    Ok(())
}
