//! API keys: what `longshore api-key create|list|revoke` calls.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, delete, get};
use longshore_catalog::{ApiKey, CatalogError, CreatedApiKey};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::body::JsonObject;
use crate::error::{ApiError, ErrorBody};
use crate::limits;
use crate::state::ApiState;
use crate::text;
use crate::validation::{self, Failures, Members};

/// `/admin/api-keys`.
pub(crate) fn collection() -> MethodRouter<ApiState> {
    get(list).post(create)
}

/// `/admin/api-keys/{prefix}`.
pub(crate) fn item() -> MethodRouter<ApiState> {
    delete(revoke)
}

/// Body of CreateApiKey.
#[derive(Debug, ToSchema)]
pub(crate) struct CreateApiKeyRequest {
    /// What the key is for; letters, digits, `-`, `_`, `/` and spaces.
    #[schema(
        pattern = r"^[A-Za-z0-9\-_ /]+$",
        max_length = 256,
        example = "billing system"
    )]
    pub(crate) name: String,
}

/// A key as it can be listed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ApiKeyResponse {
    /// Visible start of the key.
    prefix: String,
    /// What the key is for.
    name: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-11-21T05:07:58Z")]
    created: String,
    /// When it was revoked; absent while it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    revoked: Option<String>,
}

/// A key just made.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CreateApiKeyResponse {
    /// Visible start of the key.
    prefix: String,
    /// What the key is for.
    name: String,
    /// When it was made.
    #[schema(format = DateTime, example = "2026-11-21T05:07:58Z")]
    created: String,
    /// The whole key: shown this once.
    #[serde(serialize_with = "expose")]
    #[schema(value_type = String, format = Password)]
    key: SecretString,
}

/// All keys.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ListApiKeysResponse {
    /// In the order of their creation, revoked ones included.
    items: Vec<ApiKeyResponse>,
}

/// Create an API key
#[utoipa::path(
    post, path = "/admin/api-keys", operation_id = "CreateApiKey", tag = "api keys",
    request_body = CreateApiKeyRequest,
    responses(
        (status = 201, description = "The key counts from now on.", body = CreateApiKeyResponse),
        (status = 400, description = "`ValidationException` or `SerializationException`", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn create(
    State(state): State<ApiState>,
    body: JsonObject,
) -> Result<(StatusCode, Json<CreateApiKeyResponse>), ApiError> {
    let request = CreateApiKeyRequest::read(&body.members)?;
    let created = state.catalog().create_key(&request.name).await?;
    Ok((StatusCode::CREATED, Json(created.into())))
}

/// List API keys
///
/// Revoked ones too; never a secret.
#[utoipa::path(
    get, path = "/admin/api-keys", operation_id = "ListApiKeys", tag = "api keys",
    responses(
        (status = 200, description = "All keys.", body = ListApiKeysResponse),
        (status = "default", description = "Any error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn list(State(state): State<ApiState>) -> Result<Json<ListApiKeysResponse>, ApiError> {
    let keys = state.catalog().list_keys().await?;
    let items = keys.into_iter().map(ApiKeyResponse::from).collect();
    Ok(Json(ListApiKeysResponse { items }))
}

/// Revoke an API key
///
/// It is refused from now on. The record stays.
#[utoipa::path(
    delete, path = "/admin/api-keys/{prefix}", operation_id = "RevokeApiKey", tag = "api keys",
    params(("prefix" = String, Path, description = "Visible start of the key.")),
    responses(
        (status = 200, description = "The key as it is now.", body = ApiKeyResponse),
        (status = 404, description = "`ResourceNotFoundException`", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn revoke(
    State(state): State<ApiState>,
    prefix: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<ApiKeyResponse>, ApiError> {
    let Path(prefix) = prefix.map_err(|_not_utf8| ApiError::UnknownKey)?;
    match state.catalog().revoke_key(&prefix).await {
        Err(CatalogError::NotFound { .. }) => Err(ApiError::UnknownKey),
        other => Ok(Json(other?.into())),
    }
}

impl CreateApiKeyRequest {
    fn read(body: &Map<String, Value>) -> Result<Self, ApiError> {
        let mut failures = Failures::default();
        let name = Members::of_body(body).required_string("name", &mut failures);
        if let Some(name) = name {
            validation::check_description("/name", name, limits::MAX_KEY_NAME, &mut failures);
        }
        failures.into_result()?;
        Ok(Self {
            name: name.ok_or(ApiError::Internal)?.to_owned(),
        })
    }
}

impl From<ApiKey> for ApiKeyResponse {
    fn from(key: ApiKey) -> Self {
        Self {
            prefix: key.prefix,
            name: key.name,
            created: text::rfc3339(key.created),
            revoked: key.revoked.map(text::rfc3339),
        }
    }
}

impl From<CreatedApiKey> for CreateApiKeyResponse {
    fn from(created: CreatedApiKey) -> Self {
        let CreatedApiKey { key, secret } = created;
        Self {
            prefix: key.prefix,
            name: key.name,
            created: text::rfc3339(key.created),
            key: secret,
        }
    }
}

/// The one place where a key leaves its wrapper: the answer that shows it once.
fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}

/// The paths of this file for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(create, list, revoke))]
pub(crate) struct ApiKeysDoc;
