//! Whether the server can do its work.

use axum::Json;
use axum::extract::State;
use axum::routing::{MethodRouter, get};
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::load;
use crate::state::ApiState;

/// `/healthz`.
pub(crate) fn item() -> MethodRouter<ApiState> {
    get(check)
}

/// Answer of a healthy server.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct HealthResponse {
    /// Always `ok`; anything else is an error answer.
    #[schema(value_type = String, example = "ok")]
    status: &'static str,
}

/// Check health
///
/// Asks catalog and store for a sign of life. Needs no key and tells nothing else.
#[utoipa::path(
    get, path = "/healthz", operation_id = "CheckHealth", tag = "server", security(()),
    responses(
        (status = 200, description = "Catalog and store answer.", body = HealthResponse),
        (status = 503, description = "`ServiceUnavailableException`: one of them does not, or the server is stopping.", body = ErrorBody),
    ),
)]
async fn check(State(state): State<ApiState>) -> Result<Json<HealthResponse>, ApiError> {
    load::refuse_while_draining(&state)?;
    // Any read goes through the same pool and file as the real ones.
    state.catalog().bucket_exists("health").await?;
    state.store().check().await?;
    Ok(Json(HealthResponse { status: "ok" }))
}

/// The path of this file for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(check))]
pub(crate) struct HealthDoc;
