//! What Tab offers: commands, names on the server, names here.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longshore_client::sftp::{FileKind, Sftp};
use rustyline::completion::Pair;
use tokio::runtime::Handle;

use super::super::batch::Interpreter;
use super::super::batch::command::{COMMANDS, Operand};
use super::super::batch::commands_beginning_with;
use super::super::batch::paths::{as_path, below};
use super::super::batch::words::{literal, quoted, split_unfinished};

/// Asks the server for names.
pub(super) struct Remote {
    runtime: Handle,
    sftp: Sftp,
    cwd: Arc<Mutex<Vec<u8>>>,
}

/// A name, and whether it is a directory.
type Name = (Vec<u8>, bool);

impl Remote {
    /// On the session of the interpreter; within its runtime.
    pub(super) fn of(interpreter: &Interpreter) -> Self {
        Self {
            runtime: Handle::current(),
            sftp: interpreter.sftp().clone(),
            cwd: interpreter.shared_cwd(),
        }
    }

    /// What is in a directory, if the server tells soon.
    fn names(&self, dir: &[u8]) -> Vec<Name> {
        let cwd = self.cwd.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dir = if dir.is_empty() { cwd } else { below(&cwd, dir) };
        let listing = async {
            let mut names = Vec::new();
            let mut listing = self.sftp.read_dir(&dir).await?;
            while names.len() < MOST {
                let page = listing.next_page().await?;
                if page.is_empty() {
                    break;
                }
                names.extend(page.into_iter().map(|entry| {
                    let directory = entry.kind() == Some(FileKind::Directory);
                    (entry.name.to_vec(), directory)
                }));
            }
            Ok::<_, longshore_client::Error>(names)
        };
        let listed = self
            .runtime
            .block_on(async { tokio::time::timeout(PATIENCE, listing).await });
        listed.ok().and_then(Result::ok).unwrap_or_default()
    }
}

/// What can stand in the place of the word at the end of the line, and where that word begins.
pub(super) fn candidates(line: &str, remote: &Remote) -> (usize, Vec<Pair>) {
    complete(line, |operand, dir| match operand {
        Operand::Nothing => Vec::new(),
        Operand::Remote => remote.names(dir),
        Operand::Local => local_names(dir),
    })
}

fn complete(line: &str, list: impl FnOnce(Operand, &[u8]) -> Vec<Name>) -> (usize, Vec<Pair>) {
    // the prefixes of batch files
    let begin = line.len() - line.trim_start_matches(['-', '@', ' ', '\t']).len();
    let words = split_unfinished(&line.as_bytes()[begin..]);
    let inside = words.inside;
    let count = words.words.len() - usize::from(inside);
    let start = match words.starts.last() {
        Some(start) if inside => begin + start,
        _ => line.len(),
    };
    if count == 0 {
        let pairs = commands_beginning_with(&line[start..]).map(|name| Pair {
            display: name.to_owned(),
            replacement: format!("{name} "),
        });
        return (start, pairs.collect());
    }
    let operand = operand(&words.words[..count]);
    let word = words
        .words
        .last()
        .filter(|_| inside)
        .map_or_else(Vec::new, |word| literal(word));
    let cut = word
        .iter()
        .rposition(|byte| *byte == b'/')
        .map_or(0, |slash| slash + 1);
    let (dir, beginning) = word.split_at(cut);
    let quote = words.open.filter(|quote| *quote != b'\\');
    let mut pairs: Vec<Pair> = list(operand, dir)
        .into_iter()
        .filter(|(name, _)| name.starts_with(beginning))
        // a name that begins with a dot must be begun
        .filter(|(name, _)| !name.starts_with(b".") || beginning.starts_with(b"."))
        .filter_map(|(name, directory)| pair(dir, &name, directory, quote))
        .collect();
    pairs.sort_by(|one, other| one.display.cmp(&other.display));
    (start, pairs)
}

