//! A server with the real store and catalog, and two clients: OpenSSH's `sftp`, and a driver that sends exactly the
//! packets a test wants through `ssh -s … sftp`.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part of this"
)]

pub mod raw;
pub mod twisted;

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use longshore_catalog::{BucketStore as _, NewUser, Secrets, SqliteCatalog, SqliteOptions, UserStore as _};
use longshore_server::{ServerConfig, SftpServer};
use longshore_ssh::HostKeys;
use longshore_storage::{BucketName, LocalOptions, LocalStore, Store as _};
use secrecy::ExposeSecret as _;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use tokio::process::Command;

use self::twisted::{Twist, TwistedStore};

/// A server of its own for one test.
pub struct Rig {
    pub dir: TempDir,
    pub server: SftpServer,
    pub catalog: Arc<SqliteCatalog>,
    bucket: String,
    askpass: PathBuf,
}

/// A user of it.
#[derive(Clone)]
pub struct User {
    pub name: String,
    pub password: String,
    /// Where the home lies on disk.
    pub home: PathBuf,
}

impl Rig {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut ServerConfig)) -> Self {
        Self::start_twisted(Twist::None, change).await
    }

    /// As [`Self::start_with`], on a store with something wrong.
    pub async fn start_twisted(twist: Twist, change: impl FnOnce(&mut ServerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let secrets = Secrets::load_or_create(dir.path()).unwrap();
        let database = dir.path().join("catalog.db");
        let catalog = SqliteCatalog::open(&database, secrets, SqliteOptions::default())
            .await
            .unwrap();
        let store = LocalStore::open(&dir.path().join("buckets"), LocalOptions::default()).unwrap();
        let bucket = catalog.default_bucket().await.unwrap();
        store
            .create_bucket(&BucketName::parse(&bucket).unwrap())
            .await
            .unwrap();
        let mut config = ServerConfig::default();
        change(&mut config);
        let server = SftpServer::start(
            TcpListener::bind("127.0.0.1:0").await.unwrap(),
            HostKeys::load_or_generate(dir.path()).unwrap(),
            catalog.clone(),
            if twist == Twist::None {
                store
            } else {
                Arc::new(TwistedStore { inner: store, twist })
            },
            config,
        );
        let askpass = write_askpass(dir.path()).await;
        Self {
            dir,
            server,
            catalog,
            bucket,
            askpass,
        }
    }

    /// Makes a user whose home is `/<home>`.
    pub async fn user(&self, home: &str) -> User {
        let new = NewUser {
            home_directory: format!("/{home}"),
            description: String::new(),
            bucket: self.bucket.clone(),
            password_length: 20,
        };
        let created = self.catalog.create_user(new, None, None).await.unwrap();
        User {
            name: created.user.username,
            password: created.password.expose_secret().to_owned(),
            home: self.bucket_dir().join("files").join(home),
        }
    }

    pub fn bucket_dir(&self) -> PathBuf {
        self.dir.path().join("buckets").join(&self.bucket)
    }

    /// Files that lie in staging now, at any depth.
    pub fn staged(&self) -> usize {
        // The journal of uploads lies there too.
        files_below(&self.bucket_dir().join("staging")) - 1
    }

    /// A client program with all that it needs to log in as `user`, but no arguments of its own yet.
    pub fn client(&self, program: &str, user: &User) -> Command {
        let mut command = Command::new(program);
        command
            .env("SSH_ASKPASS", &self.askpass)
            .env("SSH_ASKPASS_REQUIRE", "force")
            .env("LONGSHORE_TEST_PASSWORD", &user.password)
            .arg("-F")
            .arg("/dev/null");
        let port = format!("Port={}", self.server.local_addr().port());
        let options = [
            "BatchMode=no",
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "PreferredAuthentications=password",
            "NumberOfPasswordPrompts=1",
            &port,
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.kill_on_drop(true);
        command
    }

    /// Runs `ssh` with a command, or a shell if there is none.
    pub async fn ssh(&self, user: &User, arguments: &[&str]) -> Output {
        let mut command = self.client("ssh", user);
        command.arg(format!("{}@127.0.0.1", user.name)).args(arguments);
        output(command.stdin(Stdio::null())).await
    }

    /// Runs OpenSSH's `sftp` with a batch of commands; stops at the first that fails.
    pub async fn sftp(&self, user: &User, batch: &str) -> Output {
        let mut command = self.client("sftp", user);
        command.args(["-b", "-"]).arg(format!("{}@127.0.0.1", user.name));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(batch.as_bytes())
            .await
            .unwrap();
        within(child.wait_with_output()).await.unwrap()
    }
}

/// Fails the test when `future` hangs.
pub async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(60), future)
        .await
        .expect("takes far too long")
}

/// Waits until `condition` holds.
pub async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}

/// Standard error as text.
pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output of a run that must have succeeded.
pub fn success(output: &Output) -> String {
    assert!(output.status.success(), "failed: {}", errors(output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn output(command: &mut Command) -> Output {
    within(command.output()).await.unwrap()
}

/// A shell writes the script: a descriptor of ours that is open for writing could be inherited by a client that
/// another test starts at this moment, and the script could not be run then (`ETXTBSY`).
async fn write_askpass(dir: &Path) -> PathBuf {
    let path = dir.join("askpass");
    let script =
        r#"printf '#!/bin/sh\nprintf "%%s\\n" "$LONGSHORE_TEST_PASSWORD"\n' > "$0" && chmod 700 "$0""#;
    let status = Command::new("sh")
        .arg("-c")
        .arg(script)
        .arg(&path)
        .status()
        .await
        .unwrap();
    assert!(status.success());
    path
}

fn files_below(dir: &Path) -> usize {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                files_below(&entry.path())
            } else {
                1
            }
        })
        .sum()
}
