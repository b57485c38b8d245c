//! OpenSSH's server for one test: its own configuration, keys and users, on a port that the system chose.
//!
//! Each connection gets a server of its own (`sshd -i`) in a mount namespace of its own, in which the files that list users are the
//! test's. The machine's are never touched.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use longshore_client::route::Route;
use longshore_client::trust::TrustPolicy;
use longshore_client::{AuthMethod, ConnectOptions, Endpoint};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The user that the tests log in as, and its password.
pub const USER: &str = "tester";
/// Its password.
pub const PASSWORD: &str = "S3cret enough";

/// A server that runs until it is dropped.
pub struct Sshd {
    pub folder: TempDir,
    pub port: u16,
    pub connections: Arc<AtomicUsize>,
    accepting: JoinHandle<()>,
}

impl Sshd {
    /// A server with these further lines of configuration, which come first and so win.
    pub async fn start(config: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        fs::create_dir_all("/run/sshd").unwrap();
        keygen(path, "host", &["-t", "ed25519"]);
        keygen(path, "user", &["-t", "ed25519"]);
        write_users(path);
        let file = |name: &str| path.join(name).display().to_string();
        let config = format!(
            "{config}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\nLogLevel DEBUG1\n\
             PasswordAuthentication yes\nSubsystem sftp internal-sftp\nPermitUserEnvironment no\n",
            file("host"),
            file("authorized_keys"),
        );
        fs::write(path.join("sshd_config"), config).unwrap();
        fs::copy(path.join("user.pub"), path.join("authorized_keys")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let connections = Arc::new(AtomicUsize::new(0));
        let accepting = tokio::spawn(accept(listener, path.to_owned(), Arc::clone(&connections)));
        Self {
            folder,
            port,
            connections,
            accepting,
        }
    }

    pub fn endpoint(&self) -> Endpoint {
        Endpoint::new("127.0.0.1", self.port).unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Lets the key in `<name>.pub` in.
    pub fn authorize(&self, name: &str) {
        fs::copy(self.path(&format!("{name}.pub")), self.path("authorized_keys")).unwrap();
    }

    pub fn fingerprint(&self, name: &str) -> String {
        let output = run(Command::new("ssh-keygen")
            .arg("-lf")
            .arg(self.path(&format!("{name}.pub"))));
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_whitespace().nth(1).unwrap().to_owned()
    }

    pub fn trust(&self) -> TrustPolicy {
        TrustPolicy::pinned([self.fingerprint("host")]).unwrap()
    }

    /// Options without any way to log in.
    pub fn options(&self) -> ConnectOptions {
        ConnectOptions::new(self.endpoint(), USER, self.trust()).route(Route::direct())
    }

    /// Options to log in with the key that is let in from the start.
    pub fn key_options(&self) -> ConnectOptions {
        self.options().auth(AuthMethod::key_file(self.path("user")))
    }

    /// What the servers have logged so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Makes `<name>` and `<name>.pub`.
pub fn keygen(folder: &Path, name: &str, arguments: &[&str]) {
    let protected = arguments.contains(&"-N");
    let mut command = Command::new("ssh-keygen");
    command
        .args(["-q", "-C", name, "-f"])
        .arg(folder.join(name))
        .args(arguments);
    if !protected {
        command.args(["-N", ""]);
    }
    run(&mut command);
}

/// Runs a program that must succeed.
pub fn run(command: &mut Command) -> Output {
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

async fn accept(listener: TcpListener, folder: PathBuf, connections: Arc<AtomicUsize>) {
    let mut servers = tokio::task::JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        connections.fetch_add(1, Ordering::SeqCst);
        let socket = socket.into_std().unwrap();
        socket.set_nonblocking(false).unwrap();
        let input = OwnedFd::from(socket);
        let output = input.try_clone().unwrap();
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .unwrap();
        // `-e`: nothing after a mount that failed.
        let script = "mount --bind \"$1/passwd\" /etc/passwd; mount --bind \"$1/shadow\" /etc/shadow; \
                      if test -f \"$1/pam\"; then mount --bind \"$1/pam\" /etc/pam.d/sshd; fi; \
                      exec /usr/sbin/sshd -i -e -f \"$1/sshd_config\"";
        let mut server = tokio::process::Command::new("unshare")
            .args([
                "--mount",
                "--propagation",
                "private",
                "--",
                "sh",
                "-ec",
                script,
                "sh",
            ])
            .arg(&folder)
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        servers.spawn(async move { server.wait().await });
    }
}

/// The test's users: root (for the server itself), the privilege separation user, and ours.
fn write_users(folder: &Path) {
    let hash = run(Command::new("openssl").args(["passwd", "-6", PASSWORD])).stdout;
    let hash = String::from_utf8(hash).unwrap();
    let home = folder.join("home");
    fs::create_dir(&home).unwrap();
    fs::set_permissions(&home, fs::Permissions::from_mode(0o777)).unwrap();
    let passwd = format!(
        "root:x:0:0:root:/root:/bin/sh\nsshd:x:107:65534::/run/sshd:/usr/sbin/nologin\n{USER}:x:1777:1777::{}:/bin/sh\n",
        home.display()
    );
    fs::write(folder.join("passwd"), passwd).unwrap();
    let shadow = format!(
        "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n{USER}:{}:19000:0:99999:7:::\n",
        hash.trim()
    );
    fs::write(folder.join("shadow"), shadow).unwrap();
    fs::set_permissions(folder.join("shadow"), fs::Permissions::from_mode(0o600)).unwrap();
}
