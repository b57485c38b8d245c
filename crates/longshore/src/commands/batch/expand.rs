//! From patterns to paths, on the server and here.

use std::os::unix::ffi::OsStringExt as _;

use longshore_client::sftp::{Attrs, Sftp};

use super::paths::{as_path, below};
use super::pattern::{Pattern, is_pattern, unescaped};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;
use crate::limits::PATTERN_MATCHES;

/// A path that a pattern leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    /// The path.
    pub(crate) path: Vec<u8>,
    /// Its attributes, if a listing has told them; of a link its own.
    pub(crate) attrs: Option<Attrs>,
}

/// What a pattern finds on the server, sorted by name. One without wildcards is not looked for: it is the path that it says.
///
/// # Errors
/// The session has ended; more matches than [`PATTERN_MATCHES`].
pub(crate) async fn remote(sftp: &Sftp, cwd: &[u8], pattern: &[u8]) -> Result<Vec<Found>> {
    if !is_pattern(pattern) {
        let path = below(cwd, &unescaped(pattern));
        return Ok(vec![Found { path, attrs: None }]);
    }
    let steps = Steps::of(cwd, pattern);
    let mut found = vec![Found {
        path: steps.root,
        attrs: None,
    }];
    for step in &steps.steps {
        let mut next = Vec::new();
        for dir in found {
            match step {
                Step::Name(name) => next.push(Found {
                    path: below(&dir.path, name),
                    attrs: None,
                }),
                Step::Pattern(pattern) => list(sftp, &dir.path, pattern, &mut next).await?,
            }
        }
        found = next;
    }
    if matches!(steps.steps.last(), Some(Step::Name(_))) {
        let mut there = Vec::new();
        for mut one in found {
            match sftp.lstat(&one.path).await {
                Ok(attrs) => {
                    one.attrs = Some(attrs);
                    there.push(one);
                }
                Err(error) if sftp.end_reason().is_some() => return Err(error.into()),
                Err(_) => {}
            }
        }
        found = there;
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The entries of a directory that match. One that cannot be read has none.
async fn list(sftp: &Sftp, dir: &[u8], pattern: &Pattern, found: &mut Vec<Found>) -> Result<()> {
    let place = if dir.is_empty() { b"." } else { dir };
    let mut listing = match sftp.read_dir(place).await {
        Ok(listing) => listing,
        Err(error) if sftp.end_reason().is_some() => return Err(error.into()),
        Err(_) => return Ok(()),
    };
    loop {
        let page = match listing.next_page().await {
            Ok(page) => page,
            Err(error) if sftp.end_reason().is_some() => return Err(error.into()),
            Err(_) => return Ok(()),
        };
        if page.is_empty() {
            return Ok(());
        }
        for entry in page {
            // a server's name that would lead elsewhere is none
            if !is_name(&entry.name) || !pattern.matches(&entry.name) {
                continue;
            }
            check_number(found.len())?;
            found.push(Found {
                path: below(dir, &entry.name),
                attrs: Some(entry.attrs),
            });
        }
    }
}

/// What a pattern finds on this machine, sorted by name; without wildcards, or where it finds nothing, the path that it says.
///
/// # Errors
/// More matches than [`PATTERN_MATCHES`].
pub(crate) fn local(pattern: &[u8]) -> Result<Vec<Vec<u8>>> {
    let says = unescaped(pattern);
    if !is_pattern(pattern) {
        return Ok(vec![says]);
    }
    let steps = Steps::of(b"", pattern);
    let mut found = vec![steps.root];
    for step in &steps.steps {
        let mut next = Vec::new();
        for dir in found {
            match step {
                Step::Name(name) => {
                    let path = below(&dir, name);
                    if std::fs::symlink_metadata(as_path(&path)).is_ok() {
                        next.push(path);
                    }
                }
                Step::Pattern(pattern) => {
                    let place = if dir.is_empty() { b"." } else { dir.as_slice() };
                    let Ok(entries) = std::fs::read_dir(as_path(place)) else {
                        continue;
                    };
                    for name in entries.filter_map(|entry| Some(entry.ok()?.file_name().into_vec())) {
                        if pattern.matches(&name) {
                            check_number(next.len())?;
                            next.push(below(&dir, &name));
                        }
                    }
                }
            }
        }
        found = next;
    }
    if found.is_empty() {
        return Ok(vec![says]);
    }
    found.sort();
    Ok(found)
}

fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b"..") && !name.contains(&b'/') && !name.contains(&0)
}

fn check_number(found: usize) -> Result<()> {
    if found < PATTERN_MATCHES {
        return Ok(());
    }
    Err(
        CliError::new(ExitCode::Guarded, "the pattern matches too many names")
            .hint("move the whole directory with -r"),
    )
}

/// A pattern, part by part.
struct Steps {
    root: Vec<u8>,
    steps: Vec<Step>,
}

enum Step {
    Name(Vec<u8>),
    Pattern(Pattern),
}

impl Steps {
    fn of(cwd: &[u8], pattern: &[u8]) -> Self {
        let root = if pattern.starts_with(b"/") { b"/" } else { cwd };
        let steps = parts(pattern)
            .map(|part| match is_pattern(part) {
                true => Step::Pattern(Pattern::new(part)),
                false => Step::Name(unescaped(part)),
            })
            .collect();
        Self {
            root: root.to_vec(),
            steps,
        }
    }
}

fn parts(pattern: &[u8]) -> impl Iterator<Item = &[u8]> {
    pattern
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        for bad in [&b""[..], b".", b"..", b"a/b", b"/", b"a\0"] {
            assert!(!is_name(bad));
        }
        assert!(is_name(b"...") && is_name(b"\xff"));
    }

    #[test]
    fn local_patterns_find_names_in_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.csv", "a.csv", ".c.csv", "[x].csv"] {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::write(dir.path().join("sub/a.csv"), "").unwrap();
        let root = dir.path().as_os_str().as_bytes();
        let find = |pattern: &str| -> Vec<String> {
            let found = local(&[root, b"/", pattern.as_bytes()].concat()).unwrap();
            found
                .iter()
                .map(|path| String::from_utf8(path[root.len() + 1..].to_vec()).unwrap())
                .collect()
        };
        assert_eq!(find("?.csv"), ["a.csv", "b.csv"]);
        assert_eq!(find("*/a.csv"), ["sub/a.csv"]);
        assert_eq!(find(r"\[x\].csv"), ["[x].csv"]);
        assert_eq!(find("none*"), ["none*"]);
    }
}
