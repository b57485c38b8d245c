//! Who is calling (`reference/stedi.md` §2.1).

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use longshore_catalog::ApiKeyId;
use secrecy::SecretString;

use crate::error::ApiError;
use crate::limits;
use crate::state::ApiState;

/// The verified caller: exists only once its key was found good, or on the machine's own socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Holder of an API key.
    Key(ApiKeyId),
    /// The operator, on the admin socket.
    Operator,
}

impl Caller {
    /// The key that repeats of a call are counted by.
    pub(crate) fn key(self) -> Option<ApiKeyId> {
        match self {
            Self::Key(id) => Some(id),
            Self::Operator => None,
        }
    }
}

/// Lets a request pass that carries a live key. Runs before routing: whoever has no key learns neither
/// routes nor rules. Every refusal costs one look into the catalog, so that its time tells nothing.
pub(crate) async fn require_key(
    State(state): State<ApiState>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let presented = presented_key(request.headers());
    let well_formed = presented.is_some();
    let key = presented.unwrap_or_else(|| SecretString::from(DECOY));
    let id = state.catalog().check_key(&key).await?;
    let id = id.filter(|_| well_formed).ok_or(ApiError::Unauthorized)?;
    request.extensions_mut().insert(Caller::Key(id));
    Ok(next.run(request).await)
}

/// For the admin socket: whoever can connect to it is the operator.
pub(crate) async fn trust_socket(mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(Caller::Operator);
    next.run(request).await
}

/// Shaped like a key, never one: what is looked up when nothing usable was sent.
const DECOY: &str = "AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// The key of `Authorization: Key <key>` or `Bearer <key>` (scheme words in any case, RFC 9110 §11.1). Two
/// Authorization headers are no key: which one counts would be a guess.
fn presented_key(headers: &HeaderMap) -> Option<SecretString> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let (scheme, key) = value.split_once(' ')?;
    let key = key.trim_matches(' ');
    let known = scheme.eq_ignore_ascii_case("Key") || scheme.eq_ignore_ascii_case("Bearer");
    (known && !key.is_empty() && key.len() <= limits::MAX_PRESENTED_KEY).then(|| SecretString::from(key))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    fn key_of(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                header::AUTHORIZATION,
                HeaderValue::from_str(value).expect("a header value"),
            );
        }
        presented_key(&headers).map(|key| key.expose_secret().to_owned())
    }

    #[test]
    fn both_schemes_carry_a_key() {
        assert_eq!(key_of(&["Key abc.def"]).as_deref(), Some("abc.def"));
        assert_eq!(key_of(&["Bearer abc.def"]).as_deref(), Some("abc.def"));
        assert_eq!(key_of(&["key  abc.def "]).as_deref(), Some("abc.def"));
    }

    #[test]
    fn nothing_else_does() {
        let long = format!("Key {}", "a".repeat(limits::MAX_PRESENTED_KEY + 1));
        for bad in [
            "",
            "Key",
            "Key ",
            "Bearer",
            "abc.def",
            "Basic abc",
            "Keyabc",
            &long,
        ] {
            assert_eq!(key_of(&[bad]), None, "{bad}");
        }
        assert_eq!(key_of(&[]), None);
        assert_eq!(key_of(&["Key a", "Key b"]), None);
    }
}
