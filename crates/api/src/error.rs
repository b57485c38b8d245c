//! Everything a caller can be told went wrong, and how it looks on the wire (`reference/stedi.md` §3).

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use longshore_catalog::CatalogError;
use longshore_storage::{ErrorKind, StorageError};
use serde::Serialize;
use utoipa::ToSchema;

use crate::limits;

/// Header that names the code of an error; the SDK looks there first.
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");

/// One member of a request that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FieldFailure {
    /// JSON Pointer to the member; a query parameter is named as `/<parameter>`.
    #[schema(example = "/homeDirectory")]
    pub path: String,
    /// What is wrong with it.
    pub message: String,
}

/// Why a request was refused. Status and code follow `reference/stedi.md` §3.3.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// Missing, unknown, malformed or revoked key.
    #[error("the API key is missing or not valid")]
    Unauthorized,
    /// Members break their rules; all failures at once.
    #[error("{}", summary(.0))]
    Validation(Vec<FieldFailure>),
    /// The body is not a JSON object.
    #[error("the request body is not a JSON object: {reason}")]
    NotAnObject {
        /// What it is instead.
        reason: String,
    },
    /// Members have the wrong JSON type; other failures of the same request follow them.
    #[error("{}", wrong_types(.0))]
    WrongTypes(Vec<FieldFailure>),
    /// No such user.
    #[error("{}", unknown_user(.username))]
    UnknownUser {
        /// The name as it was asked for.
        username: String,
    },
    /// No such upload.
    #[error("the upload does not exist")]
    UnknownUpload,
    /// No such API key.
    #[error("the API key does not exist")]
    UnknownKey,
    /// No such route.
    #[error("there is no operation at this path")]
    UnknownOperation,
    /// The route knows other methods (named in `Allow`).
    #[error("the method is not allowed at this path")]
    MethodNotAllowed,
    /// The invocation id was used for another request.
    #[error("the amz-sdk-invocation-id was used before with another request")]
    InvocationConflict,
    /// A file stands where the home directory would lie.
    #[error("a file stands in the way of the home directory")]
    HomeBlocked(#[source] StorageError),
    /// The body exceeds the limit.
    #[error("the request body exceeds the limit of {max} bytes")]
    BodyTooLarge {
        /// The limit.
        max: usize,
    },
    /// The body did not arrive in time.
    #[error("the request body did not arrive within {} seconds", .limit.as_secs())]
    BodyTimeout {
        /// The limit.
        limit: Duration,
    },
    /// The body could not be read to its end.
    #[error("the request body broke off")]
    BodyBroken(#[source] axum::Error),
    /// The content type or encoding is not JSON.
    #[error("the request body must be application/json")]
    UnsupportedMediaType,
    /// The user limit is reached.
    #[error("the limit of {max} users is reached")]
    UserLimit {
        /// The limit.
        max: u64,
    },
    /// Too much at once, or the server is stopping.
    #[error("the server is {why}; try again later")]
    Unavailable {
        /// "busy" or "shutting down".
        why: &'static str,
        /// What callers are told to wait.
        retry_after: Duration,
    },
    /// The catalog failed.
    #[error("the catalog failed")]
    Catalog(#[source] CatalogError),
    /// The store failed.
    #[error("the file store failed")]
    Storage(#[source] StorageError),
    /// A defect of ours.
    #[error("an internal error occurred")]
    Internal,
}

impl ApiError {
    /// HTTP status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Validation(_) | Self::NotAnObject { .. } | Self::WrongTypes(_) | Self::BodyBroken(_) => {
                StatusCode::BAD_REQUEST
            }
            Self::UnknownUser { .. } | Self::UnknownKey | Self::UnknownUpload | Self::UnknownOperation => {
                StatusCode::NOT_FOUND
            }
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::InvocationConflict | Self::HomeBlocked(_) => StatusCode::CONFLICT,
            Self::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::BodyTimeout { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::UserLimit { .. } => StatusCode::FORBIDDEN,
            Self::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Catalog(error) => catalog_status(error),
            Self::Storage(error) => storage_status(error.kind()),
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Stable code, sent as `code` and in `x-amzn-errortype`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Unauthorized => "UnauthorizedException",
            Self::Validation(_) => "ValidationException",
            Self::NotAnObject { .. } | Self::WrongTypes(_) | Self::BodyBroken(_) => "SerializationException",
            Self::UnknownUser { .. } | Self::UnknownKey | Self::UnknownUpload => "ResourceNotFoundException",
            Self::UnknownOperation | Self::MethodNotAllowed => "UnknownOperationException",
            Self::InvocationConflict | Self::HomeBlocked(_) => "ResourceConflictException",
            Self::BodyTooLarge { .. } => "RequestTooLargeException",
            Self::BodyTimeout { .. } => "RequestTimeoutException",
            Self::UnsupportedMediaType => "UnsupportedMediaTypeException",
            Self::UserLimit { .. } => "QuotaExceededException",
            Self::Unavailable { .. } | Self::Catalog(_) | Self::Storage(_) | Self::Internal => {
                if self.status() == StatusCode::SERVICE_UNAVAILABLE {
                    "ServiceUnavailableException"
                } else {
                    "InternalFailureException"
                }
            }
        }
    }

    fn fields(&self) -> &[FieldFailure] {
        match self {
            Self::Validation(fields) | Self::WrongTypes(fields) => fields,
            _ => &[],
        }
    }

    /// When the caller may come again; only for answers that promise it helps.
    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => Some(*retry_after),
            _ if self.status() == StatusCode::SERVICE_UNAVAILABLE => Some(limits::RETRY_AFTER),
            _ => None,
        }
    }

    /// The caller reads a short sentence; whoever runs the server reads the causes.
    fn log(&self) {
        // Refusals under load must not cost a line each; the access log counts them.
        if self.status().is_server_error() && !matches!(self, Self::Unavailable { .. }) {
            let error: &dyn std::error::Error = self;
            tracing::error!(error, "request failed");
        }
    }
}

