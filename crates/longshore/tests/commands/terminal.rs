//! On a terminal: questions, and names that would command it. `script` makes the terminal.

use std::fs;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::remote::Remote;
use crate::sshd::{PASSWORD, USER};
use crate::support::{BINARY, wait_for};

/// Runs a command on a terminal of its own; answers each question when it shows. What the terminal showed, and the exit code.
fn on_terminal(remote: &Remote, args: &[&str], dialogue: &[(&str, &str)]) -> (String, Option<i32>) {
    let words: Vec<String> = args.iter().map(|word| format!("'{word}'")).collect();
    let mut command = Command::new("script");
    remote.place.clean(&mut command);
    command
        .args(["-qefc", &format!("'{BINARY}' {}", words.join(" ")), "/dev/null"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut buffer = [0; 4096];
    let mut seen = 0;
    let mut questions = dialogue.iter().peekable();
    while let Ok(len @ 1..) = stdout.read(&mut buffer) {
        shown.extend_from_slice(&buffer[..len]);
        let text = String::from_utf8_lossy(&shown[seen..]);
        if let Some((question, answer)) = questions.next_if(|(question, _)| text.contains(question)) {
            seen = shown.len();
            // the question shows a moment before the terminal stops showing what is typed
            if question.starts_with("Pass") {
                wait_until_hidden(child.id());
            }
            writeln!(stdin, "{answer}").unwrap();
        }
    }
    assert!(
        questions.next().is_none(),
        "not all was asked: {}",
        String::from_utf8_lossy(&shown)
    );
    let status = child.wait().unwrap();
    (String::from_utf8_lossy(&shown).into_owned(), status.code())
}

/// Waits until the terminal of the command under `script` does not show what is typed.
fn wait_until_hidden(script: u32) {
    wait_for("hiding what is typed", || {
        let children = fs::read_to_string(format!("/proc/{script}/task/{script}/children")).ok()?;
        let child = children.split_whitespace().next()?;
        let terminal = fs::read_link(format!("/proc/{child}/fd/0")).ok()?;
        let state = Command::new("stty").arg("-aF").arg(terminal).output().ok()?;
        String::from_utf8_lossy(&state.stdout)
            .split_whitespace()
            .any(|word| word == "-echo")
            .then_some(())
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_and_host_keys_are_asked_for() {
    let remote = Remote::start().await;
    remote.write("file", "x");
    let target = format!("sftp://{USER}@127.0.0.1:{}/~/", remote.port);
    let args = [
        "ls",
        "-F",
        "none",
        "-o",
        "PreferredAuthentications=password",
        &target,
    ];
    let fingerprint = remote.sshd.fingerprint("host");
    let (shown, code) = on_terminal(&remote, &args, &[("Answer yes, no", "no")]);
    assert_eq!(code, Some(12), "{shown}");
    assert!(shown.contains(&fingerprint), "{shown}");
    let dialogue = [
        ("Answer yes, no", fingerprint.as_str()),
        ("Password of tester", "wrong"),
        ("Password of tester", PASSWORD),
    ];
    let (shown, code) = on_terminal(&remote, &args, &dialogue);
    assert_eq!(code, Some(0), "{shown}");
    assert!(
        shown.ends_with("file\r\n") && !shown.contains(PASSWORD),
        "{shown}"
    );
    let known = fs::read_to_string(remote.place.path().join(".ssh/known_hosts")).unwrap();
    assert_eq!(known.lines().count(), 1);
    // who says that nobody is there is asked nothing
    let batch = ["ls", "-F", "none", "-o", "BatchMode=yes", &target];
    let (shown, code) = on_terminal(&remote, &batch, &[]);
    assert_eq!(code, Some(5), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn passphrases_are_asked_for() {
    let remote = Remote::start().await;
    crate::sshd::keygen(
        remote.sshd.folder.path(),
        "locked",
        &["-t", "ed25519", "-N", "open sesame"],
    );
    remote.sshd.authorize("locked");
    let key = remote.sshd.path("locked").display().to_string();
    let fingerprint = remote.sshd.fingerprint("host");
    let target = format!("sftp://{USER}@127.0.0.1:{}/~/", remote.port);
    let args = [
        "ls",
        "-F",
        "none",
        "--fingerprint",
        &fingerprint,
        "-i",
        &key,
        &target,
    ];
    let (shown, code) = on_terminal(&remote, &args, &[("Passphrase of the key", "open sesame")]);
    assert_eq!(code, Some(0), "{shown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_do_not_command_the_terminal() {
    let remote = Remote::start().await;
    remote.write("evil\x1b[2Jname", "x");
    remote.write("plain", "x");
    let port = remote.port.to_string();
    let (fingerprint, key) = (
        remote.sshd.fingerprint("host"),
        remote.sshd.path("user").display().to_string(),
    );
    let target = remote.at("");
    for command in ["ls", "tree"] {
        let args = [
            command,
            "-F",
            "none",
            "-P",
            &port,
            "--fingerprint",
            &fingerprint,
            "-i",
            &key,
            &target,
        ];
        let (shown, code) = on_terminal(&remote, &args, &[]);
        assert_eq!(code, Some(0), "{shown}");
        assert!(
            !shown.contains('\x1b') && shown.contains("evil\\u{1b}[2Jname"),
            "{shown:?}"
        );
    }
}
