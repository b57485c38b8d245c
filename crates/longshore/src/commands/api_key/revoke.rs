//! `longshore api-key revoke`

use clap::Args;
use hyper::Method;

use super::PATH;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{path_part, with_client};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json};

/// Revoke a key: it is refused from now on
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore api-key list
  longshore api-key revoke k3J9xQ2m

Only the prefix, the part before the dot, goes on the command line: the rest is the secret.")]
pub struct RevokeArgs {
    /// Prefix of the key, as `api-key list` shows it
    prefix: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl RevokeArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        if self.prefix.contains('.') {
            return Err(CliError::new(ExitCode::Usage, "cannot revoke the API key: that is a whole key, not its prefix")
                .hint("name only the part before the dot; the secret is in the shell's history now, so do revoke it"));
        }
        with_client(common, &self.server, async |client, _| {
            let path = format!("{PATH}/{}", path_part(&self.prefix));
            let answer = client.request(Method::DELETE, &path, None).await?;
            let key = answer.success(&format!("revoke API key {}", self.prefix))?;
            if self.output.json {
                print_json(&key)
            } else {
                print(&format!("API key {} is revoked\n", self.prefix))
            }
        })
    }
}