impl From<CatalogError> for ApiError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::InvocationConflict => Self::InvocationConflict,
            CatalogError::UserLimit { max } => Self::UserLimit { max },
            other => Self::Catalog(other),
        }
    }
}

impl From<StorageError> for ApiError {
    fn from(error: StorageError) -> Self {
        match error.kind() {
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => Self::HomeBlocked(error),
            _ => Self::Storage(error),
        }
    }
}

/// Body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorBody {
    /// Stable code, the same as in the header `x-amzn-errortype`.
    #[schema(value_type = String, example = "ValidationException")]
    pub code: &'static str,
    /// One or more sentences for people.
    pub message: String,
    /// Every member that breaks a rule (`ValidationException`, `SerializationException`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub field_list: Vec<FieldFailure>,
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        self.log();
        let body = ErrorBody {
            code: self.code(),
            message: sentence(&self.to_string()),
            field_list: self.fields().to_vec(),
        };
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(ERROR_TYPE, HeaderValue::from_static(self.code()));
        if matches!(self, Self::Unauthorized) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Key, Bearer"));
        }
        if matches!(
            self,
            Self::BodyTimeout { .. } | Self::BodyTooLarge { .. } | Self::BodyBroken(_)
        ) {
            // The rest of the body would be read as the next request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        if let Some(wait) = self.retry_after() {
            headers.insert(header::RETRY_AFTER, retry_after_date(wait));
        }
        response
    }
}

/// `Retry-After` as an HTTP-date: the SDK takes a number of seconds for an epoch time and ignores it.
/// Rounded up to the next whole second, so that the date never lies in the past.
pub(crate) fn retry_after_date(wait: Duration) -> HeaderValue {
    let date = httpdate::fmt_http_date(SystemTime::now() + wait + Duration::from_secs(1));
    HeaderValue::from_str(&date).expect("an HTTP-date is visible ASCII")
}

