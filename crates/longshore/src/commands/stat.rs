//! `longshore stat`

use std::ffi::OsString;

use clap::Args;
use futures::join;
use longshore_client::sftp::{Attrs, FileKind, Sftp};
use serde_json::{Map, Value};

use crate::client::entry::{attrs_json, kind_word, mode_text, rfc3339};
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::Result;
use crate::output::{OutputArgs, fields, print, print_json};

/// Show what a server knows of a file
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore stat files.example.net:inbox/report.csv
  longshore stat files.example.net:report.csv --json | jq '.[0].size'

A link is shown itself, with what it says; --follow shows what it leads to.")]
pub struct StatArgs {
    /// Files and directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// What a link leads to instead of the link
    #[arg(short = 'L', long)]
    follow: bool,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

struct Found {
    path: Vec<u8>,
    attrs: Attrs,
    absolute: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
}

impl StatArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        let found = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            let mut found = Vec::new();
            for path in &place.paths {
                let path = if path.is_empty() { b"." } else { path.as_slice() };
                found.extend(failures.take(self.look(session.sftp(), path).await));
            }
            session.close().await;
            Ok((found, failures))
        });
        let (found, failures) = found?;
        if self.output.json {
            print_json(&found.iter().map(to_json).collect())?;
        } else {
            let texts: Vec<String> = found.iter().map(to_text).collect();
            print(&texts.join("\n"))?;
        }
        failures.finish()
    }

    /// All that is asked goes out at once.
    async fn look(&self, sftp: &Sftp, path: &[u8]) -> Result<Found> {
        let attrs = async {
            if self.follow {
                sftp.stat(path).await
            } else {
                sftp.lstat(path).await
            }
        };
        let (attrs, absolute) = join!(attrs, sftp.real_path(path));
        let attrs = attrs?;
        let target = if attrs.kind() == Some(FileKind::SymLink) {
            sftp.read_link(path).await.ok().map(|target| target.to_vec())
        } else {
            None
        };
        Ok(Found {
            path: path.to_vec(),
            attrs,
            absolute: absolute.ok().map(|path| path.to_vec()),
            target,
        })
    }
}

fn to_json(found: &Found) -> Value {
    let mut object = Map::new();
    name_json(&mut object, "path", &found.path);
    if let Some(absolute) = &found.absolute {
        name_json(&mut object, "absolute_path", absolute);
    }
    attrs_json(&mut object, &found.attrs);
    if let Some(target) = &found.target {
        name_json(&mut object, "target", target);
    }
    object.into()
}

fn to_text(found: &Found) -> String {
    let attrs = &found.attrs;
    let unknown = || "(the server does not say)".to_owned();
    let time = |pick: fn((u32, u32)) -> u32| attrs.times.map(pick).map_or_else(unknown, rfc3339);
    let mut rows = vec![("path", shown(&found.path))];
    if let Some(absolute) = found.absolute.as_ref().filter(|path| **path != found.path) {
        rows.push(("absolute", shown(absolute)));
    }
    rows.push(("type", kind_word(attrs.kind()).to_owned()));
    if let Some(target) = &found.target {
        rows.push(("target", shown(target)));
    }
    rows.extend([
        ("size", attrs.size.map_or_else(unknown, |size| size.to_string())),
        (
            "mode",
            attrs.permissions.map_or_else(unknown, |mode| {
                format!("{:04o} ({})", mode & 0o7777, mode_text(attrs))
            }),
        ),
        (
            "owner",
            attrs
                .owner
                .map_or_else(unknown, |(uid, gid)| format!("{uid}:{gid}")),
        ),
        ("modified", time(|(_, modified)| modified)),
        ("accessed", time(|(accessed, _)| accessed)),
    ]);
    fields(&rows)
}
