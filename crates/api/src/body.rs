//! Request bodies: a JSON object of bounded size that arrives in bounded time.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::state::ApiState;

/// A body that is a JSON object, and the bytes it was read from.
#[derive(Debug)]
pub(crate) struct JsonObject {
    /// The members.
    pub(crate) members: Map<String, Value>,
    /// The body as sent, for the fingerprint of the call.
    pub(crate) raw: Bytes,
}

impl FromRequest<ApiState> for JsonObject {
    type Rejection = ApiError;

    /// # Errors
    /// `UnsupportedMediaType`, `BodyTooLarge`, `BodyTimeout`, `BodyBroken`, `NotAnObject`, in this order.
    async fn from_request(request: Request, state: &ApiState) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        check_announced(&parts.headers, state.settings().max_body)?;
        let limit = state.settings().body_read_timeout;
        let raw = tokio::time::timeout(limit, read(body, state.settings().max_body))
            .await
            .map_err(|_elapsed| ApiError::BodyTimeout { limit })??;
        let members = parse(&raw)?;
        Ok(Self { members, raw })
    }
}

/// What the head alone tells. A missing body is left to the parser: it is "not JSON", not "the wrong type".
fn check_announced(headers: &HeaderMap, max: usize) -> Result<(), ApiError> {
    let length: Option<u64> = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    let empty = length.unwrap_or(0) == 0 && !headers.contains_key(header::TRANSFER_ENCODING);
    if !empty && (!is_json(headers) || is_encoded(headers)) {
        return Err(ApiError::UnsupportedMediaType);
    }
    if length.is_some_and(|length| length > max as u64) {
        return Err(ApiError::BodyTooLarge { max });
    }
    Ok(())
}

/// `application/json`, with no parameter or `charset=utf-8`.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let mut parts = value.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default();
    essence.eq_ignore_ascii_case("application/json")
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
            }
            _ => true,
        })
}

fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"))
}

async fn read(mut body: Body, max: usize) -> Result<Bytes, ApiError> {
    let mut raw = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(ApiError::BodyBroken)?;
        let Ok(data) = frame.into_data() else {
            continue; // trailers
        };
        if raw.len() + data.len() > max {
            return Err(ApiError::BodyTooLarge { max });
        }
        raw.extend_from_slice(&data);
    }
    Ok(raw.freeze())
}

fn parse(raw: &[u8]) -> Result<Map<String, Value>, ApiError> {
    let reason = match serde_json::from_slice(raw) {
        Ok(Value::Object(members)) => return Ok(members),
        Ok(_) => "it is another JSON value".to_owned(),
        Err(_) if raw.is_empty() => "it is empty".to_owned(),
        // The parser names what it expected and where, never what it found there.
        Err(error) => error.to_string(),
    };
    Err(ApiError::NotAnObject { reason })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn json_type(value: &'static str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        is_json(&headers)
    }

    #[test]
    fn only_json_in_utf_8_is_json() {
        for good in [
            "application/json",
            "Application/JSON; charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json; version=1",
        ] {
            assert!(json_type(good), "{good}");
        }
        for bad in [
            "text/json",
            "application/jsonp",
            "application/json; charset=latin1",
            "",
        ] {
            assert!(!json_type(bad), "{bad}");
        }
        assert!(!is_json(&HeaderMap::new()));
    }
}