fn catalog_status(error: &CatalogError) -> StatusCode {
    match error {
        CatalogError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The one mapping from storage kinds to HTTP. Full, busy or absent storage may heal: 503 asks for another
/// try. Kinds that a request of this API cannot cause are defects of ours.
pub(crate) fn storage_status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::NoSpace
        | ErrorKind::QuotaExceeded
        | ErrorKind::ReadOnly
        | ErrorKind::Busy
        | ErrorKind::TooManyOpen
        | ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// `reference/stedi.md` §3.4: the count, then the first failure.
fn summary(fields: &[FieldFailure]) -> String {
    let first = fields.first().map_or("", |field| field.message.as_str());
    if fields.len() < 2 {
        return format!("1 validation error detected. {first}");
    }
    let mut paths: Vec<&str> = fields.iter().map(|field| field.path.as_str()).collect();
    paths.sort_unstable();
    paths.dedup();
    let plural = if paths.len() == 1 { "path" } else { "paths" };
    format!(
        "{} validation errors at {} {plural} detected. First failure: {first}",
        fields.len(),
        paths.len()
    )
}

fn wrong_types(fields: &[FieldFailure]) -> String {
    match fields {
        [only] => only.message.clone(),
        _ => summary(fields),
    }
}

fn unknown_user(username: &str) -> String {
    if (1..=limits::MAX_ECHOED_NAME).contains(&username.chars().count()) {
        format!("User {username} does not exist.")
    } else {
        "The user does not exist.".to_owned()
    }
}

/// Error texts are written as causes ("the catalog failed"); a message is a sentence. Messages in the
/// validation framework's wording end without a period and stay as they are.
fn sentence(text: &str) -> String {
    if text.contains("failed to satisfy constraint") || text.ends_with('.') {
        return text.to_owned();
    }
    let mut chars = text.chars();
    let head: String = chars
        .next()
        .map(|c| c.to_uppercase().collect())
        .unwrap_or_default();
    format!("{head}{}.", chars.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_storage_failure_has_its_status() {
        let table = [
            (ErrorKind::NotFound, 500),
            (ErrorKind::PermissionDenied, 500),
            (ErrorKind::AlreadyExists, 409),
            (ErrorKind::NotEmpty, 500),
            (ErrorKind::IsADirectory, 500),
            (ErrorKind::NotADirectory, 409),
            (ErrorKind::LinkLoop, 500),
            (ErrorKind::InvalidInput, 500),
            (ErrorKind::NoSpace, 503),
            (ErrorKind::QuotaExceeded, 503),
            (ErrorKind::ReadOnly, 503),
            (ErrorKind::TooLarge, 500),
            (ErrorKind::Unsupported, 500),
            (ErrorKind::Busy, 503),
            (ErrorKind::TooManyOpen, 503),
            (ErrorKind::TooManyParked, 500),
            (ErrorKind::PreconditionFailed, 500),
            (ErrorKind::UploadGone, 500),
            (ErrorKind::Unavailable, 503),
            (ErrorKind::Io, 500),
            (ErrorKind::Internal, 500),
        ];
        for (kind, status) in table {
            let error = ApiError::from(StorageError::new(kind, "make home"));
            assert_eq!(error.status().as_u16(), status, "{kind:?}");
            let code = match status {
                409 => "ResourceConflictException",
                503 => "ServiceUnavailableException",
                _ => "InternalFailureException",
            };
            assert_eq!(error.code(), code, "{kind:?}");
        }
    }

    #[test]
    fn messages_are_sentences_except_in_the_frameworks_wording() {
        assert_eq!(sentence("the catalog failed"), "The catalog failed.");
        assert_eq!(sentence("User A does not exist."), "User A does not exist.");
        let framework = "Value at '/a' failed to satisfy constraint: Member must not be null";
        assert_eq!(sentence(framework), framework);
    }

    #[test]
    fn retry_after_is_a_date_that_lies_ahead() {
        let value = retry_after_date(Duration::from_secs(2));
        let date = httpdate::parse_http_date(value.to_str().expect("ASCII")).expect("an HTTP-date");
        let ahead = date.duration_since(SystemTime::now()).expect("it lies ahead");
        assert!(ahead <= Duration::from_secs(3), "{ahead:?}");
    }
}
