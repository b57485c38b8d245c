//! Events, receipts and errors as JSON. The members are stable: programs rely on them, `docs/client.md` lists them.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

use longshore_client::transfer::{Direction, Event, Placed, Proof, Reason, Receipt, Report, Step};
use longshore_client::{Error, ErrorKind};
use serde_json::{Map, Value, json};

use super::super::failure::exit_code;
use super::super::names::name_json;
use crate::error::CliError;
use crate::exit_code::ExitCode;

/// One event; `None` for those that this version does not know.
pub(super) fn event(event: &Event) -> Option<Value> {
    let mut object = Map::new();
    match event {
        Event::Started {
            id,
            direction,
            local,
            remote,
            size,
        } => {
            tag(&mut object, "started", Some(id.0));
            object.insert("direction".to_owned(), direction_word(*direction).into());
            ends(&mut object, local, remote);
            object.insert("size".to_owned(), (*size).into());
        }
        Event::Progress { id, done, total } => {
            tag(&mut object, "progress", Some(id.0));
            object.insert("done".to_owned(), (*done).into());
            object.insert("total".to_owned(), (*total).into());
        }
        Event::Finished { id, receipt: told } => {
            tag(&mut object, "finished", Some(id.0));
            object.insert("receipt".to_owned(), receipt(told));
        }
        Event::Failed {
            id,
            local,
            remote,
            message,
            kind,
        } => {
            tag(&mut object, "failed", Some(id.0));
            ends(&mut object, local, remote);
            object.insert("kind".to_owned(), kind_word(*kind).into());
            object.insert("message".to_owned(), message.as_str().into());
        }
        Event::Warning { path, message } => {
            tag(&mut object, "warning", None);
            name_json(&mut object, "path", path);
            object.insert("message".to_owned(), message.as_str().into());
        }
        Event::Step(told) => {
            tag(&mut object, "step", None);
            let Value::Object(members) = step(told)? else {
                return None;
            };
            object.extend(members);
        }
        _ => return None,
    }
    Some(object.into())
}

/// What was moved, and how it was checked.
pub(super) fn receipt(receipt: &Receipt) -> Value {
    let mut object = Map::new();
    object.insert("direction".to_owned(), direction_word(receipt.direction).into());
    ends(&mut object, &receipt.local, &receipt.remote);
    let Value::Object(rest) = json!({
        "size": receipt.size,
        "transferred": receipt.transferred,
        "resumed": receipt.resumed.map(|resumed| json!({
            "from": resumed.from, "proof": proof_word(resumed.proof),
        })),
        "verified": {
            "size": receipt.verified.size,
            "content": receipt.verified.content.map(proof_word),
            "source_unchanged": receipt.verified.source_unchanged,
        },
        "sha256": receipt.sha256.map(hex),
        "placed": placed_word(receipt.placed),
        "times_kept": receipt.times_kept,
        "warnings": receipt.warnings,
        "seconds": in_seconds(receipt.duration),
    }) else {
        return object.into();
    };
    object.extend(rest);
    object.into()
}

/// One step of a tree; `None` for those that this version does not know.
pub(super) fn step(step: &Step) -> Option<Value> {
    let mut object = Map::new();
    let mut named = |action: &str, path: &[u8]| {
        object.insert("action".to_owned(), action.into());
        name_json(&mut object, "path", path);
    };
    match step {
        Step::Copy { path, size, reason } => {
            named("copy", path);
            object.insert("size".to_owned(), (*size).into());
            object.insert("reason".to_owned(), reason_word(*reason).into());
        }
        Step::MakeDir { path } => named("make_directory", path),
        Step::Link { path, target } => {
            named("link", path);
            name_json(&mut object, "target", target);
        }
        Step::Remove { path, directory } => {
            named("remove", path);
            object.insert("directory".to_owned(), (*directory).into());
        }
        Step::Same { path } => named("same", path),
        Step::Skip { path, reason } => {
            named("skip", path);
            object.insert("reason".to_owned(), reason.as_str().into());
        }
        _ => return None,
    }
    Some(object.into())
}

/// Something that was left out or could not be kept.
pub(super) fn warning(path: &[u8], message: &str) -> Value {
    let mut object = Map::new();
    name_json(&mut object, "path", path);
    object.insert("message".to_owned(), message.into());
    object.into()
}

/// The last line of JSON lines.
pub(super) fn end(report: &Report, error: Option<&CliError>) -> Value {
    let mut object = Map::new();
    tag(&mut object, "end", None);
    object.extend(
        totals(report, Vec::new(), error)
            .into_iter()
            .filter(|(name, _)| *name != "warnings")
            .map(owned),
    );
    object.into()
}

/// Members of the document besides its list.
pub(super) fn totals(
    report: &Report,
    warnings: Vec<Value>,
    error: Option<&CliError>,
) -> Vec<(&'static str, Value)> {
    let errors: Vec<Value> = report.errors.iter().map(failure).collect();
    vec![
        ("errors", errors.into()),
        ("warnings", warnings.into()),
        ("files", report.files.into()),
        ("bytes", report.bytes.into()),
        ("same", report.same.into()),
        ("directories", report.directories.into()),
        ("links", report.links.into()),
        ("removed", report.removed.into()),
        ("skipped", report.skipped.into()),
        ("failed", report.failed.into()),
        ("dry_run", report.dry_run.into()),
        (
            "interrupted",
            error
                .is_some_and(|error| error.code() == ExitCode::Interrupted)
                .into(),
        ),
        ("error", error.map(ToString::to_string).into()),
        ("seconds", in_seconds(report.duration)),
    ]
}

