//! Printing a result: JSON indented by one space with CRLF line ends; texts and booleans bare.

use std::io::{self, Write};
use std::path::Path;

use serde::Serialize as _;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

use super::Failure;
use crate::connector::TYPE_NAME;
use crate::data;
use crate::value::Outcome;

/// Names that stand for the console instead of a file.
const CONSOLE: [&str; 3] = ["_utf8_", "_hex_", "_base64_"];

/// Whether `--out` names no file.
pub(super) fn is_console(out: &Path) -> bool {
    CONSOLE.iter().any(|name| out.as_os_str() == *name)
}

/// Prints the result, or writes it to a file and says so.
pub(super) fn write(outcome: &Outcome, to: Option<&Path>, out: &mut dyn Write) -> Result<(), Failure> {
    let bytes = match outcome {
        Outcome::Json(value) => text(value).into_bytes(),
        Outcome::Bytes(bytes) => bytes.clone(),
        Outcome::Handle(_) => TYPE_NAME.as_bytes().to_vec(),
    };
    let Some(path) = to else {
        if matches!(outcome, Outcome::Bytes(_)) {
            return Err(
                "the result is binary: give --out a path, or _hex_, _base64_, _utf8_"
                    .to_owned()
                    .into(),
            );
        }
        return print(&bytes, out);
    };
    match path.to_str() {
        Some("_utf8_") => print(String::from_utf8_lossy(&bytes).as_bytes(), out),
        Some("_base64_") => print(data::encode(&bytes).as_bytes(), out),
        Some("_hex_") => {
            let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            print(hex.as_bytes(), out)
        }
        _ => {
            std::fs::write(path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
            writeln!(out, "{} bytes written to {}", bytes.len(), path.display())?;
            Ok(())
        }
    }
}

fn print(bytes: &[u8], out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(bytes)?;
    out.write_all(b"\r\n")?;
    Ok(out.flush()?)
}

/// Strings and booleans bare, an empty result `{}`.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(value) => value.to_string(),
        Value::Null => "{}".to_owned(),
        other => indented(other).unwrap_or_else(|_| other.to_string()),
    }
}

/// Line ends inside texts are escaped in JSON, so every one that is there is layout.
fn indented(value: &Value) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b" "));
    value.serialize(&mut serializer)?;
    Ok(String::from_utf8_lossy(&bytes).replace('\n', "\r\n"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn printed(value: Value, to: Option<&str>) -> String {
        let mut out = Vec::new();
        assert!(write(&Outcome::Json(value), to.map(Path::new), &mut out).is_ok());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_indented_by_one_space_with_crlf() {
        let text = printed(json!({"result": true, "path": "a\nb"}), None);
        assert_eq!(text, "{\r\n \"path\": \"a\\nb\",\r\n \"result\": true\r\n}\r\n");
    }

    #[test]
    fn texts_and_booleans_are_bare() {
        assert_eq!(printed(json!("text"), None), "text\r\n");
        assert_eq!(printed(json!(true), None), "true\r\n");
        assert_eq!(printed(json!({}), None), "{}\r\n");
    }

    #[test]
    fn special_names_print_in_other_forms() {
        assert_eq!(printed(json!("hi"), Some("_hex_")), "6869\r\n");
        assert_eq!(printed(json!("hi"), Some("_base64_")), "aGk=\r\n");
        let mut out = Vec::new();
        assert!(write(&Outcome::Bytes(vec![0, 1]), None, &mut out).is_err());
    }

    #[test]
    fn a_file_gets_the_result_and_the_console_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("result.json");
        let line = printed(json!({"a": 1}), path.to_str());
        assert!(
            line.contains("13 bytes") && line.contains("result.json"),
            "{line}"
        );
        assert_eq!(std::fs::read_to_string(path).unwrap(), "{\r\n \"a\": 1\r\n}");
    }
}
