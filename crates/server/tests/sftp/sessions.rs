//! Sessions: who gets one, and how it ends.

use std::time::{Duration, Instant};

use longshore_catalog::{UserChanges, UserStore as _};
use longshore_sftp::{OpenFlags, StatusCode};

use crate::support::raw::{UPLOAD, data, read};
use crate::support::{Rig, User, errors, eventually, success};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_good_login_is_noted() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let wrong = User {
        password: "wrong".to_owned(),
        ..user.clone()
    };
    let refused = rig.sftp(&wrong, "ls\n").await;
    assert!(
        errors(&refused).contains("Permission denied"),
        "{}",
        errors(&refused)
    );
    let unknown = User {
        name: "NOBODY00".to_owned(),
        ..user.clone()
    };
    assert!(!rig.sftp(&unknown, "ls\n").await.status.success());
    assert_eq!(last_connected(&rig, &user).await, None);
    success(&rig.sftp(&user, "ls\n").await);
    assert!(last_connected(&rig, &user).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_a_user_ends_its_sessions_and_discards_what_was_not_closed() {
    let rig = Rig::start().await;
    let (user, other) = (rig.user("alice").await, rig.user("bob").await);
    let mut stays = rig.raw(&other).await;
    let idle = rig.raw(&user).await;
    let mut busy = rig.raw(&user).await;
    let handle = busy.open("f", UPLOAD).await;
    assert_eq!(busy.write(&handle, 0, b"abc").await, StatusCode::OK);
    assert_eq!(rig.staged(), 1);
    let begin = Instant::now();
    rig.catalog.delete_user(&user.name, None).await.unwrap();
    for session in [idle, busy] {
        assert!(session.ended().await.contains("this user was removed"));
    }
    assert!(begin.elapsed() < Duration::from_secs(5), "{:?}", begin.elapsed());
    eventually("the sessions are gone", || rig.server.sessions() == 1).await;
    assert_eq!(rig.staged(), 0);
    assert!(!user.home.join("f").exists());
    assert!(stays.stat("/").await.is_ok());
    let refused = rig.sftp(&user, "ls\n").await;
    assert!(
        errors(&refused).contains("Permission denied"),
        "{}",
        errors(&refused)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_home_is_for_future_sessions() {
    let rig = Rig::start().await;
    let user = rig.user("old").await;
    let mut open = rig.raw(&user).await;
    let handle = open.open("before", UPLOAD).await;
    assert_eq!(open.close(&handle).await, StatusCode::OK);
    let changes = UserChanges {
        home_directory: Some("/new".to_owned()),
        ..UserChanges::default()
    };
    rig.catalog.update_user(&user.name, changes).await.unwrap();
    assert!(open.stat("before").await.is_ok());
    let mut later = rig.raw(&user).await;
    assert_eq!(later.stat("before").await.unwrap_err(), StatusCode::NO_SUCH_FILE);
    assert!(rig.bucket_dir().join("files/new").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_session_too_many_is_told_so() {
    let rig = Rig::start_with(|config| config.sessions_per_user = 2).await;
    let (user, other) = (rig.user("alice").await, rig.user("bob").await);
    let first = rig.raw(&user).await;
    let _second = rig.raw(&user).await;
    let refused = rig.sftp(&user, "ls\n").await;
    assert!(
        errors(&refused).contains("2 sessions open already"),
        "{}",
        errors(&refused)
    );
    success(&rig.sftp(&other, "ls\n").await);
    assert!(first.finish().await.status.success());
    eventually("its place is free", || rig.server.sessions() == 1).await;
    success(&rig.sftp(&user, "ls\n").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn channels_of_one_connection_share_one_session() {
    let rig = Rig::start_with(|config| config.sessions_per_user = 1).await;
    let user = rig.user("alice").await;
    let control = format!("ControlPath={}", rig.dir.path().join("control").display());
    let mut master = rig.client("ssh", &user);
    let host = format!("{}@127.0.0.1", user.name);
    master
        .args(["-o", "ControlMaster=yes", "-o", &control, "-N"])
        .arg(&host);
    let mut master = master.spawn().unwrap();
    eventually("the connection is up", || rig.dir.path().join("control").exists()).await;
    for _ in 0..3 {
        let mut sftp = rig.client("sftp", &user);
        sftp.args(["-o", &control, "-b", "/dev/null"]).arg(&host);
        success(&sftp.output().await.unwrap());
    }
    assert_eq!(rig.server.sessions(), 1);
    master.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_session_ends_and_a_working_one_goes_on() {
    let rig = Rig::start_with(|config| config.idle_timeout = Duration::from_millis(1500)).await;
    let user = rig.user("alice").await;
    let idle = rig.raw(&user).await;
    let mut working = rig.raw(&user).await;
    let handle = working.open("f", UPLOAD).await;
    for n in 0..15 {
        assert_eq!(working.write(&handle, n, b"x").await, StatusCode::OK);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(idle.ended().await.contains("idle for too long"));
    assert_eq!(working.close(&handle).await, StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_lets_transfers_finish() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let idle = rig.raw(&user).await;
    let mut upload = rig.raw(&user).await;
    let handle = upload.open("f", UPLOAD).await;
    assert_eq!(upload.write(&handle, 0, b"abc").await, StatusCode::OK);
    let client = async {
        assert!(idle.ended().await.contains("shutting down"));
        let refused = rig.sftp(&user, "ls\n").await;
        assert!(
            errors(&refused).contains("Connection refused"),
            "{}",
            errors(&refused)
        );
        assert_eq!(upload.write(&handle, 3, b"def").await, StatusCode::OK);
        assert_eq!(upload.close(&handle).await, StatusCode::OK);
        assert!(upload.ended().await.contains("shutting down"));
    };
    let begin = Instant::now();
    tokio::join!(rig.server.drain(Duration::from_secs(60)), client);
    assert!(begin.elapsed() < Duration::from_secs(30), "{:?}", begin.elapsed());
    assert_eq!(rig.server.sessions(), 0);
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"abcdef");
}

#[tokio::test(flavor = "multi_thread")]
async fn draining_ends_what_takes_longer_than_the_grace_time() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut upload = rig.raw(&user).await;
    let handle = upload.open("f", UPLOAD).await;
    assert_eq!(upload.write(&handle, 0, b"abc").await, StatusCode::OK);
    let begin = Instant::now();
    rig.server.drain(Duration::from_millis(700)).await;
    assert!(begin.elapsed() >= Duration::from_millis(700));
    assert_eq!(rig.server.sessions(), 0);
    assert!(upload.ended().await.contains("shutting down"));
    assert!(!user.home.join("f").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_one_session_does_not_hold_up_another() {
    let rig = Rig::start().await;
    let (user, other) = (rig.user("alice").await, rig.user("bob").await);
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![1; 64 * 1024]).unwrap();
    let mut flood = rig.raw(&user).await;
    let handle = flood.open("f", OpenFlags::READ).await;
    let requests = vec![read(&handle, 0, 64 * 1024); 2000];
    let ids = flood.send.requests(&requests).await;
    let mut bystander = rig.raw(&other).await;
    for _ in 0..20 {
        let begin = Instant::now();
        assert!(bystander.stat("/").await.is_ok());
        assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
    }
    for id in ids {
        assert_eq!(data(flood.receive.reply(id).await).len(), 64 * 1024);
    }
}

async fn last_connected(rig: &Rig, user: &User) -> Option<longshore_catalog::Date> {
    rig.catalog
        .user(&user.name)
        .await
        .unwrap()
        .unwrap()
        .last_connected
}

/// A slow line is no idleness: replies that leave are signs of life, however long all of them take. One that has come to
/// a halt is ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_slow_download_goes_on_and_a_stalled_one_ends() {
    const LEN: u32 = 128 * 1024;
    let rig = Rig::start_with(|config| config.idle_timeout = Duration::from_secs(3)).await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), vec![1; LEN as usize]).unwrap();
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", OpenFlags::READ).await;
    // Far more than the client's window, the pipes in between and the server's budget hold together.
    let requests = vec![read(&handle, 0, LEN); 400];
    raw.send.requests(&requests).await;
    for _ in 0..60 {
        assert!(raw.receive.next().await.is_some());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(rig.server.sessions(), 1, "six seconds, and still at work");
    eventually("the session ends", || rig.server.sessions() == 0).await;
}
