//! Memory that a client can make a session hold. A test binary of its own: it measures the whole process.

mod support;

use std::time::Duration;

use bytes::BytesMut;
use longshore_sftp::OpenFlags;
use support::Rig;
use support::raw::{data, read};

/// 100,000 READs are 400 MB of replies and nobody takes them for a while: the server stops reading requests, holds
/// no more than its budget, and answers all of them in the end.
#[tokio::test(flavor = "multi_thread")]
async fn replies_that_nobody_takes_are_bounded() {
    const REQUESTS: u32 = 100_000;
    const LEN: u32 = 4096;
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![3; LEN as usize]).unwrap();
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", OpenFlags::READ).await;

    let mut all = BytesMut::new();
    for _ in 0..REQUESTS {
        all.extend_from_slice(&raw.send.encode(&read(&handle, 0, LEN)).1);
    }
    let before = resident_bytes();
    let support::raw::Raw {
        mut send,
        mut receive,
        child,
        ..
    } = raw;
    let writer = tokio::spawn(async move {
        send.bytes(&all).await;
        send
    });
    let mut most = 0;
    for _ in 0..40 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        most = most.max(resident_bytes());
    }
    let grown = most.saturating_sub(before) / (1024 * 1024);
    assert!(grown < 48, "{grown} MiB more while the client did not read");

    for _ in 0..REQUESTS {
        let (_, reply) = receive.next().await.expect("every request is answered");
        assert_eq!(data(reply).len(), LEN as usize);
    }
    drop(writer.await.unwrap());
    drop(child);
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
