//! Every extension that VERSION may announce, by its effect.

use futures::FutureExt as _;
use longshore_sftp::limits::MAX_DATA_LEN;
use longshore_sftp::{
    Attrs, CheckFile, CheckSubject, ExtendedRequest, FileHashes, Limits, OpenFlags, Request, SpaceAvailable,
    StatVfs, StatusCode, UsersGroups, VendorId, extension,
};

use super::client::{Client, UPLOAD, bytes, ensure, open, text};
use super::{Result, Try};
use crate::hashing::{Algorithm, Hasher};

/// All of them, by name.
pub(super) const CHECKS: &[(&str, Try)] = &[
    (extension::POSIX_RENAME, |client| posix_rename(client).boxed()),
    (extension::STATVFS, |client| statvfs(client).boxed()),
    (extension::FSTATVFS, |client| fstatvfs(client).boxed()),
    (extension::HARDLINK, |client| hard_link(client).boxed()),
    (extension::FSYNC, |client| fsync(client).boxed()),
    (extension::LSETSTAT, |client| lsetstat(client).boxed()),
    (extension::LIMITS, |client| limits(client).boxed()),
    (extension::EXPAND_PATH, |client| expand_path(client).boxed()),
    (extension::COPY_DATA, |client| copy_data(client).boxed()),
    (extension::HOME_DIRECTORY, |client| home_directory(client).boxed()),
    (extension::USERS_GROUPS_BY_ID, |client| {
        users_groups(client).boxed()
    }),
    (extension::CHECK_FILE, |client| {
        check_file(client, CheckBy::OldHandle).boxed()
    }),
    (extension::CHECK_FILE_HANDLE, |client| {
        check_file(client, CheckBy::Handle).boxed()
    }),
    (extension::CHECK_FILE_NAME, |client| {
        check_file(client, CheckBy::Name).boxed()
    }),
    (extension::COPY_FILE, |client| copy_file(client).boxed()),
    (extension::SPACE_AVAILABLE, |client| {
        space_available(client).boxed()
    }),
    (extension::VENDOR_ID, |client| vendor_id(client).boxed()),
];

async fn posix_rename(client: &mut Client) -> Result {
    client.put("old", b"new content").await?;
    client.put("new", b"old content").await?;
    let request = ExtendedRequest::PosixRename {
        old_path: bytes("old"),
        new_path: bytes("new"),
    };
    client.extended_ok("posix-rename", request).await?;
    client.is_missing("old").await?;
    client.holds("new", b"new content").await
}

async fn statvfs(client: &mut Client) -> Result {
    let body = client
        .extended_body(ExtendedRequest::StatVfs { path: bytes("/") })
        .await?;
    plausible_space(StatVfs::decode(body).map_err(text)?)
}

async fn fstatvfs(client: &mut Client) -> Result {
    let handle = client.open("space", UPLOAD).await?;
    let request = ExtendedRequest::FStatVfs {
        handle: handle.clone(),
    };
    let body = client.extended_body(request).await?;
    client.close(handle).await?;
    plausible_space(StatVfs::decode(body).map_err(text)?)
}

fn plausible_space(space: StatVfs) -> Result {
    ensure(space.blocks > 0 && space.fragment_size > 0, "no size")?;
    ensure(space.blocks_free <= space.blocks, "more free than there is")?;
    ensure(
        space.blocks_available <= space.blocks_free,
        "more available than free",
    )
}

async fn hard_link(client: &mut Client) -> Result {
    client.put("first name", b"linked").await?;
    let request = ExtendedRequest::HardLink {
        old_path: bytes("first name"),
        new_path: bytes("second name"),
    };
    client.extended_ok("hardlink", request).await?;
    client.holds("second name", b"linked").await?;
    let edit = client
        .open("first name", OpenFlags::READ | OpenFlags::WRITE)
        .await?;
    client.write(&edit, 0, b"L").await?;
    client.close(edit).await?;
    client.holds("second name", b"Linked").await
}

