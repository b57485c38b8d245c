//! A hostile client with the cipher off: its bytes go to the engine over a home on the disk. Whatever it sends, the session
//! comes to its end, what it is answered can be decoded, and nothing outside of its home changes.
//!
//! INIT goes first, so that the fuzzer need not find it; the input is the stream behind it. Handles are numbers that
//! start at 0.

#![no_main]

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use longshore_server::{ServerConfig, Terms, serve_stream};
use longshore_sftp::{FrameDecoder, Init, Reply, Version};
use longshore_storage::{
    BucketName, Durability, Home, LocalOptions, LocalStore, OwnerId, RemotePath, Store as _,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;

static RIG: LazyLock<Rig> = LazyLock::new(Rig::new);

fuzz_target!(|input: &[u8]| RIG.run(input));

struct Rig {
    _dir: TempDir,
    runtime: Runtime,
    store: Arc<LocalStore>,
    bucket: BucketName,
    /// Beside the home, where no session may reach.
    sentinel: PathBuf,
    home: PathBuf,
}

const SECRET: &[u8] = b"of somebody else";

impl Rig {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let options = LocalOptions {
            durability: Durability::None,
            ..LocalOptions::default()
        };
        let store = LocalStore::open(&dir.path().join("buckets"), options).expect("a store");
        let bucket = BucketName::parse("files").expect("a name");
        runtime.block_on(store.create_bucket(&bucket)).expect("a bucket");
        let files = dir.path().join("buckets/files/files");
        let sentinel = files.join("sentinel");
        std::fs::write(&sentinel, SECRET).expect("a file");
        Self {
            home: files.join("home"),
            sentinel,
            runtime,
            store,
            bucket,
            _dir: dir,
        }
    }

    fn run(&self, input: &[u8]) {
        plant(&self.home);
        self.runtime.block_on(self.session(input));
        assert_eq!(std::fs::read(&self.sentinel).expect("the sentinel"), SECRET);
        let beside = std::fs::read_dir(self.home.parent().expect("a parent")).expect("a directory");
        assert_eq!(beside.count(), 2, "something appeared outside of the home");
        std::fs::remove_dir_all(&self.home).expect("an empty home");
    }

    async fn session(&self, input: &[u8]) {
        let path = RemotePath::parse(b"/home").expect("a path");
        let home: Arc<dyn Home> = self
            .store
            .open_home(&self.bucket, &path, OwnerId(1))
            .await
            .expect("a home");
        let (client, server) = tokio::io::duplex(64 * 1024);
        let (mut answers, mut requests) = tokio::io::split(client);
        let (reader, writer) = tokio::io::split(server);
        let config = ServerConfig::default();
        let serve = serve_stream(reader, writer, home, "fuzz", Terms::default(), &config);
        let send = async {
            // The session may have ended over what came before.
            let _ = requests.write_all(&Init::v3().to_packet().expect("short")).await;
            let _ = requests.write_all(input).await;
            let _ = requests.shutdown().await;
        };
        let receive = async {
            let mut all = Vec::new();
            answers.read_to_end(&mut all).await.expect("answers");
            check(Bytes::from(all));
        };
        let serve = async {
            serve.await;
        };
        // The server's halves are gone when it ends, which ends the answers.
        tokio::join!(serve, send, receive);
    }
}

/// What the home holds before each input.
fn plant(home: &Path) {
    std::fs::create_dir(home).expect("a directory");
    std::fs::create_dir(home.join("d")).expect("a directory");
    std::fs::write(home.join("a"), b"hello").expect("a file");
    for (target, link) in [
        ("../sentinel", "up"),
        ("/a", "root"),
        ("d", "dir"),
        ("loop", "loop"),
    ] {
        std::os::unix::fs::symlink(target, home.join(link)).expect("a link");
    }
}

/// VERSION, then whole replies and nothing else.
fn check(mut answers: Bytes) {
    let mut frames = FrameDecoder::default();
    let mut next = || frames.next_packet(&mut answers).expect("whole packets");
    let version = next().expect("VERSION");
    Version::decode(version).expect("VERSION");
    while let Some(packet) = next() {
        Reply::decode(packet).expect("a reply");
    }
}
