//! `longshore shell`, typed at and not.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::remote::{Remote, names};
use crate::support::{Outcome, finish, wait_for};

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_commands_are_read_and_failures_left_behind() {
    let remote = Remote::start().await;
    remote.make_dir("in");
    remote.place.write("a", "x");
    let input = remote
        .place
        .write("input", "put a\nbogus\nget missing\nput a b\nexit\nput a c\n");
    let mut command = remote.command(&["shell", &remote.at("in")]);
    command.stdin(fs::File::open(input).unwrap());
    let outcome = finish(command).ok();
    assert!(
        outcome.stdout.contains("sftp> put a\nUploading a to "),
        "{}",
        outcome.stdout
    );
    outcome.complains_of(&["no command 'bogus'", "missing"]);
    assert_eq!(names(&remote.home("in")), ["a", "b"]);
}

/// Types at a terminal that script(1) makes.
fn type_at(remote: &Remote, mut command: Command, keys: &str) -> Outcome {
    let program = command.get_program().to_string_lossy().into_owned();
    let words: Vec<String> = std::iter::once(program)
        .chain(command.get_args().map(|word| word.to_string_lossy().into_owned()))
        .map(|word| format!("'{word}'"))
        .collect();
    let log = remote.place.path().join("typescript");
    command = Command::new("script");
    remote.place.clean(&mut command);
    command
        .env("TERM", "xterm")
        .args(["-q", "-e", "-f", "-c", &words.join(" ")])
        .arg(&log)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut child = crate::support::Guarded(command.spawn().unwrap());
    let mut stdin = child.0.stdin.take().unwrap();
    let seen = || String::from_utf8_lossy(&fs::read(&log).unwrap_or_default()).into_owned();
    for (turn, line) in keys.lines().enumerate() {
        // sent once when a line begins to be edited: what is typed before that, the terminal would take
        wait_for("the editor", || {
            (seen().matches("\u{1b}[?2004h").count() > turn).then_some(())
        });
        writeln!(stdin, "{line}").unwrap();
    }
    let status = wait_for("the end of the shell", || child.0.try_wait().unwrap());
    Outcome {
        code: status.code(),
        stdout: seen(),
        stderr: String::new(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn at_a_terminal_lines_are_edited_completed_and_remembered() {
    let remote = Remote::start().await;
    remote.make_dir("in");
    remote.write("in/report one.csv", "x");
    remote.place.write("local.txt", "x");
    let command = remote.command(&["shell", &remote.at("in")]);
    let typed = type_at(
        &remote,
        command,
        "put loc\t\nget rep\t\nren\t\"report one.csv\" done\nexit\n",
    )
    .ok();
    assert!(typed.stdout.contains("Uploading local.txt"), "{}", typed.stdout);
    assert_eq!(names(&remote.home("in")), ["done", "local.txt"]);
    assert!(remote.place.path().join("report one.csv").exists());
    let history = remote.place.path().join(".local/state/longshore/shell_history");
    let remembered = fs::read_to_string(history).unwrap();
    assert!(
        remembered.contains("put local.txt") && remembered.contains("rename \"report one.csv\" done"),
        "{remembered}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bars_are_drawn_on_a_terminal_only() {
    let mut remote = Remote::start().await;
    remote.slow_down();
    fs::write(remote.place.path().join("big"), crate::remote::content(6 << 20)).unwrap();
    let quiet = remote.run(&["put", "big", &remote.at("first")]).ok();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
    let seen = type_at(&remote, remote.command(&["put", "big", &remote.at("second")]), "")
        .ok()
        .stdout;
    assert!(
        seen.contains("big") && seen.contains('%') && seen.contains("MiB/s"),
        "{seen}"
    );
    assert!(seen.contains("1 file (6.0 MiB) moved"), "{seen}");
    let silent = type_at(
        &remote,
        remote.command(&["put", "-q", "big", &remote.at("third")]),
        "",
    )
    .ok()
    .stdout;
    assert!(!silent.contains('%'), "{silent}");
}
