//! `longshore user list`

use clap::Args;
use hyper::Method;
use serde_json::Value;

use crate::cli::CommonArgs;
use crate::client::{Client, ClientArgs};
use crate::commands::{member, path_part, with_client};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::{OutputArgs, print, print_json, table};

/// List all users
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore user list
  longshore user list --json | jq -r '.[].username'
  longshore user list --url http://sftp.internal:8080 --api-key-file ~/longshore.key

Users come in the order they were made.")]
pub struct ListArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl ListArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let users = all(&client).await?;
            if self.output.json {
                return print_json(&Value::Array(users));
            }
            let rows: Vec<Vec<String>> = users.iter().map(row).collect();
            print(&table(
                &["USERNAME", "HOME", "LAST CONNECTED", "DESCRIPTION"],
                &rows,
            ))
        })
    }
}

fn row(user: &Value) -> Vec<String> {
    let last = match member(user, "lastConnectedDate") {
        never if never.is_empty() => "never".to_owned(),
        date => date,
    };
    vec![
        member(user, "username"),
        member(user, "homeDirectory"),
        last,
        member(user, "description"),
    ]
}

/// Walks all pages.
async fn all(client: &Client) -> Result<Vec<Value>> {
    let mut users = Vec::new();
    let mut token: Option<String> = None;
    loop {
        let query = token
            .as_deref()
            .map_or_else(String::new, |t| format!("&pageToken={}", path_part(t)));
        let answer = client
            .request(Method::GET, &format!("/users?pageSize=50{query}"), None)
            .await?;
        let mut page = answer.success("list the users")?;
        if let Some(Value::Array(items)) = page.get_mut("items").map(Value::take) {
            users.extend(items);
        }
        let next = page
            .get("nextPageToken")
            .and_then(Value::as_str)
            .map(str::to_owned);
        if next.is_none() {
            return Ok(users);
        }
        if next == token {
            return Err(CliError::new(ExitCode::ServerFault, "cannot list the users")
                .because("the server sent the same page token twice"));
        }
        token = next;
    }
}
