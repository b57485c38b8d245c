//! The API key of a client command: from a file, the environment or the configuration; never from argv.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::config::{Config, settings};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::KEY_FILE_MAX;

/// An API key; `Debug` shows nothing of it.
#[derive(Debug, Clone)]
pub struct ApiKey(SecretString);

impl ApiKey {
    /// The key that the configuration leads to, if any: `client.api_key_file` goes before `client.api_key`.
    ///
    /// # Errors
    /// [`ExitCode::Config`] when the file cannot be read or holds no key.
    pub fn from_config(config: &Config) -> Result<Option<Self>> {
        if let Some(path) = config.path(&settings::CLIENT_API_KEY_FILE) {
            return read(path).map(Some);
        }
        Ok(config
            .text(&settings::CLIENT_API_KEY)
            .map(|text| Self(text.to_owned().into())))
    }

    /// The text, for the request alone.
    #[must_use]
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// Reads a key file; `-` is standard input.
fn read(path: &Path) -> Result<ApiKey> {
    let fail = || {
        CliError::new(
            ExitCode::Config,
            format!("cannot read the API key from {}", path.display()),
        )
    };
    let mut text = Zeroizing::new(String::new());
    let result = if path.as_os_str() == "-" {
        std::io::stdin()
            .lock()
            .take(KEY_FILE_MAX)
            .read_to_string(&mut text)
    } else {
        File::open(path).and_then(|file| file.take(KEY_FILE_MAX).read_to_string(&mut text))
    };
    result.map_err(|error| {
        fail()
            .because(error)
            .hint("name a file that holds the key alone, in one line")
    })?;
    let key = text.trim();
    if key.is_empty() || !key.chars().all(|c| c.is_ascii_graphic()) {
        return Err(fail()
            .because("it does not hold a key")
            .hint("the file must hold the key alone, in one line"));
    }
    Ok(ApiKey(key.to_owned().into()))
}
