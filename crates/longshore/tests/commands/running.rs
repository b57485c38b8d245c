//! `run`: streams, exit statuses, limits.

use std::io::Write as _;
use std::process::Stdio;

use crate::remote::{Remote, content};
use crate::sshd::USER;

fn host() -> String {
    format!("{USER}@127.0.0.1")
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_and_statuses_are_passed_on() {
    let remote = Remote::start().await;
    let host = host();
    let run = |words: &[&str]| {
        let mut args = vec!["run", host.as_str()];
        args.extend(words);
        remote.run(&args)
    };
    let out = run(&["printf", "out; printf err >&2; exit 7"]).fails(7);
    assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("out", "err"));
    // options behind the host are the command's
    assert_eq!(run(&["echo", "-n", "--json"]).ok().stdout, "--json");
    run(&["kill -TERM $$"]).fails(143);
    run(&["exit 255"]).fails(255);

    let data = content(3_000_000);
    let mut child = remote
        .command(&["run", &host, "cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = data.clone();
    let feeding = std::thread::spawn(move || stdin.write_all(&input).unwrap());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    assert!(output.status.success() && output.stdout == data);

    // a command that reads nothing of an input that does not end
    let mut child = remote
        .command(&["run", &host, "true"])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let _open = child.stdin.take();
    assert!(child.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_one_document() {
    let remote = Remote::start().await;
    let host = host();
    let failed = remote
        .run(&[
            "run",
            "--json",
            "-n",
            &host,
            "printf 'a\\377'; echo b >&2; exit 3",
        ])
        .fails(3)
        .json();
    assert_eq!(failed["stdout_hex"], "61ff");
    assert_eq!(
        (&failed["stderr"], &failed["exit_status"]),
        (&"b\n".into(), &3.into())
    );
    assert!(failed["signal"].is_null());
    let killed = remote
        .run(&["run", "--json", &host, "kill -KILL $$"])
        .fails(137)
        .json();
    assert_eq!(
        (&killed["signal"], &killed["exit_status"]),
        (&"KILL".into(), &serde_json::Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_run_has_a_status_of_its_own() {
    let remote = Remote::start().await;
    let host = host();
    remote
        .run(&["run", "--timeout", "1", &host, "sleep 50"])
        .fails(255)
        .complains_of(&["longer than 1 s"]);
    remote
        .run(&["run", &format!("{host}:dir"), "true"])
        .fails(2)
        .complains_of(&["cd path"]);
    remote
        .run(&["run", "-o", "PreferredAuthentications=none", &host, "true"])
        .fails(255)
        .complains_of(&["cannot log in"]);
    remote.run(&["run", &host]).fails(2);
}