fn owned((name, value): (&'static str, Value)) -> (String, Value) {
    (name.to_owned(), value)
}

fn failure(error: &Error) -> Value {
    let mut object = Map::new();
    if let Some(path) = error.failed_path() {
        name_json(&mut object, "path", path);
    }
    object.insert("kind".to_owned(), kind_word(error.kind()).into());
    object.insert("exit_code".to_owned(), (exit_code(error.kind()) as u8).into());
    object.insert("message".to_owned(), error.to_string().into());
    object.insert("hint".to_owned(), error.next_step().into());
    object.into()
}

fn tag(object: &mut Map<String, Value>, event: &str, id: Option<u64>) {
    object.insert("event".to_owned(), event.into());
    if let Some(id) = id {
        object.insert("id".to_owned(), id.into());
    }
}

fn ends(object: &mut Map<String, Value>, local: &Path, remote: &[u8]) {
    name_json(object, "local", local.as_os_str().as_bytes());
    name_json(object, "remote", remote);
}

fn in_seconds(duration: Duration) -> Value {
    // milliseconds are enough, and short
    (f64::from(u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)) / 1000.0).into()
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Upload => "upload",
        Direction::Download => "download",
    }
}

fn proof_word(proof: Proof) -> &'static str {
    match proof {
        Proof::ServerHash => "server_hash",
        Proof::CommandHash => "command_hash",
        Proof::ReadBack => "read_back",
    }
}

fn placed_word(placed: Placed) -> &'static str {
    match placed {
        Placed::Atomically => "atomically",
        Placed::ByExchange => "by_exchange",
        Placed::InPlace => "in_place",
        Placed::Streamed => "streamed",
    }
}

pub(super) fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Unconditional => "unconditional",
        Reason::New => "new",
        Reason::Size => "size",
        Reason::Time => "time",
        Reason::Hash => "hash",
        Reason::Kind => "kind",
    }
}

/// The name of a kind in words with underscores: `NotFound` is `not_found`.
fn kind_word(kind: ErrorKind) -> String {
    let mut word = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_ascii_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    word
}

#[cfg(test)]
mod tests {
    use longshore_client::transfer::{Resumed, TransferId, Verified};

    use super::*;

    fn a_receipt() -> Receipt {
        Receipt {
            direction: Direction::Download,
            local: "report.csv".into(),
            remote: b"out/\xff.csv".to_vec(),
            size: 10,
            transferred: 4,
            resumed: Some(Resumed {
                from: 6,
                proof: Proof::ReadBack,
            }),
            verified: Verified {
                size: true,
                content: Some(Proof::ServerHash),
                source_unchanged: true,
            },
            sha256: Some([0xab; 32]),
            placed: Placed::Atomically,
            times_kept: true,
            warnings: vec!["w".to_owned()],
            duration: Duration::from_millis(1500),
        }
    }

    #[test]
    fn receipts_have_these_members() {
        let expected = json!({
            "direction": "download", "local": "report.csv",
            "remote": "out/\u{fffd}.csv", "remote_hex": "6f75742fff2e637376",
            "size": 10, "transferred": 4, "resumed": {"from": 6, "proof": "read_back"},
            "verified": {"size": true, "content": "server_hash", "source_unchanged": true},
            "sha256": "ab".repeat(32), "placed": "atomically", "times_kept": true, "warnings": ["w"], "seconds": 1.5,
        });
        assert_eq!(receipt(&a_receipt()), expected);
    }

    #[test]
    fn events_are_told_apart_by_one_member() {
        let progress = Event::Progress {
            id: TransferId(3),
            done: 5,
            total: None,
        };
        let failed = Event::Failed {
            id: TransferId(3),
            local: "a".into(),
            remote: b"b".to_vec(),
            message: "gone".to_owned(),
            kind: ErrorKind::NotFound,
        };
        let removed = Event::Step(Step::Remove {
            path: b"old".to_vec(),
            directory: true,
        });
        assert_eq!(
            event(&progress),
            Some(json!({"event": "progress", "id": 3, "done": 5, "total": null}))
        );
        assert_eq!(
            event(&failed),
            Some(json!({
                "event": "failed", "id": 3, "local": "a", "remote": "b", "kind": "not_found", "message": "gone",
            }))
        );
        assert_eq!(
            event(&removed),
            Some(json!({"event": "step", "action": "remove", "path": "old", "directory": true}))
        );
    }

    #[test]
    fn the_end_says_what_failed() {
        let report = Report {
            files: 2,
            failed: 1,
            errors: vec![
                Error::new(ErrorKind::PermissionDenied, longshore_client::Stage::Sftp, "no").path("x"),
            ],
            ..Report::default()
        };
        let end = end(
            &report,
            Some(&CliError::new(ExitCode::Interrupted, "interrupted")),
        );
        assert_eq!(
            (&end["event"], &end["files"], &end["interrupted"]),
            (&"end".into(), &2.into(), &true.into())
        );
        assert_eq!(
            end["errors"],
            json!([{"path": "x", "kind": "permission_denied", "exit_code": 15, "message": "x: no", "hint": null}])
        );
    }
}
