//! Sessions with OpenSSH's `sftp-server` on the other end of two pipes.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Stdio;

use longshore_client::sftp::{Attrs, FileKind, OpenOptions, Sftp, SftpOptions};
use longshore_client::{Channel, ErrorKind};
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// Where Debian has it.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";

struct Server {
    child: Child,
    dir: TempDir,
}

impl Server {
    fn path(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().expect("text").to_owned()
    }
}

async fn start() -> (Sftp, Server) {
    start_with(SftpOptions::default()).await
}

async fn start_with(options: SftpOptions) -> (Sftp, Server) {
    let dir = TempDir::new().expect("directory");
    let mut child = Command::new(SFTP_SERVER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .current_dir(dir.path())
        .kill_on_drop(true)
        .spawn()
        .expect("sftp-server");
    let channel = Channel::over(
        child.stdout.take().expect("stdout"),
        child.stdin.take().expect("stdin"),
    );
    let sftp = Sftp::start(channel, options).await.expect("session");
    (sftp, Server { child, dir })
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_be_bytes()[3]
        })
        .collect()
}

#[tokio::test]
async fn bytes_that_are_written_come_back() {
    let (sftp, server) = start().await;
    let path = server.path("file");
    let bytes = noise(3_000_001);
    let file = sftp
        .open(&path, &OpenOptions::new().write().create_new().mode(0o640))
        .await
        .expect("open");
    file.write_at(0, bytes.clone()).await.expect("write");
    file.sync().await.expect("fsync");
    file.close().await.expect("close");
    assert_eq!(std::fs::read(&path).expect("file"), bytes);

    let file = sftp.open_read(&path).await.expect("open");
    assert_eq!(file.stat().await.expect("fstat").size, Some(3_000_001));
    let read = file.read_full_at(0, bytes.len() + 10).await.expect("read");
    assert_eq!(read, bytes);
    assert_eq!(
        file.read_at(3_000_000, 10).await.expect("read"),
        bytes[3_000_000..]
    );
    assert!(file.read_at(3_000_001, 10).await.expect("read").is_empty());
    file.close().await.expect("close");
    sftp.close().await.expect("close");
}

#[tokio::test]
async fn every_operation_does_what_its_name_says() {
    let (sftp, server) = start().await;
    let path = |name: &str| server.path(name);
    sftp.mkdir(path("d"), Some(0o750)).await.expect("mkdir");
    sftp.create(path("d/a"))
        .await
        .expect("open")
        .close()
        .await
        .expect("close");
    sftp.rename(path("d/a"), path("d/b")).await.expect("rename");
    sftp.hard_link(path("d/b"), path("d/hard"))
        .await
        .expect("hardlink");
    sftp.symlink("b", path("d/soft")).await.expect("symlink");
    assert_eq!(sftp.read_link(path("d/soft")).await.expect("readlink"), "b");
    let times = Attrs {
        times: Some((1, 2)),
        permissions: Some(0o600),
        ..Attrs::default()
    };
    sftp.set_stat(path("d/b"), &times).await.expect("setstat");
    let attrs = sftp.stat(path("d/soft")).await.expect("stat");
    assert_eq!((attrs.times, attrs.permissions), (Some((1, 2)), Some(0o100_600)));
    let link = sftp.lstat(path("d/soft")).await.expect("lstat");
    assert_eq!(link.kind(), Some(FileKind::SymLink));
    let owner = Attrs {
        times: Some((3, 4)),
        ..Attrs::default()
    };
    sftp.lset_stat(path("d/soft"), &owner).await.expect("lsetstat");
    assert_eq!(
        sftp.lstat(path("d/soft")).await.expect("lstat").times,
        Some((3, 4))
    );
    sftp.create(path("d/c"))
        .await
        .expect("open")
        .close()
        .await
        .expect("close");
    sftp.posix_rename(path("d/c"), path("d/b"))
        .await
        .expect("posix-rename");
    let names: BTreeSet<_> = sftp
        .read_dir(path("d"))
        .await
        .expect("opendir")
        .all()
        .await
        .expect("readdir")
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(
        names,
        ["b", "hard", "soft"]
            .into_iter()
            .map(Into::into)
            .collect::<BTreeSet<_>>()
    );
    assert_eq!(sftp.real_path(path("d/../d")).await.expect("realpath"), path("d"));
    assert!(sftp.statvfs(path("d")).await.expect("statvfs").blocks > 0);
    let groups = sftp.users_groups(&[0], &[0]).await.expect("users-groups");
    assert_eq!(groups.users, ["root"]);
    for name in ["d/b", "d/hard", "d/soft"] {
        sftp.remove(path(name)).await.expect("remove");
    }
    sftp.rmdir(path("d")).await.expect("rmdir");
    assert!(!Path::new(&path("d")).exists());
}

