//! Uploads: what `longshore upload list|show|discard` calls.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use longshore_catalog::{CatalogError, RecordedUpload, Timestamp, UploadDigest, UploadKey};
use longshore_storage::{ErrorKind, UploadFacts, UploadId, UploadInfo};
use serde::Serialize;
use serde_json::Value;
use std::time::SystemTime;
use utoipa::ToSchema;

use crate::error::{ApiError, ErrorBody};
use crate::state::ApiState;
use crate::text;
use crate::users::ListUsersRequest;

/// `/admin/uploads`.
pub(crate) fn collection() -> MethodRouter<ApiState> {
    get(list)
}

/// `/admin/unfinished-uploads`.
pub(crate) fn unfinished_collection() -> MethodRouter<ApiState> {
    get(list_unfinished)
}

/// `/admin/uploads/{id}`.
pub(crate) fn item() -> MethodRouter<ApiState> {
    get(read).delete(discard)
}

/// An upload, finished or not.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UploadResponse {
    /// 32 hexadecimal digits.
    #[schema(example = "5f0c3a9e2b7d4c118e6a0d9f3b2c1a70")]
    id: String,
    /// `open`, `parked` (its handle died without CLOSE, its owner may go on) or `published`.
    #[schema(example = "published")]
    state: &'static str,
    /// Name of the user at the time of the upload; of unfinished ones the number of the user is known alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    username: Option<String>,
    /// Number of the user.
    user_id: i64,
    /// The bucket.
    bucket_name: String,
    /// Name in the bucket. Bytes that are no UTF-8 show as U+FFFD.
    #[schema(example = "/partners/alice/orders.csv")]
    path: String,
    /// The name's bytes in hexadecimal digits; there when `path` does not show all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    path_hex: Option<String>,
    /// Size in bytes: of the published file, or what would be published now.
    size: u64,
    /// SHA-256 in hexadecimal digits, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    sha256: Option<String>,
    /// `known`, `pending` (still being made) or `absent`.
    digest: &'static str,
    /// `closed`, `size-matches`, `short`, `dropped`, `appended`, `edited` or `renamed`; `open` while it is.
    #[schema(example = "size-matches")]
    verdict: String,
    /// What the verdict rests on.
    evidence: Value,
    /// When it began.
    #[schema(format = DateTime)]
    began: String,
    /// When it was published.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    finished: Option<String>,
    /// What the client said it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    client: Option<String>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    peer: Option<String>,
    /// Number of the connection in the log.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    session: Option<u64>,
    /// The name that the file got from a temporary one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    renamed_to: Option<String>,
    /// When it got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    renamed: Option<String>,
    /// What only unfinished uploads have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    unfinished: Option<Unfinished>,
}

/// What only unfinished uploads have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Unfinished {
    /// Handles that have it open.
    handles: usize,
    /// Bytes from the start without a gap: where its owner can go on.
    gap_free: u64,
    /// When it was parked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    parked: Option<String>,
    /// When it ends by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    expires: Option<String>,
    /// What was written is on stable storage.
    synced: bool,
}

/// A page of published uploads, newest first.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ListUploadsResponse {
    /// The uploads.
    items: Vec<UploadResponse>,
    /// `pageToken` of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next_page_token: Option<String>,
}

