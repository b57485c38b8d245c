//! Connections that live long: keys exchanged anew under load, servers that fall silent.

mod common;
mod sshd;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::noise;
use longshore_client::sftp::{Sftp, SftpOptions};
use longshore_client::transfer::{SftpPool, TransferOptions, Transfers};
use longshore_client::{
    ConnectOptions, Connection, Endpoint, ErrorKind, ExecOptions, Keepalive, NonInteractive,
    SftpChannels as _,
};
use sshd::Sshd;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Guards against hangs, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(60);

async fn connect(options: &ConnectOptions) -> Connection {
    Connection::connect(options, &NonInteractive).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_exchanged_anew_while_data_flows_both_ways() {
    const LEN: usize = 12 << 20;
    let server = Sshd::start("RekeyLimit 1M").await;
    let connection = connect(&server.key_options()).await;
    let pool = SftpPool::open(Arc::new(connection.clone()), SftpOptions::default())
        .await
        .unwrap();
    let transfers = Transfers::new(pool, TransferOptions::default());
    let (home, here) = (server.path("home"), tempfile::tempdir().unwrap());
    let content = noise(LEN, 1);
    let local = here.path().join("local");
    fs::write(home.join("down"), &content).unwrap();
    fs::write(&local, &content).unwrap();
    let flood = async {
        let command = "head -c 12582912 /dev/zero; head -c 3000000 /dev/zero >&2";
        let options = ExecOptions::default().max_output(64 << 20, false);
        connection.exec(command, options).await.unwrap()
    };
    let back = here.path().join("back");
    let all = async {
        tokio::join!(
            transfers.download("down", &back),
            transfers.upload(&local, "up"),
            flood
        )
    };
    let (down, up, flood) = tokio::time::timeout(PATIENCE * 3, Box::pin(all))
        .await
        .expect("it hangs");
    assert_eq!((down.unwrap().size, up.unwrap().size), (LEN as u64, LEN as u64));
    assert!(
        fs::read(back).unwrap() == content,
        "what came down is something else"
    );
    assert!(
        fs::read(home.join("up")).unwrap() == content,
        "what went up is something else"
    );
    assert_eq!((flood.stdout.len(), flood.stderr.len()), (LEN, 3_000_000));
    let exchanges = server.log().matches("SSH2_MSG_NEWKEYS received").count();
    assert!(exchanges > 10, "{exchanges} key exchanges only");
}

/// Hands on what comes until it is told to be silent; the connections stay open.
async fn relay(port: u16) -> (Endpoint, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
    let silent = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&silent);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (client, server) = (client.into_split(), server.into_split());
            tokio::spawn(copy(client.0, server.1, Arc::clone(&told)));
            tokio::spawn(copy(server.0, client.1, Arc::clone(&told)));
        }
    });
    (endpoint, silent)
}

async fn copy(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    silent: Arc<AtomicBool>,
) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if silent.load(Ordering::SeqCst) {
            continue;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_falls_silent_is_given_up_and_one_that_answers_is_not() {
    let server = Sshd::start("").await;
    let (endpoint, silent) = relay(server.port).await;
    let keepalive = Keepalive {
        interval: Some(Duration::from_secs(1)),
        count: 2,
    };
    let mut options = server.key_options().keepalive(keepalive);
    options.endpoint = endpoint;
    let connection = connect(&options).await;
    let channel = connection.open_sftp().await.unwrap();
    let sftp = Sftp::start(channel, SftpOptions::default()).await.unwrap();
    // more than all questions together take
    let output = connection
        .exec("sleep 5; echo late", ExecOptions::default())
        .await
        .unwrap();
    assert_eq!(output.stdout, b"late\n");

    silent.store(true, Ordering::SeqCst);
    let waiting = connection.exec("sleep 1000", ExecOptions::default());
    let asking = sftp.stat("anything");
    let both = async { tokio::join!(waiting, asking) };
    let (waiting, asking) = tokio::time::timeout(PATIENCE, Box::pin(both))
        .await
        .expect("nobody noticed the silence");
    for error in [waiting.unwrap_err(), asking.unwrap_err()] {
        assert!(
            matches!(error.kind(), ErrorKind::ConnectionLost | ErrorKind::TimedOut),
            "{error}"
        );
        assert!(error.is_retryable(), "{error}");
    }
}
