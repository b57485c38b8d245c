//! `longshore config …`

mod check;
mod show;

use clap::Subcommand;

use crate::cli::CommonArgs;
use crate::error::Result;

/// Verbs of `config`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Print every setting in effect and where its value came from
    Show(show::ShowArgs),
    /// Check the configuration without starting anything
    Check(check::CheckArgs),
}

impl ConfigCommand {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::Show(args) => args.run(common),
            Self::Check(args) => args.run(common),
        }
    }
}
