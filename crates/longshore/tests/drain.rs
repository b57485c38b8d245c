//! The end of a server: transfers get time, new work is refused, a second signal ends it at once.

mod support;

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use support::{Guarded, Login, Place, Server, finish, http, wait_for};

const MIB: usize = 1 << 20;

/// A server that gives transfers this long.
fn patient(grace_secs: &str) -> Server {
    Server::start_with(
        Place::new(),
        "data",
        &[("LONGSHORE_SHUTDOWN_GRACE_SECS", grace_secs)],
        &[],
    )
}

/// An upload of `content` as `big`, held back by the client itself to `kbit` per second, already under way.
fn slow_upload(server: &Server, login: &Login, content: &[u8], kbit: &str) -> Guarded {
    fs::write(server.place.path().join("big"), content).unwrap();
    let mut command = server.sftp(login, &["-l", kbit], "put big\n");
    let child = Guarded(
        command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap(),
    );
    wait_for("the first bytes of the upload", || {
        (!server
            .find(&["-type", "f", "-size", "+0", "!", "-name", "journal"])
            .is_empty())
        .then_some(())
    });
    child
}

fn wait_for_drain(server: &Server) {
    wait_for("the drain", || server.log().contains("draining").then_some(()));
}

#[test]
fn an_idle_server_ends_at_once_and_cleanly() {
    for signal in ["TERM", "INT", "HUP"] {
        let mut server = Server::start();
        let start = Instant::now();
        server.signal(signal);
        assert_eq!(server.wait(), Some(0), "{}", server.log());
        assert!(start.elapsed() < Duration::from_secs(10));
        assert!(server.log().contains("draining"), "{}", server.log());
        assert!(!server.file().exists());
    }
}

#[test]
fn during_the_drain_a_transfer_ends_well_and_new_work_is_refused() {
    let mut server = patient("50");
    let login = server.new_login("/alice");
    let content: Vec<u8> = (0..6 * MIB)
        .map(|n| n.to_le_bytes()[0] ^ n.to_le_bytes()[2])
        .collect();
    // 10 Mbit/s: some five seconds.
    let mut upload = slow_upload(&server, &login, &content, "10000");
    let api = server.address("api");
    let late = server.sftp(&login, &[], "ls\n");
    server.signal("TERM");
    wait_for_drain(&server);

    let answer = http(
        api,
        "GET /users HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Key a.b\r\n\r\n",
    );
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    assert_ne!(finish(late).code, Some(0));
    assert!(
        upload.0.try_wait().unwrap().is_none(),
        "the upload was over before it could be seen to go on"
    );

    assert!(
        upload.0.wait().unwrap().success(),
        "the upload failed: {}",
        server.log()
    );
    assert_eq!(server.wait(), Some(0), "{}", server.log());
    let files = server.find(&["-name", "big"]);
    assert_eq!(files.len(), 1);
    assert_eq!(fs::read(&files[0]).unwrap(), content);
}

#[test]
fn transfers_that_outlast_the_grace_are_cut_and_the_server_ends_well() {
    let mut server = patient("1");
    let login = server.new_login("/alice");
    // 1 Mbit/s: more than a minute.
    let mut upload = slow_upload(&server, &login, &vec![7; 8 * MIB], "1000");
    let start = Instant::now();
    assert_eq!(server.stop(), Some(0), "{}", server.log());
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
    assert!(!upload.0.wait().unwrap().success());
    // What never was acknowledged is not visible.
    assert_eq!(server.find(&["-name", "big"]), Vec::<std::path::PathBuf>::new());
}

#[test]
fn a_second_signal_ends_the_server_at_once() {
    let mut server = patient("3600");
    let login = server.new_login("/alice");
    let mut upload = slow_upload(&server, &login, &vec![7; 8 * MIB], "1000");
    server.signal("TERM");
    wait_for_drain(&server);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        server.child.try_wait().unwrap(),
        None,
        "the transfer should hold the drain"
    );
    server.signal("TERM");
    assert_eq!(server.wait(), Some(128 + 15), "{}", server.log());
    assert!(!upload.0.wait().unwrap().success());
    // What the directory holds is good for a next start.
    let place = std::mem::replace(&mut server.place, Place::new());
    let again = Server::start_with(place, "data", &[], &[]);
    finish(again.sftp(&login, &[], "ls\n")).ok();
}
