//! `longshore mkdir`

use std::ffi::OsString;

use clap::Args;
use longshore_client::sftp::Attrs;

use crate::client::{ConnectArgs, Failures, Place, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Make directories on a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore mkdir files.example.net:inbox
  longshore mkdir -p files.example.net:inbox/2026/11 :outbox")]
pub struct MkdirArgs {
    /// Directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Make those above it too, and be content with one that is there
    #[arg(short, long)]
    parents: bool,
    /// Permissions of the new directory, octal
    #[arg(short, long, value_name = "MODE", value_parser = octal)]
    mode: Option<u32>,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl MkdirArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        if place.paths.iter().any(Vec::is_empty) {
            return Err(CliError::new(ExitCode::Usage, "a directory to make needs a name"));
        }
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            for path in &place.paths {
                let sftp = session.sftp();
                let made = if self.parents {
                    sftp.create_dir_all(path).await
                } else {
                    sftp.mkdir(path, self.mode).await
                };
                // the server's umask has had its say on the mode
                let set = match (made, self.mode) {
                    (Ok(()), Some(mode)) => {
                        let attrs = Attrs {
                            permissions: Some(mode),
                            ..Attrs::default()
                        };
                        sftp.set_stat(path, &attrs).await
                    }
                    (made, _) => made,
                };
                failures.take(set.map_err(CliError::from));
            }
            session.close().await;
            failures.finish()
        })
    }
}

/// Permission bits as `chmod` reads them.
///
/// # Errors
/// What is no octal number of at most 7777.
pub(super) fn octal(text: &str) -> std::result::Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode <= 0o7777 && !text.starts_with('+') => Ok(mode),
        _ => Err("permissions are an octal number of at most 7777, such as 755".to_owned()),
    }
}
