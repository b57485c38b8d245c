//! OpenSSH's extensions: what is announced works.

use longshore_sftp::{
    Attrs, ExtendedRequest, Handle, Limits, OpenFlags, Reply, Request, SpaceAvailable, StatVfs, StatusCode,
    UsersGroups, VendorId, extension,
};

use crate::support::Rig;
use crate::support::raw::{UPLOAD, bytes, extended_body, one_name, status_code};

#[tokio::test(flavor = "multi_thread")]
async fn version_announces_what_the_store_can_do() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let raw = rig.raw(&user).await;
    assert_eq!(raw.version.version, 3);
    let expected = [
        extension::POSIX_RENAME,
        extension::STATVFS,
        extension::FSTATVFS,
        extension::HARDLINK,
        extension::FSYNC,
        extension::LSETSTAT,
        extension::LIMITS,
        extension::EXPAND_PATH,
        extension::COPY_DATA,
        extension::HOME_DIRECTORY,
        extension::USERS_GROUPS_BY_ID,
        extension::CHECK_FILE,
        extension::CHECK_FILE_HANDLE,
        extension::CHECK_FILE_NAME,
        extension::COPY_FILE,
        extension::SPACE_AVAILABLE,
    ];
    for name in expected {
        assert!(raw.version.supports(name), "{name}");
    }
    let (vendor, others) = raw.version.extensions.split_last().unwrap();
    assert_eq!(others.len(), expected.len());
    assert_eq!(vendor.name, extension::VENDOR_ID.as_bytes());
    let vendor = VendorId::decode(vendor.data.clone()).unwrap();
    assert_eq!(vendor.product.as_ref(), b"longshore");
    assert_eq!(vendor.version.as_ref(), env!("CARGO_PKG_VERSION").as_bytes());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_the_true_ones() {
    let rig = Rig::start_with(|config| config.handles_per_session = 3).await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let reply = raw.extended(ExtendedRequest::Limits).await;
    let limits = Limits::decode(extended_body(reply)).unwrap();
    let expected = Limits {
        max_packet_len: 262_144,
        max_read_len: 261_120,
        max_write_len: 261_120,
        max_open_handles: 3,
    };
    assert_eq!(limits, expected);
    let names = ["a", "b", "c", "d"];
    let mut handles = Vec::new();
    for name in &names[..3] {
        handles.push(raw.open(name, UPLOAD).await);
    }
    let one_more = crate::support::raw::open(names[3], UPLOAD);
    assert_eq!(raw.status(one_more.clone()).await, StatusCode::FAILURE);
    assert_eq!(
        raw.status(Request::OpenDir { path: bytes("/") }).await,
        StatusCode::FAILURE
    );
    assert_eq!(raw.close(&handles[0]).await, StatusCode::OK);
    assert!(matches!(raw.call(one_more).await, Reply::Handle(new) if !handles.contains(&new)));
}

#[tokio::test(flavor = "multi_thread")]
async fn posix_rename_replaces_and_hardlink_does_not() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("a"), b"a").unwrap();
    std::fs::write(user.home.join("b"), b"b").unwrap();
    let hard_link = ExtendedRequest::HardLink {
        old_path: bytes("a"),
        new_path: bytes("b"),
    };
    assert_eq!(status_code(&raw.extended(hard_link).await), StatusCode::FAILURE);
    let rename = ExtendedRequest::PosixRename {
        old_path: bytes("a"),
        new_path: bytes("b"),
    };
    assert_eq!(status_code(&raw.extended(rename).await), StatusCode::OK);
    let hard_link = ExtendedRequest::HardLink {
        old_path: bytes("b"),
        new_path: bytes("c"),
    };
    assert_eq!(status_code(&raw.extended(hard_link).await), StatusCode::OK);
    assert_eq!(std::fs::read(user.home.join("b")).unwrap(), b"a");
    assert_eq!(std::fs::read(user.home.join("c")).unwrap(), b"a");
    assert!(!user.home.join("a").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn statvfs_knows_the_space_by_path_and_handle() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let upload = raw.open("f", UPLOAD).await;
    let by_path = raw.extended(ExtendedRequest::StatVfs { path: bytes("/") }).await;
    let by_handle = raw.extended(ExtendedRequest::FStatVfs { handle: upload }).await;
    for reply in [by_path, by_handle] {
        let space = StatVfs::decode(extended_body(reply)).unwrap();
        assert!(
            space.fragment_size >= 512 && space.blocks > 0 && space.name_max >= 255,
            "{space:?}"
        );
        assert!(
            space.blocks_available <= space.blocks_free && space.blocks_free <= space.blocks,
            "{space:?}"
        );
    }
    let missing = raw
        .extended(ExtendedRequest::StatVfs { path: bytes("/no") })
        .await;
    assert_eq!(status_code(&missing), StatusCode::NO_SUCH_FILE);
}

