//! `longshore host-key …`

mod show;

use clap::Subcommand;

use crate::cli::CommonArgs;
use crate::error::Result;

/// Verbs of `host-key`.
#[derive(Debug, Subcommand)]
pub enum HostKeyCommand {
    /// Print the fingerprint, known_hosts lines and SSHFP records of the host keys
    Show(show::ShowArgs),
}

impl HostKeyCommand {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::Show(args) => args.run(common),
        }
    }
}
