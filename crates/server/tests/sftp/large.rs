//! As much as is allowed of everything: handles, entries of a directory, bytes of a request, requests under way.

use std::collections::HashSet;

use longshore_sftp::limits::MAX_DATA_LEN;
use longshore_sftp::{OpenFlags, Reply, Request, StatusCode};

use crate::support::Rig;
use crate::support::raw::{UPLOAD, bytes, data, read, status_code, write};

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_handles_are_open_at_once() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let mut handles = Vec::new();
    for number in 0..1000 {
        let handle = raw.open(&format!("f{number}"), UPLOAD).await;
        assert_eq!(
            raw.write(&handle, 0, number.to_string().as_bytes()).await,
            StatusCode::OK
        );
        handles.push(handle);
    }
    assert_eq!(handles.iter().collect::<HashSet<_>>().len(), 1000);
    for handle in &handles {
        assert_eq!(raw.close(handle).await, StatusCode::OK);
    }
    for number in [0, 500, 999] {
        let content = std::fs::read_to_string(user.home.join(format!("f{number}"))).unwrap();
        assert_eq!(content, number.to_string());
    }
    assert_eq!(std::fs::read_dir(&user.home).unwrap().count(), 1000);
}

/// 64 of the longest READs and WRITEs each at once.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_of_the_longest_requests_are_under_way() {
    const DEPTH: usize = 64;
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let block = |number: usize| {
        let mut block = vec![number.to_le_bytes()[0]; MAX_DATA_LEN];
        block[..8].copy_from_slice(&number.to_le_bytes());
        block
    };
    let offset = |number: usize| (number * MAX_DATA_LEN) as u64;
    let upload = raw.open("f", UPLOAD).await;
    let writes: Vec<_> = (0..DEPTH)
        .map(|number| write(&upload, offset(number), &block(number)))
        .collect();
    for id in raw.send.requests(&writes).await {
        assert_eq!(status_code(&raw.receive.reply(id).await), StatusCode::OK);
    }
    assert_eq!(raw.close(&upload).await, StatusCode::OK);
    let handle = raw.open("f", OpenFlags::READ).await;
    let len = u32::try_from(MAX_DATA_LEN).unwrap();
    let reads: Vec<_> = (0..DEPTH)
        .map(|number| read(&handle, offset(number), len))
        .collect();
    for (number, id) in raw.send.requests(&reads).await.into_iter().enumerate() {
        assert!(
            data(raw.receive.reply(id).await) == block(number),
            "block {number}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_a_hundred_thousand_is_listed_whole() {
    const ENTRIES: usize = 100_000;
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    std::fs::write(user.home.join("seed"), b"").unwrap();
    for number in 0..ENTRIES {
        // Symbolic links are made faster than files.
        let name = user.home.join(format!("d/entry {number}"));
        std::os::unix::fs::symlink("../seed", name).unwrap();
    }
    let mut raw = rig.raw(&user).await;
    let handle = match raw.call(Request::OpenDir { path: bytes("d") }).await {
        Reply::Handle(handle) => handle,
        other => panic!("{other:?}"),
    };
    let mut names = HashSet::new();
    loop {
        let handle = handle.clone();
        match raw.call(Request::ReadDir { handle }).await {
            Reply::Name(entries) => {
                for entry in entries {
                    assert!(
                        names.insert(entry.filename.clone()),
                        "twice: {:?}",
                        entry.filename
                    );
                }
            }
            reply => {
                assert_eq!(status_code(&reply), StatusCode::EOF);
                break;
            }
        }
    }
    assert_eq!(names.len(), ENTRIES + 2);
}
