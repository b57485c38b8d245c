//! Transfers that are checked by commands on the server: OpenSSH computes no hashes over SFTP.

mod common;
mod sshd;

use std::sync::Arc;

use common::noise;
use longshore_client::sftp::SftpOptions;
use longshore_client::transfer::{ExecHasher, Proof, SftpPool, TransferOptions, Transfers};
use longshore_client::{Connection, NonInteractive};
use sshd::Sshd;
use tempfile::TempDir;

async fn checked(server: &Sshd, resume: bool) -> Transfers {
    let connection = Connection::connect(&server.key_options(), &NonInteractive)
        .await
        .expect("connection");
    let pool = SftpPool::open(Arc::new(connection.clone()), SftpOptions::default())
        .await
        .expect("pool");
    let options = TransferOptions {
        hasher: Some(Arc::new(ExecHasher::new(connection))),
        resume,
        ..TransferOptions::default()
    };
    Transfers::new(pool, options)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_the_server_proves_content_and_beginnings() {
    let server = Sshd::start("").await;
    let transfers = checked(&server, true).await;
    let (here, there) = (TempDir::new().expect("here"), TempDir::new().expect("there"));
    open_to_all(&there);
    let remote = there
        .path()
        .join("it's a file")
        .into_os_string()
        .into_encoded_bytes();
    let bytes = noise(2_000_000, 1);
    let local = here.path().join("f");
    std::fs::write(&local, &bytes).expect("file");
    let receipt = transfers.upload(&local, &remote).await.expect("upload");
    assert_eq!(receipt.verified.content, Some(Proof::CommandHash));
    assert!(std::fs::read(there.path().join("it's a file")).expect("file") == bytes);

    // a beginning that somebody left
    let half = here.path().join(".g.longshore.part");
    std::fs::write(&half, &bytes[..1_000_000]).expect("file");
    let receipt = transfers
        .download(&remote, &here.path().join("g"))
        .await
        .expect("download");
    let resumed = receipt.resumed.expect("resumed");
    assert_eq!((resumed.from, resumed.proof), (1_000_000, Proof::CommandHash));
    assert_eq!(receipt.verified.content, Some(Proof::CommandHash));
    assert!(std::fs::read(here.path().join("g")).expect("file") == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_commands_is_checked_by_size() {
    let server = Sshd::start("ForceCommand internal-sftp").await;
    let transfers = checked(&server, false).await;
    let (here, there) = (TempDir::new().expect("here"), TempDir::new().expect("there"));
    open_to_all(&there);
    let local = here.path().join("f");
    std::fs::write(&local, b"content").expect("file");
    let remote = there.path().join("f").into_os_string().into_encoded_bytes();
    let receipt = transfers.upload(&local, &remote).await.expect("upload");
    assert_eq!(receipt.verified.content, None);
    assert!(receipt.verified.size);
}

/// The server's user is another one.
fn open_to_all(dir: &TempDir) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o777)).expect("mode");
}
