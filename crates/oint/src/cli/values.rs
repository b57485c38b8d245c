//! From the options of a command to the arguments of a call.

use serde_json::Value;

use super::arguments::{Given, Name};
use crate::data;
use crate::table::{Kind, Parameter, Spec};
use crate::value::Argument;

/// The arguments, in the order of the parameters.
///
/// # Errors
/// Unknown options, and values of the wrong type. The text never holds a secret.
pub(super) fn arguments(spec: &'static Spec, given: &Given) -> Result<Vec<Argument>, String> {
    let mut arguments = vec![Argument::Missing; spec.parameters.len()];
    for (name, text) in &given.options {
        let place = spec
            .parameters
            .iter()
            .position(|parameter| is_called(parameter, name))
            .ok_or_else(|| unknown(spec, name))?;
        if !text.is_empty() {
            arguments[place] = Argument::Json(value(&spec.parameters[place], text)?);
        }
    }
    Ok(arguments)
}

fn is_called(parameter: &Parameter, name: &Name) -> bool {
    match name {
        Name::Long(name) => parameter.long == name,
        Name::Short(letter) => parameter.short == Some(*letter),
    }
}

fn unknown(spec: &Spec, name: &Name) -> String {
    let known: Vec<String> = spec
        .parameters
        .iter()
        .map(|parameter| format!("--{}", parameter.long))
        .collect();
    format!(
        "unknown option {name}: {} takes {}",
        spec.english,
        known.join(", ")
    )
}

fn value(parameter: &Parameter, text: &str) -> Result<Value, String> {
    let wrong = |what: &str| format!("--{} must be {what}", parameter.long);
    match parameter.kind {
        Kind::Text | Kind::Data | Kind::Any => Ok(Value::String(unescape(text))),
        Kind::Number => number(text).ok_or_else(|| wrong("a number")),
        Kind::Boolean => match text.to_lowercase().as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(wrong("true or false")),
        },
        Kind::Array => match data::json(text) {
            Ok(list @ Value::Array(_)) => Ok(list),
            // One element may stand without brackets.
            _ if !text.trim_start().starts_with('[') => Ok(serde_json::json!([unescape(text)])),
            _ => Err(wrong("a JSON array like \"['a','b']\"")),
        },
        // Parsed by the function itself, which also takes paths and addresses.
        Kind::Object | Kind::Connection => Ok(Value::String(text.to_owned())),
    }
}

fn number(text: &str) -> Option<Value> {
    if let Ok(whole) = text.trim().parse::<i64>() {
        return Some(whole.into());
    }
    let number = text.trim().parse::<f64>().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// `\n`, `\r`, `\v`, `\f` become the control characters, `\\n` the text `\n`. JSON and paths of files that exist stay
/// as they are.
fn unescape(text: &str) -> String {
    if text.starts_with(['{', '[']) || !text.contains('\\') || data::is_existing_file(text) {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        match rest.peek().copied() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('v') => out.push('\u{b}'),
            Some('f') => out.push('\u{c}'),
            Some('\\') => {
                rest.next();
                out.push('\\');
                match rest.peek() {
                    Some('n' | 'r' | 'v' | 'f') => {}
                    // Two backslashes before anything else are two.
                    _ => out.push('\\'),
                }
                continue;
            }
            _ => {
                out.push('\\');
                continue;
            }
        }
        rest.next();
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::table::Library;

    #[test]
    fn escapes() {
        for (text, expected) in [
            (r"a\nb", "a\nb"),
            (r"a\\nb", r"a\nb"),
            (r"c:\temp", r"c:\temp"),
            (r"\\server\share", r"\\server\share"),
            (r"{'a':'\n'}", r"{'a':'\n'}"),
            (r"end\", r"end\"),
        ] {
            assert_eq!(unescape(text), expected, "{text}");
        }
    }

    #[test]
    fn types() {
        let spec = Library::Sftp.function("GetSettingsKI").unwrap();
        let given = |options: &[(&str, &str)]| Given {
            options: options
                .iter()
                .map(|(name, value)| (Name::Long((*name).to_owned()), (*value).to_owned()))
                .collect(),
            ..Given::default()
        };
        let arguments_of = |options: &[(&str, &str)]| arguments(spec, &given(options));
        let parsed = arguments_of(&[
            ("host", "h"),
            ("port", "2222"),
            ("user", ""),
            ("prompts", "['a','b']"),
        ])
        .unwrap();
        assert!(matches!(&parsed[1], Argument::Json(port) if *port == json!(2222)));
        assert!(
            matches!(&parsed[2], Argument::Missing),
            "an empty value counts as not given"
        );
        assert!(matches!(&parsed[3], Argument::Json(list) if *list == json!(["a", "b"])));
        assert!(arguments_of(&[("port", "many")]).unwrap_err().contains("--port"));
        assert!(
            arguments_of(&[("colour", "red")])
                .unwrap_err()
                .contains("--colour")
        );
        let complaint = arguments_of(&[("prompts", "['hunter2'")]).unwrap_err();
        assert!(!complaint.contains("hunter2"), "{complaint}");
    }
}
