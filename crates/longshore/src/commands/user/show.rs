//! `longshore user show`

use clap::Args;
use hyper::Method;

use super::render;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Show one user
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore user show WL9F11A9
  longshore user show WL9F11A9 --json | jq -r .lastConnectedDate")]
pub struct ShowArgs {
    /// User name, exactly as generated
    username: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl ShowArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let path = format!("/users/{}", path_part(&self.username));
            let answer = client.request(Method::GET, &path, None).await?;
            let user = answer.success(&format!("show user {}", self.username))?;
            if self.output.json {
                print_json(&user)
            } else {
                print(&render(&user))
            }
        })
    }
}
