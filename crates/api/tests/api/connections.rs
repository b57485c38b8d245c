//! HTTP as strangers speak it: old, odd, broken, slow, too much.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Answer, Fault, Server, exchange, raw};

const BODY: &str = r#"{"homeDirectory":"/a","description":"a"}"#;

/// Reads exactly one answer with a length from a connection that stays open.
async fn answer_of(stream: &mut TcpStream) -> Answer {
    let mut seen = Vec::new();
    loop {
        let read = stream.read_buf(&mut seen).await.expect("the server answers");
        let text = String::from_utf8_lossy(&seen).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Answer::parse(&seen);
            }
        }
        assert_ne!(read, 0, "the server closed in the middle: {text}");
    }
}

#[tokio::test]
async fn http_1_0_is_answered() {
    let server = Server::start().await;
    let request = format!("GET /users HTTP/1.0\r\nauthorization: Key {}\r\n\r\n", server.key);
    let answer = raw(server.address, request.as_bytes()).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#"{"items":[]}"#));
    raw(server.address, b"GET /users HTTP/1.0\r\n\r\n")
        .await
        .assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn a_chunked_body_is_taken_up_to_the_limit() {
    let server = Server::start().await;
    let head = format!(
        "POST /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Key {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        server.key
    );
    let (one, two) = BODY.split_at(7);
    let good = format!(
        "{head}{:x}\r\n{one}\r\n{:x}\r\n{two}\r\n0\r\n\r\n",
        one.len(),
        two.len()
    );
    assert_eq!(raw(server.address, good.as_bytes()).await.status, 201);
    let chunk = "x".repeat(0x8000);
    let large = format!("{head}{}0\r\n\r\n", format!("8000\r\n{chunk}\r\n").repeat(8));
    raw(server.address, large.as_bytes())
        .await
        .assert_error(413, "RequestTooLargeException");
    let broken = format!("{head}zz\r\n");
    raw(server.address, broken.as_bytes())
        .await
        .assert_error(400, "SerializationException");
    assert_eq!(server.user_count().await, 1);
}

#[tokio::test]
async fn a_request_that_is_no_http_is_told_so_in_json() {
    let server = Server::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"[..],
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"GET /users\r\n\r\n",
        b"GET /us ers HTTP/1.1\r\n\r\n",
        b"GET /users HTTP/9.9\r\n\r\n",
        b"GET /users HTTP/1.1\r\nbad header\r\n\r\n",
        b"POST /users HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST /users HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        let answer = raw(server.address, garbage).await;
        answer.assert_error(400, "SerializationException");
        assert_eq!(answer.header("connection"), Some("close"));
    }
}

#[tokio::test]
async fn heads_beyond_the_limit_are_told_so_in_json() {
    let server = Server::start().await;
    let large = format!(
        "GET /users HTTP/1.1\r\nconnection: close\r\nx: {}\r\n\r\n",
        "x".repeat(100_000)
    );
    raw(server.address, large.as_bytes())
        .await
        .assert_error(431, "RequestTooLargeException");
    let many = format!("GET /users HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(200));
    raw(server.address, many.as_bytes())
        .await
        .assert_error(431, "RequestTooLargeException");
    let long = format!("GET /users/{} HTTP/1.1\r\n\r\n", "x".repeat(70_000));
    let answer = raw(server.address, long.as_bytes()).await;
    assert!([414, 431].contains(&answer.status), "{answer:?}");
    answer.assert_error(answer.status, "RequestTooLargeException");
    let bearable = server
        .request("GET", "/users")
        .header("x", &"x".repeat(10_000))
        .send()
        .await;
    assert_eq!(bearable.status, 200);
}

#[tokio::test]
async fn one_connection_carries_many_requests_also_after_errors() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    for (path, status) in [
        ("/users", 200),
        ("/nowhere", 404),
        ("/users?pageSize=0", 400),
        ("/users", 200),
    ] {
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
            server.key
        );
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the server reads");
        assert_eq!(answer_of(&mut stream).await.status, status, "{path}");
    }
}