#[tokio::test]
async fn copy_data_stays_on_the_server() {
    let (sftp, server) = start().await;
    let bytes = noise(100_000);
    std::fs::write(server.path("from"), &bytes).expect("file");
    let from = sftp.open_read(server.path("from")).await.expect("open");
    let to = sftp.create(server.path("to")).await.expect("open");
    from.copy_data(0, 0, &to, 0).await.expect("copy-data");
    to.close().await.expect("close");
    assert_eq!(std::fs::read(server.path("to")).expect("file"), bytes);
}

#[tokio::test]
async fn errors_say_what_is_the_matter_also_where_the_server_does_not() {
    let (sftp, server) = start().await;
    let path = |name: &str| server.path(name);
    sftp.mkdir(path("d"), None).await.expect("mkdir");
    std::fs::write(path("d/f"), b"x").expect("file");
    std::fs::write(path("g"), b"x").expect("file");
    let kind = |outcome: Result<(), longshore_client::Error>| outcome.expect_err("refused").kind();
    assert_eq!(kind(sftp.stat(path("none")).await.map(drop)), ErrorKind::NotFound);
    assert_eq!(kind(sftp.mkdir(path("d"), None).await), ErrorKind::AlreadyExists);
    assert_eq!(kind(sftp.rmdir(path("d")).await), ErrorKind::NotEmpty);
    assert_eq!(kind(sftp.rmdir(path("g")).await), ErrorKind::NotADirectory);
    assert_eq!(kind(sftp.remove(path("d")).await), ErrorKind::IsADirectory);
    assert_eq!(
        kind(sftp.rename(path("g"), path("d/f")).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(sftp.symlink("x", path("g")).await), ErrorKind::AlreadyExists);
    let exclusive = OpenOptions::new().write().create_new();
    assert_eq!(
        kind(sftp.open(path("g"), &exclusive).await.map(drop)),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(sftp.create(path("d")).await.map(drop)),
        ErrorKind::IsADirectory
    );
    let error = sftp.read_dir(path("g")).await.expect_err("no directory");
    assert_eq!(error.kind(), ErrorKind::NotADirectory);
    assert_eq!(error.failed_operation(), Some("opendir"));
    assert_eq!(error.failed_path(), Some(path("g").as_bytes()));
    assert!(error.server_status().is_some());
    assert!(!error.is_retryable());
}

#[tokio::test]
async fn what_is_dropped_midway_leaves_no_handle_behind() {
    let (sftp, server) = start().await;
    std::fs::write(server.path("f"), noise(1000)).expect("file");
    for round in 0..600_u32 {
        // a future that is polled once has sent its request
        let open = sftp.open_read(server.path("f"));
        let polled = tokio::time::timeout(std::time::Duration::from_micros(u64::from(round)), open).await;
        drop(polled);
    }
    // more handles than the server would have left; the last closes may still be on their way
    let limit = sftp.limits().await.expect("limits");
    assert!(limit.open_handles > 100);
    sftp.real_path(".").await.expect("answered after the closes");
    let open = std::fs::read_dir(format!("/proc/{}/fd", server.child.id().expect("runs")))
        .expect("descriptors")
        .count();
    assert!(open < 20, "{open} descriptors are open");
}

#[tokio::test]
async fn a_large_directory_comes_whole() {
    let (sftp, server) = start().await;
    for number in 0..1234 {
        std::fs::write(server.path(&format!("f{number}")), b"").expect("file");
    }
    let mut listing = sftp
        .read_dir(server.dir.path().to_str().expect("text"))
        .await
        .expect("opendir");
    let mut names = BTreeSet::new();
    while let Some(entry) = listing.next().await.expect("readdir") {
        assert!(names.insert(entry.name));
    }
    assert_eq!(names.len(), 1234);
}

#[tokio::test]
async fn a_server_that_dies_ends_what_is_under_way() {
    let (sftp, mut server) = start().await;
    std::fs::write(server.path("f"), noise(10)).expect("file");
    let file = sftp.open_read(server.path("f")).await.expect("open");
    server.child.kill().await.expect("killed");
    let error = file.read_at(0, 10).await.expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.is_retryable());
    assert!(sftp.end_reason().is_some());
}

#[tokio::test]
async fn text_instead_of_sftp_is_shown() {
    let (ours, theirs) = tokio::io::duplex(1024);
    let (reader, writer) = tokio::io::split(ours);
    tokio::spawn(async move {
        let mut theirs = theirs;
        tokio::io::AsyncWriteExt::write_all(&mut theirs, b"Welcome to the machine!\n")
            .await
            .expect("written");
        std::future::pending::<()>().await;
    });
    let error = Sftp::start(Channel::over(reader, writer), SftpOptions::default())
        .await
        .expect_err("no SFTP");
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(error.to_string().contains("Welcome"), "{error}");
    assert!(error.next_step().is_some());
}
