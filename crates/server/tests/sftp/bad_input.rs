//! What breaks the protocol, or stretches it.

use std::time::Duration;

use bytes::Bytes;
use longshore_sftp::{ExtendedRequest, Handle, Init, OpenFlags, Request, RequestId, StatusCode};

use crate::support::raw::{UPLOAD, bytes, open, read, status_code, status_text};
use crate::support::{Rig, errors, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn unknown_requests_are_unsupported_and_the_session_goes_on() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let unknown = ExtendedRequest::Unknown {
        name: bytes("surprise@example.com"),
        data: bytes("anything"),
    };
    assert_eq!(
        status_code(&raw.extended(unknown).await),
        StatusCode::OP_UNSUPPORTED
    );
    // Length 5, type 99, id 0x01020304.
    raw.send.bytes(&[0, 0, 0, 5, 99, 1, 2, 3, 4]).await;
    let reply = raw.receive.reply(RequestId(0x0102_0304)).await;
    assert_eq!(status_code(&reply), StatusCode::OP_UNSUPPORTED);
    // A READ that ends after its id.
    raw.send.bytes(&[0, 0, 0, 5, 5, 1, 2, 3, 5]).await;
    let reply = raw.receive.reply(RequestId(0x0102_0305)).await;
    assert_eq!(status_code(&reply), StatusCode::BAD_MESSAGE);
    assert!(raw.stat("/").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_framing_ends_its_channel_and_nothing_else() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut bystander = rig.raw(&user).await;
    // Too long, empty, too short for an id, INIT once more.
    for garbage in [
        &[0x7f, 0xff, 0xff, 0xff, 3][..],
        &[0; 4],
        &[0, 0, 0, 1, 3],
        &[0, 0, 0, 5, 1, 0, 0, 0, 3],
    ] {
        let mut raw = rig.raw(&user).await;
        raw.send.bytes(garbage).await;
        assert!(raw.receive.next().await.is_none());
        let output = raw.finish().await;
        assert_eq!(output.status.code(), Some(1), "{garbage:?}");
        assert!(
            errors(&output).contains("protocol error"),
            "{garbage:?}: {}",
            errors(&output)
        );
    }
    assert!(bystander.stat("/").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_before_init_ends_the_channel() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.connect(&user);
    raw.send.request(&open("f", UPLOAD)).await;
    let output = raw.finish().await;
    assert!(errors(&output).contains("protocol error"), "{}", errors(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_version_of_a_client_is_answered_with_3() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    for version in [3, 6, u32::MAX] {
        let mut raw = rig.connect(&user);
        let init = Init {
            version,
            extensions: Vec::new(),
        };
        raw.send.bytes(&init.to_packet().unwrap()).await;
        let packet = raw.receive.packet().await.unwrap();
        assert_eq!(packet[..5], [2, 0, 0, 0, 3]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_nothing_is_sent_away() {
    let rig = Rig::start_with(|config| config.init_timeout = Duration::from_millis(300)).await;
    let user = rig.user("alice").await;
    let raw = rig.connect(&user);
    assert!(raw.ended().await.contains("no SFTP request"));
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_of_nobody_are_invalid() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let known = raw.open("f", UPLOAD).await;
    let long = Handle::new(Bytes::from(vec![0; 256])).unwrap();
    for handle in [
        Handle::from(u64::MAX),
        Handle::new("").unwrap(),
        Handle::new("x").unwrap(),
        long,
    ] {
        assert_ne!(handle, known);
        for request in [
            Request::Close {
                handle: handle.clone(),
            },
            Request::ReadDir {
                handle: handle.clone(),
            },
            Request::FStat {
                handle: handle.clone(),
            },
            read(&handle, 0, 10),
            crate::support::raw::write(&handle, 0, b"x"),
        ] {
            assert_eq!(raw.status(request).await, StatusCode::FAILURE);
        }
    }
    // A file is no directory.
    assert_eq!(
        raw.status(Request::ReadDir { handle: known }).await,
        StatusCode::FAILURE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_with_nul_or_beyond_the_limit_are_refused_in_words() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for (path, text) in [("a\0b".to_owned(), "NUL"), ("x/".repeat(2048), "exceeds")] {
        for request in [
            open(&path, OpenFlags::READ),
            open(&path, UPLOAD),
            Request::Stat { path: bytes(&path) },
            Request::Rename {
                old_path: bytes("a"),
                new_path: bytes(&path),
            },
            Request::RealPath { path: bytes(&path) },
        ] {
            let reply = raw.call(request.clone()).await;
            if matches!(request, Request::Rename { .. }) {
                assert_ne!(status_code(&reply), StatusCode::OK);
            } else {
                assert_eq!(status_code(&reply), StatusCode::BAD_MESSAGE);
                assert!(status_text(&reply).contains(text), "{}", status_text(&reply));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dots_stay_inside_the_home() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let other = rig.user("alice2").await;
    std::fs::create_dir_all(&other.home).unwrap();
    std::fs::write(other.home.join("secret"), b"x").unwrap();
    let mut raw = rig.raw(&user).await;
    for path in [
        "../alice2/secret",
        "/../alice2/secret",
        "a/../../alice2/secret",
        "../../alice2/secret",
    ] {
        assert_eq!(
            raw.stat(path).await.unwrap_err(),
            StatusCode::NO_SUCH_FILE,
            "{path}"
        );
    }
    assert!(raw.stat("../..").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_that_left_had_asked_to_read_is_not_read() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::File::create(user.home.join("big"))
        .and_then(|file| file.set_len(1 << 40))
        .unwrap();
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("big", OpenFlags::READ).await;
    // 27 GB, asked for in 3 MB; nobody takes the answers.
    let mut requests = Vec::new();
    for number in 0..100_000 {
        let request = read(&handle, number * 261_120, 261_120);
        let id = RequestId(u32::try_from(number).unwrap());
        requests.extend_from_slice(&request.to_packet(id).unwrap());
    }
    raw.send.bytes(&requests).await;
    let before = bytes_read();
    raw.child.kill().await.unwrap();
    eventually("the session is gone", || rig.server.sessions() == 0).await;
    assert!(bytes_read() - before < 4 << 30, "{}", bytes_read() - before);
}

/// Bytes that this process has read so far, from files and sockets (proc(5)).
fn bytes_read() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap();
    let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
    line.and_then(|number| number.trim().parse().ok()).unwrap()
}
