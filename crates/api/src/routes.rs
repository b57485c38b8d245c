//! Which path leads where, and through which layers.

use std::any::Any;

use axum::Router;
use axum::http::Response;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::IntoResponse;
use tower_http::catch_panic::CatchPanicLayer;

use crate::error::ApiError;
use crate::state::ApiState;
use crate::{api_keys, auth, context, cors, docs, health, load, uploads, users};

/// The API for the network: every request needs an API key, except `/healthz` and `/openapi.json`.
///
/// From the outside in: request id and log, panics, CORS, load, key, route. The key is checked before the
/// route, so a caller without one always reads 401.
pub fn router(state: ApiState) -> Router {
    let guarded = keyed_routes()
        .layer(from_fn_with_state(state.clone(), auth::require_key))
        .layer(from_fn_with_state(state.clone(), load::shed));
    finish(
        guarded
            .merge(open_routes())
            .layer(from_fn_with_state(state.clone(), cors::allow)),
        state,
    )
}

/// The same API for the machine's own socket: no key, the caller is the operator.
pub fn admin_router(state: ApiState) -> Router {
    let trusted = keyed_routes()
        .layer(from_fn(auth::trust_socket))
        .layer(from_fn_with_state(state.clone(), load::drain));
    finish(trusted.merge(open_routes()), state)
}

/// Both spellings of the base path lead to the same handlers, and so does a slash at the end. Paths are
/// matched as sent: `..` and `%2F` stay parts of a name.
fn keyed_routes() -> Router<ApiState> {
    let mut router = Router::new();
    for base in ["/2022-04-01", ""] {
        router = router
            .route(&format!("{base}/users"), users::collection())
            .route(&format!("{base}/users/"), users::collection())
            .route(&format!("{base}/users/{{username}}"), users::item())
            .route(&format!("{base}/users/{{username}}/"), users::item());
    }
    router
        .route("/admin/api-keys", api_keys::collection())
        .route("/admin/api-keys/", api_keys::collection())
        .route("/admin/api-keys/{prefix}", api_keys::item())
        .route("/admin/api-keys/{prefix}/", api_keys::item())
        .route("/admin/uploads", uploads::collection())
        .route("/admin/uploads/", uploads::collection())
        .route("/admin/uploads/{id}", uploads::item())
        .route("/admin/uploads/{id}/", uploads::item())
        .route("/admin/unfinished-uploads", uploads::unfinished_collection())
        .route("/admin/unfinished-uploads/", uploads::unfinished_collection())
        .fallback(async || ApiError::UnknownOperation)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}

fn open_routes() -> Router<ApiState> {
    Router::new()
        .route("/healthz", health::item())
        .route("/openapi.json", docs::item())
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
}

fn finish(router: Router<ApiState>, state: ApiState) -> Router {
    router
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(context::observe))
        .with_state(state)
}

/// The panic's own text went to the log with its place; it may quote data, so the caller does not read it.
fn panicked(_payload: Box<dyn Any + Send>) -> Response<axum::body::Body> {
    ApiError::Internal.into_response()
}
