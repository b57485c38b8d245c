//! Which server a client command speaks to.

use std::path::PathBuf;

use clap::Args;

use super::key::ApiKey;
use super::url::Url;
use crate::config::{Config, Flags, Origin, Value, settings};
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::serve::ServerFile;

/// Flags of every command that speaks to a server.
#[derive(Debug, Args, Clone, Default)]
pub struct ClientArgs {
    /// API of the server, http://HOST:PORT [env: LONGSHORE_URL; default: the admin socket in the data directory]
    #[arg(long, value_name = "URL", help_heading = "Server")]
    pub url: Option<String>,
    /// File that holds the API key alone, - for standard input [env: LONGSHORE_API_KEY_FILE]
    #[arg(long, value_name = "FILE", help_heading = "Server")]
    pub api_key_file: Option<PathBuf>,
}

impl ClientArgs {
    /// Hands the flags to the configuration.
    pub fn add_to(&self, flags: &mut Flags) {
        flags.set(&settings::CLIENT_URL, self.url.as_deref());
        flags.set(&settings::CLIENT_API_KEY_FILE, self.api_key_file.as_deref());
    }
}

/// A server and the way to it.
#[derive(Debug)]
pub enum Target {
    /// HTTP over TCP, with a key.
    Http {
        /// Where.
        url: Url,
        /// Who we are.
        key: ApiKey,
    },
    /// The admin socket of a server on this machine.
    AdminSocket(DataDir),
}

impl Target {
    /// The server that the configuration names: `client.url` with a key, otherwise the admin socket. A key file
    /// named by flag without any URL means the API of the server on this machine.
    ///
    /// # Errors
    /// [`ExitCode::Config`] when there is a URL and no key; [`ExitCode::DataDir`].
    pub fn from_config(config: &Config) -> Result<Self> {
        let key_by_flag = matches!(
            config.entry(&settings::CLIENT_API_KEY_FILE).origin,
            Origin::Flag(_)
        );
        let named = config.text(&settings::CLIENT_URL);
        if named.is_none() && !key_by_flag {
            return Ok(Self::AdminSocket(DataDir::from_config(config)?));
        }
        let text = named.map_or_else(|| local_api(config), str::to_owned);
        let url: Url = text.parse().map_err(|error: super::url::InvalidUrl| {
            CliError::new(ExitCode::Config, format!("cannot use {text}")).because(error)
        })?;
        let key = ApiKey::from_config(config)?.ok_or_else(|| {
            CliError::new(ExitCode::Config, format!("no API key for {url}")).hint(
                "put the key alone into a file and name it with --api-key-file, or set LONGSHORE_API_KEY;\n\
                 on the server's own machine leave --url away: the admin socket needs no key",
            )
        })?;
        Ok(Self::Http { url, key })
    }
}

/// Where the API of this machine's server is: as it says itself, or as the configuration would have it.
fn local_api(config: &Config) -> String {
    let running = DataDir::from_config(config)
        .ok()
        .and_then(|dir| ServerFile::read(&dir).ok().flatten());
    let address = match running {
        Some(server) => server.api.to_string(),
        None => match &config.entry(&settings::API_LISTEN).value {
            Value::Text(text) => text.replace("*:", "127.0.0.1:"),
            _ => "127.0.0.1:8080".to_owned(),
        },
    };
    format!("http://{address}")
}
