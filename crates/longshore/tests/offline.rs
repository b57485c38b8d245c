//! Commands that need no server: help, version, completion, usage errors.

mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use support::Place;

#[test]
fn version_says_what_it_is() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert!(
        place
            .run(["version"])
            .ok()
            .stdout
            .starts_with(&format!("longshore {version} ("))
    );
    assert_eq!(place.run(["version", "--json"]).ok().json()["version"], version);
    assert_eq!(
        place.run(["--version"]).ok().stdout,
        format!("longshore {version}\n")
    );
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let place = Place::new();
    let commands: &[&[&str]] = &[
        &[],
        &["serve"],
        &["user", "create"],
        &["user", "list"],
        &["user", "show"],
        &["user", "update"],
        &["user", "delete"],
        &["api-key", "create"],
        &["api-key", "list"],
        &["api-key", "revoke"],
        &["config", "show"],
        &["config", "check"],
        &["host-key", "show"],
        &["selftest"],
        &["trust", "add"],
        &["trust", "list"],
        &["trust", "remove"],
        &["completion"],
    ];
    for command in commands {
        let args: Vec<&str> = command.iter().copied().chain(["--help"]).collect();
        let outcome = place.run(&args).ok();
        assert!(
            outcome.stdout.contains("Examples:"),
            "{command:?}: {}",
            outcome.stdout
        );
        assert!(outcome.stderr.is_empty());
    }
}

#[test]
fn usage_errors_have_their_own_exit_code_and_go_to_standard_error() {
    let place = Place::new();
    let bad: &[&[&str]] = &[
        &["user", "crate"],
        &["serve", "--nope"],
        &["user", "create"],
        &["user", "update", "U"],
        &["completion", "tcl"],
    ];
    for args in bad {
        let outcome = place.run(*args).fails(2);
        assert!(
            outcome.stdout.is_empty() && !outcome.stderr.is_empty(),
            "{args:?}"
        );
    }
    place.run(["user", "crate"]).complains_of(&["create"]);
}

#[test]
fn there_is_no_flag_that_takes_a_key() {
    let place = Place::new();
    let outcome = place.run(["user", "list", "--api-key", "a.b"]).fails(2);
    assert!(outcome.stderr.contains("--api-key"), "{}", outcome.stderr);
    place
        .run(["api-key", "revoke", "prefix.secret"])
        .fails(2)
        .complains_of(&["not its prefix", "hint:"]);
}

#[test]
fn completion_scripts_are_made_for_each_shell_and_bash_can_read_its_own() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            place.run(["completion", shell]).ok().stdout.contains("longshore"),
            "{shell}"
        );
    }
    let script = place.run(["completion", "bash"]).ok().stdout;
    let mut bash = Command::new("bash")
        .arg("-n")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(bash.wait().unwrap().success());
    let offers = "source /dev/stdin; COMP_WORDS=(longshore us); COMP_CWORD=1; _longshore longshore us longshore; \
                  echo \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash")
        .args(["-c", offers])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "user");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::new();
    let mut child = place
        .command(["completion", "bash"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_full_disk_is_an_error() {
    let place = Place::new();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut command = place.command(["version"]);
    command.stdout(full);
    let output = command
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("standard output"));
}

#[test]
fn commands_without_a_server_say_how_to_reach_one() {
    let place = Place::new();
    let none = place.run(["user", "list", "--data-dir", "nowhere"]).fails(4);
    none.complains_of(&["nowhere", "hint:", "longshore serve", "--url"]);
    let refused = place
        .run_with(
            &[("LONGSHORE_API_KEY", "a.b")],
            ["user", "list", "--url", "http://127.0.0.1:1"],
        )
        .fails(4);
    refused.complains_of(&["http://127.0.0.1:1", "refused", "hint:"]);
    place
        .run(["user", "list", "--url", "http://127.0.0.1:1"])
        .fails(3)
        .complains_of(&["no API key", "--api-key-file"]);
    let https = place
        .run_with(
            &[("LONGSHORE_API_KEY", "a.b")],
            ["user", "list", "--url", "https://a"],
        )
        .fails(3);
    https.complains_of(&["https", "http://"]);
}

#[test]
fn a_key_file_that_holds_no_key_is_named() {
    let place = Place::new();
    let url = ["user", "list", "--url", "http://127.0.0.1:1", "--api-key-file"];
    let run = |file: &str| place.run(url.iter().copied().chain([file])).fails(3);
    run("absent").complains_of(&["absent", "No such file"]);
    place.write("empty", "\n");
    run("empty").complains_of(&["empty", "does not hold a key"]);
    place.write("two", "a b\n");
    run("two").complains_of(&["two", "does not hold a key"]);
}