/// List published uploads
///
/// Newest first, with verdict and digest.
#[utoipa::path(
    get, path = "/admin/uploads", operation_id = "ListUploads", tag = "uploads",
    params(
        ("username" = Option<String>, Query, description = "Uploads of this user alone."),
        ("pageSize" = Option<u32>, Query, description = "Uploads on one page.", minimum = 1, maximum = 50, example = 25),
        ("pageToken" = Option<String>, Query, description = "`nextPageToken` of the page before; empty or absent for the first page."),
    ),
    responses(
        (status = 200, description = "A page of uploads.", body = ListUploadsResponse),
        (status = 400, description = "`ValidationException`: page size or token are not valid.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn list(
    State(state): State<ApiState>,
    Query(query): Query<Vec<(String, String)>>,
) -> Result<Json<ListUploadsResponse>, ApiError> {
    let request = ListUsersRequest::from_query(&query);
    let mut failures = request.failures;
    let username = query.iter().find(|(name, _)| name == "username");
    let username = username.map(|(_, value)| value.as_str());
    let page_size = request.page_size.unwrap_or(1);
    let catalog = state.catalog();
    let page = match catalog
        .list_uploads(username, page_size, request.page_token)
        .await
    {
        Err(CatalogError::InvalidPageToken) => {
            failures.add("/pageToken", "Member must be a token that ListUploads returned");
            None
        }
        other => Some(other?),
    };
    failures.into_result()?;
    let page = page.ok_or(ApiError::Internal)?;
    Ok(Json(ListUploadsResponse {
        items: page.uploads.into_iter().map(UploadResponse::from).collect(),
        next_page_token: page.next_page_token,
    }))
}

/// List unfinished uploads
///
/// Open and parked ones, oldest first.
#[utoipa::path(
    get, path = "/admin/unfinished-uploads", operation_id = "ListUnfinishedUploads", tag = "uploads",
    responses(
        (status = 200, description = "All of them.", body = ListUploadsResponse),
        (status = "default", description = "Any error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn list_unfinished(State(state): State<ApiState>) -> Result<Json<ListUploadsResponse>, ApiError> {
    let uploads = state.store().uploads().await?;
    Ok(Json(ListUploadsResponse {
        items: uploads.into_iter().map(UploadResponse::from).collect(),
        next_page_token: None,
    }))
}

/// Read an upload
#[utoipa::path(
    get, path = "/admin/uploads/{id}", operation_id = "ReadUpload", tag = "uploads",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses(
        (status = 200, description = "The upload.", body = UploadResponse),
        (status = 404, description = "`ResourceNotFoundException`", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn read(
    State(state): State<ApiState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<UploadResponse>, ApiError> {
    let id = upload_id(id)?;
    if let Some(upload) = state.catalog().upload(UploadKey(id.0)).await? {
        return Ok(Json(upload.into()));
    }
    let uploads = state.store().uploads().await?;
    let upload = uploads.into_iter().find(|upload| upload.id == id);
    Ok(Json(upload.ok_or(ApiError::UnknownUpload)?.into()))
}

/// Discard an unfinished upload
///
/// Its bytes are gone, whoever has it open. Published files cannot be discarded here.
#[utoipa::path(
    delete, path = "/admin/uploads/{id}", operation_id = "DiscardUpload", tag = "uploads",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses(
        (status = 204, description = "The upload is gone."),
        (status = 404, description = "`ResourceNotFoundException`: there is no such unfinished upload.", body = ErrorBody),
        (status = "default", description = "Any other error; see the description of the API.", body = ErrorBody),
    ),
)]
async fn discard(
    State(state): State<ApiState>,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    match state.store().discard_upload(upload_id(id)?).await {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ApiError::UnknownUpload),
        other => {
            other?;
            Ok(StatusCode::NO_CONTENT)
        }
    }
}

fn upload_id(id: Result<Path<String>, PathRejection>) -> Result<UploadId, ApiError> {
    let Path(id) = id.map_err(|_not_utf8| ApiError::UnknownUpload)?;
    id.parse().map_err(|_invalid| ApiError::UnknownUpload)
}

impl From<RecordedUpload> for UploadResponse {
    fn from(upload: RecordedUpload) -> Self {
        let RecordedUpload { record, renamed } = upload;
        let (digest, sha256) = match record.digest {
            UploadDigest::Known(bytes) => ("known", Some(hex(&bytes))),
            UploadDigest::Pending => ("pending", None),
            UploadDigest::Absent => ("absent", None),
        };
        // A new name says that the client held the file for complete; graver words stay.
        let complete = matches!(&*record.verdict, "closed" | "size-matches");
        let verdict = match &renamed {
            Some(_) if complete => "renamed".to_owned(),
            _ => record.verdict,
        };
        let (path, path_hex) = shown(&record.path);
        Self {
            id: UploadId(record.id.0).to_string(),
            state: "published",
            username: Some(record.username),
            user_id: record.user.0,
            bucket_name: record.bucket,
            path,
            path_hex,
            size: record.size,
            sha256,
            digest,
            verdict,
            evidence: serde_json::from_str(&record.evidence).unwrap_or_default(),
            began: text::rfc3339(record.began),
            finished: Some(text::rfc3339(record.finished)),
            client: Some(record.client),
            peer: Some(record.peer),
            session: Some(record.session),
            renamed_to: renamed.as_ref().map(|(path, _)| shown(path).0),
            renamed: renamed.map(|(_, at)| text::rfc3339(at)),
            unfinished: None,
        }
    }
}

impl From<UploadInfo> for UploadResponse {
    fn from(upload: UploadInfo) -> Self {
        let (path, path_hex) = shown(upload.path.as_bytes());
        let is_parked = upload.handles == 0;
        Self {
            id: upload.id.to_string(),
            state: if is_parked { "parked" } else { "open" },
            username: None,
            user_id: upload.owner.0,
            bucket_name: upload.bucket.as_str().to_owned(),
            path,
            path_hex,
            size: upload.size,
            sha256: None,
            digest: "pending",
            verdict: if is_parked { "dropped" } else { "open" }.to_owned(),
            evidence: facts(&upload.facts),
            began: time(upload.began),
            finished: None,
            client: None,
            peer: None,
            session: None,
            renamed_to: None,
            renamed: None,
            unfinished: Some(Unfinished {
                handles: upload.handles,
                gap_free: upload.gap_free,
                parked: upload.parked.map(time),
                expires: upload.expires.map(time),
                synced: upload.synced,
            }),
        }
    }
}

/// What is known so far, in the words of finished uploads.
fn facts(facts: &UploadFacts) -> Value {
    serde_json::json!({
        "received": facts.received,
        "declared": facts.declared,
        "joined": facts.joined,
        "dropped": facts.dropped,
        "resumed": facts.resumed,
        "appended": facts.appended,
        "edited": facts.edited,
        "renamed": facts.renamed,
    })
}

fn shown(path: &[u8]) -> (String, Option<String>) {
    match std::str::from_utf8(path) {
        Ok(text) => (text.to_owned(), None),
        Err(_) => (String::from_utf8_lossy(path).into_owned(), Some(hex(path))),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn time(time: SystemTime) -> String {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    text::rfc3339(Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// The paths of this file for the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(paths(list, list_unfinished, read, discard))]
pub(crate) struct UploadsDoc;
