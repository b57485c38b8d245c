//! `longshore tree`

use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};

use clap::Args;
use longshore_client::sftp::FileKind;
use serde_json::{Map, Value};

use crate::client::entry::attrs_json;
use crate::client::walk::{Node, walk};
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::Result;
use crate::output::{OutputArgs, print_bytes, print_json};

/// Show a directory on a server as a tree
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore tree files.example.net:inbox
  longshore tree -L 2 files.example.net:/ --json

Links are shown, not followed.")]
pub struct TreeArgs {
    /// The directory: host:path, user@host:path, sftp://…
    target: OsString,
    /// Also names that begin with a dot
    #[arg(short, long)]
    all: bool,
    /// Directories alone
    #[arg(short, long)]
    directories: bool,
    /// Levels to show
    #[arg(short = 'L', long, value_name = "LEVELS", value_parser = clap::value_parser!(u16).range(1..))]
    depth: Option<u16>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

#[derive(Default)]
struct Count {
    directories: u64,
    files: u64,
}

impl TreeArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::one(&self.target)?;
        let depth = self.depth.map_or(usize::MAX, usize::from);
        let nodes = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let nodes = walk(session.sftp(), place.path(), depth).await?;
            session.close().await;
            Ok(nodes)
        })?;
        let nodes = self.chosen(nodes);
        let mut failures = Failures::default();
        if self.output.json {
            let mut root = Map::new();
            name_json(&mut root, "path", place.path());
            root.insert("entries".to_owned(), to_json(&nodes));
            print_json(&root.into())?;
        } else {
            let (mut out, mut count) = (text(place.path()), Count::default());
            out.push(b'\n');
            draw(&nodes, "", &mut out, &mut count);
            let counted = format!("\n{} directories, {} files\n", count.directories, count.files);
            out.extend(counted.into_bytes());
            print_bytes(&out)?;
        }
        complain(nodes, &mut failures);
        failures.finish()
    }

    fn chosen(&self, mut nodes: Vec<Node>) -> Vec<Node> {
        nodes.retain(|node| {
            (self.all || !node.entry.name.starts_with(b"."))
                && (!self.directories || node.entry.kind() == Some(FileKind::Directory))
        });
        for node in &mut nodes {
            node.children = node
                .children
                .take()
                .map(|children| children.map(|children| self.chosen(children)));
        }
        nodes
    }
}

fn text(name: &[u8]) -> Vec<u8> {
    if stdout().is_terminal() {
        shown(name).into_bytes()
    } else {
        name.to_vec()
    }
}

fn draw(nodes: &[Node], front: &str, out: &mut Vec<u8>, count: &mut Count) {
    for (at, node) in nodes.iter().enumerate() {
        let last = at + 1 == nodes.len();
        out.extend_from_slice(front.as_bytes());
        out.extend_from_slice(if last { "└── " } else { "├── " }.as_bytes());
        out.extend(text(&node.entry.name));
        if node.entry.kind() == Some(FileKind::Directory) {
            count.directories += 1;
        } else {
            count.files += 1;
        }
        if matches!(node.children, Some(Err(_))) {
            out.extend_from_slice(b" [cannot be listed]");
        }
        out.push(b'\n');
        if let Some(Ok(children)) = &node.children {
            let front = format!("{front}{}", if last { "    " } else { "│   " });
            draw(children, &front, out, count);
        }
    }
}

fn to_json(nodes: &[Node]) -> Value {
    nodes
        .iter()
        .map(|node| {
            let mut object = Map::new();
            name_json(&mut object, "name", &node.entry.name);
            attrs_json(&mut object, &node.entry.attrs);
            match &node.children {
                Some(Ok(children)) => {
                    object.insert("entries".to_owned(), to_json(children));
                }
                Some(Err(error)) => {
                    object.insert("error".to_owned(), error.to_string().into());
                }
                None => {}
            }
            Value::from(object)
        })
        .collect()
}

/// What could not be listed.
fn complain(nodes: Vec<Node>, failures: &mut Failures) {
    for node in nodes {
        match node.children {
            Some(Ok(children)) => complain(children, failures),
            Some(Err(error)) => failures.note(&error.into()),
            None => {}
        }
    }
}
