//! `longshore upload …`

mod discard;
mod list;
mod show;

use clap::Subcommand;
use serde_json::Value;

use crate::cli::CommonArgs;
use crate::commands::member;
use crate::error::Result;

/// Verbs of `upload`.
#[derive(Debug, Subcommand)]
pub enum UploadCommand {
    /// List uploads: open, parked and published, with the verdict on each
    List(list::ListArgs),
    /// Show one upload with the evidence for its verdict
    Show(show::ShowArgs),
    /// Throw an unfinished upload away
    Discard(discard::DiscardArgs),
}

/// Where the server keeps the uploads.
const PATH: &str = "/admin/uploads";
/// Those that are not published.
const UNFINISHED_PATH: &str = "/admin/unfinished-uploads";

impl UploadCommand {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        match self {
            Self::List(args) => args.run(common),
            Self::Show(args) => args.run(common),
            Self::Discard(args) => args.run(common),
        }
    }
}

/// Whose upload it is: the name where it is known, else the number.
fn owner(upload: &Value) -> String {
    match member(upload, "username") {
        name if name.is_empty() => format!("#{}", member(upload, "userId")),
        name => name,
    }
}

/// The name of the file as it is now, as far as the server knows.
fn path(upload: &Value) -> String {
    match member(upload, "renamedTo") {
        name if name.is_empty() => member(upload, "path"),
        name => name,
    }
}