async fn fsync(client: &mut Client) -> Result {
    let handle = client.open("synced", UPLOAD).await?;
    client.write(&handle, 0, b"synced").await?;
    let request = ExtendedRequest::FSync {
        handle: handle.clone(),
    };
    client.extended_ok("fsync of an upload", request).await?;
    client.close(handle).await?;
    let handle = client.open("synced", OpenFlags::READ | OpenFlags::WRITE).await?;
    client.write(&handle, 0, b"S").await?;
    let request = ExtendedRequest::FSync {
        handle: handle.clone(),
    };
    client.extended_ok("fsync of a file", request).await?;
    client.close(handle).await?;
    client.holds("synced", b"Synced").await
}

async fn lsetstat(client: &mut Client) -> Result {
    client.put("behind", b"x").await?;
    let before = client.stat("behind").await?.times.map(|times| times.1);
    let link = Request::SymLink {
        target_path: bytes("behind"),
        link_path: bytes("in front"),
    };
    client.ok("SYMLINK", link).await?;
    let attrs = Attrs {
        times: Some((7, 8)),
        ..Attrs::default()
    };
    let request = ExtendedRequest::LSetStat {
        path: bytes("in front"),
        attrs,
    };
    client.extended_ok("lsetstat", request).await?;
    let link = client.lstat("in front").await?.times.map(|times| times.1);
    ensure(link == Some(8), "the link's time was not set")?;
    let after = client.stat("behind").await?.times.map(|times| times.1);
    ensure(after == before, "the file behind the link was changed")
}

async fn limits(client: &mut Client) -> Result {
    let body = client.extended_body(ExtendedRequest::Limits).await?;
    let limits = Limits::decode(body).map_err(text)?;
    let most = usize::try_from(limits.max_write_len).map_err(text)?;
    ensure(most <= MAX_DATA_LEN, "more than a packet holds")?;
    let data: Vec<u8> = (0..most).map(|i| (i % 253).to_le_bytes()[0]).collect();
    client.put("large", &data).await?;
    let handle = client.open("large", OpenFlags::READ).await?;
    let len = u32::try_from(limits.max_read_len).map_err(text)?;
    let read = client.read_once(&handle, 0, len).await?;
    ensure(read == data, "one READ of the largest size brings something else")?;
    client.close(handle).await?;

    let mut handles = Vec::new();
    for _ in 0..limits.max_open_handles {
        handles.push(client.open("large", OpenFlags::READ).await?);
    }
    client
        .refused("one handle more than announced", open("large", OpenFlags::READ))
        .await?;
    for handle in handles {
        client.close(handle).await?;
    }
    Ok(())
}

async fn expand_path(client: &mut Client) -> Result {
    let request = ExtendedRequest::ExpandPath {
        path: bytes("~/a/../b"),
    };
    let path = client.one_path(Request::Extended(request)).await?;
    ensure(path == "/b", "~ leads elsewhere")
}

async fn copy_data(client: &mut Client) -> Result {
    client.put("source", b"0123456789").await?;
    let source = client.open("source", OpenFlags::READ).await?;
    let target = client.open("copy", UPLOAD).await?;
    let request = |from: &longshore_sftp::Handle, offset, len, to: &longshore_sftp::Handle, at| {
        ExtendedRequest::CopyData {
            read_from: from.clone(),
            read_offset: offset,
            read_len: len,
            write_to: to.clone(),
            write_offset: at,
        }
    };
    client
        .extended_ok("copy-data of all", request(&source, 0, 0, &target, 0))
        .await?;
    client
        .extended_ok("copy-data of a range", request(&source, 2, 3, &target, 5))
        .await?;
    let same = Request::Extended(request(&source, 0, 0, &source, 0));
    client.refused("copy-data into the same handle", same).await?;
    client.close(source).await?;
    client.close(target).await?;
    client.holds("copy", b"0123423489").await
}

async fn home_directory(client: &mut Client) -> Result {
    let request = ExtendedRequest::HomeDirectory { username: bytes("") };
    let path = client.one_path(Request::Extended(request)).await?;
    ensure(path == "/", "the home is elsewhere")
}

