//! OPEN by its flags, READ, WRITE and CLOSE.

use longshore_sftp::{OpenFlags, StatusCode};

use crate::support::raw::{UPLOAD, data, open, status_code, status_text};
use crate::support::{Rig, eventually};

const READ: OpenFlags = OpenFlags::READ;
const WRITE: OpenFlags = OpenFlags::WRITE;
const APPEND: OpenFlags = OpenFlags::APPEND;
const CREAT: OpenFlags = OpenFlags::CREAT;
const TRUNC: OpenFlags = OpenFlags::TRUNC;
const EXCL: OpenFlags = OpenFlags::EXCL;

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_visible_to_others_only_after_close() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let other = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let mut reader = rig.raw(&other).await;
    let handle = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&handle, 0, b"new").await, StatusCode::OK);
    assert_eq!(reader.stat("f").await.unwrap_err(), StatusCode::NO_SUCH_FILE);
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
    assert_eq!(reader.stat("f").await.unwrap().size, Some(3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_keeps_the_version_that_it_opened() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"old").unwrap();
    let old = raw.open("f", READ).await;
    let new = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&new, 0, b"newer").await, StatusCode::OK);
    assert_eq!(raw.close(&new).await, StatusCode::OK);
    assert_eq!(data(raw.read(&old, 0, 10).await).as_ref(), b"old");
}

#[tokio::test(flavor = "multi_thread")]
async fn writing_without_truncation_carries_the_other_bytes_over() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"0123456789").unwrap();
    for flags in [WRITE, WRITE | CREAT] {
        let handle = raw.open("f", flags).await;
        assert_eq!(raw.write(&handle, 3, b"xyz").await, StatusCode::OK);
        assert_eq!(std::fs::read(user.home.join("f")).unwrap()[..3], *b"012");
        assert_eq!(raw.close(&handle).await, StatusCode::OK);
        assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"012xyz6789");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_writing_edits_in_place() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"0123456789").unwrap();
    let handle = raw.open("f", READ | WRITE | CREAT).await;
    assert_eq!(raw.write(&handle, 3, b"xyz").await, StatusCode::OK);
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"012xyz6789");
    assert_eq!(data(raw.read(&handle, 2, 3).await).as_ref(), b"2xy");
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn append_goes_to_the_end_whatever_the_offset() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for expected in [&b"onetwo"[..], b"onetwoonetwo"] {
        // The first time the file is made by an upload, the second time it is edited in place.
        let handle = raw.open("f", WRITE | APPEND | CREAT).await;
        for part in [b"one", b"two"] {
            assert_eq!(raw.write(&handle, 0, part).await, StatusCode::OK);
        }
        assert_eq!(raw.close(&handle).await, StatusCode::OK);
        assert_eq!(std::fs::read(user.home.join("f")).unwrap(), expected);
    }
    assert_eq!(
        raw.status(open("missing", WRITE | APPEND)).await,
        StatusCode::NO_SUCH_FILE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn two_sessions_that_append_to_a_new_file_lose_nothing() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let (mut first, mut second) = (rig.raw(&user).await, rig.raw(&user).await);
    let one = first.open("f", WRITE | APPEND | CREAT).await;
    let other = second.open("f", WRITE | APPEND | CREAT).await;
    for _ in 0..2 {
        assert_eq!(first.write(&one, 0, b"one").await, StatusCode::OK);
        assert_eq!(second.write(&other, 0, b"other").await, StatusCode::OK);
    }
    assert_eq!(first.close(&one).await, StatusCode::OK);
    assert_eq!(second.close(&other).await, StatusCode::OK);
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"oneotheroneother");
}

