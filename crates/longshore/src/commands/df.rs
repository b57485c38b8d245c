//! `longshore df`

use std::ffi::OsString;

use clap::Args;
use longshore_client::sftp::StatVfs;
use serde_json::{Map, Value};

use crate::client::entry::size_text;
use crate::client::{ConnectArgs, Failures, Place, block_on, name_json, shown};
use crate::error::Result;
use crate::output::{print, print_json, table};

/// Show the space that is left on a server
#[derive(Debug, Args)]
#[command(
    disable_help_flag = true,
    after_help = "\
Examples:
  longshore df -h files.example.net:
  longshore df files.example.net:inbox --json | jq '.[0].available'

Sizes are bytes. Servers that do not offer statvfs@openssh.com cannot tell."
)]
pub struct DfArgs {
    /// Any path on the file system: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Sizes in units of 1024
    #[arg(short, long)]
    human_readable: bool,
    /// File nodes instead of bytes
    #[arg(long)]
    inodes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: ConnectArgs,
    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

impl DfArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        let (found, failures) = block_on(async {
            let session = self.connect.open(&place.server).await?;
            let (mut found, mut failures) = (Vec::new(), Failures::default());
            for path in &place.paths {
                let path = if path.is_empty() { b"." } else { path.as_slice() };
                let space = session.sftp().statvfs(path).await.map_err(Into::into);
                found.extend(failures.take(space).map(|space| (path.to_vec(), space)));
            }
            session.close().await;
            Ok((found, failures))
        })?;
        if self.json {
            print_json(&found.iter().map(to_json).collect())?;
        } else if !found.is_empty() {
            let head = if self.inodes {
                ["INODES", "USED", "FREE", "USE%", "PATH"]
            } else {
                ["SIZE", "USED", "AVAIL", "USE%", "PATH"]
            };
            let rows: Vec<Vec<String>> = found.iter().map(|found| self.row(found)).collect();
            print(&table(&head, &rows))?;
        }
        failures.finish()
    }

    fn row(&self, (path, space): &(Vec<u8>, StatVfs)) -> Vec<String> {
        let bytes = |blocks: u64| {
            size_text(
                blocks.saturating_mul(space.fragment_size),
                self.human_readable && !self.inodes,
            )
        };
        let count = |nodes: u64| nodes.to_string();
        let used = space.blocks.saturating_sub(space.blocks_free);
        let nodes = space.files.saturating_sub(space.files_free);
        let mut row = if self.inodes {
            vec![
                count(space.files),
                count(nodes),
                count(space.files_available),
                percent(nodes, space.files_available),
            ]
        } else {
            vec![
                bytes(space.blocks),
                bytes(used),
                bytes(space.blocks_available),
                percent(used, space.blocks_available),
            ]
        };
        row.push(shown(path));
        row
    }
}

/// What is used of what there is for the unprivileged, rounded up as df(1) does.
fn percent(used: u64, available: u64) -> String {
    let all = u128::from(used) + u128::from(available);
    if all == 0 {
        return "-".to_owned();
    }
    format!("{}%", (u128::from(used) * 100).div_ceil(all))
}

fn to_json((path, space): &(Vec<u8>, StatVfs)) -> Value {
    let bytes = |blocks: u64| blocks.saturating_mul(space.fragment_size);
    let mut object = Map::new();
    name_json(&mut object, "path", path);
    for (name, value) in [
        ("size", bytes(space.blocks)),
        ("used", bytes(space.blocks.saturating_sub(space.blocks_free))),
        ("available", bytes(space.blocks_available)),
        ("block_size", space.fragment_size),
        ("inodes", space.files),
        ("inodes_available", space.files_available),
        ("name_max", space.name_max),
    ] {
        object.insert(name.to_owned(), value.into());
    }
    object.insert(
        "read_only".to_owned(),
        (space.flags & StatVfs::READ_ONLY != 0).into(),
    );
    object.into()
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn shares_are_rounded_up() {
        assert_eq!(percent(0, 10), "0%");
        assert_eq!(percent(1, 999), "1%");
        assert_eq!(percent(10, 0), "100%");
        assert_eq!(percent(u64::MAX, u64::MAX), "50%");
        assert_eq!(percent(0, 0), "-");
    }
}
