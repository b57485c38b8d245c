//! `longshore user delete`

use clap::Args;
use hyper::Method;
use serde_json::json;

use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Delete a user: its login and its sessions end, its files stay
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore user delete WL9F11A9

The name is never given out again. The files stay in the bucket; a new user with the same home directory sees them.")]
pub struct DeleteArgs {
    /// User name, exactly as generated
    username: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl DeleteArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let path = format!("/users/{}", path_part(&self.username));
            let answer = client.request(Method::DELETE, &path, None).await?;
            answer.success(&format!("delete user {}", self.username))?;
            if self.output.json {
                return print_json(&json!({"username": self.username, "deleted": true}));
            }
            print(&format!("user {} is deleted; its files stay\n", self.username))
        })
    }
}
