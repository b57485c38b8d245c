//! Attributes of paths and handles.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use longshore_sftp::{Attrs, OpenFlags, Reply, Request, StatusCode};

use crate::support::Rig;
use crate::support::raw::{UPLOAD, bytes};

#[tokio::test(flavor = "multi_thread")]
async fn setstat_changes_what_stat_shows() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"0123456789").unwrap();
    let attrs = Attrs {
        size: Some(4),
        permissions: Some(0o640),
        times: Some((1_000_000, 2_000_000)),
        ..Attrs::default()
    };
    let request = Request::SetStat {
        path: bytes("f"),
        attrs,
    };
    assert_eq!(raw.status(request).await, StatusCode::OK);
    let now = raw.stat("f").await.unwrap();
    assert_eq!(now.size, Some(4));
    assert_eq!(now.permissions, Some(0o100_640));
    assert_eq!(now.times, Some((1_000_000, 2_000_000)));
    let disk = std::fs::metadata(user.home.join("f")).unwrap();
    assert_eq!(
        (disk.len(), disk.permissions().mode() & 0o7777, disk.mtime()),
        (4, 0o640, 2_000_000)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attributes_set_on_an_upload_come_with_it() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&handle, 0, b"abc").await, StatusCode::OK);
    let attrs = Attrs {
        permissions: Some(0o600),
        times: Some((5, 6)),
        ..Attrs::default()
    };
    let request = Request::FSetStat {
        handle: handle.clone(),
        attrs,
    };
    assert_eq!(raw.status(request).await, StatusCode::OK);
    match raw
        .call(Request::FStat {
            handle: handle.clone(),
        })
        .await
    {
        Reply::Attrs(attrs) => assert_eq!((attrs.size, attrs.times), (Some(3), Some((5, 6)))),
        other => panic!("{other:?}"),
    }
    assert_eq!(raw.close(&handle).await, StatusCode::OK);
    let disk = std::fs::metadata(user.home.join("f")).unwrap();
    assert_eq!((disk.permissions().mode() & 0o7777, disk.mtime()), (0o600, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn lstat_shows_the_link_and_stat_what_it_points_to() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(user.home.join("dir")).unwrap();
    std::os::unix::fs::symlink("dir", user.home.join("link")).unwrap();
    assert_eq!(
        kind(&raw.call(Request::LStat { path: bytes("link") }).await),
        0o120_000
    );
    assert_eq!(
        kind(&raw.call(Request::Stat { path: bytes("link") }).await),
        0o040_000
    );
    // A slash behind the link means what it points to, as in POSIX.
    assert_eq!(
        kind(&raw.call(Request::LStat { path: bytes("link/") }).await),
        0o040_000
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_with_a_trailing_slash_is_not_found() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"x").unwrap();
    let path = || bytes("f/");
    let refused = [
        Request::Stat { path: path() },
        Request::LStat { path: path() },
        Request::Remove { path: path() },
        Request::OpenDir { path: path() },
        Request::Open {
            path: path(),
            flags: OpenFlags::READ,
            attrs: Attrs::default(),
        },
        Request::Rename {
            old_path: path(),
            new_path: bytes("g"),
        },
        Request::Rename {
            old_path: bytes("f"),
            new_path: bytes("g/"),
        },
    ];
    for request in refused {
        assert_eq!(
            raw.status(request.clone()).await,
            StatusCode::NO_SUCH_FILE,
            "{request:?}"
        );
    }
    assert_eq!(std::fs::read(user.home.join("f")).unwrap(), b"x");
}

fn kind(reply: &Reply) -> u32 {
    match reply {
        Reply::Attrs(attrs) => attrs.permissions.unwrap() & 0o170_000,
        other => panic!("{other:?}"),
    }
}

/// As `cp -p` and backup programs send it: everything at once.
#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_changes_nothing_is_taken_and_another_is_refused() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(user.home.join("d")).unwrap();
    std::fs::write(user.home.join("f"), b"0123456789").unwrap();
    let (uid, gid) = raw.stat("f").await.unwrap().owner.unwrap();
    let attrs = |size, owner| Attrs {
        size,
        owner: Some(owner),
        permissions: Some(0o750),
        times: Some((5, 6)),
        extended: Vec::new(),
    };
    let handle = raw.open("f", OpenFlags::READ | OpenFlags::WRITE).await;
    for (owner, expected) in [
        ((uid, gid), StatusCode::OK),
        ((uid + 1, gid), StatusCode::PERMISSION_DENIED),
        ((uid, gid + 1), StatusCode::PERMISSION_DENIED),
    ] {
        let requests = [
            Request::SetStat {
                path: bytes("f"),
                attrs: attrs(Some(4), owner),
            },
            Request::SetStat {
                path: bytes("d"),
                attrs: attrs(None, owner),
            },
            Request::FSetStat {
                handle: handle.clone(),
                attrs: attrs(Some(4), owner),
            },
        ];
        for request in requests {
            let name = format!("{request:?}");
            assert_eq!(raw.status(request).await, expected, "{name}");
        }
        let found = raw.stat("f").await.unwrap();
        assert_eq!((found.size, found.times), (Some(4), Some((5, 6))));
        assert_eq!(found.owner, Some((uid, gid)));
    }
}
