//! Receipts, steps and errors as lines for people.

use std::os::unix::ffi::OsStrExt as _;

use longshore_client::Error;
use longshore_client::transfer::{Direction, Placed, Proof, Receipt, Report, Step};

use super::super::names::shown;
use super::super::progress::{seconds, size};
use super::json::reason_word;

/// What was moved, and how it was checked; one line.
pub(super) fn receipt(receipt: &Receipt) -> String {
    let local = match receipt.local.as_os_str().as_bytes() {
        b"" => "-".to_owned(),
        path => shown(path),
    };
    let remote = shown(&receipt.remote);
    let (from, to) = match receipt.direction {
        Direction::Upload => (local, remote),
        Direction::Download => (remote, local),
    };
    let mut line = format!(
        "{from} -> {to}: {}, {}, {}",
        size(receipt.size),
        seconds(receipt.duration),
        checked(receipt)
    );
    if let Some(resumed) = receipt.resumed {
        line.push_str(&format!(", continued at {}", size(resumed.from)));
    }
    if receipt.placed == Placed::ByExchange {
        line.push_str(", not in one step");
    }
    line.push('\n');
    line
}

fn checked(receipt: &Receipt) -> &'static str {
    match receipt.verified.content {
        None => "checked by size",
        Some(Proof::ServerHash) => "checked by the server's hash",
        Some(Proof::CommandHash) => "checked by a command's hash",
        Some(Proof::ReadBack) => "checked by reading back",
    }
}

/// One step of a tree. Files that are the same are told to those who ask twice.
pub(super) fn step(step: &Step, verbosity: u8) -> Option<String> {
    Some(match step {
        Step::Copy {
            path,
            size: bytes,
            reason,
        } => format!(
            "copy    {} ({}, {})\n",
            shown(path),
            size(*bytes),
            reason_word(*reason)
        ),
        Step::MakeDir { path } => format!("mkdir   {}\n", shown(path)),
        Step::Link { path, target } => format!("link    {} -> {}\n", shown(path), shown(target)),
        Step::Remove { path, directory } => {
            format!("remove  {}{}\n", shown(path), if *directory { "/" } else { "" })
        }
        Step::Skip { path, reason } => format!("skip    {} ({reason})\n", shown(path)),
        Step::Same { path } if verbosity > 1 => format!("same    {}\n", shown(path)),
        _ => return None,
    })
}

/// Something that was left out or could not be kept.
pub(super) fn warning(path: &[u8], message: &str) -> String {
    // the message may repeat a server's words
    format!("warning: {}: {}\n", shown(path), shown(message.as_bytes()))
}

/// A file that was not moved.
pub(super) fn failure(error: &Error) -> String {
    let path = error.failed_path().map(|path| format!("{}: ", shown(path)));
    let mut text = format!(
        "error: {}{}\n",
        path.unwrap_or_default(),
        shown(error.message().as_bytes())
    );
    if let Some(hint) = error.next_step() {
        for line in hint.lines() {
            text.push_str(&format!("hint: {}\n", shown(line.as_bytes())));
        }
    }
    text
}

/// What became of everything.
pub(super) fn summary(report: &Report) -> String {
    let mut line = format!("{} ({}) moved", files(report.files), size(report.bytes));
    for (count, what) in [
        (report.same, "the same already"),
        (report.links, "links made"),
        (report.removed, "removed"),
        (report.skipped, "left out"),
        (report.failed, "failed"),
    ] {
        if count > 0 {
            line.push_str(&format!(", {count} {what}"));
        }
    }
    line.push_str(&format!(", {}\n", seconds(report.duration)));
    line
}

/// What would be done.
pub(super) fn plan(report: &Report) -> String {
    format!(
        "nothing was changed: {} would be moved, {} removed, {} are the same\n",
        files(report.files),
        report.removed,
        report.same
    )
}

fn files(count: u64) -> String {
    match count {
        1 => "1 file".to_owned(),
        count => format!("{count} files"),
    }
}

#[cfg(test)]
mod tests {
    use longshore_client::{ErrorKind, Stage};

    use super::*;

    #[test]
    fn what_a_server_says_commands_no_terminal() {
        let error = Error::new(ErrorKind::Failure, Stage::Sftp, "no\u{1b}[2J")
            .path(b"a\x1b[0m".to_vec())
            .hint("try");
        assert_eq!(failure(&error), "error: a\\u{1b}[0m: no\\u{1b}[2J\nhint: try\n");
        assert_eq!(warning(b"\r", "x\n"), "warning: \\r: x\\n\n");
    }

    #[test]
    fn summaries_name_what_there_is() {
        let report = Report {
            files: 1,
            bytes: 2048,
            removed: 3,
            ..Report::default()
        };
        assert_eq!(summary(&report), "1 file (2.0 KiB) moved, 3 removed, 0.00 s\n");
        assert!(plan(&report).starts_with("nothing was changed: 1 file would be moved, 3 removed"));
    }

    #[test]
    fn the_same_is_told_to_those_who_ask_twice() {
        let same = Step::Same { path: b"a".to_vec() };
        assert_eq!(
            (step(&same, 1), step(&same, 2)),
            (None, Some("same    a\n".to_owned()))
        );
    }
}
