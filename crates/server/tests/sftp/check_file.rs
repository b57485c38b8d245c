//! Hashes by request: check-file-handle, check-file-name, and as paramiko asks.

use longshore_sftp::{CheckFile, CheckSubject, ExtendedRequest, FileHashes, OpenFlags, Reply, StatusCode};

use crate::support::Rig;
use crate::support::raw::{UPLOAD, bytes, extended_body, status_code};

const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";
const ABC_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const EMPTY_MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn check(
    subject: CheckSubject,
    algorithms: &str,
    (start, len, block_len): (u64, u64, u32),
) -> ExtendedRequest {
    ExtendedRequest::CheckFile(CheckFile {
        subject,
        algorithms: bytes(algorithms),
        start,
        len,
        block_len,
    })
}

fn answer(reply: Reply, old: bool) -> (String, String) {
    let hashes = FileHashes::decode(extended_body(reply), old).unwrap();
    let name = String::from_utf8(hashes.algorithm.to_vec()).unwrap();
    (
        name,
        hashes.hashes.iter().map(|byte| format!("{byte:02x}")).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_hashed_by_name_and_handle() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let upload = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&upload, 0, b"abc").await, StatusCode::OK);
    assert_eq!(raw.close(&upload).await, StatusCode::OK);
    let path = || CheckSubject::Path(bytes("f"));
    let handle = raw.open("f", OpenFlags::READ).await;

    let reply = raw.extended(check(path(), "nothing,md5,sha256", (0, 0, 0))).await;
    assert_eq!(answer(reply, false), ("md5".to_owned(), ABC_MD5.to_owned()));
    let reply = raw.extended(check(path(), "sha256,md5", (0, 0, 0))).await;
    assert_eq!(answer(reply, false), ("sha256".to_owned(), ABC_SHA256.to_owned()));
    let by_handle = check(CheckSubject::Handle(handle.clone()), "md5", (0, 0, 0));
    assert_eq!(answer(raw.extended(by_handle).await, false).1, ABC_MD5);
    let as_paramiko = check(CheckSubject::OldHandle(handle.clone()), "md5", (0, 0, 0));
    assert_eq!(answer(raw.extended(as_paramiko).await, true).1, ABC_MD5);
    // One byte, more bytes than there are, none at the very end.
    let part = |range| check(CheckSubject::Handle(handle.clone()), "crc32", range);
    assert_eq!(answer(raw.extended(part((0, 3, 0))).await, false).1, "352441c2");
    assert_eq!(answer(raw.extended(part((0, 99, 0))).await, false).1, "352441c2");
    let nothing = check(CheckSubject::Handle(handle.clone()), "md5", (3, 0, 0));
    assert_eq!(answer(raw.extended(nothing).await, false).1, EMPTY_MD5);
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_have_hashes_of_their_own() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(&user.home).unwrap();
    let content = [vec![1_u8; 512], vec![2; 512], vec![3; 100]].concat();
    std::fs::write(user.home.join("f"), &content).unwrap();
    let mut raw = rig.raw(&user).await;
    let path = || CheckSubject::Path(bytes("f"));
    let whole = answer(raw.extended(check(path(), "sha1", (0, 0, 512))).await, false).1;
    let mut parts = String::new();
    for (start, len) in [(0, 512), (512, 512), (1024, 100)] {
        parts += &answer(raw.extended(check(path(), "sha1", (start, len, 0))).await, false).1;
    }
    assert_eq!(whole, parts);
    assert_eq!(whole.len(), 3 * 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_hashed_is_refused() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    let large = std::fs::File::create(user.home.join("large")).unwrap();
    large.set_len(4 << 20).unwrap();
    let upload = raw.open("new", UPLOAD).await;
    let path = |name: &str| CheckSubject::Path(bytes(name));
    let table = [
        (check(path("large"), "sha3", (0, 0, 0)), StatusCode::FAILURE),
        (check(path("large"), "", (0, 0, 0)), StatusCode::FAILURE),
        (check(path("large"), "md5", (0, 0, 255)), StatusCode::FAILURE),
        (check(path("large"), "md5", (5 << 20, 0, 0)), StatusCode::FAILURE),
        // 16,384 blocks of 16 bytes would be one packet and more.
        (check(path("large"), "md5", (0, 0, 256)), StatusCode::FAILURE),
        (check(path("no"), "md5", (0, 0, 0)), StatusCode::NO_SUCH_FILE),
        (check(path("d"), "md5", (0, 0, 0)), StatusCode::FAILURE),
        (
            check(CheckSubject::Handle(upload), "md5", (0, 0, 0)),
            StatusCode::PERMISSION_DENIED,
        ),
    ];
    for (request, expected) in table {
        let name = format!("{request:?}");
        assert_eq!(status_code(&raw.extended(request).await), expected, "{name}");
    }
    assert!(raw.stat("/").await.is_ok(), "the session goes on");
}

/// Whoever goes away leaves no work behind: a hash of a terabyte would keep a core busy for half an hour.
#[tokio::test(flavor = "multi_thread")]
async fn a_hash_ends_with_its_client() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    let huge = std::fs::File::create(user.home.join("huge")).unwrap();
    huge.set_len(1 << 40).unwrap();
    let request = check(CheckSubject::Path(bytes("huge")), "md5", (0, 0, 0));
    raw.send
        .request(&longshore_sftp::Request::Extended(request))
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert_eq!(rig.server.sessions(), 1);
    raw.child.kill().await.unwrap();
    crate::support::eventually("the session ends", || rig.server.sessions() == 0).await;
}
