//! `longshore user update`

use clap::Args;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::render;
use crate::cli::CommonArgs;
use crate::client::{Client, ClientArgs};
use crate::commands::{member, path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json};

/// Change the description, home directory or bucket of a user
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore user update WL9F11A9 --description \"Trading partner Alice, EDI\"
  longshore user update WL9F11A9 --home /partners/alice

A new home directory counts from the next login on; no files are moved.")]
#[group(skip)]
pub struct UpdateArgs {
    /// User name, exactly as generated
    username: String,
    #[command(flatten)]
    changes: Changes,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Changes {
    /// New description: letters, digits, spaces, - _ /
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// New home directory
    #[arg(long, value_name = "PATH")]
    home: Option<String>,
    /// New bucket
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
}

impl UpdateArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let path = format!("/users/{}", path_part(&self.username));
            let what = format!("update user {}", self.username);
            let body = self.body(&client, &path, &what).await?;
            let answer = client.request(Method::PUT, &path, Some(&body)).await?;
            let user = answer.success(&what)?;
            if self.output.json {
                print_json(&user)
            } else {
                print(&render(&user))
            }
        })
    }

    /// The API wants a description with every update: without a new one, the user's own is sent again.
    async fn body(&self, client: &Client, path: &str, what: &str) -> Result<Value> {
        let description = match &self.changes.description {
            Some(description) => description.clone(),
            None => member(
                &client.request(Method::GET, path, None).await?.success(what)?,
                "description",
            ),
        };
        let mut body = Map::new();
        body.insert("description".to_owned(), json!(description));
        for (member, value) in [
            ("homeDirectory", &self.changes.home),
            ("bucketName", &self.changes.bucket),
        ] {
            if let Some(value) = value {
                body.insert(member.to_owned(), json!(value));
            }
        }
        Ok(Value::Object(body))
    }
}
