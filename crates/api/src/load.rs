//! Saying no in time: a bounded number of requests at work, and none once the server is stopping.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::error::ApiError;
use crate::state::ApiState;

/// Answers 503 when the server drains or when too many requests are at work. Nothing queues here: a caller
/// that is told to come back can decide, one that waits in a queue cannot.
pub(crate) async fn shed(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    refuse_while_draining(&state)?;
    let Ok(_permit) = state.requests().try_acquire() else {
        return Err(unavailable(&state, "busy"));
    };
    Ok(next.run(request).await)
}

/// For the admin socket: the operator gets through when everybody else has to wait, but not past the end.
pub(crate) async fn drain(
    State(state): State<ApiState>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    refuse_while_draining(&state)?;
    Ok(next.run(request).await)
}

/// The error of a stopping server.
pub(crate) fn refuse_while_draining(state: &ApiState) -> Result<(), ApiError> {
    if state.is_draining() {
        return Err(unavailable(state, "shutting down"));
    }
    Ok(())
}

fn unavailable(state: &ApiState, why: &'static str) -> ApiError {
    ApiError::Unavailable {
        why,
        retry_after: state.settings().retry_after,
    }
}
