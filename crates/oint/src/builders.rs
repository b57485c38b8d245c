//! The functions that only build settings: nothing is opened, nothing is checked on the network.

use serde_json::{Map, Value, json};

use crate::data;
use crate::error::Result;
use crate::settings::DEFAULT_LOG_ENTRIES;
use crate::value::{Argument, Arguments};

/// `GetSettingsLoginPassword`
pub(crate) fn login_password(arguments: &Arguments<'_>) -> Result<Value> {
    let mut settings = common(arguments, "password")?;
    add(&mut settings, "password", arguments.text("Password")?);
    Ok(Value::Object(settings))
}

/// `GetSettingsPrivateKey`. A key that is not the path of a file becomes `key_data`, text in the settings themselves.
pub(crate) fn private_key(arguments: &Arguments<'_>) -> Result<Value> {
    let mut settings = common(arguments, "private_key")?;
    for (name, path, text) in [
        ("Private", "key_path", "key_data"),
        ("Public", "pub_path", "pub_data"),
    ] {
        match arguments.get(name) {
            Argument::Missing | Argument::Json(Value::Null) => {}
            argument => match data::Source::of_key(argument)? {
                data::Source::File(file) => add(&mut settings, path, file.to_str().map(str::to_owned)),
                source @ data::Source::Bytes(_) => {
                    let bytes = source.into_bytes()?;
                    add(
                        &mut settings,
                        text,
                        Some(String::from_utf8_lossy(&bytes).into_owned()),
                    );
                }
            },
        }
    }
    add(&mut settings, "passphrase", arguments.text("Password")?);
    Ok(Value::Object(settings))
}

/// `GetSettingsViaAgent`
pub(crate) fn agent(arguments: &Arguments<'_>) -> Result<Value> {
    Ok(Value::Object(common(arguments, "agent")?))
}

/// `GetSettingsKI`
pub(crate) fn keyboard_interactive(arguments: &Arguments<'_>) -> Result<Value> {
    let mut settings = common(arguments, "keyboard_interactive")?;
    let answers = match arguments.json("InputOrder")? {
        // One answer may be given without brackets.
        one @ (Value::String(_) | Value::Number(_) | Value::Bool(_)) => json!([one]),
        other => other,
    };
    settings.insert("keyboard_responses".to_owned(), answers);
    Ok(Value::Object(settings))
}

/// `GetProxySettings`
pub(crate) fn proxy(arguments: &Arguments<'_>) -> Result<Value> {
    let mut proxy = Map::new();
    add(&mut proxy, "server", Some(arguments.required_text("Address")?));
    proxy.insert("port".to_owned(), arguments.count("Port")?.into());
    add(&mut proxy, "proxy_type", arguments.text("View")?);
    add(&mut proxy, "login", arguments.text("Login")?);
    add(&mut proxy, "password", arguments.text("Password")?);
    Ok(Value::Object(proxy))
}

/// `GetLoggingSettings`
pub(crate) fn logging(arguments: &Arguments<'_>) -> Result<Value> {
    let memory = match arguments.get("WriteToMemory") {
        Argument::Missing => true,
        _ => arguments.boolean("WriteToMemory")?,
    };
    let file = arguments.text("FilePath")?;
    let mode = match (memory, &file) {
        (true, Some(_)) => "both",
        (true, None) => "memory",
        (false, Some(_)) => "file",
        (false, None) => return Ok(json!({})),
    };
    let mut logging = Map::new();
    logging.insert("mode".to_owned(), mode.into());
    if memory {
        let count = match arguments.get("MaxEvents") {
            Argument::Missing => DEFAULT_LOG_ENTRIES,
            _ => arguments.count("MaxEvents")?,
        };
        logging.insert("max_entries".to_owned(), count.into());
    }
    add(&mut logging, "file_path", file);
    Ok(Value::Object(logging))
}

/// `GetConnectionConfiguration`
pub(crate) fn configuration(arguments: &Arguments<'_>) -> Result<Value> {
    let mut configuration = Map::new();
    configuration.insert("set".to_owned(), data::object(&arguments.json("SSHSettings")?)?);
    match arguments.json("Proxy")? {
        Value::Null => {}
        Value::String(empty) if empty.is_empty() => {}
        proxy => {
            configuration.insert("proxy".to_owned(), data::object(&proxy)?);
        }
    }
    Ok(Value::Object(configuration))
}

fn common(arguments: &Arguments<'_>, auth_type: &str) -> Result<Map<String, Value>> {
    let mut settings = Map::new();
    add(&mut settings, "auth_type", Some(auth_type.to_owned()));
    add(&mut settings, "host", Some(arguments.required_text("Host")?));
    settings.insert("port".to_owned(), arguments.count("Port")?.into());
    add(&mut settings, "username", Some(arguments.required_text("Login")?));
    Ok(settings)
}

/// Empty values are left out.
fn add(map: &mut Map<String, Value>, key: &str, text: Option<String>) {
    if let Some(text) = text.filter(|text| !text.is_empty()) {
        map.insert(key.to_owned(), Value::String(text));
    }
}
