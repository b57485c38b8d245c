//! A call: which function, with which connection, and how its end becomes a result.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::connector::{Connector, TYPE_NAME};
use crate::error::{OintError, Result};
use crate::table::{Function, Library, Spec};
use crate::value::{Argument, Arguments, Outcome};
use crate::{builders, data, operations};

/// Calls a function by its English or Russian name, in any case, with arguments in the order of its parameters.
///
/// Operations never fail in the language's sense: what went wrong is in the result. Waits until it is done; must not be
/// called from inside an asynchronous task.
///
/// # Errors
/// [`UnknownFunction`].
pub fn call(
    library: Library,
    function: &str,
    arguments: &[Argument],
) -> std::result::Result<Outcome, UnknownFunction> {
    let spec = library.function(function).ok_or_else(|| UnknownFunction {
        library,
        name: function.to_owned(),
    })?;
    Ok(run(spec, arguments))
}

/// No function of the library has that name.
#[derive(Debug, thiserror::Error)]
#[error("{} has no function '{name}'", .library.module())]
pub struct UnknownFunction {
    /// Where it was looked for.
    pub library: Library,
    /// The name.
    pub name: String,
}

/// Calls a function of the table.
#[must_use]
pub fn run(spec: &'static Spec, arguments: &[Argument]) -> Outcome {
    try_run(spec, arguments).unwrap_or_else(|error| Outcome::failure(&error))
}

fn try_run(spec: &'static Spec, given: &[Argument]) -> Result<Outcome> {
    let arguments = Arguments::new(spec, given)?;
    let built = |value: Result<Value>| value.map(Outcome::Json);
    match spec.function {
        Function::GetSettingsLoginPassword => built(builders::login_password(&arguments)),
        Function::GetSettingsPrivateKey => built(builders::private_key(&arguments)),
        Function::GetSettingsViaAgent => built(builders::agent(&arguments)),
        Function::GetSettingsKI => built(builders::keyboard_interactive(&arguments)),
        Function::GetProxySettings => built(builders::proxy(&arguments)),
        Function::GetLoggingSettings => built(builders::logging(&arguments)),
        Function::GetConnectionConfiguration => built(builders::configuration(&arguments)),
        Function::IsConnector => {
            let is_one = matches!(arguments.get("Value"), Argument::Handle(_));
            Ok(Outcome::Json(Value::Bool(is_one)))
        }
        Function::CreateConnection => create(&arguments),
        Function::CloseConnection => match arguments.get("Connection") {
            Argument::Handle(connector) => connector.disconnect().map(|()| Outcome::success(Map::new())),
            _ => Err(OintError::Parameter {
                name: "Connection",
                problem: format!("must be an open connection ({TYPE_NAME})"),
            }),
        },
        _ => operate(spec, &arguments),
    }
}

/// `CreateConnection`: given an open handle, that handle. SFTP starts with the first function that needs it.
fn create(arguments: &Arguments<'_>) -> Result<Outcome> {
    if let Argument::Handle(connector) = arguments.get("SSHSettings") {
        return Ok(Outcome::Handle(Arc::clone(connector)));
    }
    let connector = Connector::default();
    connector.set_settings(&data::object(&arguments.json("SSHSettings")?)?)?;
    connector.set_proxy(&optional_object(&arguments.json("Proxy")?)?)?;
    connector.set_logger(&optional_object(&arguments.json("Logging")?)?)?;
    connector.connect()?;
    Ok(Outcome::Handle(Arc::new(connector)))
}

/// An operation on a handle, or on a connection of its own that is closed behind it.
fn operate(spec: &'static Spec, arguments: &Arguments<'_>) -> Result<Outcome> {
    let given = match arguments.get("Connection") {
        Argument::Handle(connector) => return operations::perform(spec.function, connector, arguments),
        Argument::Json(given) => given,
        Argument::Missing | Argument::Bytes(_) => &Value::Null,
    };
    let connector = connect(given)?;
    let mut outcome = operations::perform(spec.function, &connector, arguments)
        .unwrap_or_else(|error| Outcome::failure(&error));
    // Also behind a failure, and behind data, which has no place to say so.
    let closed = match connector.disconnect() {
        Ok(()) => json!({"result": true}),
        Err(error) => json!({"result": false, "error": error.to_string()}),
    };
    if let Outcome::Json(Value::Object(keys)) = &mut outcome {
        keys.insert("close_connection".to_owned(), closed);
    }
    Ok(outcome)
}

/// Connects by a configuration.
fn connect(given: &Value) -> Result<Connector> {
    let configuration = data::object(given).map_err(|error| OintError::Configuration(error.to_string()))?;
    let Some(settings) = configuration.get("set").filter(|set| !set.is_null()) else {
        let problem = "missing main connection parameters".to_owned();
        return Err(OintError::Configuration(problem));
    };
    let connector = Connector::default();
    // Parts of it may be paths themselves: `{"set": "set.json"}`.
    connector.set_settings(&data::object(settings)?)?;
    connector.set_proxy(&optional_object(
        configuration.get("proxy").unwrap_or(&Value::Null),
    )?)?;
    connector.connect()?;
    Ok(connector)
}

fn optional_object(value: &Value) -> Result<Value> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::String(empty) if empty.is_empty() => Ok(Value::Null),
        other => data::object(other),
    }
}
