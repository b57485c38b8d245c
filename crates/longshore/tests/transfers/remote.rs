//! A server to move files to, a line that can be slow, and folders to compare.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::sshd::{Sshd, USER};
use crate::support::{Outcome, Place, finish};

/// OpenSSH's server, and a place on this side.
pub(crate) struct Remote {
    pub(crate) sshd: Sshd,
    pub(crate) place: Place,
    /// Where clients connect to: the server, or a line in front of it.
    pub(crate) port: u16,
}

impl Remote {
    pub(crate) async fn start() -> Self {
        let sshd = Sshd::start("").await;
        let port = sshd.port;
        Self {
            sshd,
            place: Place::new(),
            port,
        }
    }

    /// Puts a line in front of the server that carries some 8 MiB in a second each way; `stop` holds it.
    pub(crate) fn slow_down(&mut self) -> Arc<AtomicBool> {
        let stop = Arc::new(AtomicBool::new(false));
        self.port = slow_line(self.sshd.port, Arc::clone(&stop));
        stop
    }

    /// The path of something in the user's home.
    pub(crate) fn home(&self, name: &str) -> PathBuf {
        self.sshd.path("home").join(name)
    }

    /// A directory in the user's home, for the user to write to.
    pub(crate) fn make_dir(&self, name: &str) -> PathBuf {
        let path = self.home(name);
        fs::create_dir_all(&path).unwrap();
        open_up(&path);
        path
    }

    /// Writes a file into the user's home, for the user to write to.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        path
    }

    /// `host:` and a path.
    pub(crate) fn at(&self, path: &str) -> String {
        format!("{USER}@127.0.0.1:{path}")
    }

    /// A client command with all that it takes to log in, in the place of this side.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.place.command([args[0]]);
        command
            .args([
                "-F",
                "none",
                "-P",
                &self.port.to_string(),
                "--fingerprint",
                &self.sshd.fingerprint("host"),
            ])
            .arg("-i")
            .arg(self.sshd.path("user"))
            .args(&args[1..]);
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Outcome {
        finish(self.command(args))
    }

    /// OpenSSH's `sftp` with the same login.
    pub(crate) fn sftp(&self, batch: &Path, path: &str) -> Command {
        let mut command = Command::new("sftp");
        self.place.clean(&mut command);
        command
            .args(["-F", "none", "-P", &self.port.to_string(), "-i"])
            .arg(self.sshd.path("user"))
            .args([
                "-o",
                "StrictHostKeyChecking=no",
                "-o",
                "UserKnownHostsFile=/dev/null",
            ])
            .args(["-o", "IdentitiesOnly=yes", "-o", "LogLevel=ERROR", "-b"])
            .arg(batch)
            .arg(self.at(path));
        command
    }
}

pub(crate) fn open_up(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
}

/// Bytes that repeat nowhere near.
pub(crate) fn content(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(len);
    out
}

/// What is in a folder: by path what it is, its permissions and its content.
pub(crate) fn tree(root: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let stat = fs::symlink_metadata(&path).unwrap();
            let content = if stat.is_dir() {
                open.push(path.clone());
                Vec::new()
            } else if stat.is_symlink() {
                fs::read_link(&path)
                    .unwrap()
                    .into_os_string()
                    .into_encoded_bytes()
            } else {
                fs::read(&path).unwrap()
            };
            found.insert(
                path.strip_prefix(root).unwrap().to_owned(),
                (stat.mode(), content),
            );
        }
    }
    found
}

/// Names in a folder, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// A relay whose threads live as long as their connections.
fn slow_line(to: u16, stop: Arc<AtomicBool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for near in listener.incoming() {
            let Ok(near) = near else { return };
            let far = TcpStream::connect(("127.0.0.1", to)).unwrap();
            let ends = [(near.try_clone().unwrap(), far.try_clone().unwrap()), (far, near)];
            for (mut from, mut to) in ends {
                let stop = Arc::clone(&stop);
                std::thread::spawn(move || {
                    let mut buffer = vec![0; 32 * 1024];
                    while let Ok(len @ 1..) = from.read(&mut buffer) {
                        while stop.load(Ordering::Relaxed) {
                            std::thread::sleep(Duration::from_millis(5));
                        }
                        std::thread::sleep(Duration::from_millis(4));
                        if to.write_all(&buffer[..len]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(std::net::Shutdown::Both);
                });
            }
        }
    });
    port
}