/// What the word behind these can be.
fn operand(words: &[Vec<u8>]) -> Operand {
    let Some((name, rest)) = words.split_first() else {
        return Operand::Nothing;
    };
    let operands = rest.iter().filter(|word| !word.starts_with(b"-")).count();
    let known = COMMANDS
        .iter()
        .find(|known| known.0.as_bytes().eq_ignore_ascii_case(name));
    match (known, operands) {
        (Some((_, first, _)), 0) => *first,
        (Some((_, _, second)), 1) => *second,
        _ => Operand::Nothing,
    }
}

/// A name that can be typed; `None` for others.
fn pair(dir: &[u8], name: &[u8], directory: bool, quote: Option<u8>) -> Option<Pair> {
    let text = std::str::from_utf8(name)
        .ok()
        .filter(|text| !text.chars().any(char::is_control))?;
    let mut replacement = Vec::new();
    replacement.extend(quote);
    replacement.extend(quoted(&[dir, name].concat(), quote));
    if directory {
        replacement.push(b'/');
    } else {
        replacement.extend(quote);
        replacement.push(b' ');
    }
    Some(Pair {
        display: if directory {
            format!("{text}/")
        } else {
            text.to_owned()
        },
        replacement: String::from_utf8(replacement).ok()?,
    })
}

fn local_names(dir: &[u8]) -> Vec<Name> {
    use std::os::unix::ffi::OsStringExt as _;
    let place = if dir.is_empty() { b"." } else { dir };
    let Ok(entries) = std::fs::read_dir(as_path(place)) else {
        return Vec::new();
    };
    entries
        .filter_map(Result::ok)
        .take(MOST)
        .map(|entry| {
            let directory = entry.path().is_dir();
            (entry.file_name().into_vec(), directory)
        })
        .collect()
}

/// How long somebody who pressed Tab waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// Names that are looked at.
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the word begins, what is offered for it, and what was listed for that.
    type Offered = (usize, Vec<String>, Option<(Operand, Vec<u8>)>);

    fn offered(line: &str) -> Offered {
        let mut asked = None;
        let (start, pairs) = complete(line, |operand, dir| {
            asked = Some((operand, dir.to_vec()));
            let names: [(&[u8], bool); 6] = [
                (b"report.csv", false),
                (b"re ports", true),
                (b".hidden", false),
                (b"re\x1bset", false),
                (b"re\xff", false),
                (b"other", false),
            ];
            names.map(|(name, directory)| (name.to_vec(), directory)).to_vec()
        });
        (
            start,
            pairs.into_iter().map(|pair| pair.replacement).collect(),
            asked,
        )
    }

    #[test]
    fn commands_come_first() {
        assert_eq!(
            offered("re"),
            (
                0,
                vec!["reget ".to_owned(), "rename ".to_owned(), "reput ".to_owned()],
                None
            )
        );
        assert_eq!(offered("-@rmd").1, ["rmdir "]);
    }

    #[test]
    fn names_are_of_the_side_that_the_command_takes() {
        for (line, operand) in [
            ("get ", Operand::Remote),
            ("get -r a ", Operand::Local),
            ("put -p ", Operand::Local),
            ("put a ", Operand::Remote),
            ("chmod 644 ", Operand::Remote),
            ("LCD ", Operand::Local),
            ("pwd ", Operand::Nothing),
            ("get a b ", Operand::Nothing),
        ] {
            assert_eq!(offered(line).2, Some((operand, Vec::new())), "{line}");
        }
    }

    #[test]
    fn names_are_quoted_as_the_line_is() {
        assert_eq!(
            offered("get re"),
            (
                4,
                vec![r"re\ ports/".to_owned(), "report.csv ".to_owned()],
                Some((Operand::Remote, Vec::new()))
            )
        );
        let (start, replacements, _) = offered("get \"re p");
        assert_eq!((start, replacements), (4, vec!["\"re ports/".to_owned()]));
        let (start, replacements, asked) = offered("get -p 'a b/o");
        assert_eq!((start, replacements), (7, vec!["'a b/other' ".to_owned()]));
        assert_eq!(asked, Some((Operand::Remote, b"a b/".to_vec())));
        assert_eq!(offered("get .").1, [".hidden "]);
    }
}
