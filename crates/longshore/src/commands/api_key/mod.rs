//! `longshore api-key …`

mod create;
mod list;
mod revoke;

use clap::Subcommand;

use crate::cli::CommonArgs;
use crate::error::Result;

/// Verbs of `api-key`.
#[derive(Debug, Subcommand)]
pub enum ApiKeyCommand {
    /// Make a key; prints it once
    Create(create::CreateArgs),
    /// List all keys, revoked ones included; never the secret
    List(list::ListArgs),
    /// Revoke a key: it is refused from now on
    Revoke(revoke::RevokeArgs),
}

/// Where the server keeps the keys.
const PATH: &str = "/admin/api-keys";

impl ApiKeyCommand {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::Create(args) => args.run(common),
            Self::List(args) => args.run(common),
            Self::Revoke(args) => args.run(common),
        }
    }
}
