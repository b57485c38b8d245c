//! The first API key: shown once, or left in a file.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use longshore_catalog::Catalog;
use secrecy::{ExposeSecret, SecretString};

use super::server_file::write_private;
use crate::data_dir::DataDir;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Where the operator finds the first key.
pub(super) enum FirstKey {
    /// To be shown on the terminal, this once.
    Show(SecretString),
    /// In this file.
    File(PathBuf),
}

/// Makes the first API key of an installation that has none. `None` when there were keys before.
///
/// # Errors
/// [`ExitCode::Failure`] when the catalog fails, [`ExitCode::DataDir`] when the file cannot be written.
pub(super) async fn first_key(catalog: &dyn Catalog, dir: &DataDir) -> Result<Option<FirstKey>> {
    let failed = |error| CliError::new(ExitCode::Failure, "cannot make the first API key").because(error);
    if !catalog.list_keys().await.map_err(failed)?.is_empty() {
        return Ok(None);
    }
    let created = catalog.create_key("first start").await.map_err(failed)?;
    if io::stdout().is_terminal() {
        return Ok(Some(FirstKey::Show(created.secret)));
    }
    let path = dir.initial_api_key();
    let text = zeroize::Zeroizing::new(format!("{}\n", created.secret.expose_secret()));
    if let Err(error) = write_private(&path, text.as_bytes()) {
        // Nobody will ever know this key, so it must not count. If that fails too, it is as good as random.
        let _ = catalog.revoke_key(&created.key.prefix).await;
        let hint =
            "the first API key is lost with it: make one with longshore api-key create once the server runs";
        return Err(dir.complain("write in", &error).hint(hint));
    }
    Ok(Some(FirstKey::File(path)))
}
