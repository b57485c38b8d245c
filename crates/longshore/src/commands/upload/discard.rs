//! `longshore upload discard`

use clap::Args;
use hyper::Method;
use serde_json::json;

use super::PATH;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Throw an unfinished upload away
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore upload list --state parked
  longshore upload discard 5f0c3a9e2b7d4c118e6a0d9f3b2c1a70

Its bytes are gone, whoever has it open. Published files are not touched; remove those by SFTP.")]
pub struct DiscardArgs {
    /// Id of the upload, as `upload list` shows it
    id: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl DiscardArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let path = format!("{PATH}/{}", path_part(&self.id));
            let answer = client.request(Method::DELETE, &path, None).await?;
            answer.success(&format!("discard upload {}", self.id))?;
            if self.output.json {
                return print_json(&json!({"id": self.id, "discarded": true}));
            }
            print(&format!("upload {} is discarded\n", self.id))
        })
    }
}
