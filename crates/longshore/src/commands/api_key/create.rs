//! `longshore api-key create`

use clap::Args;
use hyper::Method;
use serde_json::json;

use super::PATH;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{member, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, fields, print, print_json};

/// Make a key; prints it once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore api-key create --name billing
  longshore api-key create --quiet --name \"my program\" > api-key
  curl -H \"Authorization: Key $(cat api-key)\" http://127.0.0.1:8080/users

The key is shown this one time. Give each program its own, so that one can be revoked without the others.")]
pub struct CreateArgs {
    /// What the key is for: letters, digits, spaces, - _ /
    #[arg(long, value_name = "TEXT", default_value = "command line")]
    name: String,
    /// Print the key alone
    #[arg(long, short, conflicts_with = "json")]
    quiet: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl CreateArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let answer = client
                .request(Method::POST, PATH, Some(&json!({"name": self.name})))
                .await?;
            let key = answer.success("create the API key")?;
            if self.output.json {
                return print_json(&key);
            }
            if self.quiet {
                return print(&format!("{}\n", member(&key, "key")));
            }
            print(&fields(&[
                ("key", member(&key, "key")),
                ("prefix", member(&key, "prefix")),
                ("name", member(&key, "name")),
            ]))
        })
    }
}