/// Clients that send one file over several connections open it on all of them at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sessions_that_make_one_file_at_once_lose_no_acknowledged_part() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let (mut first, mut second) = (rig.raw(&user).await, rig.raw(&user).await);
    for round in 0..50 {
        let name = format!("f{round}");
        let (one, other) = tokio::join!(
            first.open(&name, WRITE | CREAT),
            second.open(&name, WRITE | CREAT)
        );
        assert_eq!(first.write(&one, 0, b"one").await, StatusCode::OK);
        assert_eq!(second.write(&other, 3, b"other").await, StatusCode::OK);
        assert_eq!(first.close(&one).await, StatusCode::OK);
        assert_eq!(second.close(&other).await, StatusCode::OK);
        assert_eq!(std::fs::read(user.home.join(name)).unwrap(), b"oneother");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn excl_reserves_the_name_across_sessions() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let (mut first, mut second) = (rig.raw(&user).await, rig.raw(&user).await);
    let handle = first.open("f", WRITE | CREAT | EXCL).await;
    assert_eq!(
        second.status(open("f", WRITE | CREAT | EXCL)).await,
        StatusCode::FAILURE
    );
    assert_eq!(first.close(&handle).await, StatusCode::OK);
    assert_eq!(
        second.status(open("f", WRITE | CREAT | EXCL)).await,
        StatusCode::FAILURE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_creat_a_missing_file_stays_missing() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for flags in [
        READ,
        WRITE,
        WRITE | TRUNC,
        READ | WRITE,
        WRITE | EXCL,
        OpenFlags(0),
    ] {
        assert_eq!(
            raw.status(open("missing", flags)).await,
            StatusCode::NO_SUCH_FILE,
            "{flags:?}"
        );
    }
    for flags in [WRITE | CREAT, READ | WRITE | CREAT, READ | CREAT] {
        let name = format!("made-{}", flags.0);
        let handle = raw.open(&name, flags).await;
        assert_eq!(raw.close(&handle).await, StatusCode::OK);
        assert_eq!(std::fs::read(user.home.join(&name)).unwrap(), b"");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handles_allow_what_they_were_opened_for() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let writing = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&writing, 0, b"abc").await, StatusCode::OK);
    assert_eq!(
        status_code(&raw.read(&writing, 0, 1).await),
        StatusCode::PERMISSION_DENIED
    );
    assert_eq!(raw.close(&writing).await, StatusCode::OK);
    let reading = raw.open("f", READ).await;
    assert_eq!(raw.write(&reading, 0, b"x").await, StatusCode::PERMISSION_DENIED);
    assert_eq!(data(raw.read(&reading, 0, 9).await).as_ref(), b"abc");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_stop_at_the_end_and_at_255_kib() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![5; 300 * 1024]).unwrap();
    let handle = raw.open("f", READ).await;
    assert_eq!(data(raw.read(&handle, 0, u32::MAX).await).len(), 255 * 1024);
    assert_eq!(data(raw.read(&handle, 299 * 1024, 255 * 1024).await).len(), 1024);
    assert_eq!(data(raw.read(&handle, 0, 0).await).len(), 0);
    for offset in [300 * 1024, 1 << 40, u64::MAX] {
        let reply = raw.read(&handle, offset, 1).await;
        assert!(
            matches!(status_code(&reply), StatusCode::EOF | StatusCode::BAD_MESSAGE),
            "{offset}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_up_to_the_packet_limit_are_taken() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD).await;
    let most = 256 * 1024 - 64;
    assert_eq!(raw.write(&handle, 0, &vec![9; most]).await, StatusCode::OK);
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
    assert_eq!(std::fs::metadata(user.home.join("f")).unwrap().len(), most as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_cannot_publish_says_so_and_nothing_appears() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(user.home.join("dir")).unwrap();
    let handle = raw.open("dir/f", UPLOAD).await;
    assert_eq!(raw.write(&handle, 0, b"abc").await, StatusCode::OK);
    std::fs::remove_dir(user.home.join("dir")).unwrap();
    assert_ne!(raw.close(&handle).await, StatusCode::OK);
    assert!(!user.home.join("dir").exists());
    assert_eq!(rig.staged(), 0, "the bytes are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_lost_a_write_is_not_published() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&handle, 0, b"abc").await, StatusCode::OK);
    // No store takes a file that long.
    assert_ne!(raw.write(&handle, u64::MAX - 8, b"abc").await, StatusCode::OK);
    let reply = raw.call(crate::support::raw::close(&handle)).await;
    assert_eq!(status_code(&reply), StatusCode::FAILURE);
    assert!(
        status_text(&reply).contains("earlier write failed"),
        "{}",
        status_text(&reply)
    );
    assert!(!user.home.join("f").exists());
    assert_eq!(rig.staged(), 0, "the bytes are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_close_throws_away_nothing_that_came_through_other_handles() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut first = rig.raw(&user).await;
    let dead = first.open("resumed", UPLOAD).await;
    assert_eq!(first.write(&dead, 0, b"abc").await, StatusCode::OK);
    first.finish().await;
    let (mut raw, mut other) = (rig.raw(&user).await, rig.raw(&user).await);
    eventually("it is parked", || rig.server.sessions() == 2).await;
    let shared = other.open("shared", UPLOAD).await;
    assert_eq!(other.write(&shared, 0, b"abc").await, StatusCode::OK);
    for name in ["resumed", "shared"] {
        let handle = raw.open(name, WRITE).await;
        assert_ne!(raw.write(&handle, u64::MAX - 8, b"abc").await, StatusCode::OK);
        assert_eq!(raw.close(&handle).await, StatusCode::FAILURE, "{name}");
        assert_eq!(raw.stat(name).await.unwrap().size, Some(3), "{name}");
        assert!(!user.home.join(name).exists());
    }
    assert_eq!(rig.staged(), 2);
    let handle = raw.open("resumed", WRITE).await;
    assert_eq!(raw.write(&handle, 3, b"def").await, StatusCode::OK);
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
    assert_eq!(std::fs::read(user.home.join("resumed")).unwrap(), b"abcdef");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_without_close_publishes_nothing() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"old").unwrap();
    for orderly in [true, false] {
        let mut raw = rig.raw(&user).await;
        let handle = raw.open("f", UPLOAD).await;
        assert_eq!(raw.write(&handle, 0, b"newer").await, StatusCode::OK);
        if orderly {
            raw.finish().await;
        } else {
            raw.child.kill().await.unwrap();
        }
        eventually("the session ends", || rig.server.sessions() == 0).await;
        assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"old");
    }
}
