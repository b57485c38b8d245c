//! How many round trips lie between connecting and the first SFTP reply: counted through a relay that makes each one long.

mod sshd;

use std::time::{Duration, Instant};

use bytes::Bytes;
use longshore_client::{AuthMethod, ConnectOptions, Connection, Endpoint, NonInteractive, SftpChannels as _};
use sshd::{PASSWORD, Sshd};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// A round trip: far more than all computing takes together.
const ROUND_TRIP: Duration = Duration::from_millis(600);

#[tokio::test(flavor = "multi_thread")]
async fn the_first_reply_is_there_after_eight_round_trips_and_the_sockets_own() {
    let server = Sshd::start("").await;
    let through = relay(server.port).await;
    let key = server.key_options().address(through.clone());
    let password = server
        .options()
        .auth(AuthMethod::password(PASSWORD))
        .address(through);
    let (key, password) = tokio::join!(round_trips(&key), round_trips(&password));
    // Versions and KEXINIT; key exchange; service; offer of the key; signature; channel; subsystem (before which OpenSSH's
    // window is shut); SFTP. The relay answers the socket's own handshake at once: one more in life.
    assert!((8.0..9.0).contains(&key), "{key} with a key");
    assert!((7.0..8.0).contains(&password), "{password} with a password");
}

/// From connecting to the reply to `SSH_FXP_INIT`.
async fn round_trips(options: &ConnectOptions) -> f64 {
    let start = Instant::now();
    let connection = Connection::connect(options, &NonInteractive).await.unwrap();
    let mut channel = connection.open_sftp().await.unwrap();
    let init = Bytes::from_static(&[0, 0, 0, 5, 1, 0, 0, 0, 3]);
    channel.writer.write(&mut vec![init]).await.unwrap();
    let version = channel.reader.read().await.unwrap().unwrap();
    assert_eq!(version[4..9], [2, 0, 0, 0, 3]);
    start.elapsed().as_secs_f64() / ROUND_TRIP.as_secs_f64()
}

async fn relay(port: u16) -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let (near_reads, near_writes) = near.into_split();
            let (far_reads, far_writes) = far.into_split();
            delay(near_reads, far_writes);
            delay(far_reads, near_writes);
        }
    });
    endpoint
}

/// Passes everything on half a round trip after it came.
fn delay(
    mut from: impl AsyncRead + Unpin + Send + 'static,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
) {
    let (sender, mut receiver) = mpsc::unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(len @ 1..) = from.read(&mut buffer).await {
            let due = tokio::time::Instant::now() + ROUND_TRIP / 2;
            if sender.send((due, buffer[..len].to_vec())).is_err() {
                break;
            }
        }
    });
    tokio::spawn(async move {
        while let Some((due, bytes)) = receiver.recv().await {
            tokio::time::sleep_until(due).await;
            if to.write_all(&bytes).await.is_err() {
                break;
            }
        }
    });
}
