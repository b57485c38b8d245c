//! `longshore version`

use clap::Args;
use serde_json::json;

use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Print the version
#[derive(Debug, Args)]
pub struct VersionArgs {
    #[command(flatten)]
    output: OutputArgs,
}

impl VersionArgs {
    pub(super) fn run(&self) -> Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        if self.output.json {
            return print_json(&json!({
                "version": version,
                "os": std::env::consts::OS,
                "arch": std::env::consts::ARCH,
            }));
        }
        print(&format!(
            "longshore {version} ({}, {})\n",
            std::env::consts::OS,
            std::env::consts::ARCH
        ))
    }
}
