//! Values that may be given in several ways: as themselves, as the path of a file, as an address, as Base64.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::error::{OintError, Result};
use crate::fetch;
use crate::value::Argument;

/// Data that is to be sent, or a key.
#[derive(Debug)]
pub(crate) enum Source {
    /// A file of this machine, read as it is needed.
    File(PathBuf),
    /// The bytes themselves.
    Bytes(Vec<u8>),
}

impl Source {
    /// What `UploadFile` takes: bytes; or a string that is tried as an existing file, an address, Base64, and the
    /// text itself. Nothing is empty data.
    ///
    /// # Errors
    /// [`OintError::Download`].
    pub(crate) fn of_data(argument: &Argument) -> Result<Self> {
        Ok(match argument {
            Argument::Missing | Argument::Json(Value::Null) => Self::Bytes(Vec::new()),
            Argument::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Argument::Json(Value::String(text)) => Self::of_text(text)?,
            Argument::Json(other) => Self::Bytes(other.to_string().into_bytes()),
            Argument::Handle(_) => {
                return Err(OintError::Parameter {
                    name: "File",
                    problem: "must be a path, text or data".to_owned(),
                });
            }
        })
    }

    /// What the settings of a key take. A short text that is none of these is the path of a file that is not there,
    /// which is the clearer complaint.
    ///
    /// # Errors
    /// [`OintError::Download`].
    pub(crate) fn of_key(argument: &Argument) -> Result<Self> {
        if let Argument::Json(Value::String(text)) = argument {
            let is_key = text.contains("-----BEGIN")
                || text.starts_with("PuTTY-User-Key-File")
                || text.contains("ssh-");
            if !is_key && !is_address(text) && decode(text).is_none() {
                return Ok(Self::File(PathBuf::from(text)));
            }
        }
        Self::of_data(argument)
    }

    fn of_text(text: &str) -> Result<Self> {
        if is_existing_file(text) {
            return Ok(Self::File(PathBuf::from(text)));
        }
        if is_address(text) {
            return Ok(Self::Bytes(fetch::get(text)?));
        }
        Ok(Self::Bytes(
            decode(text).unwrap_or_else(|| text.as_bytes().to_vec()),
        ))
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// [`OintError::File`].
    pub(crate) fn into_bytes(self) -> Result<Vec<u8>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::File(path) => std::fs::read(&path).map_err(|error| of_file(&path, &error)),
        }
    }
}

pub(crate) fn of_file(path: &Path, error: &std::io::Error) -> OintError {
    OintError::File(format!("{}: {error}", path.display()))
}

/// An object that is given as itself, as JSON text (single quotes may stand for double ones), as the path of a `.json`
/// file, or as an address.
///
/// # Errors
/// [`OintError::Settings`] with what the parser says.
pub(crate) fn object(value: &Value) -> Result<Value> {
    let Value::String(text) = value else {
        return match value {
            Value::Object(_) => Ok(value.clone()),
            Value::Null => Err(OintError::Settings("No settings found".to_owned())),
            other => Err(OintError::Settings(format!("expected an object, got {other}"))),
        };
    };
    let text = if is_address(text) {
        String::from_utf8_lossy(&fetch::get(text)?).into_owned()
    } else if is_existing_file(text) {
        let path = Path::new(text);
        std::fs::read_to_string(path).map_err(|error| of_file(path, &error))?
    } else {
        text.clone()
    };
    match json(text.trim_start_matches('\u{feff}')) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(OintError::Settings("expected a JSON object".to_owned())),
        Err(error) => Err(OintError::Settings(error)),
    }
}

/// JSON, or JSON with single quotes for double ones, so that it fits in a double-quoted shell word.
///
/// # Errors
/// What the parser says; never with a piece of the text, which may hold a password.
pub(crate) fn json(text: &str) -> Result<Value, String> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(first) => serde_json::from_str(&double_quoted(text))
            .map_err(|_| format!("not JSON, at line {} column {}", first.line(), first.column())),
    }
}

/// Strings in single quotes become strings in double quotes; what is in double quotes stays.
fn double_quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut escaped) = (None, false);
    for character in text.chars() {
        match (inside, character) {
            _ if escaped => {
                // `\'` is no escape of JSON.
                if character == '\'' {
                    out.pop();
                }
                out.push(character);
                escaped = false;
                continue;
            }
            (Some(_), '\\') => escaped = true,
            (None, '\'' | '"') => {
                inside = Some(character);
                out.push('"');
                continue;
            }
            (Some(quote), _) if character == quote => {
                inside = None;
                out.push('"');
                continue;
            }
            (Some('\''), '"') => out.push('\\'),
            _ => {}
        }
        out.push(character);
    }
    out
}

pub(crate) fn is_address(text: &str) -> bool {
    let start = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    start.starts_with("http://") || start.starts_with("https://")
}

pub(crate) fn is_existing_file(text: &str) -> bool {
    // Longer is no path, and might be megabytes.
    !text.is_empty() && text.len() <= 4096 && !text.contains('\0') && Path::new(text).is_file()
}

/// Base64, as it is printed.
pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Strict Base64, line ends allowed. A short word like `user` is text that happens to fit, unless it is padded.
fn decode(text: &str) -> Option<Vec<u8>> {
    let compact: String = text
        .chars()
        .filter(|character| !matches!(character, '\r' | '\n'))
        .collect();
    if compact.len() < 16 && !compact.ends_with('=') {
        return None;
    }
    STANDARD.decode(compact).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn single_quotes_may_stand_for_double_ones() {
        for (text, value) in [
            ("{'a':'b'}", json!({"a": "b"})),
            (r#"{"a":"it's"}"#, json!({"a": "it's"})),
            (r"{'a':'it\'s'}", json!({"a": "it's"})),
            (r#"{'a':'say "no"'}"#, json!({"a": "say \"no\""})),
            (r"{'a':'c:\\d\n'}", json!({"a": "c:\\d\n"})),
            ("['a','b']", json!(["a", "b"])),
        ] {
            assert_eq!(json(text).unwrap(), value, "{text}");
        }
        let complaint = json("{'password': 'hunter2'").unwrap_err();
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }

    #[test]
    fn data_is_a_file_or_base64_or_the_text_itself() {
        let bytes = |text: &str| {
            Source::of_data(&json!(text).into())
                .unwrap()
                .into_bytes()
                .unwrap()
        };
        assert_eq!(bytes("hello"), b"hello");
        assert_eq!(bytes("aGVsbG8sIHdvcmxkISE="), b"hello, world!!");
        assert_eq!(bytes("dGVzdA=="), b"test");
        assert_eq!(bytes("user"), b"user");
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        std::fs::write(&path, "from disk").unwrap();
        assert_eq!(bytes(path.to_str().unwrap()), b"from disk");
        assert_eq!(
            Source::of_data(&Argument::Missing).unwrap().into_bytes().unwrap(),
            b""
        );
    }

    #[test]
    fn objects_come_from_files_too() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("set.json");
        std::fs::write(&path, "\u{feff}{'host': 'h'}").unwrap();
        assert_eq!(
            object(&json!(path.to_str().unwrap())).unwrap(),
            json!({"host": "h"})
        );
        assert!(object(&json!("[1]")).is_err());
        assert!(object(&json!(7)).is_err());
    }
}
