//! A server with a small service, and OpenSSH's client to drive it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]

pub mod raw;

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use longshore_ssh::{
    AuthAnswer, Channel, ChannelRequest, ChannelStart, Connection, HostKeys, Password, Peer, PublicKey,
    Server, ServerConfig, ServerHandle, Service, VerifiedKey,
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::Notify;

/// What a test sees and steers of the service.
#[derive(Default)]
pub struct State {
    /// Bytes that `hold` has received without giving them back.
    pub held: AtomicUsize,
    /// Tells `hold` to give everything back and to go on.
    pub release: Notify,
    /// Bytes that `source` was able to send.
    pub sent: AtomicUsize,
    /// Connections that were served to their end.
    pub ended: AtomicUsize,
    /// The user key that is let in, if any.
    pub key: Option<Vec<u8>>,
    /// The last identity that was served.
    pub identity: Mutex<String>,
    /// How often the service was asked about a password.
    pub password_checks: AtomicUsize,
    /// How often the service was asked about a key.
    pub key_questions: AtomicUsize,
    /// Ends all connections that are being served.
    pub handles: Mutex<Vec<longshore_ssh::ConnectionHandle>>,
}

/// Accepts `alice` with `secret`; runs the commands of [`run`].
pub struct Commands(pub Arc<State>);

#[async_trait]
impl Service for Commands {
    type Identity = String;

    async fn password(&self, _peer: &Peer, user: &str, password: Password) -> AuthAnswer<String> {
        assert_ne!(user, "panic", "asked to panic");
        self.0.password_checks.fetch_add(1, Ordering::SeqCst);
        if user == "sleep" {
            std::future::pending::<()>().await;
        }
        match (user, password.expose()) {
            ("alice", "secret") => AuthAnswer::Accept(format!("{user} by password")),
            _ => AuthAnswer::Reject,
        }
    }

    fn offers_public_keys(&self) -> bool {
        self.0.key.is_some()
    }

    async fn public_key_acceptable(&self, _peer: &Peer, _user: &str, key: &PublicKey) -> bool {
        self.0.key_questions.fetch_add(1, Ordering::SeqCst);
        self.0.key.as_ref() == Some(&key.blob)
    }

    async fn public_key(&self, _peer: &Peer, user: &str, key: VerifiedKey) -> AuthAnswer<String> {
        if self.0.key.as_ref() == Some(&key.key().blob) {
            return AuthAnswer::Accept(format!("{user} by {}", key.key().algorithm));
        }
        AuthAnswer::Reject
    }

    async fn serve(&self, mut connection: Connection<String>) {
        self.0.identity.lock().unwrap().clone_from(connection.identity());
        self.0.handles.lock().unwrap().push(connection.handle());
        let mut channels = tokio::task::JoinSet::new();
        while let Some(start) = connection.next_channel().await {
            match command(&start).as_str() {
                "panic" => panic!("asked to panic"),
                "leave" => return,
                _ => channels.spawn(run(Arc::clone(&self.0), start)),
            };
        }
        // The connection has ended; so have the commands, or they wait for a test that no longer cares.
        drop(channels);
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

fn command(start: &ChannelStart) -> String {
    match start.request() {
        ChannelRequest::Exec(command) => String::from_utf8_lossy(command).into_owned(),
        ChannelRequest::Subsystem(name) => format!("subsystem {name}"),
        _ => "shell".to_owned(),
    }
}

/// `echo` · `digest` (of the input) · `source N` · `hold` (consumes nothing until released) · `stderr` · `stall`
/// (reads nothing).
async fn run(state: Arc<State>, start: ChannelStart) {
    let command = command(&start);
    let (name, argument) = command.split_once(' ').unwrap_or((&command, ""));
    match name {
        "shell" | "refused" => start.refuse(),
        "echo" => echo(start.accept()).await,
        "subsystem" if argument == "echo" => echo(start.accept()).await,
        "digest" => digest(start.accept()).await,
        "source" => source(&state, start.accept(), argument.parse().unwrap()).await,
        "hold" => hold(&state, start.accept()).await,
        "stderr" => {
            let Channel { mut writer, .. } = start.accept();
            let _ = writer.send_stderr(Bytes::from_static(b"to stderr")).await;
            writer.finish(3).await;
        }
        "accept-and-drop" => drop(start.accept()),
        "stall" => {
            let Channel {
                reader,
                writer: _writer,
            } = start.accept();
            drop(reader);
            state.release.notified().await;
        }
        // Drops `start` unanswered.
        _ => {}
    }
}

async fn echo(channel: Channel) {
    let Channel {
        mut reader,
        mut writer,
    } = channel;
    while let Some(data) = reader.recv().await {
        let len = data.len();
        if writer.send(data).await.is_err() {
            return;
        }
        reader.consumed(len);
    }
    writer.finish(if reader.is_eof() { 0 } else { 1 }).await;
}

async fn digest(channel: Channel) {
    let Channel {
        mut reader,
        mut writer,
    } = channel;
    let mut digest = Sha256::new();
    while let Some(data) = reader.recv().await {
        digest.update(&data);
        reader.consumed(data.len());
    }
    let _ = writer.send(Bytes::from(hex(&digest.finalize()))).await;
    writer.finish(0).await;
}

async fn source(state: &State, channel: Channel, mut left: usize) {
    let Channel {
        mut writer,
        reader: _reader,
    } = channel;
    let block = Bytes::from(pattern(255 * 1024));
    while left > 0 {
        let part = block.slice(..left.min(block.len()));
        left -= part.len();
        let len = part.len();
        if writer.send(part).await.is_err() {
            return;
        }
        state.sent.fetch_add(len, Ordering::SeqCst);
    }
    writer.finish(0).await;
}

async fn hold(state: &State, channel: Channel) {
    let Channel {
        mut reader,
        mut writer,
    } = channel;
    let mut held = 0;
    let released = state.release.notified();
    let mut released = std::pin::pin!(released);
    loop {
        tokio::select! {
            () = &mut released => break,
            data = reader.recv() => {
                let Some(data) = data else {
                    released.await;
                    break;
                };
                held += data.len();
                state.held.fetch_add(data.len(), Ordering::SeqCst);
            }
        }
    }
    reader.consumed(held);
    while let Some(data) = reader.recv().await {
        held += data.len();
        reader.consumed(data.len());
    }
    let _ = writer.send(Bytes::from(held.to_string())).await;
    writer.finish(0).await;
}

/// A running server.
pub struct TestServer {
    pub state: Arc<State>,
    pub handle: ServerHandle,
    pub address: SocketAddr,
    pub dir: TempDir,
    pub running: tokio::task::JoinHandle<()>,
}

impl TestServer {
    pub async fn start() -> Self {
        Self::start_with(State::default(), |_| {}).await
    }

    pub async fn start_with(state: State, configure: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let host_keys = HostKeys::load_or_generate(dir.path()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let lines = host_keys
            .known_hosts_lines("127.0.0.1", address.port())
            .join("\n");
        std::fs::write(dir.path().join("known_hosts"), lines + "\n").unwrap();
        let askpass = dir.path().join("askpass");
        std::fs::write(&askpass, "#!/bin/sh\necho \"$LONGSHORE_TEST_PASSWORD\"\n").unwrap();
        std::fs::set_permissions(&askpass, std::fs::Permissions::from_mode(0o700)).unwrap();
        let mut config = ServerConfig::new(host_keys);
        config.auth_rejection_time = Duration::from_millis(10);
        configure(&mut config);
        let state = Arc::new(state);
        let server = Server::new(listener, config, Arc::new(Commands(Arc::clone(&state))));
        let handle = server.handle();
        Self {
            state,
            handle,
            address,
            dir,
            running: tokio::spawn(server.run()),
        }
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    /// OpenSSH's client with strict host keys, our password, and nothing of the machine's own settings. `options` are
    /// for `-o`, or flags; they win over ours, since the first value of an option counts.
    pub fn ssh(&self, options: &[&str], command: &[&str]) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.env("SSH_ASKPASS", self.dir.path().join("askpass"))
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("LONGSHORE_TEST_PASSWORD", "secret")
            .env_remove("SSH_AUTH_SOCK");
        for option in options {
            if option.starts_with('-') {
                ssh.arg(option)
            } else {
                ssh.args(["-o", option])
            };
        }
        ssh.args([
            "-F",
            "none",
            "-o",
            "StrictHostKeyChecking=yes",
            "-o",
            "GlobalKnownHostsFile=/dev/null",
        ])
        .args([
            "-o",
            "NumberOfPasswordPrompts=1",
            "-o",
            "IdentityFile=none",
            "-o",
            "IdentitiesOnly=yes",
        ])
        .args(["-o", "User=alice", "-o"])
        .arg(format!("UserKnownHostsFile={}", self.known_hosts().display()))
        .arg("-p")
        .arg(self.address.port().to_string())
        .arg("127.0.0.1")
        .args(command);
        ssh.stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        ssh
    }

    /// Runs `command` to its end with `input`.
    pub async fn exec(&self, options: &[&str], command: &str, input: Vec<u8>) -> Output {
        run_with_input(self.ssh(options, &[command]), input).await
    }

    /// Waits until `condition` holds; fails after ten seconds.
    pub async fn wait_for(&self, what: &str, condition: impl Fn(&Self) -> bool) {
        for _ in 0..1000 {
            if condition(self) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("waited in vain for {what}");
    }
}

/// Runs `command` to its end while `input` is written to it.
pub async fn run_with_input(mut command: Command, input: Vec<u8>) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let writing = tokio::spawn(async move {
        // The other end may stop reading early; its exit status tells.
        let _ = stdin.write_all(&input).await;
    });
    let output = tokio::time::timeout(Duration::from_secs(120), child.wait_with_output()).await;
    let output = output.expect("the client hangs").unwrap();
    writing.await.unwrap();
    output
}

/// Bytes without short repetitions, the same every time.
pub fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
