//! Peers that do not keep to the rules, on a bare socket or with more of everything than is allowed.

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::{State, TestServer, run_with_input, text};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

async fn connect(server: &TestServer) -> TcpStream {
    TcpStream::connect(server.address).await.unwrap()
}

/// Everything that the server says until it closes; fails if it does not within `limit`.
async fn read_to_close(mut tcp: TcpStream, limit: Duration) -> Vec<u8> {
    let mut said = Vec::new();
    let read = tokio::time::timeout(limit, tcp.read_to_end(&mut said)).await;
    // A reset is a close as well.
    let _ = read.expect("the server keeps the connection open");
    said
}

async fn still_serves(server: &TestServer) {
    let output = server.exec(&[], "echo", b"well".to_vec()).await;
    assert_eq!(text(&output.stdout), "well", "{}", text(&output.stderr));
    server
        .wait_for("an empty server", |server| server.handle.connections() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_instead_of_an_identification_is_cut() {
    let server = TestServer::start().await;
    for garbage in [
        &b"GET / HTTP/1.1\r\nHost: files\r\n\r\n"[..],
        b"\0\0\0\0\0\0\0\0\r\n",
        b"SSH-1.5-old\r\n",
        &[b'x'; 5000],
        b"SSH-2.0-long",
    ] {
        let mut tcp = connect(&server).await;
        tcp.write_all(garbage).await.unwrap();
        if garbage == b"SSH-2.0-long" {
            // The server may close before the last of it is written.
            let _ = tcp.write_all(&[b'x'; 400]).await;
        }
        let said = read_to_close(tcp, Duration::from_secs(5)).await;
        assert!(text(&said).starts_with("SSH-2.0-Longshore_"), "{}", text(&said));
    }
    still_serves(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oversized_and_malformed_packets_are_cut() {
    let server = TestServer::start().await;
    let header = |len: u32| {
        let mut packet = len.to_be_bytes().to_vec();
        // A USERAUTH_REQUEST with 50 bytes of padding, out of order as well.
        packet.extend_from_slice(&[50; 60]);
        packet
    };
    let mut kexinit = vec![0, 0, 0, 28, 4, 20];
    kexinit.extend_from_slice(&[0xff; 26]);
    for packet in [
        header(u32::MAX),
        header(1 << 20),
        header(300_000),
        header(0),
        header(1),
        header(60),
        kexinit,
    ] {
        let mut tcp = connect(&server).await;
        tcp.write_all(b"SSH-2.0-hostile\r\n").await.unwrap();
        tcp.write_all(&packet).await.unwrap();
        read_to_close(tcp, Duration::from_secs(5)).await;
    }
    still_serves(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn half_open_connections_are_cut_at_the_grace_time() {
    let grace = Duration::from_millis(700);
    let server = TestServer::start_with(State::default(), |config| config.login_grace = grace).await;
    let begun = Instant::now();
    let silent = connect(&server).await;
    let mut identified = connect(&server).await;
    identified.write_all(b"SSH-2.0-slow\r\n").await.unwrap();
    let mut dripping = connect(&server).await;
    dripping.write_all(b"SSH-2.0-").await.unwrap();
    server
        .wait_for("three", |server| server.handle.connections() == 3)
        .await;
    let (mut reader, mut writer) = dripping.into_split();
    let drip = tokio::spawn(async move {
        while writer.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let limit = Duration::from_secs(5);
    read_to_close(silent, limit).await;
    read_to_close(identified, limit).await;
    let _ = tokio::time::timeout(limit, reader.read_to_end(&mut Vec::new()))
        .await
        .unwrap();
    let took = begun.elapsed();
    assert!(took >= grace && took < grace + Duration::from_secs(2), "{took:?}");
    drip.await.unwrap();
    // A login that the service takes too long for, and one that waits for the user.
    for (user, password) in [("User=sleep", "secret"), ("User=alice", "")] {
        let mut ssh = server.ssh(&[user], &["digest"]);
        if password.is_empty() {
            let askpass = server.dir.path().join("askpass");
            std::fs::write(&askpass, "#!/bin/sh\nsleep 5\n").unwrap();
            ssh.env("SSH_ASKPASS", askpass);
        }
        let begun = Instant::now();
        let child = ssh.spawn().unwrap();
        server
            .wait_for("a connection", |server| server.handle.connections() == 1)
            .await;
        server
            .wait_for("its end", |server| server.handle.connections() == 0)
            .await;
        let took = begun.elapsed();
        assert!(
            took >= grace && took < grace + Duration::from_secs(2),
            "{user}: {took:?}"
        );
        drop(child);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limits_are_told_so() {
    let server = TestServer::start_with(State::default(), |config| {
        config.limits.connections = 4;
        config.limits.unauthenticated = 3;
        config.limits.unauthenticated_per_address = 2;
    })
    .await;
    let _first = connect(&server).await;
    let second = connect(&server).await;
    let third = connect(&server).await;
    let said = text(&read_to_close(third, Duration::from_secs(5)).await);
    assert!(
        said.starts_with("too many connections from this address"),
        "{said}"
    );
    drop(second);
    server
        .wait_for("a free place", |server| server.handle.connections() == 1)
        .await;
    // Those that have logged in do not count there, but in all.
    let mut clients = Vec::new();
    for count in 1..=3 {
        clients.push(tokio::spawn(run_with_input(
            server.ssh(&[], &["hold"]),
            vec![1; 10],
        )));
        server
            .wait_for("data", |server| {
                server.state.held.load(Ordering::SeqCst) == count * 10
            })
            .await;
    }
    let fifth = connect(&server).await;
    let said = text(&read_to_close(fifth, Duration::from_secs(5)).await);
    assert!(said.starts_with("too many connections\r\n"), "{said}");
    server.state.release.notify_waiters();
    for client in clients {
        assert!(client.await.unwrap().status.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_may_fail_so_often_only() {
    let server = TestServer::start_with(State::default(), |config| config.limits.auth_attempts = 3).await;
    for method in ["password", "keyboard-interactive"] {
        let method = format!("PreferredAuthentications={method}");
        let mut ssh = server.ssh(&[&method, "NumberOfPasswordPrompts=9"], &["digest"]);
        ssh.env("LONGSHORE_TEST_PASSWORD", "wrong");
        let output = run_with_input(ssh, Vec::new()).await;
        let error = text(&output.stderr);
        assert!(error.contains("Too many authentication"), "{error}");
        assert_eq!(
            server.state.password_checks.swap(0, Ordering::SeqCst),
            3,
            "{method}"
        );
    }
    still_serves(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_own_connection_only() {
    let server = TestServer::start().await;
    let client = tokio::spawn(run_with_input(server.ssh(&[], &["hold"]), vec![1; 10]));
    server
        .wait_for("data", |server| server.state.held.load(Ordering::SeqCst) == 10)
        .await;
    let output = server.exec(&["User=panic"], "digest", Vec::new()).await;
    assert_eq!(output.status.code(), Some(255));
    let output = server.exec(&[], "panic", Vec::new()).await;
    assert_eq!(output.status.code(), Some(255));
    server
        .wait_for("their places", |server| server.handle.connections() == 1)
        .await;
    server.state.release.notify_waiters();
    let output = client.await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    still_serves(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_is_closed_and_a_busy_one_is_not() {
    let limit = Duration::from_millis(800);
    let server = TestServer::start_with(State::default(), |config| config.idle_timeout = Some(limit)).await;
    let begun = Instant::now();
    let idle = tokio::spawn(run_with_input(server.ssh(&[], &["hold"]), vec![1; 10]));
    let mut busy = server
        .ssh(&[], &["echo"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = busy.stdin.take().unwrap();
    for _ in 0..20 {
        stdin.write_all(b"x").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(stdin);
    let output = busy.wait_with_output().await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(output.stdout, [b'x'; 20]);
    let output = idle.await.unwrap();
    assert!(
        text(&output.stderr).contains("idle for too long"),
        "{}",
        text(&output.stderr)
    );
    assert!(begun.elapsed() >= limit);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_dead_is_cut_after_some_keepalives() {
    let server = TestServer::start_with(State::default(), |config| {
        config.keepalive_interval = Duration::from_millis(200);
        config.keepalive_max = 2;
    })
    .await;
    let mut client = server
        .ssh(&[], &["hold"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    client.stdin.as_mut().unwrap().write_all(b"x").await.unwrap();
    server
        .wait_for("data", |server| server.state.held.load(Ordering::SeqCst) == 1)
        .await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(server.handle.connections(), 1, "it answers, so it stays");
    let pid = client.id().unwrap().to_string();
    let stop = std::process::Command::new("kill")
        .args(["-STOP", &pid])
        .status()
        .unwrap();
    assert!(stop.success());
    server
        .wait_for("the end", |server| server.handle.connections() == 0)
        .await;
    client.kill().await.unwrap();
}
