//! `longshore ls`

use std::cmp::Reverse;
use std::ffi::OsString;
use std::io::{IsTerminal as _, stdout};

use clap::Args;
use futures::future::join_all;
use longshore_client::ErrorKind;
use longshore_client::sftp::{DirEntry, FileKind, Sftp};
use serde_json::{Map, Value, json};

use crate::client::entry::{attrs_json, ls_time, mode_text, owner_columns, size_text};
use crate::client::walk::{Node, join, list, walk};
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::Result;
use crate::output::{columns, print_bytes, print_json};

/// List files on a server
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  longshore ls files.example.net:inbox
  longshore ls -l alice@files.example.net: :outbox
  longshore ls -R sftp://alice@files.example.net:2022/inbox --json | jq -r '.[].entries[].name'

On a terminal, characters in names that would command it are escaped; elsewhere names are printed as they are."
)]
pub struct LsArgs {
    /// Files and directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// A line for each: permissions, owner, size, time
    #[arg(short)]
    long: bool,
    /// Also names that begin with a dot
    #[arg(short, long)]
    all: bool,
    /// Everything below too; links are not followed
    #[arg(short = 'R', long)]
    recursive: bool,
    /// One name a line
    #[arg(short = '1')]
    one: bool,
    /// A directory itself, not what is in it
    #[arg(short, long)]
    directory: bool,
    /// Sizes in units of 1024
    #[arg(short, long)]
    human_readable: bool,
    /// The newest first
    #[arg(short = 't', conflicts_with = "by_size")]
    by_time: bool,
    /// The largest first
    #[arg(short = 'S')]
    by_size: bool,
    /// The other way round
    #[arg(short, long)]
    reverse: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

/// What one directory, or one file that was named, shows.
struct Listing {
    /// `None` for files that were named.
    directory: Option<Vec<u8>>,
    entries: Vec<Line>,
}

struct Line {
    entry: DirEntry,
    /// What a link says.
    target: Option<Vec<u8>>,
}

impl LsArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            let mut listings = Vec::new();
            for path in &place.paths {
                let path = if path.is_empty() { b"." } else { path.as_slice() };
                let found = self.look(session.sftp(), path, &mut failures).await;
                listings.extend(failures.take(found).unwrap_or_default());
            }
            session.close().await;
            self.print(&listings)?;
            failures.finish()
        })
    }

    async fn look(&self, sftp: &Sftp, path: &[u8], failures: &mut Failures) -> Result<Vec<Listing>> {
        if self.directory {
            return Ok(vec![self.file(sftp, path).await?]);
        }
        let mut listings = Vec::new();
        if self.recursive {
            match walk(sftp, path, usize::MAX).await {
                Ok(nodes) => self.flatten(path.to_vec(), nodes, &mut listings, failures),
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    return Ok(vec![self.file(sftp, path).await?]);
                }
                Err(error) => return Err(error.into()),
            }
        } else {
            match list(sftp, path).await {
                Ok(entries) => listings.push(self.listing(path.to_vec(), entries)),
                Err(error) if error.kind() == ErrorKind::NotADirectory => {
                    return Ok(vec![self.file(sftp, path).await?]);
                }
                Err(error) => return Err(error.into()),
            }
        }
        if self.long || self.json {
            read_links(sftp, &mut listings).await;
        }
        Ok(listings)
    }

    /// Directories in the order in which `ls -R` shows them.
    fn flatten(&self, path: Vec<u8>, nodes: Vec<Node>, out: &mut Vec<Listing>, failures: &mut Failures) {
        let at = out.len();
        let mut entries = Vec::new();
        out.push(self.listing(path, Vec::new()));
        for node in nodes {
            let hidden = node.entry.name.starts_with(b".") && !self.all;
            entries.push(node.entry);
            match node.children {
                Some(Ok(children)) if !hidden => self.flatten(node.path, children, out, failures),
                Some(Err(error)) if !hidden => failures.note(&error.into()),
                _ => {}
            }
        }
        out[at].entries = self.chosen(entries);
    }

    fn listing(&self, path: Vec<u8>, entries: Vec<DirEntry>) -> Listing {
        Listing {
            directory: Some(path),
            entries: self.chosen(entries),
        }
    }

    /// What is shown, in the order that was asked for.
    fn chosen(&self, mut entries: Vec<DirEntry>) -> Vec<Line> {
        entries.retain(|entry| self.all || !entry.name.starts_with(b"."));
        if self.by_time {
            entries.sort_by_key(|entry| Reverse(entry.attrs.times.map(|(_, modified)| modified)));
        }
        if self.by_size {
            entries.sort_by_key(|entry| Reverse(entry.attrs.size));
        }
        if self.reverse {
            entries.reverse();
        }
        let line = |entry| Line { entry, target: None };
        entries.into_iter().map(line).collect()
    }

    /// Something that is no directory, or is not to be opened.
    async fn file(&self, sftp: &Sftp, path: &[u8]) -> Result<Listing> {
        let attrs = sftp.lstat(path).await?;
        let target = if attrs.kind() == Some(FileKind::SymLink) && (self.long || self.json) {
            sftp.read_link(path).await.ok().map(|target| target.to_vec())
        } else {
            None
        };
        let entry = DirEntry {
            name: path.to_vec().into(),
            long_name: Vec::new().into(),
            attrs,
        };
        Ok(Listing {
            directory: None,
            entries: vec![Line { entry, target }],
        })
    }

    fn print(&self, listings: &[Listing]) -> Result<()> {
        if self.json {
            return print_json(&listings.iter().map(listing_json).collect());
        }
        let escaped = stdout().is_terminal();
        let text = |name: &[u8]| {
            if escaped {
                shown(name).into_bytes()
            } else {
                name.to_vec()
            }
        };
        let mut out = Vec::new();
        let heads = listings.len() > 1;
        for (at, listing) in listings.iter().enumerate() {
            if heads && let Some(directory) = &listing.directory {
                if at > 0 {
                    out.push(b'\n');
                }
                out.extend(text(directory));
                out.extend_from_slice(b":\n");
            }
            if self.long {
                self.long_lines(&listing.entries, &text, &mut out);
            } else {
                let names: Vec<Vec<u8>> = listing
                    .entries
                    .iter()
                    .map(|line| text(&line.entry.name))
                    .collect();
                let width = if self.one { None } else { terminal_width() };
                match width {
                    Some(width) => out.extend(columns(&names, width)),
                    None => names.iter().for_each(|name| out.extend(name.iter().chain(b"\n"))),
                }
            }
        }
        print_bytes(&out)
    }

    fn long_lines(&self, lines: &[Line], text: &impl Fn(&[u8]) -> Vec<u8>, out: &mut Vec<u8>) {
        let rows: Vec<[String; 6]> = lines
            .iter()
            .map(|line| {
                let attrs = &line.entry.attrs;
                let [links, owner, group] = owner_columns(&line.entry).map(|text| shown(text.as_bytes()));
                let size = attrs
                    .size
                    .map_or_else(|| "?".to_owned(), |size| size_text(size, self.human_readable));
                let time = attrs
                    .times
                    .map_or_else(|| "?".to_owned(), |(_, modified)| ls_time(modified));
                [mode_text(attrs), links, owner, group, size, time]
            })
            .collect();
        let width = |column: usize| {
            let lengths = rows.iter().map(|row| row[column].chars().count());
            lengths.max().unwrap_or_default()
        };
        let [links, owner, group, size, time] = [width(1), width(2), width(3), width(4), width(5)];
        for (line, row) in lines.iter().zip(&rows) {
            out.extend(
                format!(
                    "{} {:>links$} {:<owner$} {:<group$} {:>size$} {:>time$} ",
                    row[0], row[1], row[2], row[3], row[4], row[5]
                )
                .into_bytes(),
            );
            out.extend(text(&line.entry.name));
            if let Some(target) = &line.target {
                out.extend_from_slice(b" -> ");
                out.extend(text(target));
            }
            out.push(b'\n');
        }
    }
}

