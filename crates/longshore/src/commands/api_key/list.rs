//! `longshore api-key list`

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::PATH;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{member, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json, table};

/// List all keys, revoked ones included; never the secret
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore api-key list
  longshore api-key list --json | jq -r '.[] | select(.revoked | not) | .prefix'")]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl ListArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let answer = client.request(Method::GET, PATH, None).await?;
            let mut body = answer.success("list the API keys")?;
            let keys = body
                .get_mut("items")
                .map_or(Value::Array(Vec::new()), Value::take);
            if self.output.json {
                return print_json(&keys);
            }
            let rows: Vec<Vec<String>> = keys.as_array().into_iter().flatten().map(row).collect();
            print(&table(&["PREFIX", "STATE", "CREATED", "REVOKED", "NAME"], &rows))
        })
    }
}

fn row(key: &Value) -> Vec<String> {
    let revoked = member(key, "revoked");
    let state = if revoked.is_empty() { "live" } else { "revoked" };
    let revoked = if revoked.is_empty() {
        "-".to_owned()
    } else {
        revoked
    };
    vec![
        member(key, "prefix"),
        state.to_owned(),
        member(key, "created"),
        revoked,
        member(key, "name"),
    ]
}
