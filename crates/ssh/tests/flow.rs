//! Flow control, byte by byte: what a peer may send, what we may send, and that neither stops anybody else.

mod common;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use common::raw::{
    CHANNEL_CLOSE, CHANNEL_DATA, CHANNEL_EOF, CHANNEL_WINDOW_ADJUST, DISCONNECT, Packet, Raw, data, number,
    string,
};
use common::{State, TestServer, pattern, text};

const MIB: usize = 1 << 20;

/// Sends on `channel` whatever it has credit for until nothing more is granted for `patience`.
async fn flood(raw: &mut Raw, channel: u32, window: u32, patience: Duration, most: usize) -> (usize, usize) {
    let block = pattern(32 * 1024);
    let (mut credit, mut sent, mut adjusts) = (window as usize, 0, 0);
    let mut last = Instant::now();
    while sent < most {
        let len = credit.min(block.len()).min(most - sent);
        if len > 0 {
            raw.send(&data(channel, &block[..len])).await;
            credit -= len;
            sent += len;
        }
        // Every adjustment that has come, or if nothing can be sent, the next one.
        let wait = if credit == 0 {
            Duration::from_millis(200)
        } else {
            Duration::ZERO
        };
        while let Some(packet) = raw
            .recv_within(if credit == 0 { wait } else { Duration::ZERO })
            .await
        {
            assert_eq!(packet[0], CHANNEL_WINDOW_ADJUST, "{packet:?}");
            credit += number(&packet, 5) as usize;
            adjusts += 1;
            if number(&packet, 5) > 2 {
                last = Instant::now();
            }
        }
        if last.elapsed() > patience {
            break;
        }
    }
    (sent, adjusts)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_does_not_consume_holds_the_peer() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (channel, window, packet) = raw.open(0, 1 << 20).await;
    assert_eq!((window, packet), (4 << 20, 65_535));
    raw.exec(channel, "hold").await;
    let begun = Instant::now();
    let (sent, adjusts) = flood(&mut raw, channel, window, Duration::from_secs(2), 100 * MIB).await;
    assert!((8 * MIB..15 * MIB).contains(&sent), "{sent} bytes were let in");
    server
        .wait_for("all of it", |server| {
            server.state.held.load(Ordering::SeqCst) == sent
        })
        .await;
    // Asking for credit byte by byte is slowed down, or both sides would spin.
    let asked = adjusts as f64 / begun.elapsed().as_secs_f64();
    assert!(asked < 150.0, "{asked} questions a second");
    // The same connection can be used all the same, and then the channel goes on.
    let (other, _, _) = raw.open(1, 1 << 20).await;
    raw.exec(other, "echo").await;
    raw.send(&data(other, b"still here")).await;
    let echoed = raw.recv_one_of(&[CHANNEL_DATA]).await;
    assert_eq!((number(&echoed, 1), string(&echoed, 5)), (1, &b"still here"[..]));
    server.state.release.notify_waiters();
    let (more, _) = flood(&mut raw, channel, 0, Duration::from_secs(2), 1).await;
    assert_eq!(more, 0, "no credit without a question");
    let mut question = raw;
    question.send(&data(channel, b"x")).await;
    let (more, _) = flood(&mut question, channel, 1, Duration::from_secs(2), 30 * MIB).await;
    assert_eq!(more, 30 * MIB);
}

#[tokio::test(flavor = "multi_thread")]
async fn sending_beyond_the_credit_ends_the_connection() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (channel, window, _) = raw.open(0, 1 << 20).await;
    raw.exec(channel, "hold").await;
    let mut sent = 0;
    while sent < 40 * MIB && raw.try_send(&data(channel, &[0; 32 * 1024])).await.is_ok() {
        sent += 32 * 1024;
    }
    let reason = raw.recv_one_of(&[DISCONNECT]).await;
    assert_eq!(
        (number(&reason, 1), text(string(&reason, 5))),
        (2, "channel data exceeds the window".to_owned())
    );
    let held = server.state.held.load(Ordering::SeqCst);
    assert!(
        held >= window as usize && held < 15 * MIB,
        "{held} bytes were taken"
    );
    server
        .wait_for("the end", |server| server.handle.connections() == 0)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_packet_larger_than_announced_ends_the_connection() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (channel, _, packet) = raw.open(0, 1 << 20).await;
    raw.exec(channel, "hold").await;
    raw.send(&data(channel, &vec![0; packet as usize])).await;
    server
        .wait_for("data", |server| {
            server.state.held.load(Ordering::SeqCst) == packet as usize
        })
        .await;
    raw.send(&data(channel, &vec![0; packet as usize + 1])).await;
    let reason = raw.recv_one_of(&[DISCONNECT]).await;
    assert_eq!(number(&reason, 1), 2);
}

