//! Listings, flat and with everything below.

use longshore_client::sftp::{DirEntry, FileKind, Sftp};
use serde_json::{Value, json};

use super::{success, with_sftp};
use crate::connector::Connector;
use crate::entry;
use crate::error::{OintError, Result};
use crate::value::{Arguments, Outcome};

/// Directories nested deeper than this are not descended into: a server could invent them without end.
const MAX_DEPTH: usize = 256;

/// `ListObjects`. An empty path is where the session starts.
pub(super) fn list(connector: &Connector, arguments: &Arguments<'_>) -> Result<Outcome> {
    let path = arguments.text("Path")?.unwrap_or_default();
    let recursively = arguments.boolean("Recursively")?;
    let data = with_sftp(connector, |sftp| async move {
        if recursively {
            tree(&sftp, &path, 0).await
        } else {
            Ok(objects(&path, entries(&sftp, &path).await?)
                .into_iter()
                .map(|(object, _)| object)
                .collect())
        }
    })?;
    Ok(success([("data", Value::Array(data))]))
}

/// Depth first. A directory that cannot be read has no objects and says why beside them, in `error`.
async fn tree(sftp: &Sftp, path: &str, depth: usize) -> Result<Vec<Value>> {
    let mut found = Vec::new();
    for (mut object, kind) in objects(path, entries(sftp, path).await?) {
        if kind == Some(FileKind::Directory) {
            let below = object["path"].as_str().unwrap_or_default().to_owned();
            let listed = if depth < MAX_DEPTH {
                Box::pin(tree(sftp, &below, depth + 1)).await
            } else {
                Err(OintError::State("nested too deeply"))
            };
            match listed {
                Ok(objects) => object["objects"] = Value::Array(objects),
                Err(error) => {
                    object["objects"] = json!([]);
                    object["error"] = json!(error.to_string());
                }
            }
        }
        found.push(object);
    }
    Ok(found)
}

async fn entries(sftp: &Sftp, path: &str) -> Result<Vec<DirEntry>> {
    let path = if path.is_empty() { "." } else { path };
    Ok(sftp.read_dir(path).await?.all().await?)
}

fn objects(directory: &str, entries: Vec<DirEntry>) -> Vec<(Value, Option<FileKind>)> {
    entries
        .into_iter()
        .filter(|entry| !matches!(&entry.name[..], b"." | b".."))
        .map(|entry| {
            let name = String::from_utf8_lossy(&entry.name);
            (entry::object(directory, &name, &entry.attrs), entry.kind())
        })
        .collect()
}
