//! `ls` and `df`.

use std::cmp::Ordering;

use longshore_client::sftp::{Attrs, DirEntry, FileKind};

use super::command::{Listing, Sort};
use super::expand;
use super::interpreter::Interpreter;
use super::paths::below;
use super::pattern::braces;
use crate::client::entry::{ls_time, mode_text};
use crate::client::progress::size;
use crate::client::shown;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::output::print;

/// A line of a listing.
struct Row {
    name: Vec<u8>,
    attrs: Attrs,
    /// What the server makes of it.
    long_name: Vec<u8>,
}

impl Interpreter {
    pub(super) async fn list(&self, flags: Listing, pattern: Option<&[u8]>) -> Result<()> {
        let Some(pattern) = pattern else {
            return self.list_directory(&self.cwd(), b"", flags).await;
        };
        let mut found = Vec::new();
        for pattern in braces(pattern) {
            found.extend(expand::remote(self.sftp(), &self.cwd(), &pattern).await?);
        }
        let mut rows = Vec::new();
        for one in found {
            let attrs = match one.attrs {
                Some(attrs) => attrs,
                None => self.sftp().lstat(&one.path).await?,
            };
            rows.push((one.path, attrs));
        }
        let cwd = if pattern.starts_with(b"/") {
            Vec::new()
        } else {
            self.cwd()
        };
        match rows.as_slice() {
            [] => {
                let message = format!("nothing matches {}", shown(pattern));
                Err(CliError::new(ExitCode::NotFound, message))
            }
            [(path, attrs)] if attrs.kind() == Some(FileKind::Directory) => {
                self.list_directory(path, stripped(path, &cwd), flags).await
            }
            _ => {
                let rows = rows.into_iter().map(|(path, attrs)| Row {
                    name: stripped(&path, &cwd).to_vec(),
                    attrs,
                    long_name: Vec::new(),
                });
                show(rows.collect(), flags)
            }
        }
    }

    /// Lists what is in a directory; the names begin with `prefix`.
    async fn list_directory(&self, path: &[u8], prefix: &[u8], flags: Listing) -> Result<()> {
        let entries = self.sftp().read_dir(path).await?.all().await?;
        let rows = entries
            .into_iter()
            .filter(|entry| flags.all || !entry.name.starts_with(b"."))
            .map(
                |DirEntry {
                     name,
                     long_name,
                     attrs,
                 }| {
                    // the line of the server ends with the name, to which the prefix belongs
                    let long_name = match long_name.strip_suffix(&name[..]) {
                        Some(front) => [front, &below(prefix, &name)].concat(),
                        None => Vec::new(),
                    };
                    Row {
                        name: below(prefix, &name),
                        attrs,
                        long_name,
                    }
                },
            );
        show(rows.collect(), flags)
    }

    pub(super) async fn space(&self, units: bool, inodes: bool, path: Option<&[u8]>) -> Result<()> {
        let path = path.map_or_else(|| self.cwd(), |path| self.absolute(path));
        let space = self.sftp().statvfs(path).await?;
        let percent = |total: u64, free: u64| match total {
            0 => "ERR".to_owned(),
            total => {
                let used = u128::from(total.saturating_sub(free)) * 100 / u128::from(total);
                format!("{used:3}%")
            }
        };
        if inodes {
            return print(&format!(
                "     Inodes        Used       Avail      (root)    %Capacity\n{:>11} {:>11} {:>11} {:>11}         {}\n",
                space.files,
                space.files.saturating_sub(space.files_free),
                space.files_available,
                space.files_free,
                percent(space.files, space.files_free),
            ));
        }
        let bytes = |blocks: u64| blocks.saturating_mul(space.fragment_size);
        let columns = [
            bytes(space.blocks),
            bytes(space.blocks.saturating_sub(space.blocks_free)),
            bytes(space.blocks_available),
            bytes(space.blocks_free),
        ];
        let full = percent(space.blocks, space.blocks_free);
        let line = |width: usize, cells: Vec<String>| {
            let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>width$}")).collect();
            cells.join(" ")
        };
        let (width, cells) = if units {
            (11, columns.iter().map(|column| size(*column)).collect())
        } else {
            (
                12,
                columns.iter().map(|column| (column / 1024).to_string()).collect(),
            )
        };
        let head = ["Size", "Used", "Avail", "(root)"].map(str::to_owned).to_vec();
        print(&format!(
            "{}    %Capacity\n{}         {full}\n",
            line(width, head),
            line(width, cells)
        ))
    }
}

