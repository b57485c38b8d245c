//! The OpenAPI document: generated from the handlers, committed as `docs/openapi.json`, served as it is.

use std::sync::LazyLock;

use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::{MethodRouter, get};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::api_keys::ApiKeysDoc;
use crate::health::HealthDoc;
use crate::uploads::UploadsDoc;
use crate::users::UsersDoc;

/// The OpenAPI 3.1 document of this API, indented, with a line feed at the end.
#[must_use]
pub fn openapi() -> &'static str {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
        let mut document = ApiDoc::openapi();
        document.merge(UsersDoc::openapi());
        document.merge(ApiKeysDoc::openapi());
        document.merge(UploadsDoc::openapi());
        document.merge(HealthDoc::openapi());
        let mut text = document
            .to_pretty_json()
            .expect("strings and numbers always serialise");
        text.push('\n');
        text
    });
    &DOCUMENT
}

/// `/openapi.json`.
pub(crate) fn item<S: Clone + Send + Sync + 'static>() -> MethodRouter<S> {
    get(document)
}

/// Read this document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "ReadOpenApi", tag = "server", security(()),
    responses((status = 200, description = "The OpenAPI document.", content_type = "application/json", body = serde_json::Value)),
)]
async fn document() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], openapi())
}

#[derive(OpenApi)]
#[openapi(
    paths(document),
    info(
        title = "Longshore",
        description = "SFTP users, API keys and uploads of a Longshore server.\n\n\
            The users API is served under `/2022-04-01/users` and under `/users` alike, with or without a slash \
            at the end. Every error is JSON with `code` and `message`; the code also stands in the header \
            `x-amzn-errortype`, and every answer names its request in `x-amzn-requestid`.\n\n\
            Beside the errors of an operation there are: 401 `UnauthorizedException`, 404 and 405 \
            `UnknownOperationException`, 408 `RequestTimeoutException`, 413 `RequestTooLargeException`, 415 \
            `UnsupportedMediaTypeException`, 500 `InternalFailureException`, and 503 \
            `ServiceUnavailableException` with `Retry-After` as an HTTP-date.",
    ),
    tags(
        (name = "users", description = "SFTP logins."),
        (name = "api keys", description = "Keys for this API."),
        (name = "uploads", description = "What was uploaded, and what is still being uploaded."),
        (name = "server", description = "The server itself; no key needed."),
    ),
    security(("key" = []), ("bearer" = [])),
    modifiers(&Security),
)]
struct ApiDoc;

struct Security;

impl Modify for Security {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let components = document.components.get_or_insert_default();
        let key = ApiKeyValue::with_description("authorization", "`Key <api key>`");
        components.add_security_scheme("key", SecurityScheme::ApiKey(ApiKey::Header(key)));
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::{BUCKET_NAME_PATTERN, DESCRIPTION_PATTERN, HOME_DIRECTORY_PATTERN};

    #[test]
    fn documented_patterns_are_those_that_errors_name() {
        let document: serde_json::Value = serde_json::from_str(openapi()).expect("the document is JSON");
        for schema in ["CreateUserRequest", "UpdateUserRequest"] {
            let members = &document["components"]["schemas"][schema]["properties"];
            assert_eq!(members["homeDirectory"]["pattern"], HOME_DIRECTORY_PATTERN);
            assert_eq!(members["description"]["pattern"], DESCRIPTION_PATTERN);
            assert_eq!(members["bucketName"]["pattern"], BUCKET_NAME_PATTERN);
        }
    }
}
