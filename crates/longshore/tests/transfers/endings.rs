//! Ctrl-C: what has arrived is kept, and the command that is printed continues it.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;

use crate::remote::{Remote, content, names};
use crate::support::{Guarded, Place, finish, wait_for};

fn interrupt(child: &Child) {
    let done = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(done.success());
}

/// Starts a command that prints events, and waits until a megabyte has been moved.
fn start(mut command: Command) -> (Guarded, BufReader<std::process::ChildStdout>) {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guarded(command.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stdout.take().unwrap());
    loop {
        let mut line = String::new();
        assert!(
            lines.read_line(&mut line).unwrap() > 0,
            "the command ended before anything was moved"
        );
        let event: serde_json::Value = serde_json::from_str(&line).unwrap();
        if event["event"] == "progress" && event["done"].as_u64() > Some(1 << 20) {
            return (child, lines);
        }
    }
}

/// What is printed behind "this continues: ".
fn continuation(stderr: &str) -> &str {
    let (_, command) = stderr
        .split_once("this continues: ")
        .unwrap_or_else(|| panic!("no command in: {stderr}"));
    command.trim_end()
}

fn by_shell(place: &Place, script: &str) -> Command {
    let mut command = Command::new("sh");
    place.clean(&mut command);
    command.args(["-c", script]);
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_interrupted_is_continued_by_the_command_that_is_printed() {
    interrupted_and_continued(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_that_is_interrupted_is_continued_by_the_command_that_is_printed() {
    interrupted_and_continued(false).await;
}

async fn interrupted_and_continued(up: bool) {
    let mut remote = Remote::start().await;
    remote.slow_down();
    let data = content(12 << 20);
    let (name, other) = ("it's big", "copy of it");
    let (source, target) = (remote.place.path().join(name), remote.home(other));
    let (source, target) = if up {
        (source, target)
    } else {
        (remote.home(name), remote.place.path().join(other))
    };
    fs::write(&source, &data).unwrap();
    let args = match up {
        true => ["put", "--jsonl", name, &remote.at(other)].map(str::to_owned),
        false => ["get", "--jsonl", &remote.at(name), other].map(str::to_owned),
    };
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let (mut child, mut lines) = start(remote.command(&args));
    interrupt(&child.0);
    let mut end = String::new();
    while lines.read_line(&mut end).unwrap() > 0 {}
    let status = child.0.wait().unwrap();
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(status.code(), Some(130), "{stderr}");
    assert!(end.contains(r#""interrupted":true"#), "{end}");
    assert!(!target.exists(), "half a file has no name");

    let again = finish(by_shell(&remote.place, continuation(&stderr))).ok();
    let receipt = again
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .find(|event| event["event"] == "finished")
        .unwrap();
    let from = receipt["receipt"]["resumed"]["from"].as_u64().unwrap();
    assert!(from >= 512 * 1024, "{receipt}");
    assert_eq!(fs::read(&target).unwrap(), data);
    let dir = names(target.parent().unwrap());
    assert!(!dir.iter().any(|name| name.ends_with(".part")), "{dir:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_one_ends_at_once() {
    let mut remote = Remote::start().await;
    let stop = remote.slow_down();
    fs::write(remote.place.path().join("big"), content(12 << 20)).unwrap();
    let (mut child, _lines) = start(remote.command(&["put", "--jsonl", "big", &remote.at("big")]));
    // the server is silent: a good ending would wait for it
    stop.store(true, Ordering::Relaxed);
    interrupt(&child.0);
    std::thread::sleep(std::time::Duration::from_millis(300));
    interrupt(&child.0);
    let status = wait_for("the end", || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    stop.store(false, Ordering::Relaxed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_interrupted_runs_no_further_line() {
    let mut remote = Remote::start().await;
    remote.make_dir("in");
    remote.slow_down();
    fs::write(remote.place.path().join("big"), content(12 << 20)).unwrap();
    let batch = remote.place.write("batch", "mkdir seen\nput big\nput batch\n");
    let mut command = remote.command(&["batch", batch.to_str().unwrap(), &remote.at("in")]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = Guarded(command.spawn().unwrap());
    wait_for("the beginning of the upload", || {
        let part = remote.home("in/.big.longshore.part");
        fs::metadata(part).ok().filter(|part| part.len() > 1 << 20)
    });
    interrupt(&child.0);
    let status = wait_for("the end", || child.0.try_wait().unwrap());
    assert_eq!(status.code(), Some(130));
    assert_eq!(names(&remote.home("in")), [".big.longshore.part", "seen"]);
}