async fn users_groups(client: &mut Client) -> Result {
    let owner = client.stat("/").await?.owner;
    let (uid, gid) = owner.ok_or("the home has no owner")?;
    let request = ExtendedRequest::UsersGroupsById {
        uids: vec![uid, uid.wrapping_add(1)],
        gids: vec![gid],
    };
    let names = UsersGroups::decode(client.extended_body(request).await?).map_err(text)?;
    ensure(
        names.users.len() == 2 && names.groups.len() == 1,
        "not one name for each id",
    )?;
    ensure(!names.users[0].is_empty(), "the user has no name")
}

#[derive(Clone, Copy)]
enum CheckBy {
    OldHandle,
    Handle,
    Name,
}

/// Every hash of a file, and once more when the file was changed in place: a stored digest must not outlive it.
async fn check_file(client: &mut Client, by: CheckBy) -> Result {
    client.put("hashed", b"first content").await?;
    for content in [b"first content", b"First content"] {
        if content.starts_with(b"F") {
            let edit = client.open("hashed", OpenFlags::READ | OpenFlags::WRITE).await?;
            client.write(&edit, 0, b"F").await?;
            client.close(edit).await?;
        }
        for algorithm in Algorithm::ALL {
            let hash = check_once(client, by, algorithm).await?;
            let mut expected = Hasher::new(algorithm);
            expected.update(content);
            ensure(
                hash == expected.finish(),
                &format!("a wrong {}", algorithm.name()),
            )?;
        }
    }
    Ok(())
}

async fn check_once(client: &mut Client, by: CheckBy, algorithm: Algorithm) -> Result<Vec<u8>> {
    let handle = client.open("hashed", OpenFlags::READ).await?;
    let subject = match by {
        CheckBy::OldHandle => CheckSubject::OldHandle(handle.clone()),
        CheckBy::Handle => CheckSubject::Handle(handle.clone()),
        CheckBy::Name => CheckSubject::Path(bytes("hashed")),
    };
    let request = ExtendedRequest::CheckFile(CheckFile {
        subject,
        algorithms: bytes(algorithm.name()),
        start: 0,
        len: 0,
        block_len: 0,
    });
    let body = client.extended_body(request).await?;
    client.close(handle).await?;
    let hashes = FileHashes::decode(body, matches!(by, CheckBy::OldHandle)).map_err(text)?;
    ensure(
        hashes.algorithm == algorithm.name(),
        "another hash than was asked for",
    )?;
    Ok(hashes.hashes.to_vec())
}

async fn copy_file(client: &mut Client) -> Result {
    client.put("original", b"original").await?;
    client.put("duplicate", b"something else").await?;
    let request = |overwrite| ExtendedRequest::CopyFile {
        source_path: bytes("original"),
        target_path: bytes("duplicate"),
        overwrite,
    };
    client
        .refused("copy-file onto a file", Request::Extended(request(false)))
        .await?;
    client.holds("duplicate", b"something else").await?;
    client.extended_ok("copy-file", request(true)).await?;
    client.holds("duplicate", b"original").await
}

async fn space_available(client: &mut Client) -> Result {
    let body = client
        .extended_body(ExtendedRequest::SpaceAvailable { path: bytes("/") })
        .await?;
    let space = SpaceAvailable::decode(body).map_err(text)?;
    ensure(space.bytes_on_device > 0, "no size")?;
    ensure(
        space.unused_bytes_on_device <= space.bytes_on_device,
        "more free than there is",
    )
}

async fn vendor_id(client: &mut Client) -> Result {
    let announced = client.announcement(extension::VENDOR_ID).ok_or("not announced")?;
    let server = VendorId::decode(announced).map_err(text)?;
    ensure(!server.product.is_empty(), "the server has no name")?;
    let status = client
        .status(Request::Extended(ExtendedRequest::VendorId(server)))
        .await?;
    ensure(status == StatusCode::OK, "a client may not say what it is")
}
