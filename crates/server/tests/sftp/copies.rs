//! Copies on the server: copy-data and copy-file.

use std::os::unix::fs::{FileExt as _, MetadataExt as _};

use longshore_sftp::{ExtendedRequest, Handle, OpenFlags, StatusCode};

use crate::support::raw::{Raw, UPLOAD, bytes, status_code};
use crate::support::{Rig, User};

fn put(user: &User, name: &str, content: &[u8]) {
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join(name), content).unwrap();
}

fn get(user: &User, name: &str) -> Vec<u8> {
    std::fs::read(user.home.join(name)).unwrap()
}

async fn copy(raw: &mut Raw, from: (&Handle, u64, u64), to: (&Handle, u64)) -> StatusCode {
    let reply = raw
        .extended(ExtendedRequest::CopyData {
            read_from: from.0.clone(),
            read_offset: from.1,
            read_len: from.2,
            write_to: to.0.clone(),
            write_offset: to.1,
        })
        .await;
    status_code(&reply)
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_of_any_kind_of_handle_are_copied() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let content: Vec<u8> = (0..700_000_u32).map(|i| (i % 251).to_le_bytes()[0]).collect();
    put(&user, "source", &content);
    put(&user, "old", b"0123456789");
    let mut raw = rig.raw(&user).await;
    let source = raw.open("source", OpenFlags::READ).await;

    let new = raw.open("new", UPLOAD).await;
    assert_eq!(copy(&mut raw, (&source, 0, 0), (&new, 0)).await, StatusCode::OK);
    assert_eq!(
        copy(&mut raw, (&source, 10, 300_000), (&new, 700_000)).await,
        StatusCode::OK
    );
    assert_eq!(raw.close(&new).await, StatusCode::OK);
    assert_eq!(get(&user, "new"), [&content[..], &content[10..300_010]].concat());

    let edit = raw.open("old", OpenFlags::READ | OpenFlags::WRITE).await;
    assert_eq!(copy(&mut raw, (&source, 5, 3), (&edit, 2)).await, StatusCode::OK);
    // From a file that is being edited, too.
    let second = raw.open("second", UPLOAD).await;
    assert_eq!(copy(&mut raw, (&edit, 0, 0), (&second, 0)).await, StatusCode::OK);
    assert_eq!(raw.close(&edit).await, StatusCode::OK);
    assert_eq!(raw.close(&second).await, StatusCode::OK);
    assert_eq!(get(&user, "old"), b"01\x05\x06\x0756789");
    assert_eq!(get(&user, "second"), get(&user, "old"));

    let append = raw.open("old", OpenFlags::WRITE | OpenFlags::APPEND).await;
    assert_eq!(
        copy(&mut raw, (&source, 65, 3), (&append, 0)).await,
        StatusCode::OK
    );
    assert_eq!(raw.close(&append).await, StatusCode::OK);
    assert_eq!(get(&user, "old"), b"01\x05\x06\x0756789ABC");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_not_copied_into_itself_nor_between_wrong_handles() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    put(&user, "f", b"0123456789");
    let mut raw = rig.raw(&user).await;
    let both = raw.open("f", OpenFlags::READ | OpenFlags::WRITE).await;
    let reader = raw.open("f", OpenFlags::READ).await;
    let writer = raw.open("g", UPLOAD).await;
    assert_eq!(
        copy(&mut raw, (&both, 0, 4), (&both, 4)).await,
        StatusCode::FAILURE
    );
    assert_eq!(
        copy(&mut raw, (&reader, 0, 4), (&both, 4)).await,
        StatusCode::FAILURE
    );
    assert_eq!(
        copy(&mut raw, (&writer, 0, 4), (&both, 4)).await,
        StatusCode::PERMISSION_DENIED
    );
    let other = raw.open("h", UPLOAD).await;
    assert_eq!(raw.write(&other, 0, b"x").await, StatusCode::OK);
    assert_eq!(raw.close(&other).await, StatusCode::OK);
    let other = raw.open("h", OpenFlags::READ).await;
    assert_eq!(
        copy(&mut raw, (&reader, 0, 4), (&other, 0)).await,
        StatusCode::PERMISSION_DENIED
    );
    let gone = Handle::from(77);
    assert_eq!(
        copy(&mut raw, (&gone, 0, 4), (&writer, 0)).await,
        StatusCode::FAILURE
    );
    assert_eq!(
        copy(&mut raw, (&reader, u64::MAX, 4), (&writer, 0)).await,
        StatusCode::BAD_MESSAGE
    );
    assert_eq!(
        copy(&mut raw, (&reader, 0, 1 << 40), (&writer, 0)).await,
        StatusCode::EOF
    );
    assert_eq!(get(&user, "f"), b"0123456789");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_file_replaces_only_when_asked() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    put(&user, "a", b"new");
    put(&user, "b", b"old");
    std::fs::create_dir(user.home.join("d")).unwrap();
    let mut raw = rig.raw(&user).await;
    let request = |from: &str, to: &str, overwrite| ExtendedRequest::CopyFile {
        source_path: bytes(from),
        target_path: bytes(to),
        overwrite,
    };
    let table = [
        ("a", "b", false, StatusCode::FAILURE, "old"),
        ("a", "a", true, StatusCode::FAILURE, "old"),
        ("no", "b", true, StatusCode::NO_SUCH_FILE, "old"),
        ("d", "b", true, StatusCode::FAILURE, "old"),
        ("a", "d", true, StatusCode::FAILURE, "old"),
        ("a", "b", true, StatusCode::OK, "new"),
        ("a", "c", false, StatusCode::OK, "new"),
    ];
    for (from, to, overwrite, expected, content) in table {
        let reply = raw.extended(request(from, to, overwrite)).await;
        assert_eq!(status_code(&reply), expected, "{from} {to} {overwrite}");
        assert_eq!(get(&user, "b"), content.as_bytes(), "{from} {to} {overwrite}");
        assert_eq!(get(&user, "a"), b"new");
    }
    assert_eq!(get(&user, "c"), b"new");
    assert_eq!(rig.staged(), 0, "nothing is left over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_into_the_same_file_by_another_name_ends() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    put(&user, "f", b"0123456789");
    std::fs::hard_link(user.home.join("f"), user.home.join("g")).unwrap();
    let mut raw = rig.raw(&user).await;
    let source = raw.open("f", OpenFlags::READ).await;
    let target = raw.open("g", OpenFlags::READ | OpenFlags::WRITE).await;
    // Reading what was written would go on until the disk is full.
    assert_eq!(
        copy(&mut raw, (&source, 0, 0), (&target, 10)).await,
        StatusCode::OK
    );
    assert_eq!(get(&user, "f"), b"01234567890123456789");
    let all = copy(&mut raw, (&source, 0, 1 << 62), (&target, 20)).await;
    assert_eq!(all, StatusCode::EOF);
    assert_eq!(get(&user, "f").len(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn holes_stay_holes_and_take_no_old_bytes_with_them() {
    const MIB: u64 = 1 << 20;
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    put(&user, "old", &vec![7; 3 << 20]);
    put(&user, "sparse", b"front");
    let sparse = std::fs::File::options()
        .write(true)
        .open(user.home.join("sparse"))
        .unwrap();
    sparse.write_at(b"middle", 40 * MIB).unwrap();
    sparse.set_len(70 * MIB).unwrap();
    let mut raw = rig.raw(&user).await;
    let request = ExtendedRequest::CopyFile {
        source_path: bytes("sparse"),
        target_path: bytes("copy"),
        overwrite: false,
    };
    assert_eq!(status_code(&raw.extended(request).await), StatusCode::OK);
    let source = raw.open("sparse", OpenFlags::READ).await;
    let edit = raw.open("old", OpenFlags::READ | OpenFlags::WRITE).await;
    assert_eq!(copy(&mut raw, (&source, 0, 0), (&edit, 0)).await, StatusCode::OK);
    assert_eq!(raw.close(&edit).await, StatusCode::OK);
    let upload = raw.open("upload", UPLOAD).await;
    assert_eq!(raw.write(&upload, 0, &vec![7; 200_000]).await, StatusCode::OK);
    assert_eq!(
        copy(&mut raw, (&source, 0, 0), (&upload, 0)).await,
        StatusCode::OK
    );
    assert_eq!(raw.close(&upload).await, StatusCode::OK);
    for name in ["copy", "old", "upload"] {
        assert_eq!(get(&user, name), get(&user, "sparse"), "{name}");
        let taken = user.home.join(name).metadata().unwrap().blocks() * 512;
        assert!(taken < 4 * MIB, "{name} takes {taken} bytes");
    }
    let output = rig.ssh(&user, &["sha256sum", "copy"]).await;
    let expected = std::process::Command::new("sha256sum")
        .current_dir(&user.home)
        .arg("copy")
        .output();
    assert_eq!(output.stdout, expected.unwrap().stdout);
}
