//! Commands.

use longshore_client::{ExecOptions, Exit};
use serde_json::{Value, json};

use super::success;
use crate::connector::Connector;
use crate::error::Result;
use crate::runtime::block_on;
use crate::value::{Arguments, Outcome};

/// `ExecuteCommand`. The result is good whenever the command could be started; how it ended is in `exit_code`, as
/// text. Ours: `signal` when it was killed, and `stdout_base64`/`stderr_base64` where the bytes are no UTF-8.
pub(super) fn execute(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let command = arguments.required_text("Command")?;
    let connection = connector.connection()?;
    connector.note(&format!("Execute command: {command}"));
    let output = block_on(connection.exec(command, ExecOptions::default()))?;
    let (code, signal) = match &output.exit {
        Some(Exit::Status(status)) => (status.to_string(), None),
        Some(Exit::Signal { name, .. }) => (String::new(), Some(name.clone())),
        _ => (String::new(), None),
    };
    let stdout = output.stdout.strip_suffix(b"\n").unwrap_or(&output.stdout);
    let mut keys = success([
        ("exit_code", json!(code)),
        ("stdout", json!(String::from_utf8_lossy(stdout))),
        ("stderr", json!(String::from_utf8_lossy(&output.stderr))),
    ]);
    if let Outcome::Json(Value::Object(map)) = &mut keys {
        if let Some(signal) = signal {
            map.insert("signal".to_owned(), json!(signal));
        }
        for (key, bytes) in [
            ("stdout_base64", &output.stdout),
            ("stderr_base64", &output.stderr),
        ] {
            if std::str::from_utf8(bytes).is_err() {
                map.insert(key.to_owned(), json!(crate::data::encode(bytes)));
            }
        }
    }
    Ok(keys)
}
