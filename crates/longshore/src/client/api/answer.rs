//! What a server answered, and what it means for the command.

use hyper::StatusCode;
use serde_json::Value;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// An answer of the API.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// The body as JSON; `Null` when it is empty.
    pub body: Value,
    /// Its request id, for the server's log.
    pub request_id: Option<String>,
}

impl Answer {
    /// The body of a success.
    ///
    /// # Errors
    /// What the server refused, with an exit code by its status. `what` names the action: `"create the user"`.
    pub fn success(self, what: &str) -> Result<Value> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        let mut why = self.reason();
        if let Some(id) = &self.request_id
            && self.status.is_server_error()
        {
            why = format!("{why} (request {id})");
        }
        let (code, hint) = match self.status.as_u16() {
            401 => (
                ExitCode::Unauthorized,
                Some(
                    "the key may be revoked or belong to another server; make a new one with `longshore api-key create` on the server's machine",
                ),
            ),
            403 if self.code() == Some("AccessDeniedException") => (ExitCode::Unauthorized, None),
            404 if self.code() == Some("UnknownOperationException") => (
                ExitCode::Refused,
                Some("is this the address of a longshore API? `--url` must not name an operation"),
            ),
            404 => (ExitCode::NotFound, None),
            503 => (
                ExitCode::ServerFault,
                Some("the server is shutting down or busy: try again in a moment"),
            ),
            500.. => (ExitCode::ServerFault, Some("the server's log says more")),
            _ => (ExitCode::Refused, None),
        };
        let error = CliError::new(code, format!("cannot {what}")).because(why);
        Err(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        })
    }

    fn code(&self) -> Option<&str> {
        self.body.get("code").and_then(Value::as_str)
    }

    /// The server's own words: every field that is wrong, else its message, else the status.
    fn reason(&self) -> String {
        let fields: Vec<&str> = self
            .body
            .get("fieldList")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|field| field.get("message").and_then(Value::as_str))
            .collect();
        if !fields.is_empty() {
            return fields.join("; ");
        }
        match self.body.get("message").and_then(Value::as_str) {
            Some(message) => message.trim_end_matches('.').to_owned(),
            None => format!("the server answered {}", self.status),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn code(status: u16, body: Value) -> ExitCode {
        let status = StatusCode::from_u16(status).unwrap();
        Answer {
            status,
            body,
            request_id: None,
        }
        .success("do it")
        .unwrap_err()
        .code()
    }

    #[test]
    fn each_kind_of_refusal_has_its_exit_code() {
        assert_eq!(code(401, Value::Null), ExitCode::Unauthorized);
        assert_eq!(
            code(403, json!({"code": "QuotaExceededException"})),
            ExitCode::Refused
        );
        assert_eq!(
            code(403, json!({"code": "AccessDeniedException"})),
            ExitCode::Unauthorized
        );
        assert_eq!(
            code(404, json!({"code": "ResourceNotFoundException"})),
            ExitCode::NotFound
        );
        assert_eq!(
            code(404, json!({"code": "UnknownOperationException"})),
            ExitCode::Refused
        );
        assert_eq!(code(400, Value::Null), ExitCode::Refused);
        assert_eq!(code(409, Value::Null), ExitCode::Refused);
        assert_eq!(code(500, Value::Null), ExitCode::ServerFault);
        assert_eq!(code(503, Value::Null), ExitCode::ServerFault);
    }

    #[test]
    fn every_wrong_field_is_named() {
        let body = json!({"code": "ValidationException", "message": "2 errors",
            "fieldList": [{"path": "/a", "message": "a is bad"}, {"path": "/b", "message": "b is bad"}]});
        let error = Answer {
            status: StatusCode::BAD_REQUEST,
            body,
            request_id: None,
        }
        .success("do it")
        .unwrap_err();
        assert_eq!(error.to_string(), "cannot do it: a is bad; b is bad");
    }
}
