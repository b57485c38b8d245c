//! Calls that repeat themselves: `amz-sdk-invocation-id` (`reference/stedi.md` §3.5).

use aws_lc_rs::digest;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method};
use longshore_catalog::Invocation;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::limits;
use crate::state::ApiState;
use crate::validation::Failures;

const INVOCATION_ID: HeaderName = HeaderName::from_static("amz-sdk-invocation-id");
const INVOCATION_ID_PATTERN: &str = r"^[\x21-\x7e]{1,128}$";

/// Which call this is, before its body is known.
#[derive(Debug)]
pub(crate) struct Call {
    caller: Caller,
    id: Option<String>,
    method: Method,
    path: String,
}

impl Call {
    /// The call with its body; `None` when the caller named no invocation and a repeat is a new call.
    pub(crate) fn with_body(self, body: &[u8]) -> Option<Invocation> {
        let id = self.id?;
        let fingerprint = fingerprint(&self.method, &self.path, body);
        Some(Invocation {
            caller: self.caller.key(),
            id,
            fingerprint,
        })
    }
}

impl FromRequestParts<ApiState> for Call {
    type Rejection = ApiError;

    /// # Errors
    /// `Validation` for an id that cannot be kept: to ignore it would make two users out of one retried call.
    async fn from_request_parts(parts: &mut Parts, _state: &ApiState) -> Result<Self, ApiError> {
        let id = match parts.headers.get(INVOCATION_ID) {
            None => None,
            Some(value) => Some(checked_id(value.as_bytes())?),
        };
        let caller = parts.extensions.get().copied().ok_or(ApiError::Internal)?;
        Ok(Self {
            caller,
            id,
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
        })
    }
}

fn checked_id(value: &[u8]) -> Result<String, ApiError> {
    let visible = value.iter().all(u8::is_ascii_graphic);
    let mut failures = Failures::default();
    if !visible || !(1..=limits::MAX_INVOCATION_ID).contains(&value.len()) {
        failures.pattern("/amz-sdk-invocation-id", INVOCATION_ID_PATTERN);
    }
    failures.into_result()?;
    Ok(String::from_utf8_lossy(value).into_owned())
}

/// SHA-256 over method, path and body. Neither method nor path can hold a line feed, so nothing can pass
/// for something else.
fn fingerprint(method: &Method, path: &str, body: &[u8]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in [method.as_str().as_bytes(), b"\n", path.as_bytes(), b"\n", body] {
        context.update(part);
    }
    let digest = context.finish();
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_tell_method_path_and_body_apart() {
        let one = fingerprint(&Method::POST, "/users", b"{}");
        assert_eq!(one, fingerprint(&Method::POST, "/users", b"{}"));
        for other in [
            fingerprint(&Method::PUT, "/users", b"{}"),
            fingerprint(&Method::POST, "/users/", b"{}"),
            fingerprint(&Method::POST, "/users", b"{ }"),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn ids_are_short_visible_ascii() {
        assert!(checked_id(b"6f0c2a4e-0000-4000-8000-000000000000").is_ok());
        assert!(checked_id(&[b'a'; limits::MAX_INVOCATION_ID]).is_ok());
        for bad in [&b""[..], b"a b", b"\xe9", &[b'a'; limits::MAX_INVOCATION_ID + 1]] {
            assert!(matches!(checked_id(bad), Err(ApiError::Validation(_))));
        }
    }
}
