//! `--debug` and `--test`: what was understood, without secrets.

use std::io::{Result, Write};

use serde_json::Value;

use crate::data;
use crate::table::{Kind, Library, Parameter, Spec};
use crate::value::Argument;

/// Keys of settings whose values are never printed.
const SECRET_KEYS: [&str; 4] = ["password", "passphrase", "key_data", "keyboard_responses"];
const MASK: &str = "***";

/// The options, one a line.
pub(super) fn print(
    library: Library,
    spec: &Spec,
    arguments: &[Argument],
    out: &mut dyn Write,
) -> Result<()> {
    writeln!(out, "{} {}", library.module(), spec.english)?;
    for (parameter, argument) in spec.parameters.iter().zip(arguments) {
        writeln!(out, "  {:<12} {}", parameter.name, shown(parameter, argument))?;
    }
    Ok(())
}

/// The call as a program would write it.
pub(super) fn print_call(
    library: Library,
    spec: &Spec,
    arguments: &[Argument],
    out: &mut dyn Write,
) -> Result<()> {
    let mut shown: Vec<String> = spec
        .parameters
        .iter()
        .zip(arguments)
        .map(|(parameter, argument)| shown(parameter, argument))
        .collect();
    while shown.last().is_some_and(String::is_empty) {
        shown.pop();
    }
    writeln!(out, "{}.{}({})", library.module(), spec.english, shown.join(", "))
}

fn shown(parameter: &Parameter, argument: &Argument) -> String {
    match argument {
        Argument::Missing => String::new(),
        Argument::Handle(_) => crate::connector::TYPE_NAME.to_owned(),
        Argument::Bytes(bytes) => format!("<{} bytes>", bytes.len()),
        // The path of a key is no secret; its text is.
        Argument::Json(Value::String(path))
            if parameter.kind == Kind::Data && data::is_existing_file(path) =>
        {
            Value::String(path.clone()).to_string()
        }
        Argument::Json(_) if parameter.secret => MASK.to_owned(),
        Argument::Json(Value::String(text)) if matches!(parameter.kind, Kind::Object | Kind::Connection) => {
            match data::json(text) {
                Ok(value) => masked(&value).to_string(),
                // A path or address; text that is no JSON might hold anything.
                Err(_) if data::is_existing_file(text) => Value::String(text.clone()).to_string(),
                Err(_) => MASK.to_owned(),
            }
        }
        Argument::Json(value) => masked(value).to_string(),
    }
}

/// The same value with secrets masked, at any depth.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| {
                let secret = SECRET_KEYS.contains(&key.as_str()) && !value.is_null();
                (
                    key.clone(),
                    if secret { Value::from(MASK) } else { masked(value) },
                )
            })
            .collect(),
        Value::Array(list) => list.iter().map(masked).collect(),
        other => other.clone(),
    }
}
