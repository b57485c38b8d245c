//! Connecting to OpenSSH's server: what the result tells, host keys, jump hosts, deadlines, cancellation.

mod sshd;

use std::fs;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use longshore_client::sftp::{Sftp, SftpOptions};
use longshore_client::trust::TrustPolicy;
use longshore_client::{
    Algorithms, AuthMethod, ConnectOptions, Connection, Endpoint, ErrorKind, ExecOptions, HostKey,
    NonInteractive, SftpChannels as _, Stage, Timeouts, TrustedBy,
};
use sshd::{Sshd, USER, keygen, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn connect(options: &ConnectOptions) -> longshore_client::Result<Connection> {
    Connection::connect(options, &NonInteractive).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_result_tells_how_the_connection_came_about() {
    let folder = tempfile::TempDir::new().unwrap();
    let banner = folder.path().join("banner");
    // It tries to clear the screen.
    fs::write(&banner, "Welcome,\n\x1b[2J friend\n").unwrap();
    let server = Sshd::start(&format!("Banner {}", banner.display())).await;
    let connection = connect(&server.key_options()).await.unwrap();
    let info = connection.info();
    assert_eq!(info.endpoint, server.endpoint());
    assert_eq!(info.user, USER);
    assert!(info.server.starts_with("SSH-2.0-OpenSSH_"), "{}", info.server);
    assert_eq!(info.banner, "Welcome,\n[2J friend\n");
    assert_eq!(info.cipher, "aes256-gcm@openssh.com");
    assert_eq!(info.mac, None);
    assert!(info.kex.contains("25519"), "{}", info.kex);
    assert_eq!(info.host_key_type, "ssh-ed25519");
    assert_eq!(info.trusted.by, TrustedBy::Pinned);
    assert_eq!(info.trusted.fingerprint, server.fingerprint("host"));
    assert_eq!(
        info.auth.used,
        [format!("publickey {}", server.fingerprint("user"))]
    );
    assert!(info.auth.refused.is_empty());
    connection.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn algorithms_are_what_was_asked_for() {
    let server = Sshd::start("").await;
    for (cipher, mac) in [
        ("chacha20-poly1305@openssh.com", None),
        ("aes128-gcm@openssh.com", None),
        ("aes256-ctr", Some("hmac-sha2-512-etm@openssh.com")),
    ] {
        let any = Algorithms::default();
        let algorithms = Algorithms {
            kex: vec!["ecdh-sha2-nistp384".to_owned()],
            ciphers: vec![cipher.to_owned()],
            macs: mac.map_or(any.macs, |mac| vec![mac.to_owned()]),
            host_keys: any.host_keys,
        };
        let connection = connect(&server.key_options().algorithms(algorithms))
            .await
            .unwrap();
        assert_eq!(connection.info().cipher, cipher);
        assert_eq!(connection.info().mac.as_deref(), mac);
        assert_eq!(connection.info().kex, "ecdh-sha2-nistp384");
    }
    let algorithms = Algorithms {
        ciphers: vec!["aes128-cbc".to_owned()],
        ..Algorithms::default()
    };
    let error = connect(&server.key_options().algorithms(algorithms))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoCommonAlgorithm, "{error}");
    assert_eq!(error.stage(), Stage::Handshake);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_host_key_is_refused_before_anything_secret_is_said() {
    let server = Sshd::start("").await;
    keygen(server.folder.path(), "other", &["-t", "ed25519"]);
    let trust = TrustPolicy::pinned([server.fingerprint("other")]).unwrap();
    let options =
        ConnectOptions::new(server.endpoint(), USER, trust).auth(AuthMethod::password("never sent"));
    let error = connect(&options).await.unwrap_err();
    assert_eq!(error.stage(), Stage::HostKey, "{error}");
    assert!(error.to_string().contains(&server.fingerprint("host")), "{error}");
    assert!(!server.log().contains("userauth-request"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_certificate_counts_for_its_authority() {
    let server = Sshd::start("").await;
    let folder = server.folder.path();
    keygen(folder, "authority", &["-t", "ed25519"]);
    let sign = |principal: &str| {
        run(Command::new("ssh-keygen")
            .args(["-q", "-s"])
            .arg(folder.join("authority"))
            .args(["-h", "-I", "test", "-n", principal, "-V", "-5m:+1h"])
            .arg(folder.join("host.pub")));
    };
    sign("127.0.0.1");
    let config = fs::read_to_string(server.path("sshd_config")).unwrap();
    let certificate = server.path("host-cert.pub").display().to_string();
    fs::write(
        server.path("sshd_config"),
        format!("HostCertificate {certificate}\n{config}"),
    )
    .unwrap();
    let blob = |name: &str| {
        let line = fs::read_to_string(server.path(&format!("{name}.pub"))).unwrap();
        let text = line.split_whitespace().nth(1).unwrap().to_owned();
        let output = run(Command::new("sh").args(["-c", "printf %s \"$1\" | base64 -d", "sh", &text]));
        HostKey::from_blob(&output.stdout).unwrap()
    };
    let with = |authority: HostKey| {
        let trust = TrustPolicy::known_hosts([]).global_files([]).authority(authority);
        ConnectOptions::new(server.endpoint(), USER, trust).auth(AuthMethod::key_file(server.path("user")))
    };
    let connection = connect(&with(blob("authority"))).await.unwrap();
    assert_eq!(connection.info().trusted.by, TrustedBy::HostCertificate);
    assert_eq!(connection.info().trusted.fingerprint, server.fingerprint("host"));

    let error = connect(&with(blob("user"))).await.unwrap_err();
    assert_eq!(error.stage(), Stage::HostKey, "another authority: {error}");
    sign("elsewhere.example");
    let error = connect(&with(blob("authority"))).await.unwrap_err();
    assert_eq!(error.stage(), Stage::HostKey, "another host: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn jump_hosts_are_gone_through_one_behind_the_other() {
    let (first, second, last) = (
        Sshd::start("").await,
        Sshd::start("").await,
        Sshd::start("").await,
    );
    let options = last
        .key_options()
        .jump(second.key_options().jump(first.key_options()));
    let connection = connect(&options).await.unwrap();
    let jumps: Vec<_> = connection
        .info()
        .jumps
        .iter()
        .map(|jump| jump.endpoint.clone())
        .collect();
    assert_eq!(jumps, [first.endpoint(), second.endpoint()]);
    let big = "head -c 8000000 /dev/zero | tee /dev/stderr";
    let output = connection.exec(big, ExecOptions::default()).await.unwrap();
    assert_eq!((output.stdout.len(), output.stderr.len()), (8_000_000, 8_000_000));
    for server in [&first, &second, &last] {
        assert_eq!(server.connections.load(Ordering::SeqCst), 1);
    }
    drop(connection);

    // Each hop decides on its own key.
    let stranger = ConnectOptions::new(first.endpoint(), USER, last.trust());
    let error = connect(&last.key_options().jump(stranger)).await.unwrap_err();
    assert_eq!(error.stage(), Stage::Proxy, "{error}");
    assert!(error.to_string().starts_with("jump host"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jump_host_that_may_not_forward_is_named() {
    let (jump, last) = (Sshd::start("AllowTcpForwarding no").await, Sshd::start("").await);
    let error = connect(&last.key_options().jump(jump.key_options()))
        .await
        .unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Proxy, ErrorKind::ChannelRefused),
        "{error}"
    );
    assert!(error.to_string().contains("prohibited"), "{error}");
    assert!(
        error.next_step().unwrap().contains("AllowTcpForwarding"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_ssh_server_is_shown() {
    let (endpoint, _serving) = serve(|mut socket| async move {
        let _ = socket
            .write_all(b"HTTP/1.1 400 Bad Request\r\nServer: \x1b[31mred\r\n\r\n")
            .await;
    })
    .await;
    let error = connect(&options_to(endpoint)).await.unwrap_err();
    assert_eq!(error.stage(), Stage::Handshake, "{error}");
    let flood = |mut socket: tokio::net::TcpStream| async move {
        loop {
            if socket.write_all(&[b'x'; 4096]).await.is_err() {
                return;
            }
        }
    };
    let (endpoint, _serving) = serve(flood).await;
    let error = connect(&options_to(endpoint)).await.unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Handshake, ErrorKind::Protocol),
        "{error}"
    );
    assert!(error.to_string().contains("xxxx"), "{error}");
    assert!(error.to_string().len() < 1000, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_is_reported_with_its_stage() {
    for greeting in ["", "SSH-2.0-Stalls\r\n"] {
        let (endpoint, _serving) = serve(move |mut socket| async move {
            let _ = socket.write_all(greeting.as_bytes()).await;
            let mut all = Vec::new();
            let _ = socket.read_to_end(&mut all).await;
        })
        .await;
        let error = connect(&options_to(endpoint).timeouts(short()))
            .await
            .unwrap_err();
        assert_eq!(
            (error.stage(), error.kind()),
            (Stage::Handshake, ErrorKind::TimedOut),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stalls_at_a_login_or_channel_is_reported_with_its_stage() {
    // Relays so many bytes of the real server's and then none.
    let server = Sshd::start("").await;
    let mut attempts = tokio::task::JoinSet::new();
    for share in 1..16_u64 {
        let port = server.port;
        let options = server.key_options();
        attempts.spawn(async move {
            let (endpoint, _serving) = serve(move |socket| cut_short(socket, port, share * 300)).await;
            let mut options = options.address(endpoint).timeouts(short());
            options.endpoint = options.target().clone();
            let connection = connect(&options).await?;
            let exec = ExecOptions::default().timeout(Duration::from_secs(4));
            connection.exec("true", exec).await.map(drop)
        });
    }
    let mut stages = Vec::new();
    while let Some(ended) = attempts.join_next().await {
        if let Err(error) = ended.unwrap() {
            assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
            stages.push(error.stage());
        }
    }
    for stage in [Stage::Handshake, Stage::Auth] {
        assert!(stages.contains(&stage), "{stages:?}");
    }
    let late = |stage: &Stage| matches!(stage, Stage::Channel | Stage::Exec);
    assert!(stages.iter().any(late), "{stages:?}");
}

/// Passes everything on to the real server, and `bytes` of what that says.
async fn cut_short(mut socket: tokio::net::TcpStream, port: u16, bytes: u64) {
    let mut real = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let (from, mut to) = real.split();
    let (mut reads, mut writes) = socket.split();
    let down = async {
        let _ = tokio::io::copy(&mut from.take(bytes), &mut writes).await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = down => {}
        _ = tokio::io::copy(&mut reads, &mut to) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_attempt_ends_its_connection() {
    let (heard, mut hears) = tokio::sync::mpsc::channel(1);
    let (endpoint, _serving) = serve(move |mut socket| {
        let heard = heard.clone();
        async move {
            let _ = socket.write_all(b"SSH-2.0-Waits\r\n").await;
            let mut all = Vec::new();
            let _ = socket.read_to_end(&mut all).await;
            let _ = heard.send(all.len()).await;
        }
    })
    .await;
    let options = options_to(endpoint);
    let attempt = tokio::time::timeout(Duration::from_millis(300), connect(&options));
    assert!(attempt.await.is_err());
    let ended = tokio::time::timeout(Duration::from_secs(20), hears.recv()).await;
    assert!(
        ended.unwrap().unwrap() > 0,
        "the server saw the end of the stream"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_and_dropping_end_the_connection_for_both_sides() {
    let server = Sshd::start("").await;
    let connection = connect(&server.key_options()).await.unwrap();
    let mut channel = connection.open_sftp().await.unwrap();
    drop(connection);
    let end = tokio::time::timeout(Duration::from_secs(20), channel.reader.read()).await;
    assert!(end.unwrap().is_err(), "what ran over the connection ends with it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_subsystem_is_told_to_the_reader_and_harms_no_other_channel() {
    let server = Sshd::start("Subsystem nothing /bin/false").await;
    let mut options = server.key_options();
    options.sftp = longshore_client::SftpStart::Subsystem("missing".to_owned());
    let connection = connect(&options).await.unwrap();
    let mut channel = connection.open_sftp().await.unwrap();
    let error = channel.reader.read().await.unwrap_err();
    let told: &longshore_client::Error = error.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!(
        (told.stage(), told.kind()),
        (Stage::Channel, ErrorKind::ChannelRefused),
        "{told}"
    );
    // the server leaves the window shut: the refusal is heard all the same, and at once
    let channel = connection.open_sftp().await.unwrap();
    let started = Sftp::start(channel, SftpOptions::default());
    let error = tokio::time::timeout(Duration::from_secs(30), started).await;
    let error = error.unwrap().unwrap_err();
    assert_eq!(
        (error.stage(), error.kind()),
        (Stage::Channel, ErrorKind::ChannelRefused),
        "{error}"
    );
    let output = connection
        .exec("echo still here", ExecOptions::default())
        .await
        .unwrap();
    assert_eq!(output.stdout, b"still here\n");
}

fn options_to(endpoint: Endpoint) -> ConnectOptions {
    ConnectOptions::new(endpoint, USER, TrustPolicy::known_hosts([]).global_files([]))
}

fn short() -> Timeouts {
    let mut timeouts = Timeouts::default();
    timeouts.handshake = Duration::from_secs(2);
    timeouts.auth = Duration::from_secs(2);
    timeouts.channel = Duration::from_secs(2);
    timeouts
}

/// A server that treats each connection in its own way.
async fn serve<F, W>(treat: F) -> (Endpoint, impl Drop)
where
    F: Fn(tokio::net::TcpStream) -> W + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    struct Serving(tokio::task::JoinHandle<()>);
    impl Drop for Serving {
        fn drop(&mut self) {
            self.0.abort();
        }
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let mut connections = tokio::task::JoinSet::new();
        while let Ok((socket, _)) = listener.accept().await {
            connections.spawn(treat(socket));
        }
    });
    (Endpoint::new("127.0.0.1", port).unwrap(), Serving(serving))
}