/// What the links say; all are asked at once.
async fn read_links(sftp: &Sftp, listings: &mut [Listing]) {
    let links = listings.iter_mut().flat_map(|listing| {
        let directory = listing.directory.clone().unwrap_or_default();
        let links = listing.entries.iter_mut();
        links
            .filter(|line| line.entry.kind() == Some(FileKind::SymLink))
            .map(move |line| {
                let path = join(&directory, &line.entry.name);
                async move {
                    line.target = sftp.read_link(path).await.ok().map(|target| target.to_vec());
                }
            })
    });
    join_all(links).await;
}

fn listing_json(listing: &Listing) -> Value {
    let mut object = Map::new();
    match &listing.directory {
        Some(path) => name_json(&mut object, "path", path),
        None => {
            object.insert("path".to_owned(), Value::Null);
        }
    }
    object.insert(
        "entries".to_owned(),
        listing.entries.iter().map(line_json).collect(),
    );
    object.into()
}

fn line_json(line: &Line) -> Value {
    let mut object = Map::new();
    name_json(&mut object, "name", &line.entry.name);
    attrs_json(&mut object, &line.entry.attrs);
    if let Some(target) = &line.target {
        name_json(&mut object, "target", target);
    }
    json!(object)
}

/// Columns of the terminal that standard output is.
fn terminal_width() -> Option<usize> {
    if !stdout().is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|width| *width > 0)
}
