//! SFTP users: routes and handlers. What the operations mean stands in [`service`].

mod requests;
mod responses;
mod service;

use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::{MethodRouter, get};

use crate::body::JsonObject;
use crate::error::{ApiError, ErrorBody};
use crate::invocation::Call;
use crate::state::ApiState;
pub(crate) use requests::ListUsersRequest;
use requests::{CreateUserRequest, UpdateUserRequest};
use responses::{CreateUserResponse, ListUsersResponse, UserResponse};

/// `/users`.
pub(crate) fn collection() -> MethodRouter<ApiState> {
    get(list).post(create)
}

/// `/users/{username}`.
pub(crate) fn item() -> MethodRouter<ApiState> {
    get(read).put(update).delete(delete)
}

/// The `{username}` of the path, percent-decoded once after splitting. What is not UTF-8 names nobody.
#[derive(Debug)]
struct Username(String);

impl FromRequestParts<ApiState> for Username {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(username)| Self(username))
            .map_err(|_not_utf8| ApiError::UnknownUser {
                username: String::new(),
            })
    }
}

/// Create a user
///
/// Generates a user name and a password, and makes the home directory. The password is returned this once.
/// A repeat with the same `amz-sdk-invocation-id` within ten minutes returns the same answer.
#[utoipa::path(
    post, path = "/2022-04-01/users", operation_id = "CreateUser", tag = "users",
    params(("amz-sdk-invocation-id" = Option<String>, Header, description = "Names this call: a repeat gets the first answer again.", max_length = 128, nullable = false)),
    request_body = CreateUserRequest,
    responses(
        (status = 201, description = "The user can log in now.", body = CreateUserResponse),
        (status = 400, description = "`ValidationException`: members break their rules, all of them are listed. `SerializationException`: the body is not a JSON object, or members have the wrong type.", body = ErrorBody),
        (status = 403, description = "`QuotaExceededException`: the user limit is reached.", body = ErrorBody),
        (status = 409, description = "`ResourceConflictException`: the invocation id was used for another request, or a file stands in the way of the home directory.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn create(
    State(state): State<ApiState>,
    call: Call,
    body: JsonObject,
) -> Result<(StatusCode, Json<CreateUserResponse>), ApiError> {
    let created = service::create(&state, &body.members, call.with_body(&body.raw)).await?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// List users
///
/// In the order of their creation. Users present throughout a walk are neither skipped nor repeated.
#[utoipa::path(
    get, path = "/2022-04-01/users", operation_id = "ListUsers", tag = "users",
    params(
        ("pageSize" = Option<u32>, Query, description = "Users on one page.", minimum = 1, maximum = 50, example = 25),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before; empty or absent for the first page."),
    ),
    responses(
        (status = 200, description = "A page of users.", body = ListUsersResponse),
        (status = 400, description = "`ValidationException`: page size or token are not valid.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn list(
    State(state): State<ApiState>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<ListUsersResponse>, ApiError> {
    let page = service::list(&state, ListUsersRequest::from_query(&query)).await?;
    Ok(Json(page))
}

/// Read a user
#[utoipa::path(
    get, path = "/2022-04-01/users/{username}", operation_id = "ReadUser", tag = "users",
    params(("username" = String, Path, description = "Generated name; exact match.")),
    responses(
        (status = 200, description = "The user.", body = UserResponse),
        (status = 404, description = "`ResourceNotFoundException`", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn read(
    State(state): State<ApiState>,
    Username(username): Username,
) -> Result<Json<UserResponse>, ApiError> {
    Ok(Json(service::read(&state, &username).await?))
}

/// Update a user
///
/// An absent `homeDirectory` or `bucketName` stays as it is. A new one counts for future logins and moves no
/// files; user name and password stay.
#[utoipa::path(
    put, path = "/2022-04-01/users/{username}", operation_id = "UpdateUser", tag = "users",
    params(("username" = String, Path, description = "Generated name; exact match.")),
    request_body = UpdateUserRequest,
    responses(
        (status = 200, description = "The user as it is now.", body = UserResponse),
        (status = 400, description = "`ValidationException` or `SerializationException`, as for CreateUser.", body = ErrorBody),
        (status = 404, description = "`ResourceNotFoundException`", body = ErrorBody),
        (status = 409, description = "`ResourceConflictException`: a file stands in the way of the home directory.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn update(
    State(state): State<ApiState>,
    Username(username): Username,
    body: JsonObject,
) -> Result<Json<UserResponse>, ApiError> {
    Ok(Json(service::update(&state, username, &body.members).await?))
}

/// Delete a user
///
/// Ends its sessions. Files and bucket stay, and the name is never given out again. A repeat with the same
/// `amz-sdk-invocation-id` within ten minutes returns the same answer.
#[utoipa::path(
    delete, path = "/2022-04-01/users/{username}", operation_id = "DeleteUser", tag = "users",
    params(
        ("username" = String, Path, description = "Generated name; exact match."),
        ("amz-sdk-invocation-id" = Option<String>, Header, description = "Names this call: a repeat gets the first answer again.", max_length = 128, nullable = false),
    ),
    responses(
        (status = 204, description = "The user is gone."),
        (status = 404, description = "`ResourceNotFoundException`", body = ErrorBody),
        (status = 409, description = "`ResourceConflictException`: the invocation id was used for another request.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn delete(
    State(state): State<ApiState>,
    Username(username): Username,
    call: Call,
) -> Result<StatusCode, ApiError> {
    service::delete(&state, username, call.with_body(&[])).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The paths of this file for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(create, list, read, update, delete))]
pub(crate) struct UsersDoc;