/// A path without the directory that it is seen from.
fn stripped<'a>(path: &'a [u8], cwd: &[u8]) -> &'a [u8] {
    if cwd.is_empty() {
        return path;
    }
    match path.strip_prefix(cwd) {
        Some(b"") => b"",
        Some(rest) => rest
            .strip_prefix(b"/")
            .unwrap_or(if cwd.ends_with(b"/") { rest } else { path }),
        None => path,
    }
}

fn show(mut rows: Vec<Row>, flags: Listing) -> Result<()> {
    let modified = |row: &Row| row.attrs.times.map_or(0, |(_, modified)| modified);
    let order = |one: &Row, other: &Row| match flags.sort {
        Sort::Name => one.name.cmp(&other.name),
        Sort::Size => other.attrs.size.cmp(&one.attrs.size),
        Sort::Time => modified(other).cmp(&modified(one)),
        Sort::Not => Ordering::Equal,
    };
    rows.sort_by(order);
    if flags.reverse && flags.sort != Sort::Not {
        rows.reverse();
    }
    let mut text = String::new();
    if flags.long {
        for row in &rows {
            text.push_str(&long(row, flags));
            text.push('\n');
        }
    } else if flags.one {
        for row in &rows {
            text.push_str(&shown(&row.name));
            text.push('\n');
        }
    } else {
        text = columns(&rows.iter().map(|row| shown(&row.name)).collect::<Vec<_>>());
    }
    print(&text)
}

/// Names side by side, as sftp(1) puts them into a line of 80.
fn columns(names: &[String]) -> String {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    let count = (WIDTH / (longest + 2)).max(1);
    let width = WIDTH / count;
    let mut text = String::new();
    for line in names.chunks(count) {
        let cells: Vec<String> = line.iter().map(|name| format!("{name:<width$}")).collect();
        text.push_str(cells.concat().trim_end());
        text.push('\n');
    }
    text
}

const WIDTH: usize = 80;

fn long(row: &Row, flags: Listing) -> String {
    if !flags.numeric && !flags.units && !row.long_name.is_empty() {
        return shown(&row.long_name);
    }
    let attrs = &row.attrs;
    let number = |number: Option<u32>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
    let length = match attrs.size {
        None => "?".to_owned(),
        Some(bytes) if flags.units => size(bytes),
        Some(bytes) => bytes.to_string(),
    };
    format!(
        "{} {:>4} {:<8} {:<8} {length:>10} {:>12} {}",
        mode_text(attrs),
        "?",
        number(attrs.owner.map(|owner| owner.0)),
        number(attrs.owner.map(|owner| owner.1)),
        attrs.times.map_or_else(String::new, |times| ls_time(times.1)),
        shown(&row.name)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shown_as_seen_from_here() {
        for (path, cwd, expected) in [
            ("/home/a", "/home", "a"),
            ("/home", "/home", ""),
            ("/homes/a", "/home", "/homes/a"),
            ("/a", "/", "a"),
            ("/a", "", "/a"),
        ] {
            assert_eq!(
                stripped(path.as_bytes(), cwd.as_bytes()),
                expected.as_bytes(),
                "{path}"
            );
        }
    }

    #[test]
    fn names_stand_side_by_side_as_far_as_there_is_room() {
        let names: Vec<String> = ["a", "b", "ccc"].map(str::to_owned).to_vec();
        assert_eq!(columns(&names).lines().count(), 1);
        let long = vec!["x".repeat(50), "y".repeat(50)];
        assert_eq!(columns(&long), format!("{}\n{}\n", long[0], long[1]));
        assert_eq!(columns(&[]), "");
    }
}
