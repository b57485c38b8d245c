//! Calls from browsers, for the origins that the operator named (`reference/stedi.md` §7.4).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::state::ApiState;

const ALLOW_HEADERS: &str =
    "authorization, content-type, amz-sdk-invocation-id, amz-sdk-request, x-amz-user-agent";
const ALLOW_METHODS: &str = "GET, POST, PUT, DELETE";
const EXPOSE_HEADERS: &str = "x-amzn-requestid, x-amzn-errortype, retry-after";
/// Browsers cap it at two hours anyway (Chromium); an hour bounds how long a withdrawn origin still preflights well.
const MAX_AGE_SECONDS: &str = "3600";

/// Answers preflights and marks answers for allowed origins. A preflight carries no key, so this stands
/// before the key check; without configured origins it does nothing.
pub(crate) async fn allow(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if state.settings().cors_origins.is_empty() {
        return next.run(request).await;
    }
    let origin = allowed_origin(&state, request.headers());
    let mut response = match &origin {
        Some(_) if is_preflight(&request) => preflight(),
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(EXPOSE_HEADERS),
        );
    }
    response
}

fn allowed_origin(state: &ApiState, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let known = state
        .settings()
        .cors_origins
        .iter()
        .any(|allowed| origin == allowed.as_str());
    known.then(|| origin.clone())
}

fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn preflight() -> Response {
    (
        StatusCode::NO_CONTENT,
        [
            (header::ACCESS_CONTROL_ALLOW_METHODS, ALLOW_METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, ALLOW_HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE_SECONDS),
        ],
    )
        .into_response()
}
