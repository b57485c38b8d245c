//! The functions that talk to a server.

mod directories;
mod execute;
mod files;
mod list;

use serde_json::{Map, Value, json};

use crate::connector::Connector;
use crate::error::Result;
use crate::runtime::block_on;
use crate::table::Function;
use crate::value::{Arguments, Outcome};

/// Performs an operation over an open connection.
pub(crate) fn perform(
    function: Function,
    connector: &Connector,
    arguments: &Arguments<'_>,
) -> Result<Outcome> {
    match function {
        Function::ListObjects => list::list(connector, arguments),
        Function::CreateNewDirectory => directories::create(connector, arguments),
        Function::DeleteDirectory => directories::delete(connector, arguments),
        Function::GetCurrentDirectory => directories::current(connector),
        Function::UpdatePath => files::rename(connector, arguments),
        Function::UploadFile => files::upload(connector, arguments),
        Function::SaveFile => files::save(connector, arguments),
        Function::GetFileData => files::data(connector, arguments),
        Function::DeleteFile => files::delete(connector, arguments),
        Function::GetFileInformation => files::information(connector, arguments),
        Function::ExecuteCommand => execute::execute(connector, arguments),
        Function::GetLog => log(connector, arguments),
        Function::CreateConnection
        | Function::GetConnectionConfiguration
        | Function::CloseConnection
        | Function::IsConnector
        | Function::GetSettingsLoginPassword
        | Function::GetSettingsPrivateKey
        | Function::GetSettingsViaAgent
        | Function::GetSettingsKI
        | Function::GetProxySettings
        | Function::GetLoggingSettings => unreachable!("no operation: the caller answers these"),
    }
}

/// `GetLog`
fn log(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let log = connector.log()?;
    let count = usize::try_from(arguments.count("EventCount")?).unwrap_or(usize::MAX);
    let (logs, total) = log.latest(count);
    let returned = logs.len();
    let logs = match arguments.boolean("AsString")? {
        true => Value::String(logs.join("\n")),
        false => json!(logs),
    };
    Ok(success([
        ("logs", logs),
        ("returned", json!(returned)),
        ("total", json!(total)),
    ]))
}

/// A good result with these keys.
fn success<const N: usize>(keys: [(&str, Value); N]) -> Outcome {
    Outcome::success(
        keys.into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect(),
    )
}

/// A good result without further keys.
fn done() -> Outcome {
    Outcome::success(Map::new())
}

/// Runs a request over the SFTP session, which is started if need be.
fn with_sftp<T, F>(connector: &Connector, work: impl FnOnce(longshore_client::sftp::Sftp) -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    block_on(async { work(connector.sftp().await?).await })
}
