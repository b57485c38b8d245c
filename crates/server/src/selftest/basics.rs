//! What partners rely on without asking: flags, offsets, renames, attributes, links, listings.

use std::collections::BTreeSet;

use futures::FutureExt as _;
use longshore_sftp::{Attrs, OpenFlags, Request, StatusCode};

use super::client::{Client, UPLOAD, bytes, ensure, open};
use super::{Check, Result, Try};

pub(super) async fn try_all(client: &mut Client) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, check) in CHECKS {
        checks.push(Check::new(name, check(client).await));
        client.tidy().await;
    }
    checks
}

const CHECKS: &[(&str, Try)] = &[
    ("open flags", |client| open_flags(client).boxed()),
    ("uploads become visible whole", |client| {
        whole_uploads(client).boxed()
    }),
    ("writes in any order, large offsets", |client| {
        offsets(client).boxed()
    }),
    ("rename never replaces", |client| rename(client).boxed()),
    ("modes, times and sizes", |client| attributes(client).boxed()),
    ("symbolic links", |client| links(client).boxed()),
    ("directories and listings", |client| listings(client).boxed()),
];

async fn open_flags(client: &mut Client) -> Result {
    let missing = client.status(open("flags", OpenFlags::WRITE)).await?;
    ensure(
        missing == StatusCode::NO_SUCH_FILE,
        "WRITE without CREAT made a file",
    )?;
    let exclusive = OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::EXCL;
    let handle = client.open("flags", exclusive).await?;
    client
        .refused("a second OPEN with EXCL", open("flags", exclusive))
        .await?;
    client.write(&handle, 0, b"0123456789").await?;
    client.close(handle).await?;
    client
        .refused("EXCL on an existing file", open("flags", exclusive))
        .await?;

    let both = client.open("flags", OpenFlags::READ | OpenFlags::WRITE).await?;
    client.write(&both, 2, b"ab").await?;
    let read = client.read_once(&both, 0, 100).await?;
    ensure(read == "01ab456789", "READ and WRITE do not meet in one handle")?;
    client.close(both).await?;

    let append = client.open("flags", OpenFlags::WRITE | OpenFlags::APPEND).await?;
    client.write(&append, 0, b"+").await?;
    client.close(append).await?;
    client.holds("flags", b"01ab456789+").await?;

    let over = client.open("flags", OpenFlags::WRITE).await?;
    client.write(&over, 0, b"X").await?;
    client.close(over).await?;
    client.holds("flags", b"X1ab456789+").await?;

    let cut = client.open("flags", UPLOAD).await?;
    client.close(cut).await?;
    client.holds("flags", b"").await
}

async fn whole_uploads(client: &mut Client) -> Result {
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let handle = client.open("upload", UPLOAD).await?;
    for (number, piece) in content.chunks(50_000).enumerate() {
        client.write(&handle, number as u64 * 50_000, piece).await?;
    }
    client.close(handle).await?;
    client.holds("upload", &content).await
}

async fn offsets(client: &mut Client) -> Result {
    const FAR: u64 = 5 << 30;
    let handle = client.open("offsets", UPLOAD).await?;
    client.write(&handle, FAR, b"end").await?;
    client.write(&handle, 0, b"begin").await?;
    client.close(handle).await?;
    let size = client.stat("offsets").await?.size;
    ensure(size == Some(FAR + 3), "the size is not that of the last byte")?;
    let handle = client.open("offsets", OpenFlags::READ).await?;
    let parts = [(0, "begin"), (1000, "\0\0\0\0\0"), (FAR - 2, "\0\0end")];
    for (offset, expected) in parts {
        let read = client.read_once(&handle, offset, 5).await?;
        ensure(read == expected, &format!("other bytes at offset {offset}"))?;
    }
    let behind = client.read_once(&handle, FAR + 3, 5).await?;
    ensure(behind.is_empty(), "bytes behind the end")?;
    client.close(handle).await?;
    client
        .ok(
            "REMOVE",
            Request::Remove {
                path: bytes("offsets"),
            },
        )
        .await?;
    client.is_missing("offsets").await
}

async fn rename(client: &mut Client) -> Result {
    client.put("from", b"from").await?;
    client.put("to", b"to").await?;
    let request = |new: &str| Request::Rename {
        old_path: bytes("from"),
        new_path: bytes(new),
    };
    client.refused("RENAME onto a file", request("to")).await?;
    client.holds("to", b"to").await?;
    client.ok("RENAME", request("free")).await?;
    client.is_missing("from").await?;
    client.holds("free", b"from").await
}

async fn attributes(client: &mut Client) -> Result {
    client.put("attributes", b"0123456789").await?;
    let attrs = Attrs {
        size: Some(4),
        permissions: Some(0o640),
        times: Some((1_000_000_001, 1_000_000_002)),
        ..Attrs::default()
    };
    let path = bytes("attributes");
    client.ok("SETSTAT", Request::SetStat { path, attrs }).await?;
    let found = client.stat("attributes").await?;
    ensure(found.size == Some(4), "the size was not set")?;
    let mode = found.permissions.map(|mode| mode & 0o777);
    ensure(mode == Some(0o640), "the mode was not set")?;
    ensure(
        found.times == Some((1_000_000_001, 1_000_000_002)),
        "the times were not set",
    )?;
    client.holds("attributes", b"0123").await
}

async fn links(client: &mut Client) -> Result {
    client.put("target", b"target").await?;
    let symlink = |target: &str, link: &str| Request::SymLink {
        target_path: bytes(target),
        link_path: bytes(link),
    };
    client.ok("SYMLINK", symlink("/target", "link")).await?;
    let text = client.one_path(Request::ReadLink { path: bytes("link") }).await?;
    ensure(text == "/target", "READLINK says something else")?;
    client.holds("link", b"target").await?;
    let real = client
        .one_path(Request::RealPath {
            path: bytes("./link/../link"),
        })
        .await?;
    ensure(real == "/target" || real == "/link", "REALPATH leads elsewhere")?;
    // No link leads out, whatever its text.
    client.ok("SYMLINK", symlink("../../../../etc", "out")).await?;
    client
        .refused("a link that leads out", open("out/passwd", OpenFlags::READ))
        .await
}

async fn listings(client: &mut Client) -> Result {
    const FILES: usize = 300;
    let attrs = Attrs::default();
    let path = bytes("listing");
    client.ok("MKDIR", Request::MkDir { path, attrs }).await?;
    let mut expected: BTreeSet<_> = [".".to_owned(), "..".to_owned()].into();
    for number in 0..FILES {
        let name = format!("file {number}");
        client.put(&format!("listing/{name}"), b"").await?;
        expected.insert(name);
    }
    client
        .refused(
            "RMDIR of a full directory",
            Request::RmDir {
                path: bytes("listing"),
            },
        )
        .await?;
    let entries = client.list("listing").await?;
    let found: BTreeSet<_> = entries
        .iter()
        .map(|entry| String::from_utf8_lossy(&entry.filename).into_owned())
        .collect();
    ensure(
        entries.len() == expected.len() && found == expected,
        "names are missing or doubled",
    )?;
    for number in 0..FILES {
        let path = bytes(&format!("listing/file {number}"));
        client.ok("REMOVE", Request::Remove { path }).await?;
    }
    client
        .ok(
            "RMDIR",
            Request::RmDir {
                path: bytes("listing"),
            },
        )
        .await?;
    client.is_missing("listing").await
}
