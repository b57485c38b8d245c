//! `longshore config check`

use clap::Args;
use serde_json::json;

use crate::cli::CommonArgs;
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Check the configuration without starting anything
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore config check
  longshore --config new.toml config check && systemctl reload-or-restart longshore

Every fault is listed with its file and line; the exit code is 3 when there is one.")]
pub struct CheckArgs {
    #[command(flatten)]
    output: OutputArgs,
}

impl CheckArgs {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        let config = common.load()?;
        let file = config.file().map(|path| path.to_string_lossy().into_owned());
        if self.output.json {
            return print_json(&json!({"file": file, "warnings": config.warnings()}));
        }
        let mut text = format!(
            "configuration is good: {}\n",
            file.as_deref().unwrap_or("no file, defaults")
        );
        for warning in config.warnings() {
            text.push_str(&format!("warning: {warning}\n"));
        }
        print(&text)
    }
}