#[tokio::test(flavor = "multi_thread")]
async fn fsync_works_on_every_kind_of_file_handle() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let upload = raw.open("f", UPLOAD).await;
    assert_eq!(raw.write(&upload, 0, b"abc").await, StatusCode::OK);
    let sync = |handle: &Handle| ExtendedRequest::FSync {
        handle: handle.clone(),
    };
    assert_eq!(status_code(&raw.extended(sync(&upload)).await), StatusCode::OK);
    assert!(!user.home.join("f").exists(), "fsync publishes nothing");
    assert_eq!(raw.close(&upload).await, StatusCode::OK);
    assert_eq!(
        status_code(&raw.extended(sync(&upload)).await),
        StatusCode::FAILURE
    );
    for flags in [OpenFlags::READ, OpenFlags::READ | OpenFlags::WRITE] {
        let handle = raw.open("f", flags).await;
        assert_eq!(status_code(&raw.extended(sync(&handle)).await), StatusCode::OK);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lsetstat_changes_the_link_alone() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("f"), b"x").unwrap();
    std::os::unix::fs::symlink("f", user.home.join("link")).unwrap();
    let before = raw.stat("f").await.unwrap();
    let request = ExtendedRequest::LSetStat {
        path: bytes("link"),
        attrs: Attrs {
            times: Some((7, 8)),
            ..Attrs::default()
        },
    };
    assert_eq!(status_code(&raw.extended(request).await), StatusCode::OK);
    assert_eq!(
        raw.stat("f").await.unwrap().times.map(|t| t.1),
        before.times.map(|t| t.1)
    );
    match raw.call(Request::LStat { path: bytes("link") }).await {
        Reply::Attrs(attrs) => assert_eq!(attrs.times.map(|t| t.1), Some(8)),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tilde_and_home_are_the_root_and_other_users_are_unknown() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let other = rig.user("bob").await;
    let mut raw = rig.raw(&user).await;
    let own = format!("~{}/x", user.name);
    for (path, expected) in [("~", "/"), ("~/a/../b", "/b"), (&own, "/x"), ("a/~", "/a/~")] {
        let reply = raw
            .extended(ExtendedRequest::ExpandPath { path: bytes(path) })
            .await;
        assert_eq!(one_name(&reply), expected, "{path}");
    }
    for path in [format!("~{}", other.name), "~root/x".to_owned()] {
        let reply = raw
            .extended(ExtendedRequest::ExpandPath { path: bytes(&path) })
            .await;
        assert_eq!(status_code(&reply), StatusCode::FAILURE, "{path}");
    }
    let home = |username: &str| ExtendedRequest::HomeDirectory {
        username: bytes(username),
    };
    assert_eq!(one_name(&raw.extended(home("")).await), "/");
    assert_eq!(one_name(&raw.extended(home(&user.name)).await), "/");
    assert_eq!(
        status_code(&raw.extended(home(&other.name)).await),
        StatusCode::FAILURE
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn space_available_agrees_with_statvfs() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let reply = raw.extended(ExtendedRequest::StatVfs { path: bytes("/") }).await;
    let space = StatVfs::decode(extended_body(reply)).unwrap();
    let reply = raw
        .extended(ExtendedRequest::SpaceAvailable { path: bytes("/") })
        .await;
    let available = SpaceAvailable::decode(extended_body(reply)).unwrap();
    assert_eq!(available.bytes_on_device, space.blocks * space.fragment_size);
    assert_eq!(u64::from(available.bytes_per_allocation_unit), space.block_size);
    assert!(available.unused_bytes_available_to_user <= available.unused_bytes_on_device);
    assert!(available.bytes_available_to_user <= available.bytes_on_device);
    let missing = raw
        .extended(ExtendedRequest::SpaceAvailable { path: bytes("/no") })
        .await;
    assert_eq!(status_code(&missing), StatusCode::NO_SUCH_FILE);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_has_a_name_and_the_machine_has_none() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let (own, group) = raw.stat("/").await.unwrap().owner.unwrap();
    let reply = raw
        .extended(ExtendedRequest::UsersGroupsById {
            uids: vec![own + 1, own, own],
            gids: vec![group],
        })
        .await;
    let names = UsersGroups::decode(extended_body(reply)).unwrap();
    assert_eq!(names.users, ["", &user.name, &user.name]);
    assert_eq!(names.groups, [""]);
}

/// As many as one request may ask for: the reply fits.
#[tokio::test(flavor = "multi_thread")]
async fn thousands_of_names_fit_into_the_reply() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let (own, _) = raw.stat("/").await.unwrap().owner.unwrap();
    let reply = raw
        .extended(ExtendedRequest::UsersGroupsById {
            uids: vec![own; longshore_sftp::limits::MAX_LOOKUP_IDS],
            gids: Vec::new(),
        })
        .await;
    let names = UsersGroups::decode(extended_body(reply)).unwrap();
    assert_eq!(names.users.len(), longshore_sftp::limits::MAX_LOOKUP_IDS);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_say_what_it_is() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let client = VendorId {
        vendor: bytes("Somebody"),
        product: bytes("App\n"),
        version: bytes("1"),
        build: 1,
    };
    let reply = raw.extended(ExtendedRequest::VendorId(client)).await;
    assert_eq!(status_code(&reply), StatusCode::OK);
}
