//! Two equal trees, and two sessions on each: ours in this process, OpenSSH's as processes.

use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use bytes::Bytes;
use longshore_server::{ServerConfig, Terms, serve_stream};
use longshore_sftp::{ExtendedRequest, Reply, Request, Version};
use longshore_storage::{
    BucketName, Durability, Home, LocalOptions, LocalStore, OwnerId, RemotePath, Store as _,
};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::script::SESSIONS;
use crate::wire::Client;

pub const USER: &str = "model";

/// Where Debian and others keep it.
const SERVERS: &[&str] = &[
    "/usr/lib/openssh/sftp-server",
    "/usr/libexec/openssh/sftp-server",
    "/usr/lib/ssh/sftp-server",
    "/usr/libexec/sftp-server",
];

pub struct World {
    _dir: TempDir,
    /// The tree that we serve, as it lies on the disk.
    pub our_tree: PathBuf,
    /// The tree that OpenSSH's server serves.
    pub their_tree: PathBuf,
    pub ours: Vec<Client>,
    pub theirs: Vec<Client>,
    /// Whether we announce `copy-data`.
    pub copies: bool,
    /// Ended when dropped.
    _processes: Vec<Child>,
}

impl World {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (home, our_tree) = our_home(dir.path()).await;
        let their_tree = dir.path().join("reference");
        std::fs::create_dir(&their_tree).unwrap();
        plant(&our_tree);
        plant(&their_tree);
        let mut world = Self {
            our_tree,
            their_tree,
            ours: Vec::new(),
            theirs: Vec::new(),
            copies: false,
            _processes: Vec::new(),
            _dir: dir,
        };
        for _ in 0..SESSIONS {
            let (client, version) = our_session(home.clone()).await;
            world.copies = version.extensions.iter().any(|one| one.name == "copy-data");
            world.ours.push(client);
            let (client, process) = their_session(&world.their_tree).await;
            world.theirs.push(client);
            world._processes.push(process);
        }
        world
    }

    /// A path of a request, as it lies in OpenSSH's tree.
    pub fn their_path(&self, path: &[u8]) -> PathBuf {
        PathBuf::from(std::ffi::OsStr::from_bytes(&self.translate(path)))
    }

    /// The bytes in front of each absolute path there.
    pub fn prefix(&self) -> &[u8] {
        self.their_tree.as_os_str().as_bytes()
    }

    /// A request as OpenSSH's server gets it, whose `/` is not ours. Relative paths start at the tree for both.
    pub fn for_them(&self, request: &Request) -> Request {
        let mut request = request.clone();
        let there = |path: &mut Bytes| {
            if path.starts_with(b"/") {
                *path = self.translate(path).into();
            }
        };
        match &mut request {
            Request::Open { path, .. }
            | Request::LStat { path }
            | Request::SetStat { path, .. }
            | Request::OpenDir { path }
            | Request::Remove { path }
            | Request::MkDir { path, .. }
            | Request::RmDir { path }
            | Request::RealPath { path }
            | Request::Stat { path }
            | Request::ReadLink { path }
            | Request::Extended(
                ExtendedRequest::StatVfs { path }
                | ExtendedRequest::LSetStat { path, .. }
                | ExtendedRequest::ExpandPath { path },
            ) => there(path),
            Request::Rename { old_path, new_path }
            | Request::Extended(
                ExtendedRequest::PosixRename { old_path, new_path }
                | ExtendedRequest::HardLink { old_path, new_path },
            ) => {
                there(old_path);
                there(new_path);
            }
            Request::SymLink {
                target_path,
                link_path,
            } => {
                there(target_path);
                there(link_path);
            }
            _ => {}
        }
        request
    }

    fn translate(&self, path: &[u8]) -> Vec<u8> {
        match path {
            b"/" => self.prefix().to_vec(),
            path if path.starts_with(b"/") => [self.prefix(), path].concat(),
            path => [self.prefix(), b"/", path].concat(),
        }
    }

    pub async fn both(&mut self, session: usize, request: &Request) -> (Reply, Reply) {
        let ours = self.ours[session].call(request).await;
        let theirs = self.call_them(session, request).await;
        (ours, theirs)
    }

    pub async fn call_them(&mut self, session: usize, request: &Request) -> Reply {
        let request = self.for_them(request);
        self.theirs[session].call(&request).await
    }
}

async fn our_home(dir: &Path) -> (Arc<dyn Home>, PathBuf) {
    let options = LocalOptions {
        durability: Durability::None,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(&dir.join("buckets"), options).unwrap();
    let bucket = BucketName::parse("files").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    let path = RemotePath::parse(b"/home").unwrap();
    let home = store.open_home(&bucket, &path, OwnerId(1)).await.unwrap();
    (home, dir.join("buckets/files/files/home"))
}

async fn our_session(home: Arc<dyn Home>) -> (Client, Version) {
    let (theirs, ours) = tokio::io::duplex(1 << 20);
    let (reader, writer) = tokio::io::split(ours);
    tokio::spawn(async move {
        let config = ServerConfig::default();
        serve_stream(reader, writer, home, USER, Terms::default(), &config).await
    });
    let (reader, writer) = tokio::io::split(theirs);
    Client::start(reader, writer).await
}

async fn their_session(tree: &Path) -> (Client, Child) {
    let program = SERVERS.iter().find(|path| Path::new(path).exists());
    let program = program.expect("OpenSSH's sftp-server (scripts/setup installs it)");
    let mut process = Command::new(program)
        .args(["-e", "-u", "022"])
        .current_dir(tree)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (stdin, stdout) = (process.stdin.take().unwrap(), process.stdout.take().unwrap());
    let (client, _) = Client::start(stdout, stdin).await;
    (client, process)
}

/// What both trees begin with. Absolute links mean the tree's own root.
fn plant(root: &Path) {
    std::fs::write(root.join("a"), b"the first file\n").unwrap();
    std::fs::create_dir(root.join("d")).unwrap();
    std::fs::write(root.join("d/a"), vec![b'x'; 5000]).unwrap();
    std::fs::create_dir(root.join("d/e")).unwrap();
    symlink("a", root.join("to-a")).unwrap();
    symlink("d", root.join("to-d")).unwrap();
    symlink("missing", root.join("to-nothing")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
}
