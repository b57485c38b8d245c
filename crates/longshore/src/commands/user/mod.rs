//! `longshore user …`

mod create;
mod delete;
mod list;
mod show;
mod update;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::CommonArgs;
use crate::commands::member;
use crate::error::Result;
use crate::output;

/// Verbs of `user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user; prints the generated name and password once
    Create(create::CreateArgs),
    /// List all users
    List(list::ListArgs),
    /// Show one user
    Show(show::ShowArgs),
    /// Change the description, home directory or bucket of a user
    Update(update::UpdateArgs),
    /// Delete a user: its login and its sessions end, its files stay
    Delete(delete::DeleteArgs),
}

impl UserCommand {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::Create(args) => args.run(common),
            Self::List(args) => args.run(common),
            Self::Show(args) => args.run(common),
            Self::Update(args) => args.run(common),
            Self::Delete(args) => args.run(common),
        }
    }
}

/// The fields of a user as lines.
fn render(user: &Value) -> String {
    let rows: Vec<(&str, String)> = [
        ("username", "username"),
        ("password", "password"),
        ("home directory", "homeDirectory"),
        ("description", "description"),
        ("bucket", "bucketName"),
        ("host", "endpoint"),
        ("port", "port"),
        ("host key", "hostKeyFingerprint"),
        ("last connected", "lastConnectedDate"),
    ]
    .into_iter()
    .map(|(label, name)| (label, member(user, name)))
    .filter(|(_, value)| !value.is_empty())
    .collect();
    output::fields(&rows)
}
