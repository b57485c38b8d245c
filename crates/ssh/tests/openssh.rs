//! What OpenSSH's client sees: transfers, refusals, logins, algorithms, rekeying.

mod common;

use std::sync::atomic::Ordering;

use common::{State, TestServer, pattern, run_with_input, sha256, text};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn echoes_64_mib_both_ways() {
    let server = TestServer::start().await;
    let input = pattern(64 << 20);
    let wanted = sha256(&input);
    let output = server.exec(&[], "echo", input).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sha256(&output.stdout), wanted);
    server
        .wait_for("the service to end", |server| {
            server.state.ended.load(Ordering::SeqCst) == 1
        })
        .await;
    server
        .wait_for("the connection's place", |server| {
            server.handle.connections() == 0
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_a_subsystem() {
    let server = TestServer::start().await;
    let output = server.exec(&["-s"], "echo", b"by name".to_vec()).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(output.stdout, b"by name");
}

#[tokio::test(flavor = "multi_thread")]
async fn passes_on_exit_status_and_stderr() {
    let server = TestServer::start().await;
    let output = server.exec(&[], "stderr", Vec::new()).await;
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(output.stdout, b"");
    assert!(
        text(&output.stderr).ends_with("to stderr"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn shell_and_refused_commands_fail_and_end() {
    let server = TestServer::start().await;
    for command in ["refused", "dropped"] {
        let output = server.exec(&[], command, Vec::new()).await;
        assert_eq!(output.status.code(), Some(255), "{command}");
        assert!(
            text(&output.stderr).contains("exec request failed"),
            "{}",
            text(&output.stderr)
        );
    }
    let output = run_with_input(server.ssh(&[], &[]), Vec::new()).await;
    assert_eq!(output.status.code(), Some(255));
    assert!(
        text(&output.stderr).contains("shell request failed"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_dropped_is_closed() {
    let server = TestServer::start().await;
    let output = server.exec(&[], "accept-and-drop", Vec::new()).await;
    // Closed without an exit status.
    assert_eq!(output.status.code(), Some(255));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_terminal_ends_the_client_and_a_refused_variable_does_not() {
    let server = TestServer::start().await;
    let output = server.exec(&["RequestTTY=force"], "digest", Vec::new()).await;
    let error = text(&output.stderr);
    assert!(error.contains("PTY allocation request failed"), "{error}");
    let output = server
        .exec(&["SetEnv=LONGSHORE=1"], "echo", b"abc".to_vec())
        .await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(output.stdout, b"abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarding_is_refused() {
    let server = TestServer::start().await;
    let options = [
        "ExitOnForwardFailure=yes",
        "RemoteForward=127.0.0.1:0 127.0.0.1:9",
    ];
    let output = server.exec(&options, "digest", Vec::new()).await;
    assert_eq!(output.status.code(), Some(255));
    assert!(
        text(&output.stderr).contains("forwarding failed"),
        "{}",
        text(&output.stderr)
    );
    let output = run_with_input(server.ssh(&["-W127.0.0.1:9"], &[]), Vec::new()).await;
    assert!(!output.status.success());
    assert!(
        text(&output.stderr).contains("administratively prohibited"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_may_be_followed_by_the_right_one() {
    for method in ["password", "keyboard-interactive"] {
        let server = TestServer::start().await;
        let asked = server.dir.path().join("asked");
        let script = format!(
            "#!/bin/sh\nif [ -e {0} ]; then echo secret; else touch {0}; echo wrong; fi\n",
            asked.display()
        );
        std::fs::write(server.dir.path().join("askpass"), script).unwrap();
        let preferred = format!("PreferredAuthentications={method}");
        let once = server.exec(&[&preferred], "digest", Vec::new()).await;
        assert_eq!(
            once.status.code(),
            Some(255),
            "one wrong password is not enough: {method}"
        );
        std::fs::remove_file(&asked).unwrap();
        let twice = server
            .exec(&[&preferred, "NumberOfPasswordPrompts=2"], "digest", Vec::new())
            .await;
        assert!(twice.status.success(), "{method}: {}", text(&twice.stderr));
        assert_eq!(*server.state.identity.lock().unwrap(), "alice by password");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_key_logs_in_with_modern_signatures_only() {
    for (kind, bits, algorithms, works) in [
        ("ed25519", "0", "ssh-ed25519", true),
        ("ecdsa", "256", "ecdsa-sha2-nistp256", true),
        ("ecdsa", "384", "ecdsa-sha2-nistp384", true),
        ("ecdsa", "521", "ecdsa-sha2-nistp521", true),
        ("rsa", "2048", "rsa-sha2-512", true),
        ("rsa", "2048", "rsa-sha2-256", true),
        ("rsa", "2048", "ssh-rsa", false),
        ("rsa", "1024", "rsa-sha2-512", false),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-q", "-N", "", "-t", kind, "-f"]).arg(&key);
        if bits != "0" {
            keygen.args(["-b", bits]);
        }
        assert!(keygen.status().await.unwrap().success());
        let public = std::fs::read_to_string(dir.path().join("key.pub")).unwrap();
        let blob = decode_base64(public.split(' ').nth(1).unwrap());
        let server = TestServer::start_with(
            State {
                key: Some(blob),
                ..State::default()
            },
            |_| {},
        )
        .await;
        let identity = format!("IdentityFile={}", key.display());
        let accepted = format!("PubkeyAcceptedAlgorithms={algorithms}");
        let options = [identity.as_str(), &accepted, "PreferredAuthentications=publickey"];
        let output = server.exec(&options, "digest", Vec::new()).await;
        assert_eq!(
            output.status.success(),
            works,
            "{kind} {bits} {algorithms}: {}",
            text(&output.stderr)
        );
        let identity = server.state.identity.lock().unwrap().clone();
        assert_eq!(
            identity,
            if works {
                format!("alice by {algorithms}")
            } else {
                String::new()
            }
        );
    }
}

fn decode_base64(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        _ => 63,
    };
    let digits: Vec<u8> = text.trim().trim_end_matches('=').bytes().map(value).collect();
    let mut bytes = Vec::new();
    for group in digits.chunks(4) {
        let bits = group
            .iter()
            .fold(0_u32, |bits, digit| bits << 6 | u32::from(*digit))
            << (6 * (4 - group.len()));
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    bytes
}

/// Names that the local client knows (`ssh -Q`).
async fn known_to_client(what: &str) -> Vec<String> {
    let output = Command::new("ssh").args(["-Q", what]).output().await.unwrap();
    text(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_algorithm_that_we_list_is_negotiated() {
    let server = TestServer::start().await;
    let input = pattern(300_000);
    let mut tried = 0;
    for (option, query, names) in [
        (
            "KexAlgorithms",
            "kex",
            &[
                "mlkem768x25519-sha256",
                "curve25519-sha256",
                "curve25519-sha256@libssh.org",
                "ecdh-sha2-nistp256",
                "ecdh-sha2-nistp384",
                "ecdh-sha2-nistp521",
                "diffie-hellman-group-exchange-sha256",
                "diffie-hellman-group16-sha512",
                "diffie-hellman-group14-sha256",
            ][..],
        ),
        (
            "Ciphers",
            "cipher",
            &[
                "aes256-gcm@openssh.com",
                "aes128-gcm@openssh.com",
                "chacha20-poly1305@openssh.com",
                "aes256-ctr",
                "aes192-ctr",
                "aes128-ctr",
            ],
        ),
        (
            "MACs",
            "mac",
            &[
                "hmac-sha2-256-etm@openssh.com",
                "hmac-sha2-512-etm@openssh.com",
                "hmac-sha2-256",
                "hmac-sha2-512",
            ],
        ),
        (
            "HostKeyAlgorithms",
            "key",
            &["ssh-ed25519", "ecdsa-sha2-nistp256"],
        ),
    ] {
        let known = known_to_client(query).await;
        for name in names
            .iter()
            .filter(|name| known.iter().any(|known| known == *name))
        {
            let setting = format!("{option}={name}");
            // With an AEAD cipher no MAC would be negotiated.
            let cipher = if option == "MACs" {
                "Ciphers=aes256-ctr"
            } else {
                setting.as_str()
            };
            let output = server
                .exec(&[&setting, cipher, "LogLevel=DEBUG1"], "echo", input.clone())
                .await;
            let log = text(&output.stderr);
            assert!(output.status.success(), "{setting}: {log}");
            assert_eq!(sha256(&output.stdout), sha256(&input), "{setting}");
            assert!(
                log.lines()
                    .any(|line| line.contains("kex: ") && line.contains(name)),
                "{setting}: {log}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 20, "only {tried} algorithms were tried");
}

#[tokio::test(flavor = "multi_thread")]
async fn sha1_cbc_compression_and_group_18_are_not_negotiated() {
    let server = TestServer::start().await;
    for option in [
        "HostKeyAlgorithms=ssh-rsa",
        "KexAlgorithms=diffie-hellman-group14-sha1",
        "KexAlgorithms=diffie-hellman-group-exchange-sha1",
        "KexAlgorithms=diffie-hellman-group18-sha512",
        "Ciphers=aes256-cbc",
        "Ciphers=3des-cbc",
    ] {
        let output = server.exec(&[option], "digest", Vec::new()).await;
        assert!(
            text(&output.stderr).contains("no matching"),
            "{option}: {}",
            text(&output.stderr)
        );
    }
    for mac in ["hmac-sha1", "hmac-sha1-etm@openssh.com", "hmac-md5"] {
        let output = server
            .exec(
                &["Ciphers=aes256-ctr", &format!("MACs={mac}")],
                "digest",
                Vec::new(),
            )
            .await;
        assert!(
            text(&output.stderr).contains("no matching"),
            "{mac}: {}",
            text(&output.stderr)
        );
    }
    let output = server
        .exec(&["Compression=yes", "LogLevel=DEBUG1"], "digest", Vec::new())
        .await;
    assert!(output.status.success());
    assert!(
        text(&output.stderr).contains("compression: none"),
        "{}",
        text(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_exchanged_anew_in_the_middle_of_transfers() {
    let input = pattern(16 << 20);
    let wanted = sha256(&input);
    let server = TestServer::start().await;
    let output = server
        .exec(&["RekeyLimit=1M", "LogLevel=DEBUG1"], "echo", input.clone())
        .await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sha256(&output.stdout), wanted);
    let rekeys = text(&output.stderr).matches("SSH2_MSG_NEWKEYS received").count();
    assert!(rekeys > 8, "the client asked for new keys {rekeys} times only");
    // And when we ask for it, while the peer's data is on its way.
    let server = TestServer::start_with(State::default(), |config| config.rekey_after_bytes = 1 << 20).await;
    let output = server.exec(&["LogLevel=DEBUG1"], "echo", input).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(sha256(&output.stdout), wanted);
    let rekeys = text(&output.stderr).matches("SSH2_MSG_NEWKEYS received").count();
    assert!(rekeys > 8, "the server asked for new keys {rekeys} times only");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_reads_the_disconnect_message() {
    let server = TestServer::start().await;
    let client = tokio::spawn(run_with_input(server.ssh(&[], &["hold"]), vec![1; 1000]));
    server
        .wait_for("data", |server| server.state.held.load(Ordering::SeqCst) == 1000)
        .await;
    let handle = server.state.handles.lock().unwrap().pop().unwrap();
    handle.disconnect(
        longshore_ssh::DisconnectReason::ByApplication,
        "your account was closed",
    );
    let output = client.await.unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(
        text(&output.stderr).contains("your account was closed"),
        "{}",
        text(&output.stderr)
    );
    server
        .wait_for("the end", |server| server.handle.connections() == 0)
        .await;
    handle.disconnect(longshore_ssh::DisconnectReason::ByApplication, "nobody is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_returns_closes_the_connection() {
    let server = TestServer::start().await;
    let output = server.exec(&[], "leave", Vec::new()).await;
    assert_eq!(output.status.code(), Some(255));
    server
        .wait_for("the end", |server| server.handle.connections() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_refuses_new_connections_and_lets_old_ones_finish() {
    let server = TestServer::start().await;
    let input = pattern(4 << 20);
    let wanted = sha256(&input);
    let client = tokio::spawn(run_with_input(server.ssh(&[], &["hold"]), input));
    server
        .wait_for("data", |server| server.state.held.load(Ordering::SeqCst) > 0)
        .await;
    server.handle.stop_accepting();
    assert_eq!(server.handle.local_addr(), None);
    // A client of another test that is just being started has a copy of the listener until it runs.
    let refused = |_: &TestServer| {
        let refused = std::net::TcpStream::connect(server.address).map_err(|error| error.kind());
        matches!(refused, Err(std::io::ErrorKind::ConnectionRefused))
    };
    server.wait_for("a closed listener", refused).await;
    assert_eq!(server.handle.connections(), 1);
    assert!(!server.running.is_finished());
    server.state.release.notify_waiters();
    let output = client.await.unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stdout), (4 << 20).to_string());
    assert_eq!(wanted.len(), 64);
    tokio::time::timeout(std::time::Duration::from_secs(5), server.running)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn disconnect_all_ends_logins_and_sessions_alike() {
    let server = TestServer::start().await;
    let client = tokio::spawn(run_with_input(server.ssh(&[], &["hold"]), vec![1; 10]));
    server
        .wait_for("data", |server| server.state.held.load(Ordering::SeqCst) == 10)
        .await;
    let half_open = tokio::net::TcpStream::connect(server.address).await.unwrap();
    server
        .wait_for("both", |server| server.handle.connections() == 2)
        .await;
    server.handle.stop_accepting();
    server.handle.disconnect_all("the server is stopping");
    let output = client.await.unwrap();
    assert!(
        text(&output.stderr).contains("the server is stopping"),
        "{}",
        text(&output.stderr)
    );
    tokio::time::timeout(std::time::Duration::from_secs(5), server.running)
        .await
        .unwrap()
        .unwrap();
    drop(half_open);
}
