//! Memory that a client can make the server hold, and what it costs the others. A test binary of its own: it measures
//! the whole process.

mod support;

use std::time::{Duration, Instant};

use bytes::BytesMut;
use longshore_sftp::{OpenFlags, Reply, StatusCode};
use support::raw::{Raw, Receiver, Sender, UPLOAD, data, read, status_code, write};
use support::twisted::Twist;
use support::{Rig, User};
use tokio::io::AsyncWriteExt as _;

/// By how much the process may grow.
const BOUND_MIB: u64 = 32;

/// How long nobody reads.
const SILENCE: Duration = Duration::from_secs(30);

/// Both in one test: each measures the process, and tests of one binary may run at the same time.
#[tokio::test(flavor = "multi_thread")]
async fn neither_unread_replies_nor_a_slow_store_fill_the_memory() {
    // The one that takes less first: memory that a process once had is seldom given back.
    writes_ahead_of_a_slow_store().await;
    replies_that_nobody_takes().await;
}

/// What paramiko's `get` of a large file does on a slow line: 400,000 READs at once, and nobody takes the replies. The
/// server stops reading requests; others have their answers meanwhile; and all are answered in the end.
async fn replies_that_nobody_takes() {
    const REQUESTS: u32 = 400_000;
    // Those that fill the budgets are of the usual length; the rest is short, so that the test ends some day.
    const LONG: u32 = 4_000;
    let len = |number: u32| if number < LONG { 32 * 1024 } else { 64 };
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![3; 32 * 1024]).unwrap();
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", OpenFlags::READ).await;
    let mut others = Others::connect(&rig, &user).await;

    let mut all = BytesMut::new();
    for number in 0..REQUESTS {
        all.extend_from_slice(&raw.send.encode(&read(&handle, 0, len(number))).1);
    }
    let before = resident_bytes();
    let Raw {
        mut send,
        mut receive,
        child,
        ..
    } = raw;
    let writer = tokio::spawn(async move {
        send_all(&mut send, &all).await;
        send
    });
    let grown = others.watch(before).await;
    assert!(
        grown < BOUND_MIB,
        "{grown} MiB more while the client did not read"
    );

    for _ in 0..REQUESTS {
        let (id, reply) = next(&mut receive).await;
        assert_eq!(data(reply).len(), len(id - 1) as usize);
    }
    drop(writer.await.unwrap());
    drop(child);
}

/// The client writes as fast as it can, and the store takes 20 ms for a write.
async fn writes_ahead_of_a_slow_store() {
    const WRITES: u32 = 1_500;
    let rig = Rig::start_twisted(Twist::SlowWrites, |_| {}).await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD).await;
    let mut others = Others::connect(&rig, &user).await;
    let payload = vec![5; 32 * 1024];
    let mut all = BytesMut::new();
    for number in 0..WRITES {
        let offset = u64::from(number) * payload.len() as u64;
        // The same place twice waits for itself: no two of these run at once.
        let packet = raw.send.encode(&write(&handle, offset / 2, &payload)).1;
        all.extend_from_slice(&packet);
    }
    let before = resident_bytes();
    let Raw {
        mut send,
        mut receive,
        child,
        ..
    } = raw;
    let writer = tokio::spawn(async move {
        send_all(&mut send, &all).await;
        send
    });
    let grown = others.watch_for(before, Duration::from_secs(5)).await;
    assert!(grown < BOUND_MIB, "{grown} MiB more while the store was slow");
    for _ in 0..WRITES {
        let (_, reply) = next(&mut receive).await;
        assert_eq!(status_code(&reply), StatusCode::OK);
    }
    drop(writer.await.unwrap());
    drop(child);
}

/// Another channel's and another session's view of the server.
struct Others {
    same_user: Raw,
    other_user: Raw,
    times: Vec<Duration>,
}

impl Others {
    async fn connect(rig: &Rig, user: &User) -> Self {
        let other = rig.user("bob").await;
        Self {
            same_user: rig.raw(user).await,
            other_user: rig.raw(&other).await,
            times: Vec::new(),
        }
    }

    async fn watch(&mut self, before: u64) -> u64 {
        self.watch_for(before, SILENCE).await
    }

    /// MiB by which the process has grown at most. Half of the answers at least come within a second.
    async fn watch_for(&mut self, before: u64, time: Duration) -> u64 {
        let begin = Instant::now();
        let mut most = 0;
        while begin.elapsed() < time {
            for raw in [&mut self.same_user, &mut self.other_user] {
                let asked = Instant::now();
                assert!(raw.stat("/").await.is_ok());
                self.times.push(asked.elapsed());
            }
            most = most.max(resident_bytes());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self.times.sort_unstable();
        let median = self.times[self.times.len() / 2];
        assert!(median < Duration::from_secs(1), "others waited {median:?}");
        let grown = most.saturating_sub(before) / (1024 * 1024);
        #[allow(
            clippy::print_stdout,
            reason = "the numbers are worth a look when it passes, too"
        )]
        {
            println!("grown by {grown} MiB, others waited {median:?}");
        }
        grown
    }
}

/// Without the deadline of [`Sender::bytes`]: the server takes its time on purpose.
async fn send_all(send: &mut Sender, all: &[u8]) {
    let stdin = send.stdin();
    stdin.write_all(all).await.unwrap();
    stdin.flush().await.unwrap();
}

async fn next(receive: &mut Receiver) -> (u32, Reply) {
    let (id, reply) = receive.next().await.expect("every request is answered");
    (id.0, reply)
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib * 1024
}
