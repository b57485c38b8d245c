//! `longshore trust …`: the host keys of servers that the client and `oint` connect to.

mod add;
mod list;
mod remove;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use longshore_client::trust::known_hosts::name_of;
use longshore_client::{Endpoint, SSH_PORT};

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Verbs of `trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Ask a server for its host key, show it, and remember it once you say so
    Add(add::AddArgs),
    /// List the keys that are known, of all servers or of one
    List(list::ListArgs),
    /// Forget the keys of a server
    Remove(remove::RemoveArgs),
}

impl TrustCommand {
    pub(super) fn run(&self) -> Result<()> {
        match self {
            Self::Add(args) => args.run(),
            Self::List(args) => args.run(),
            Self::Remove(args) => args.run(),
        }
    }
}

/// The file that is read and written.
#[derive(Debug, Args)]
struct FileArgs {
    /// Known-hosts file [default: ~/.ssh/known_hosts, which OpenSSH reads too]
    #[arg(long, value_name = "FILE")]
    known_hosts: Option<PathBuf>,
}

impl FileArgs {
    fn path(&self) -> Result<PathBuf> {
        if let Some(path) = &self.known_hosts {
            return Ok(path.clone());
        }
        std::env::home_dir()
            .map(|home| home.join(".ssh/known_hosts"))
            .ok_or_else(|| {
                CliError::new(
                    ExitCode::Config,
                    "cannot find the home directory, and with it known_hosts",
                )
                .hint("set HOME, or name a file with --known-hosts")
            })
    }
}

/// `host`, `host:port` or `[host]:port`.
fn endpoint(text: &str) -> Result<Endpoint> {
    Endpoint::parse(text, SSH_PORT).map_err(|error| {
        CliError::new(ExitCode::Usage, format!("cannot read the host '{text}'"))
            .because(error)
            .hint("write host, host:port or [address]:port")
    })
}

/// How known-hosts files name it.
fn name(text: &str) -> Result<String> {
    Ok(name_of(&endpoint(text)?))
}

fn of_file(error: longshore_client::Error) -> CliError {
    CliError::new(ExitCode::Failure, "cannot use the known-hosts file").because(error)
}
