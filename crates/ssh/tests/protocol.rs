//! Channels, requests and logins as a peer may try them, one packet at a time.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::raw::{
    CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_FAILURE, CHANNEL_OPEN_CONFIRMATION, CHANNEL_OPEN_FAILURE,
    CHANNEL_REQUEST, CHANNEL_SUCCESS, DISCONNECT, Packet, REQUEST_FAILURE, Raw, USERAUTH_FAILURE,
    USERAUTH_INFO_REQUEST, USERAUTH_PK_OK, USERAUTH_SUCCESS, data, exec, number, password, string,
};
use common::{State, TestServer, text};
use longshore_ssh::HostKeys;
use russh::keys::PublicKeyOrCertificate;

fn open(kind: &str, ours: u32) -> Packet {
    Packet::new(90).string(kind).u32(ours).u32(1 << 20).u32(32 * 1024)
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_beyond_the_limit_are_refused_until_one_is_closed() {
    let server = TestServer::start_with(State::default(), |config| config.limits.channels = 3).await;
    let mut raw = Raw::login(server.address).await;
    let mut channels = Vec::new();
    for ours in 0..3 {
        channels.push(raw.open(ours, 1000).await.0);
    }
    raw.send(&open("session", 9)).await;
    let refused = raw.recv_one_of(&[CHANNEL_OPEN_FAILURE]).await;
    assert_eq!(
        (number(&refused, 1), number(&refused, 5)),
        (9, 4),
        "resource shortage"
    );
    // Closed by the peer before anything was started in it.
    raw.send(&Packet::new(CHANNEL_CLOSE).u32(channels[0])).await;
    raw.recv_one_of(&[CHANNEL_CLOSE]).await;
    raw.open(4, 1000).await;
    // Closed by us, by the peer, and by nobody.
    raw.send(&exec(channels[1], "refused")).await;
    raw.recv_one_of(&[CHANNEL_CLOSE]).await;
    raw.send(&Packet::new(CHANNEL_CLOSE).u32(channels[1])).await;
    raw.open(5, 1000).await;
    raw.send(&open("session", 9)).await;
    assert_eq!(number(&raw.recv_one_of(&[CHANNEL_OPEN_FAILURE]).await, 1), 9);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sends_much_without_logging_in_is_cut() {
    let server = TestServer::start().await;
    let ignored = Packet::new(2).string([0; 1024]);
    let mut raw = Raw::authenticating(server.address).await;
    let mut sent = 0;
    while sent < 1000 && raw.try_send(&ignored).await.is_ok() {
        sent += 1;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!((32..1000).contains(&sent), "cut after {sent} KiB");
    // After login the same is allowed.
    let mut raw = Raw::login(server.address).await;
    for _ in 0..200 {
        raw.send(&ignored).await;
    }
    raw.open(0, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_session_channels_are_opened() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let target = |packet: Packet| packet.string("127.0.0.1").u32(22).string("127.0.0.1").u32(1);
    for (packet, reason) in [
        (target(open("direct-tcpip", 1)), 1),
        (target(open("forwarded-tcpip", 1)), 1),
        (open("x11", 1).string("127.0.0.1").u32(1), 1),
        (
            open("direct-streamlocal@openssh.com", 1)
                .string("/tmp/socket")
                .string("")
                .u32(0),
            1,
        ),
        (open("auth-agent@openssh.com", 1), 1),
        (open("no-such-type", 1), 3),
    ] {
        raw.send(&packet).await;
        let refused = raw
            .recv_one_of(&[CHANNEL_OPEN_FAILURE, CHANNEL_OPEN_CONFIRMATION])
            .await;
        assert_eq!(
            (refused[0], number(&refused, 5)),
            (CHANNEL_OPEN_FAILURE, reason),
            "{}",
            text(&packet.0)
        );
        // The library refuses types that it does not know, or does not pass on, twice.
        while raw.recv_within(Duration::from_millis(100)).await.is_some() {}
    }
    for name in ["tcpip-forward", "cancel-tcpip-forward"] {
        raw.send(&Packet::new(80).string(name).byte(1).string("").u32(0))
            .await;
        assert_eq!(raw.recv().await.unwrap()[0], REQUEST_FAILURE, "{name}");
    }
    for name in ["streamlocal-forward@openssh.com", "keepalive@openssh.com"] {
        let packet = Packet::new(80).string(name).byte(1);
        let packet = if name.starts_with('k') {
            packet
        } else {
            packet.string("/tmp/socket")
        };
        raw.send(&packet).await;
        assert_eq!(raw.recv().await.unwrap()[0], REQUEST_FAILURE, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_goes_on_opening_what_is_refused_is_disconnected() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    for _ in 0..600 {
        raw.send(
            &open("direct-tcpip", 1)
                .string("127.0.0.1")
                .u32(22)
                .string("127.0.0.1")
                .u32(1),
        )
        .await;
    }
    let reason = raw.recv_one_of(&[DISCONNECT]).await;
    assert_eq!(number(&reason, 1), 12, "too many connections");
}

#[tokio::test(flavor = "multi_thread")]
async fn terminal_variables_and_a_second_command_are_refused_and_the_channel_goes_on() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (channel, _, _) = raw.open(0, 1 << 20).await;
    let request = |name: &str| Packet::new(CHANNEL_REQUEST).u32(channel).string(name).byte(1);
    let terminal = request("pty-req")
        .string("vt100")
        .u32(80)
        .u32(24)
        .u32(0)
        .u32(0)
        .string([0]);
    let refused = [
        terminal,
        request("env").string("LD_PRELOAD").string("x"),
        request("x11-req").byte(0).string("").string("").u32(0),
        request("auth-agent-req@openssh.com"),
        request("no-such-request"),
    ];
    for packet in &refused {
        raw.send(packet).await;
        assert_eq!(
            raw.recv().await.unwrap()[0],
            CHANNEL_FAILURE,
            "{}",
            text(&packet.0)
        );
    }
    // Data may come before the answer to `exec`.
    raw.send(&exec(channel, "echo")).await;
    raw.send(&data(channel, b"early")).await;
    assert_eq!(raw.recv().await.unwrap()[0], CHANNEL_SUCCESS);
    assert_eq!(string(&raw.recv_one_of(&[CHANNEL_DATA]).await, 5), b"early");
    raw.send(&exec(channel, "digest")).await;
    assert_eq!(raw.recv().await.unwrap()[0], CHANNEL_FAILURE);
    raw.send(&data(channel, b"still an echo")).await;
    assert_eq!(
        string(&raw.recv_one_of(&[CHANNEL_DATA]).await, 5),
        b"still an echo"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_works_before_the_login() {
    let server = TestServer::start().await;
    let mut raw = Raw::authenticating(server.address).await;
    raw.send(&open("session", 0)).await;
    raw.send(&exec(2, "echo")).await;
    raw.send(&password("alice", "wrong")).await;
    let answer = raw
        .recv_one_of(&[USERAUTH_FAILURE, CHANNEL_OPEN_CONFIRMATION, CHANNEL_SUCCESS])
        .await;
    assert_eq!(answer[0], USERAUTH_FAILURE);
    assert_eq!(
        string(&answer, 1),
        b"password,keyboard-interactive",
        "both may be tried again"
    );
    assert_eq!(*server.state.identity.lock().unwrap(), "");
    raw.send(&password("alice", "secret")).await;
    assert_eq!(raw.recv().await.unwrap(), [USERAUTH_SUCCESS]);
    raw.open(0, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn overlong_names_and_passwords_never_reach_the_service() {
    let server = TestServer::start().await;
    let mut raw = Raw::authenticating(server.address).await;
    for packet in [
        password(&"x".repeat(256), "secret"),
        password("alice", &"x".repeat(1025)),
    ] {
        raw.send(&packet).await;
        assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_FAILURE);
    }
    assert_eq!(server.state.password_checks.load(Ordering::SeqCst), 0);
    raw.send(&password(&"x".repeat(255), &"x".repeat(1024))).await;
    assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_FAILURE);
    assert_eq!(server.state.password_checks.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_about_keys_are_bounded_though_they_are_not_failures() {
    let key = Packet::default().string("ssh-ed25519").string([9; 32]).0;
    let state = State {
        key: Some(key.clone()),
        ..State::default()
    };
    let server = TestServer::start_with(state, |config| config.limits.key_probes = 5).await;
    let mut raw = Raw::authenticating(server.address).await;
    let probe = Packet::new(50)
        .string("alice")
        .string("ssh-connection")
        .string("publickey")
        .byte(0);
    let probe = probe.string("ssh-ed25519").string(&key);
    for _ in 0..5 {
        raw.send(&probe).await;
        assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_PK_OK);
    }
    let mut refused = 0;
    loop {
        raw.send(&probe).await;
        match raw.recv().await.unwrap()[0] {
            USERAUTH_FAILURE => refused += 1,
            DISCONNECT => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(refused, 7);
    assert_eq!(server.state.key_questions.load(Ordering::SeqCst), 5);
    // A signature by another key than the one that was asked about gets nowhere.
    let mut raw = Raw::authenticating(server.address).await;
    raw.send(&probe).await;
    assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_PK_OK);
    let signature = Packet::default().string("ssh-ed25519").string([1; 64]).0;
    let mut signed = probe.clone();
    signed.0[1 + 4 + 5 + 4 + 14 + 4 + 9] = 1;
    raw.send(&signed.string(signature)).await;
    assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_FAILURE);
    assert_eq!(*server.state.identity.lock().unwrap(), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_question_is_asked_and_one_answer_taken() {
    let server = TestServer::start_with(State::default(), |config| config.limits.auth_attempts = 5).await;
    let start = Packet::new(50)
        .string("alice")
        .string("ssh-connection")
        .string("keyboard-interactive");
    let start = start.string("").string("");
    let answers = |answers: &[&str]| {
        let packet = Packet::new(61).u32(u32::try_from(answers.len()).unwrap());
        answers.iter().fold(packet, Packet::string)
    };
    let mut raw = Raw::authenticating(server.address).await;
    for wrong in [&[][..], &["secret", "secret"], &["wrong"]] {
        raw.send(&start).await;
        let question = raw.recv().await.unwrap();
        assert_eq!(question[0], USERAUTH_INFO_REQUEST);
        let wanted = Packet::new(USERAUTH_INFO_REQUEST)
            .string("")
            .string("")
            .string("")
            .u32(1)
            .string("Password: ")
            .byte(0);
        assert_eq!(question, wanted.0);
        raw.send(&answers(wrong)).await;
        assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_FAILURE);
    }
    assert_eq!(server.state.password_checks.load(Ordering::SeqCst), 1);
    raw.send(&start).await;
    assert_eq!(raw.recv().await.unwrap()[0], USERAUTH_INFO_REQUEST);
    raw.send(&answers(&["secret"])).await;
    assert_eq!(raw.recv().await.unwrap(), [USERAUTH_SUCCESS]);
    // Asking without ever answering ends, too.
    let mut raw = Raw::authenticating(server.address).await;
    let mut asked = 0;
    loop {
        raw.send(&start).await;
        match raw.recv().await.unwrap()[0] {
            USERAUTH_INFO_REQUEST => asked += 1,
            USERAUTH_FAILURE => {}
            DISCONNECT => break,
            other => panic!("{other}"),
        }
    }
    assert_eq!(asked, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_with_tiny_packets_gets_them() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    raw.send(&Packet::new(90).string("session").u32(0).u32(1 << 20).u32(1))
        .await;
    let channel = number(&raw.recv_one_of(&[CHANNEL_OPEN_CONFIRMATION]).await, 5);
    raw.exec(channel, "echo").await;
    raw.send(&data(channel, b"abc")).await;
    for byte in [b"a", b"b", b"c"] {
        assert_eq!(string(&raw.recv_one_of(&[CHANNEL_DATA]).await, 5), byte);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn packets_for_channels_that_do_not_exist_are_ignored() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    for kind in [93_u8, 94, 95, 96, 97, 98, 99, 100] {
        for channel in [0, 7, u32::MAX] {
            raw.send(&Packet::new(kind).u32(channel).string("abc").byte(0))
                .await;
        }
    }
    // Whether it is closed for malformed packets or goes on, others do not notice.
    drop(raw);
    let output = server.exec(&[], "echo", b"well".to_vec()).await;
    assert_eq!(output.stdout, b"well");
}

/// OpenSSH knows this key exchange from 9.9 on; the library's own client stands in for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_post_quantum_key_exchange_is_negotiated() {
    struct Client(HostKeys);

    impl russh::client::Handler for Client {
        type Error = russh::Error;

        async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, russh::Error> {
            let PublicKeyOrCertificate::PublicKey { key, .. } = key else {
                return Ok(false);
            };
            Ok(self.0.fingerprint() == key.fingerprint(russh::keys::HashAlg::Sha256).to_string())
        }
    }

    let server = TestServer::start().await;
    let config = russh::client::Config {
        preferred: russh::Preferred {
            kex: vec![russh::kex::MLKEM768X25519_SHA256].into(),
            ..russh::Preferred::DEFAULT
        },
        ..russh::client::Config::default()
    };
    let host_keys = HostKeys::load_or_generate(server.dir.path()).unwrap();
    let mut session = russh::client::connect(Arc::new(config), server.address, Client(host_keys))
        .await
        .unwrap();
    assert!(
        session
            .authenticate_password("alice", "secret")
            .await
            .unwrap()
            .success()
    );
    let mut channel = session.channel_open_session().await.unwrap();
    channel.exec(true, "echo").await.unwrap();
    channel.data(&b"after quantum"[..]).await.unwrap();
    channel.eof().await.unwrap();
    let mut echoed = Vec::new();
    while let Some(message) = channel.wait().await {
        if let russh::ChannelMsg::Data { data } = message {
            echoed.extend_from_slice(&data);
        }
    }
    assert_eq!(echoed, b"after quantum");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_opens_so_many_channels_in_its_life() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    for count in 0..4096 {
        let (channel, _, _) = raw.open(count, 1000).await;
        raw.send(&exec(channel, "refused")).await;
        raw.recv_one_of(&[CHANNEL_CLOSE]).await;
        raw.send(&Packet::new(CHANNEL_CLOSE).u32(channel)).await;
    }
    raw.send(&open("session", 5000)).await;
    let refused = raw
        .recv_one_of(&[CHANNEL_OPEN_FAILURE, CHANNEL_OPEN_CONFIRMATION])
        .await;
    assert_eq!((refused[0], number(&refused, 5)), (CHANNEL_OPEN_FAILURE, 4));
}
