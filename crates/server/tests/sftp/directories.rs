//! Directories, names and links.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use longshore_sftp::{Attrs, NameEntry, OpenFlags, Reply, Request, StatusCode};

use crate::support::Rig;
use crate::support::raw::{Raw, bytes, one_name, status_code, status_text};

#[tokio::test(flavor = "multi_thread")]
async fn a_large_directory_comes_in_pages_whole() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let dir = user.home.join("dir");
    std::fs::create_dir_all(&dir).unwrap();
    let mut expected: BTreeSet<Vec<u8>> = [b".".to_vec(), b"..".to_vec()].into();
    for n in 0..1500 {
        let mut name = format!("{n:04}{}", "n".repeat(n % 200)).into_bytes();
        name.push(0xff);
        std::fs::write(dir.join(OsStr::from_bytes(&name)), b"").unwrap();
        expected.insert(name);
    }
    let mut raw = rig.raw(&user).await;
    let (entries, pages) = list(&mut raw, "dir").await;
    assert_eq!(entries.len(), expected.len());
    let names: BTreeSet<_> = entries.iter().map(|entry| entry.filename.to_vec()).collect();
    assert_eq!(names, expected);
    assert!((5..100).contains(&pages), "{pages} pages");
    let line = String::from_utf8_lossy(&entries[0].longname).into_owned();
    assert!(line.starts_with('d') || line.starts_with('-'), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_directory_lists_its_dots_and_then_ends() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let (entries, _) = list(&mut raw, "/").await;
    let names: Vec<_> = entries.iter().map(|entry| entry.filename.as_ref()).collect();
    assert_eq!(names, [&b"."[..], b".."]);
}

#[tokio::test(flavor = "multi_thread")]
async fn directories_are_made_and_removed() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    assert_eq!(raw.status(mkdir("d/")).await, StatusCode::OK);
    assert_eq!(raw.status(mkdir("d")).await, StatusCode::FAILURE);
    assert_eq!(raw.status(mkdir("no/d")).await, StatusCode::NO_SUCH_FILE);
    std::fs::write(user.home.join("d/f"), b"x").unwrap();
    assert_eq!(raw.status(rmdir("d")).await, StatusCode::FAILURE);
    let remove = |path| Request::Remove { path: bytes(path) };
    assert_eq!(raw.status(remove("d")).await, StatusCode::FAILURE);
    assert_eq!(raw.status(remove("d/f")).await, StatusCode::OK);
    assert_eq!(raw.status(rmdir("d/")).await, StatusCode::OK);
    assert_eq!(raw.status(rmdir("d")).await, StatusCode::NO_SUCH_FILE);
}

#[tokio::test(flavor = "multi_thread")]
async fn rename_never_replaces() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(&user.home).unwrap();
    std::fs::write(user.home.join("a"), b"a").unwrap();
    std::fs::write(user.home.join("b"), b"b").unwrap();
    let rename = |old, new| Request::Rename {
        old_path: bytes(old),
        new_path: bytes(new),
    };
    assert_eq!(raw.status(rename("a", "b")).await, StatusCode::FAILURE);
    assert_eq!(raw.status(rename("a", "c")).await, StatusCode::OK);
    assert_eq!(raw.status(rename("a", "d")).await, StatusCode::NO_SUCH_FILE);
    assert_eq!(std::fs::read(user.home.join("b")).unwrap(), b"b");
    assert_eq!(std::fs::read(user.home.join("c")).unwrap(), b"a");
}

#[tokio::test(flavor = "multi_thread")]
async fn links_keep_their_text_and_lead_nowhere_outside() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let symlink = Request::SymLink {
        target_path: bytes("/../../etc/passwd"),
        link_path: bytes("link"),
    };
    assert_eq!(raw.status(symlink).await, StatusCode::OK);
    let target = raw.call(Request::ReadLink { path: bytes("link") }).await;
    assert_eq!(one_name(&target), "/../../etc/passwd");
    assert_eq!(raw.stat("link").await.unwrap_err(), StatusCode::NO_SUCH_FILE);
}

#[tokio::test(flavor = "multi_thread")]
async fn realpath_resolves_what_exists_and_keeps_the_rest() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    std::fs::create_dir_all(user.home.join("dir")).unwrap();
    std::os::unix::fs::symlink("/dir", user.home.join("link")).unwrap();
    let table = [
        ("", "/"),
        (".", "/"),
        ("..", "/"),
        ("/dir/../dir/.", "/dir"),
        ("link/new", "/dir/new"),
        ("no/such/../path/", "/no/path"),
    ];
    for (path, expected) in table {
        let real = raw.call(Request::RealPath { path: bytes(path) }).await;
        assert_eq!(one_name(&real), expected, "{path:?}");
    }
}

/// Each open directory holds a page of entries and what the kernel read ahead; they count over the whole session.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_opens_64_directories_and_no_more() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let opendir = || Request::OpenDir { path: bytes("/") };
    let mut open = Vec::new();
    for _ in 0..64 {
        match raw.call(opendir()).await {
            Reply::Handle(handle) => open.push(handle),
            other => panic!("{other:?}"),
        }
    }
    let refused = raw.call(opendir()).await;
    assert_eq!(status_code(&refused), StatusCode::FAILURE);
    assert_eq!(
        status_text(&refused),
        "too many open directories, close some first"
    );
    // Files are not concerned, and a place comes back with CLOSE.
    raw.open("file", OpenFlags::WRITE | OpenFlags::CREAT).await;
    assert_eq!(raw.close(&open[0]).await, StatusCode::OK);
    assert!(matches!(raw.call(opendir()).await, Reply::Handle(_)));
    assert_eq!(raw.status(opendir()).await, StatusCode::FAILURE);
}

async fn list(raw: &mut Raw, path: &str) -> (Vec<NameEntry>, usize) {
    let handle = match raw.call(Request::OpenDir { path: bytes(path) }).await {
        Reply::Handle(handle) => handle,
        other => panic!("{other:?}"),
    };
    let mut entries = Vec::new();
    for pages in 0.. {
        let request = Request::ReadDir {
            handle: handle.clone(),
        };
        match raw.call(request).await {
            Reply::Name(page) => {
                assert!(!page.is_empty());
                entries.extend(page);
            }
            end => {
                assert_eq!(status_code(&end), StatusCode::EOF);
                assert_eq!(raw.close(&handle).await, StatusCode::OK);
                return (entries, pages);
            }
        }
    }
    unreachable!("the listing ends");
}

fn mkdir(path: &str) -> Request {
    Request::MkDir {
        path: bytes(path),
        attrs: Attrs::default(),
    }
}

fn rmdir(path: &str) -> Request {
    Request::RmDir { path: bytes(path) }
}
