//! `longshore config show`

use clap::Args;
use serde_json::{Value as Json, json};

use crate::cli::CommonArgs;
use crate::config::{Entry, Origin, Value};
use crate::error::Result;
use crate::output::{OutputArgs, print, print_json, table};

/// Print every setting in effect and where its value came from
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore config show
  longshore config show --json | jq '.[] | select(.origin.kind != \"default\")'

Values come from defaults, longshore.toml, the environment and flags; the later ones win. Secrets are not shown.")]
pub struct ShowArgs {
    #[command(flatten)]
    output: OutputArgs,
}

impl ShowArgs {
    pub(super) fn run(&self, common: &CommonArgs) -> Result<()> {
        let config = common.load()?;
        if self.output.json {
            return print_json(&config.entries().iter().map(as_json).collect());
        }
        let rows: Vec<Vec<String>> = config
            .entries()
            .iter()
            .map(|entry| {
                vec![
                    entry.setting.key.to_owned(),
                    as_text(entry),
                    entry.origin.to_string(),
                ]
            })
            .collect();
        print(&table(&["KEY", "VALUE", "FROM"], &rows))
    }
}

fn as_text(entry: &Entry) -> String {
    match &entry.value {
        Value::Unset => format!("({})", entry.setting.default_note),
        _ if entry.setting.is_secret() => "(set, not shown)".to_owned(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Path(path) => path.display().to_string(),
        Value::List(items) if items.is_empty() => "(none)".to_owned(),
        Value::List(items) => items.join(", "),
    }
}

fn as_json(entry: &Entry) -> Json {
    let value = match &entry.value {
        Value::Unset => Json::Null,
        _ if entry.setting.is_secret() => json!("(set, not shown)"),
        Value::Integer(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::Path(path) => json!(path.to_string_lossy()),
        Value::List(items) => json!(items),
    };
    let origin = match &entry.origin {
        Origin::Default => json!({"kind": "default"}),
        Origin::File { path, line } => json!({"kind": "file", "path": path.to_string_lossy(), "line": line}),
        Origin::Env(name) => json!({"kind": "environment", "name": name}),
        Origin::Flag(name) => json!({"kind": "flag", "name": name}),
    };
    json!({"key": entry.setting.key, "value": value, "origin": origin})
}
