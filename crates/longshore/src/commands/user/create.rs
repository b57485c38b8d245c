//! `longshore user create`

use clap::Args;
use hyper::Method;
use serde_json::{Map, Value, json};

use super::render;
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{member, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json, shell_word};

/// Make a user; prints the generated name and password once
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore user create --home /alice
  longshore user create --home /bob --description \"Trading partner Bob\" --password-length 32
  longshore user create --home / --description auditor --json | jq -r .password

The password is shown this one time: it cannot be had again, only replaced by deleting the user and making a new one.")]
pub struct CreateArgs {
    /// Home directory: an absolute path in the bucket, the user's own /
    #[arg(long, value_name = "PATH")]
    home: String,
    /// What the user is for: letters, digits, spaces, - _ / [default: the home directory]
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// Bucket that the home directory lies in [default: the account's SFTP bucket]
    #[arg(long, value_name = "NAME")]
    bucket: Option<String>,
    /// Characters of the generated password, 16 to 128 [default: 16]
    #[arg(long, value_name = "NUMBER")]
    password_length: Option<u32>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl CreateArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let answer = client.request(Method::POST, "/users", Some(&self.body())).await?;
            let user = answer.success("create the user")?;
            if self.output.json {
                print_json(&user)
            } else {
                print(&format!("{}\n{}", render(&user), invite(&user)))
            }
        })
    }

    fn body(&self) -> Value {
        let description = self
            .description
            .clone()
            .unwrap_or_else(|| described_by(&self.home));
        let mut body = Map::new();
        body.insert("homeDirectory".to_owned(), json!(self.home));
        body.insert("description".to_owned(), json!(description));
        if let Some(bucket) = &self.bucket {
            body.insert("bucketName".to_owned(), json!(bucket));
        }
        if let Some(length) = self.password_length {
            body.insert("passwordOptions".to_owned(), json!({"length": length}));
        }
        Value::Object(body)
    }
}

/// The home directory in the characters that a description may have.
fn described_by(home: &str) -> String {
    home.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "-_ /".contains(c) {
                c
            } else {
                '-'
            }
        })
        .collect()
}

/// The line that the partner can paste.
fn invite(user: &Value) -> String {
    let host = member(user, "endpoint");
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    let target = format!("{}@{host}", member(user, "username"));
    let port = member(user, "port");
    let port = if port.is_empty() || port == "22" {
        String::new()
    } else {
        format!("-P {port} ")
    };
    format!("sftp {port}{}\n", shell_word(&target))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_falls_back_to_the_home_in_allowed_characters() {
        assert_eq!(described_by("/a.b:c+d/e_f"), "/a-b-c-d/e_f");
    }

    #[test]
    fn the_invitation_names_the_port_unless_it_is_the_usual_one() {
        let user = json!({"username": "U", "endpoint": "h.example", "port": 2022});
        assert_eq!(invite(&user), "sftp -P 2022 U@h.example\n");
        assert_eq!(
            invite(&json!({"username": "U", "endpoint": "::1", "port": 22})),
            "sftp 'U@[::1]'\n"
        );
        assert_eq!(
            invite(&json!({"username": "U", "endpoint": "h", "port": 22})),
            "sftp U@h\n"
        );
    }
}
