//! `longshore rmdir`

use std::ffi::OsString;

use clap::Args;

use super::guard;
use crate::client::{ConnectArgs, Failures, Place, block_on};
use crate::error::{CliError, Result};

/// Remove empty directories on a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore rmdir files.example.net:inbox/2025")]
pub struct RmdirArgs {
    /// Directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl RmdirArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        place.paths.iter().try_for_each(|path| guard::removable(path))?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            for path in &place.paths {
                failures.take(session.sftp().rmdir(path).await.map_err(CliError::from));
            }
            session.close().await;
            failures.finish()
        })
    }
}