#[tokio::test]
async fn an_error_after_good_requests_does_not_spoil_their_answers() {
    let server = Server::start().await;
    let good = format!(
        "GET /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
        server.key
    );
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    stream
        .write_all(format!("{good}{good}nonsense\r\n\r\n").as_bytes())
        .await
        .expect("the server reads");
    let mut seen = String::new();
    stream
        .read_to_string(&mut seen)
        .await
        .expect("the server closes in order");
    assert_eq!(seen.matches("HTTP/1.1 200 OK").count(), 2, "{seen}");
    assert_eq!(seen.matches(r#"{"items":[]}"#).count(), 2, "{seen}");
    assert!(
        seen.ends_with(r#"{"code":"SerializationException","message":"The request is not valid HTTP."}"#),
        "{seen}"
    );
}

#[tokio::test]
async fn whoever_expects_100_continue_gets_it() {
    let server = Server::start().await;
    let head = format!(
        "POST /users HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Key {}\r\nexpect: 100-continue\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n",
        server.key,
        BODY.len()
    );
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    let mut seen = [0; 25];
    stream.read_exact(&mut seen).await.expect("the server answers");
    assert_eq!(&seen, b"HTTP/1.1 100 Continue\r\n\r\n");
    assert_eq!(exchange(stream, BODY.as_bytes()).await.status, 201);
}

#[tokio::test]
async fn whoever_sends_and_shuts_the_door_gets_the_answer() {
    let server = Server::start().await;
    let request = format!(
        "GET /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
        server.key
    );
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    stream.shutdown().await.expect("half of it");
    let mut seen = Vec::new();
    stream
        .read_to_end(&mut seen)
        .await
        .expect("the server closes in order");
    assert_eq!(Answer::parse(&seen).status, 200);
}

#[tokio::test]
async fn a_refusal_reaches_a_peer_that_is_still_sending() {
    let server = Server::start().await;
    let body = "x".repeat(4_000_000);
    let answer = server
        .anonymous("POST", "/users")
        .text("application/json", &body)
        .send()
        .await;
    answer.assert_error(401, "UnauthorizedException");
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_left() {
    let server =
        Server::start_with(|_, options| options.head_read_timeout = Duration::from_millis(200)).await;
    for start in [&b""[..], b"GET /users HTT"] {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("the server listens");
        stream.write_all(start).await.expect("the server reads");
        let mut seen = Vec::new();
        let closed = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut seen)).await;
        closed.expect("the server closes").expect("in order");
    }
}

#[tokio::test]
async fn a_slow_body_is_left_with_an_answer() {
    let server =
        Server::start_with(|settings, _| settings.body_read_timeout = Duration::from_millis(200)).await;
    let head = format!(
        "POST /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\ncontent-type: application/json\r\n\
         content-length: 100\r\n\r\n{{",
        server.key
    );
    raw(server.address, head.as_bytes())
        .await
        .assert_error(408, "RequestTimeoutException");
}

#[tokio::test]
async fn row_29_a_connection_too_many_is_told_to_come_again() {
    let server = Server::start_with(|_, options| options.max_connections = 1).await;
    let mut first = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let request = format!(
        "GET /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
        server.key
    );
    first
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    assert_eq!(answer_of(&mut first).await.status, 200);
    let refused = server.request("GET", "/users").send().await;
    refused.assert_error(503, "ServiceUnavailableException");
    refused.assert_retry_after();
    drop(first);
    let again = async {
        while server.request("GET", "/users").send().await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), again)
        .await
        .expect("the place is free again");
}

#[tokio::test]
async fn a_stop_lets_requests_finish_and_closes_idle_connections() {
    let server = Server::start().await;
    let mut idle = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let request = format!(
        "GET /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
        server.key
    );
    idle.write_all(request.as_bytes())
        .await
        .expect("the server reads");
    answer_of(&mut idle).await;

    server.catalog.gate.set(Fault::Stall);
    let body = json!({"homeDirectory": "/a", "description": "a"});
    let working = tokio::spawn(server.request("POST", "/users").json(&body).send());
    while server.catalog.gate.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop.cancel();
    let mut seen = Vec::new();
    idle.read_to_end(&mut seen)
        .await
        .expect("the idle one is closed in order");
    assert!(!server.task.is_finished(), "a request is still at work");
    server.catalog.gate.release();
    assert_eq!(working.await.expect("no panic").status, 201);
    server.task.await.expect("it stops in order");
    assert!(
        TcpStream::connect(server.address).await.is_err(),
        "nobody listens any more"
    );
}

#[tokio::test]
async fn a_stop_does_not_wait_for_ever() {
    let server = Server::start_with(|_, options| options.stop_grace = Duration::from_millis(200)).await;
    server.catalog.gate.set(Fault::Stall);
    let mut working = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let request = format!(
        "GET /users HTTP/1.1\r\nhost: x\r\nauthorization: Key {}\r\n\r\n",
        server.key
    );
    working
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    while server.catalog.gate.waiting() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.stop.cancel();
    let stopped = tokio::time::timeout(Duration::from_secs(10), server.task).await;
    stopped.expect("it gives up").expect("in order");
    let mut seen = Vec::new();
    working.read_to_end(&mut seen).await.expect("closed");
    assert_eq!(seen, b"", "a request that never ended has no answer");
}
