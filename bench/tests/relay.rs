//! The relay delays, delivers and bounds.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use longshore_bench::relay::Relay;

/// A connection through a relay, as its client and its server end.
fn through(delay: Duration, buffer: usize) -> (TcpStream, TcpStream) {
    let behind = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = TcpListener::bind("127.0.0.1:0").unwrap();
    let relay = Relay {
        to: behind.local_addr().unwrap(),
        delay,
        buffer,
    };
    let address = front.local_addr().unwrap();
    thread::spawn(move || relay.run(&front));
    let client = TcpStream::connect(address).unwrap();
    let (server, _) = behind.accept().unwrap();
    (client, server)
}

#[test]
fn a_round_trip_takes_twice_the_delay() {
    let (mut client, mut server) = through(Duration::from_millis(40), 1024);
    thread::spawn(move || {
        let mut byte = [0];
        server.read_exact(&mut byte).unwrap();
        server.write_all(&byte).unwrap();
    });
    let started = Instant::now();
    client.write_all(b"x").unwrap();
    client.read_exact(&mut [0]).unwrap();
    assert!(
        started.elapsed() >= Duration::from_millis(80),
        "{:?}",
        started.elapsed()
    );
}

#[test]
fn all_bytes_arrive_in_order_and_the_end_follows_them() {
    let (mut client, mut server) = through(Duration::from_millis(1), 1 << 20);
    let sent: Vec<u8> = (0..5_000_000_u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
    let expected = sent.clone();
    let sender = thread::spawn(move || {
        client.write_all(&sent).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        // the other direction is still open after the half-close
        let mut answer = Vec::new();
        client.read_to_end(&mut answer).unwrap();
        answer
    });
    let mut received = Vec::new();
    server.read_to_end(&mut received).unwrap();
    assert!(received == expected, "{} bytes", received.len());
    server.write_all(b"answer").unwrap();
    drop(server);
    assert_eq!(sender.join().unwrap(), b"answer");
}

#[test]
fn a_receiver_that_does_not_read_stops_the_sender() {
    let (mut client, server) = through(Duration::ZERO, 1 << 20);
    client
        .set_write_timeout(Some(Duration::from_millis(500)))
        .unwrap();
    let mut sent = 0;
    let piece = vec![0; 64 * 1024];
    while let Ok(len) = client.write(&piece) {
        sent += len;
        // the relay's buffer and four socket buffers of at most some megabytes
        assert!(sent < 200 << 20, "nothing stops the sender");
    }
    drop(server);
}
