//! `longshore trust remove`

use clap::Args;
use longshore_client::trust::known_hosts;
use longshore_client::trust::line::Marker;
use serde_json::json;

use super::{FileArgs, name, of_file};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json};

/// Forget the keys of a server. What revokes a key stays
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore trust remove files.example.net:2022

The file as it was stays beside it, with .old behind its name.")]
pub struct RemoveArgs {
    /// The server: host, host:port or [address]:port
    host: String,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl RemoveArgs {
    pub(super) fn run(&self) -> Result<()> {
        let (file, name) = (self.file.path()?, name(&self.host)?);
        let removed = known_hosts::remove(&file, |entry| {
            entry.marker == Marker::None && entry.hosts.matches(&name)
        })
        .map_err(of_file)?;
        if removed.is_empty() {
            let message = format!("no key of {name} is known in {}", file.display());
            return Err(CliError::new(ExitCode::NotFound, message).hint("longshore trust list shows what is"));
        }
        if self.output.json {
            return print_json(&json!({"name": name, "file": file, "removed": removed.len()}));
        }
        print(&format!(
            "{name}: {} removed from {}\n",
            keys(removed.len()),
            file.display()
        ))
    }
}

fn keys(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        _ => format!("{count} keys"),
    }
}
