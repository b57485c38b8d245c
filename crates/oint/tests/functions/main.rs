//! The functions over a real OpenSSH server.

mod defects;
mod every_auth;
mod every_function;
mod help;
#[path = "../../../client/tests/real_proxies/mod.rs"]
mod real_proxies;
mod results;
#[path = "../../../client/tests/sshd/mod.rs"]
mod sshd;

use std::ffi::OsString;

use longshore_oint::{Argument, Library, Outcome, call};
use serde_json::{Value, json};

use sshd::{PASSWORD, Sshd, USER};

/// Settings to log in with a password, trusting the server by its fingerprint.
fn by_password(server: &Sshd) -> Value {
    json!({
        "auth_type": "password", "host": "127.0.0.1", "port": server.port, "username": USER, "password": PASSWORD,
        "fingerprint": server.fingerprint("host"),
    })
}

/// Settings to log in with the key that is let in from the start.
fn by_key(server: &Sshd) -> Value {
    json!({
        "auth_type": "private_key", "host": "127.0.0.1", "port": server.port.to_string(), "username": USER,
        "key_path": server.path("user"), "fingerprint": server.fingerprint("host"),
    })
}

fn configuration(settings: &Value) -> Value {
    json!({"set": settings})
}

/// Calls a function away from the test's runtime, on which the server lives.
async fn outcome(library: Library, function: &'static str, arguments: Vec<Argument>) -> Outcome {
    tokio::task::spawn_blocking(move || call(library, function, &arguments).unwrap())
        .await
        .unwrap()
}

/// Calls a function whose result is JSON.
async fn json_of(library: Library, function: &'static str, arguments: Vec<Argument>) -> Value {
    match outcome(library, function, arguments).await {
        Outcome::Json(value) => value,
        other => panic!("{function} gave {other:?}"),
    }
}

async fn sftp(function: &'static str, arguments: Vec<Argument>) -> Value {
    json_of(Library::Sftp, function, arguments).await
}

async fn ssh(function: &'static str, arguments: Vec<Argument>) -> Value {
    json_of(Library::Ssh, function, arguments).await
}

/// Opens a connection that many calls share.
async fn open(library: Library, settings: Value) -> Argument {
    match outcome(library, "OpenConnection", vec![settings.into()]).await {
        Outcome::Handle(connector) => Argument::Handle(connector),
        other => panic!("no connection: {other:?}"),
    }
}

/// Runs a command line: exit code, standard output, standard error.
async fn cli(words: &[&str]) -> (u8, String, String) {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    tokio::task::spawn_blocking(move || {
        let (mut out, mut complaints) = (Vec::new(), Vec::new());
        let code = longshore_oint::cli::run(words, &mut out, &mut complaints);
        (
            code,
            String::from_utf8(out).unwrap(),
            String::from_utf8(complaints).unwrap(),
        )
    })
    .await
    .unwrap()
}

/// The JSON that a command printed.
async fn cli_json(words: &[&str]) -> Value {
    let (code, out, complaints) = cli(words).await;
    assert_eq!(code, 0, "{words:?}: {out}{complaints}");
    serde_json::from_str(&out).unwrap_or_else(|_| panic!("{words:?} printed {out}"))
}

#[track_caller]
fn good(result: &Value) {
    assert_eq!(result["result"], true, "{result}");
}

#[track_caller]
fn bad(result: &Value) -> &str {
    assert_eq!(result["result"], false, "{result}");
    result["error"].as_str().unwrap()
}
