//! `longshore upload show`

use clap::Args;
use hyper::Method;
use serde_json::Value;

use super::{PATH, owner};
use crate::cli::CommonArgs;
use crate::client::ClientArgs;
use crate::commands::{member, path_part, with_client};
use crate::error::Result;
use crate::output::{OutputArgs, fields, print, print_json};

/// Show one upload with the evidence for its verdict
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore upload list
  longshore upload show 5f0c3a9e2b7d4c118e6a0d9f3b2c1a70")]
pub struct ShowArgs {
    /// Id of the upload, as `upload list` shows it
    id: String,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    server: ClientArgs,
}

impl ShowArgs {
    pub(in crate::commands) fn run(&self, common: &CommonArgs) -> Result<()> {
        with_client(common, &self.server, async |client, _| {
            let path = format!("{PATH}/{}", path_part(&self.id));
            let answer = client.request(Method::GET, &path, None).await?;
            let upload = answer.success(&format!("show upload {}", self.id))?;
            if self.output.json {
                print_json(&upload)
            } else {
                print(&render(&upload))
            }
        })
    }
}

fn render(upload: &Value) -> String {
    let plain = |label: &'static str, name: &str| (label, member(upload, name));
    let unfinished = upload.get("unfinished").unwrap_or(&Value::Null);
    let mut rows = vec![
        plain("id", "id"),
        plain("state", "state"),
        plain("verdict", "verdict"),
        ("user", owner(upload)),
        plain("bucket", "bucketName"),
        plain("path", "path"),
        plain("path, in hex", "pathHex"),
        plain("renamed to", "renamedTo"),
        plain("renamed", "renamed"),
        plain("size", "size"),
        plain("sha256", "sha256"),
        plain("digest", "digest"),
        plain("began", "began"),
        plain("finished", "finished"),
        plain("client", "client"),
        plain("peer", "peer"),
        plain("session", "session"),
    ];
    for (label, name) in [
        ("handles", "handles"),
        ("without a gap", "gapFree"),
        ("parked", "parked"),
        ("expires", "expires"),
        ("synced", "synced"),
    ] {
        rows.push((label, member(unfinished, name)));
    }
    rows.extend(evidence(upload));
    rows.retain(|(_, value)| !value.is_empty());
    fields(&rows)
}

/// What the verdict rests on, in words.
fn evidence(upload: &Value) -> Vec<(&'static str, String)> {
    let evidence = upload.get("evidence").unwrap_or(&Value::Null);
    [
        ("bytes received", "received"),
        ("size announced", "declared"),
        ("bytes kept of the old file", "carriedOver"),
        ("bytes never written", "holes"),
        ("handles that joined", "joined"),
        ("handles that died", "dropped"),
        ("times resumed", "resumed"),
        ("appended", "appended"),
        ("edited in place", "edited"),
        ("renamed while open", "renamed"),
        ("replaced a file", "replaced"),
    ]
    .into_iter()
    .map(|(label, name)| (label, member(evidence, name)))
    .filter(|(_, value)| value != "0" && value != "false")
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_there_is_nothing_of_is_not_shown() {
        let upload = json!({
            "id": "ab", "state": "parked", "verdict": "dropped", "userId": 7, "size": 0,
            "evidence": {"received": 3, "declared": null, "dropped": 1, "resumed": 0, "appended": false},
            "unfinished": {"handles": 0, "gapFree": 3, "synced": false},
        });
        let text = render(&upload);
        for line in [
            "user",
            "#7",
            "bytes received",
            "handles that died",
            "without a gap",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        for line in ["announced", "resumed", "appended", "sha256", "client"] {
            assert!(!text.contains(line), "{line} is in {text}");
        }
    }
}
