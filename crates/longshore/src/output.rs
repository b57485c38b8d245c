//! Data for standard output: aligned text for people, JSON for programs.

use std::io::{self, Write};

use clap::Args;
use serde_json::Value;

use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// How a command prints its data.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct OutputArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Writes to standard output. A reader that went away (`| head`) is no error.
///
/// # Errors
/// [`ExitCode::Failure`] when the output cannot be written, a full disk for example.
pub(crate) fn print(text: &str) -> Result<()> {
    print_bytes(text.as_bytes())
}

/// As [`print`], for what need not be text.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_bytes(bytes: &[u8]) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(CliError::new(ExitCode::Failure, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes a value as indented JSON and a line end.
///
/// # Errors
/// As [`print`].
pub(crate) fn print_json(value: &Value) -> Result<()> {
    print(&format!("{value:#}\n"))
}

/// Lines of `name  value`, the values in one column. Control characters are shown, not obeyed.
#[must_use]
pub(crate) fn fields(rows: &[(&str, String)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    rows.iter()
        .map(|(name, value)| format!("{name:<width$}  {}\n", visible(value)))
        .collect()
}

/// A table with a head line, columns aligned by the longest cell.
#[must_use]
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let rows: Vec<Vec<String>> = std::iter::once(head.iter().map(|&cell| cell.to_owned()).collect())
        .chain(
            rows.iter()
                .map(|row| row.iter().map(|cell| visible(cell)).collect()),
        )
        .collect();
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    rows.iter()
        .map(|row| {
            let line: String = row
                .iter()
                .zip(&widths)
                .map(|(cell, &width)| format!("{cell:<width$}  "))
                .collect();
            format!("{}\n", line.trim_end())
        })
        .collect()
}

/// Names side by side as `ls` sets them: column by column, as many as fit into `width`.
#[must_use]
pub(crate) fn columns(names: &[Vec<u8>], width: usize) -> Vec<u8> {
    let length = |name: &Vec<u8>| String::from_utf8_lossy(name).chars().count();
    let widest = names.iter().map(length).max().unwrap_or(0) + 2;
    let across = (width / widest).max(1);
    let down = names.len().div_ceil(across);
    let mut out = Vec::new();
    for row in 0..down {
        let line: Vec<&Vec<u8>> = names.iter().skip(row).step_by(down).collect();
        for (at, name) in line.iter().enumerate() {
            out.extend_from_slice(name);
            if at + 1 < line.len() {
                out.resize(out.len() + widest - length(name), b' ');
            }
        }
        out.push(b'\n');
    }
    out
}

/// Text from a server is shown on terminals: escape sequences in it must not be obeyed.
#[must_use]
pub(crate) fn visible(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let shown: Box<dyn Iterator<Item = char>> = if c.is_control() {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            shown
        })
        .collect()
}

/// A word as a POSIX shell takes it back unchanged.
#[must_use]
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_spaces() {
        let rows = vec![
            vec!["a".to_owned(), "long cell".to_owned()],
            vec!["bbbb".to_owned(), String::new()],
        ];
        assert_eq!(table(&["X", "Y"], &rows), "X     Y\na     long cell\nbbbb\n");
        assert_eq!(
            fields(&[("a", "1".to_owned()), ("long", "2".to_owned())]),
            "a     1\nlong  2\n"
        );
    }

    #[test]
    fn names_stand_in_as_many_columns_as_fit() {
        let names = ["a", "bb", "c", "d", "e"].map(|name| name.as_bytes().to_vec());
        assert_eq!(columns(&names, 12), b"a   c   e\nbb  d\n");
        assert_eq!(columns(&names, 1), b"a\nbb\nc\nd\ne\n");
        assert_eq!(columns(&[], 80), b"");
    }

    #[test]
    fn escape_sequences_are_shown_and_not_sent_to_the_terminal() {
        assert_eq!(visible("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
    }

    #[test]
    fn shell_words_are_quoted_only_where_needed() {
        assert_eq!(shell_word("/var/lib/longshore"), "/var/lib/longshore");
        assert_eq!(shell_word("a b'c"), r"'a b'\''c'");
        assert_eq!(shell_word(""), "''");
    }
}