/// Reads until `wanted` bytes have come on our channel `ours`.
async fn read_data(raw: &mut Raw, ours: u32, wanted: usize) -> Vec<u8> {
    let mut got = Vec::new();
    while got.len() < wanted {
        let packet = raw.recv_one_of(&[CHANNEL_DATA]).await;
        assert_eq!(number(&packet, 1), ours, "data on a channel whose window is shut");
        got.extend_from_slice(string(&packet, 5));
    }
    assert_eq!(got.len(), wanted, "more than the window allows");
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_with_a_shut_window_stops_nobody_else() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (shut, _, _) = raw.open(0, 1000).await;
    raw.exec(shut, "source 3000000").await;
    read_data(&mut raw, 0, 1000).await;
    let (open, _, _) = raw.open(1, 1 << 20).await;
    raw.exec(open, "echo").await;
    for _ in 0..100 {
        raw.send(&data(open, b"and I go on")).await;
        assert_eq!(read_data(&mut raw, 1, 11).await, b"and I go on");
    }
    let output = server.exec(&[], "echo", pattern(MIB)).await;
    assert_eq!(output.stdout, pattern(MIB));
    // The service is held by the window as well: one buffer, and nothing is queued beyond it.
    assert_eq!(server.state.sent.load(Ordering::SeqCst), 0);
    let adjust = |bytes| Packet::new(CHANNEL_WINDOW_ADJUST).u32(shut).u32(bytes);
    raw.send(&adjust(1)).await;
    read_data(&mut raw, 0, 1).await;
    raw.send(&adjust(500_000)).await;
    read_data(&mut raw, 0, 500_000).await;
    // 501,001 bytes are one buffer of 255 KiB and most of the second.
    assert_eq!(server.state.sent.load(Ordering::SeqCst), 255 * 1024);
    raw.send(&adjust(u32::MAX)).await;
    read_data(&mut raw, 0, 3_000_000 - 501_001).await;
    let end = raw.recv_one_of(&[CHANNEL_EOF]).await;
    assert_eq!(number(&end, 1), 0);
    let end = raw.recv_one_of(&[CHANNEL_CLOSE]).await;
    assert_eq!(number(&end, 1), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_that_is_closed_while_its_window_is_shut_frees_the_writer() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    for _ in 0..30 {
        // More channels than may be open at once: each is forgotten when it is closed.
        let (shut, _, _) = raw.open(0, 10).await;
        raw.exec(shut, "source 1000").await;
        read_data(&mut raw, 0, 10).await;
        raw.send(&Packet::new(CHANNEL_CLOSE).u32(shut)).await;
        raw.recv_one_of(&[CHANNEL_CLOSE]).await;
    }
    assert_eq!(server.state.sent.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_stops_reading_the_socket_costs_bounded_memory_and_may_go_on() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    // A window that never shuts: only the socket holds us.
    let (channel, _, _) = raw.open(0, u32::MAX).await;
    let total = 100 * MIB;
    raw.exec(channel, &format!("source {total}")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let sent = server.state.sent.load(Ordering::SeqCst);
    assert!(sent < 24 * MIB, "{sent} bytes are queued");
    let output = server.exec(&[], "echo", b"others are served".to_vec()).await;
    assert_eq!(output.stdout, b"others are served");
    read_data(&mut raw, 0, total).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_requests_by_a_peer_that_does_not_read_ends_well() {
    let server = TestServer::start_with(State::default(), |_| {}).await;
    let mut raw = Raw::login(server.address).await;
    let (channel, window, _) = raw.open(0, 64 * 1024).await;
    raw.exec(channel, "echo").await;
    // 130,000 requests of 32 bytes fill the window; the answers are not taken.
    let requests = window as usize / 32;
    let request = pattern(32);
    for _ in 0..requests {
        raw.send(&data(channel, &request)).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(server.handle.connections(), 1);
    let mut got = 0;
    while got < requests * 32 {
        let packet = raw.recv_one_of(&[CHANNEL_DATA]).await;
        let len = string(&packet, 5).len();
        got += len;
        raw.send(
            &Packet::new(CHANNEL_WINDOW_ADJUST)
                .u32(channel)
                .u32(u32::try_from(len).unwrap()),
        )
        .await;
    }
    assert_eq!(got, requests * 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_dropped_lets_the_peer_send_into_the_void() {
    let server = TestServer::start().await;
    let mut raw = Raw::login(server.address).await;
    let (channel, window, _) = raw.open(0, 1000).await;
    raw.exec(channel, "stall").await;
    let (sent, _) = flood(&mut raw, channel, window, Duration::from_secs(2), 60 * MIB).await;
    assert_eq!(sent, 60 * MIB);
}
