//! `longshore upload list`

use clap::{Args, ValueEnum};
use hyper::Method;
use serde_json::Value;

use super::{PATH, UNFINISHED_PATH, owner, path};
use crate::cli::CommonArgs;
use crate::client::{Client, ClientArgs};
use crate::commands::{member, path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json, table};

/// List uploads: open, parked and published, with the verdict on each
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore upload list
  longshore upload list --state parked
  longshore upload list --user WL9F11A9 --limit 1000 --json | jq -r '.[] | select(.verdict == \"short\").path'

Unfinished uploads come first, oldest first; then published ones, newest first. docs/uploads.md explains the verdicts.")]
pub struct ListArgs {
    /// Uploads in this state alone
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<State>,
    /// Uploads of this user alone; unfinished ones are left out, for they bear no name yet
    #[arg(long, value_name = "USERNAME")]
    user: Option<String>,
    /// Published uploads to list at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

/// Where an upload stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum State {
    /// A handle has it open
    Open,
    /// Its handle died without CLOSE; its owner may go on
    Parked,
    /// Finished
    Published,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Parked => "parked",
            Self::Published => "published",
        }
    }
}

impl ListArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let uploads = self.collect(&client).await?;
            if self.output.json {
                return print_json(&Value::Array(uploads));
            }
            let rows: Vec<Vec<String>> = uploads.iter().map(row).collect();
            print(&table(
                &["ID", "STATE", "VERDICT", "USER", "SIZE", "WHEN", "PATH"],
                &rows,
            ))
        })
    }

    async fn collect(&self, client: &Client) -> Result<Vec<Value>> {
        let mut uploads = Vec::new();
        if self.user.is_none() && self.state != Some(State::Published) {
            let answer = client.request(Method::GET, UNFINISHED_PATH, None).await?;
            let unfinished = items(answer.success("list the unfinished uploads")?);
            let wanted = self.state.map(State::word);
            uploads.extend(
                unfinished
                    .into_iter()
                    .filter(|upload| wanted.is_none_or(|state| member(upload, "state") == state)),
            );
        }
        if self.state.is_none_or(|state| state == State::Published) {
            uploads.extend(self.published(client).await?);
        }
        Ok(uploads)
    }

    /// Page by page, up to the limit.
    async fn published(&self, client: &Client) -> Result<Vec<Value>> {
        let user = self.user.as_deref();
        let user = user.map_or_else(String::new, |name| format!("&username={}", path_part(name)));
        let (mut uploads, mut token) = (Vec::new(), String::new());
        while uploads.len() < self.limit {
            let size = (self.limit - uploads.len()).min(50);
            let query = format!("{PATH}?pageSize={size}{user}&pageToken={}", path_part(&token));
            let answer = client.request(Method::GET, &query, None).await?;
            let page = answer.success("list the uploads")?;
            let next = member(&page, "nextPageToken");
            uploads.extend(items(page));
            if next.is_empty() || next == token {
                break;
            }
            token = next;
        }
        Ok(uploads)
    }
}

fn items(mut page: Value) -> Vec<Value> {
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => items,
        _ => Vec::new(),
    }
}

fn row(upload: &Value) -> Vec<String> {
    let when = match member(upload, "finished") {
        open if open.is_empty() => member(upload, "began"),
        finished => finished,
    };
    vec![
        member(upload, "id"),
        member(upload, "state"),
        member(upload, "verdict"),
        owner(upload),
        member(upload, "size"),
        when,
        path(upload),
    ]
}
