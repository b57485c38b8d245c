//! `longshore trust list`

use clap::Args;
use longshore_client::HostKey;
use longshore_client::trust::known_hosts::{KnownHosts, Located};
use longshore_client::trust::line::{Hosts, Marker};
use serde_json::{Value, json};

use super::{FileArgs, name, of_file};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json, table, visible};

/// List the keys that are known, of all servers or of one
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore trust list
  longshore trust list files.example.net:2022 --json")]
pub struct ListArgs {
    /// Only this server: host, host:port or [address]:port
    host: Option<String>,
    #[command(flatten)]
    file: FileArgs,
    #[command(flatten)]
    output: OutputArgs,
}

impl ListArgs {
    pub(super) fn run(&self) -> Result<()> {
        let file = self.file.path()?;
        let known = KnownHosts::load(&[file]).map_err(of_file)?;
        let wanted = self.host.as_deref().map(name).transpose()?;
        let entries = known.entries().iter().filter(|located| {
            wanted
                .as_ref()
                .is_none_or(|name| located.entry.hosts.matches(name))
        });
        if self.output.json {
            return print_json(&entries.map(row_json).collect());
        }
        let rows: Vec<Vec<String>> = entries.map(row).collect();
        print(&table(&["LINE", "HOST", "KEY", "KIND"], &rows))
    }
}

fn row(located: &Located) -> Vec<String> {
    vec![
        located.line.to_string(),
        hosts(&located.entry.hosts),
        key(located),
        kind(located.entry.marker).to_owned(),
    ]
}

fn row_json(located: &Located) -> Value {
    json!({
        "line": located.line,
        "file": located.file,
        "hosts": hosts(&located.entry.hosts),
        "key": key(located),
        "type": located.entry.key_type,
        "kind": kind(located.entry.marker),
    })
}

fn hosts(hosts: &Hosts) -> String {
    match hosts {
        Hosts::Hashed { .. } => "(hashed)".to_owned(),
        Hosts::Patterns(text) => visible(&String::from_utf8_lossy(text)),
    }
}

fn key(located: &Located) -> String {
    HostKey::from_blob(&located.entry.key)
        .map_or_else(|_| visible(&located.entry.key_type), |key| key.to_string())
}

fn kind(marker: Marker) -> &'static str {
    match marker {
        Marker::None => "host",
        Marker::CertAuthority => "authority",
        Marker::Revoked => "revoked",
    }
}
