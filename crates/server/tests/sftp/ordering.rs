//! What pipelining clients rely on.

use bytes::Bytes;
use longshore_sftp::{Attrs, OpenFlags, Reply, Request, StatusCode};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::support::raw::{Raw, UPLOAD, bytes, close, data, open, read, status_code, write};
use crate::support::{Rig, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_path_sees_everything_that_was_sent_before_it() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for round in 0..20_u64 {
        let handle = raw.open("new", UPLOAD).await;
        let len = 40_000 + round;
        let content = vec![7; usize::try_from(len).unwrap()];
        let requests = [
            write(&handle, 0, &content[..20_000]),
            write(&handle, 20_000, &content[20_000..]),
            close(&handle),
            Request::Rename {
                old_path: bytes("new"),
                new_path: bytes("/moved"),
            },
            Request::Stat { path: bytes("moved") },
            Request::Stat { path: bytes("new") },
            Request::Remove { path: bytes("moved") },
            Request::Stat { path: bytes("moved") },
        ];
        let ids = raw.send.requests(&requests).await;
        for id in &ids[..4] {
            assert_eq!(status_code(&raw.receive.reply(*id).await), StatusCode::OK);
        }
        match raw.receive.reply(ids[4]).await {
            Reply::Attrs(attrs) => assert_eq!(attrs.size, Some(len)),
            other => panic!("{other:?}"),
        }
        assert_eq!(
            status_code(&raw.receive.reply(ids[5]).await),
            StatusCode::NO_SUCH_FILE
        );
        assert_eq!(status_code(&raw.receive.reply(ids[6]).await), StatusCode::OK);
        assert_eq!(
            status_code(&raw.receive.reply(ids[7]).await),
            StatusCode::NO_SUCH_FILE
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_after_close_find_the_handle_gone_and_those_before_it_do_not() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![1; 100_000]).unwrap();
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", OpenFlags::READ).await;
    let mut requests: Vec<_> = (0..20).map(|n| read(&handle, n * 5000, 5000)).collect();
    requests.push(close(&handle));
    requests.push(read(&handle, 0, 1));
    requests.push(close(&handle));
    let ids = raw.send.requests(&requests).await;
    for id in &ids[..20] {
        assert_eq!(data(raw.receive.reply(*id).await).len(), 5000);
    }
    assert_eq!(status_code(&raw.receive.reply(ids[20]).await), StatusCode::OK);
    for id in &ids[21..] {
        assert_eq!(status_code(&raw.receive.reply(*id).await), StatusCode::FAILURE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn truncation_and_reading_of_one_handle_keep_their_order() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD | OpenFlags::READ).await;
    let truncate = |size| Request::FSetStat {
        handle: handle.clone(),
        attrs: Attrs {
            size: Some(size),
            ..Attrs::default()
        },
    };
    let requests = [
        write(&handle, 0, b"0123456789"),
        read(&handle, 0, 100),
        truncate(4),
        read(&handle, 0, 100),
        truncate(6),
        read(&handle, 0, 100),
    ];
    let ids = raw.send.requests(&requests).await;
    assert_eq!(data(raw.receive.reply(ids[1]).await).as_ref(), b"0123456789");
    assert_eq!(data(raw.receive.reply(ids[3]).await).as_ref(), b"0123");
    assert_eq!(data(raw.receive.reply(ids[5]).await).as_ref(), b"0123\0\0");
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"0123\0\0");
}

/// One pipelined request and what a file that does one thing after the other makes of it.
#[derive(Debug, Clone)]
enum Step {
    Write { offset: usize, len: usize, byte: u8 },
    Read { offset: usize, len: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let range = (0..60_000_usize, 1..30_000_usize);
    let step = prop_oneof![
        (range.clone(), any::<u8>()).prop_map(|((offset, len), byte)| Step::Write { offset, len, byte }),
        range.prop_map(|(offset, len)| Step::Read { offset, len }),
    ];
    prop::collection::vec(step, 1..120)
}

/// However writes and reads overlap, the outcome is that of one after the other, in place and staged alike.
#[test]
fn overlapping_requests_of_one_handle_keep_their_order() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (rig, mut raw) = runtime.block_on(async {
        let rig = Rig::start().await;
        let user = rig.user("alice").await;
        let raw = rig.raw(&user).await;
        (rig, raw)
    });
    let config = Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    };
    let raw = std::cell::RefCell::new(&mut raw);
    let outcome = TestRunner::new(config).run(&(steps(), any::<bool>()), |(steps, staged)| {
        runtime.block_on(within(check(&mut raw.borrow_mut(), &steps, staged)));
        Ok(())
    });
    drop(rig);
    outcome.unwrap();
}

async fn check(raw: &mut Raw, steps: &[Step], staged: bool) {
    let create = raw.open("f", UPLOAD).await;
    assert_eq!(raw.close(&create).await, StatusCode::OK);
    let both = OpenFlags::READ | OpenFlags::WRITE;
    let handle = raw
        .open("f", if staged { both | OpenFlags::TRUNC } else { both })
        .await;
    let mut model: Vec<u8> = Vec::new();
    let mut requests = Vec::new();
    let mut expected = Vec::new();
    for step in steps {
        match *step {
            Step::Write { offset, len, byte } => {
                requests.push(write(&handle, offset as u64, &vec![byte; len]));
                model.resize(model.len().max(offset + len), 0);
                model[offset..offset + len].fill(byte);
                expected.push(None);
            }
            Step::Read { offset, len } => {
                requests.push(read(&handle, offset as u64, u32::try_from(len).unwrap()));
                let end = model.len().min(offset + len);
                expected.push(Some(Bytes::copy_from_slice(
                    model.get(offset..end).unwrap_or_default(),
                )));
            }
        }
    }
    requests.push(close(&handle));
    expected.push(None);
    let ids = raw.send.requests(&requests).await;
    for (id, expected) in ids.into_iter().zip(expected) {
        let reply = raw.receive.reply(id).await;
        match expected {
            None => assert_eq!(status_code(&reply), StatusCode::OK),
            Some(empty) if empty.is_empty() => assert_eq!(status_code(&reply), StatusCode::EOF),
            Some(bytes) => assert!(data(reply) == bytes, "a read saw other bytes"),
        }
    }
    let handle = raw.open("f", OpenFlags::READ).await;
    for (n, chunk) in model.chunks(50_000).enumerate() {
        let read = raw.read(&handle, 50_000 * n as u64, 50_000).await;
        assert!(data(read) == chunk, "the file differs");
    }
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn open_sees_the_close_before_it() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD).await;
    let requests = [
        write(&handle, 0, b"abc"),
        close(&handle),
        open("f", OpenFlags::READ),
    ];
    let ids = raw.send.requests(&requests).await;
    let Reply::Handle(handle) = raw.receive.reply(ids[2]).await else {
        panic!("the file is there");
    };
    assert_eq!(data(raw.read(&handle, 0, 10).await).as_ref(), b"abc");
}
