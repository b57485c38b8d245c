//! Names: made, moved, removed, linked, listed.

use std::sync::Arc;

use super::{Bench, entries, fresh, get, kind, listed, p, put};
use crate::{BucketName, EditMode, ErrorKind, FileType, OwnerId, RemotePath, Store};

type Made = Arc<dyn Store>;

pub async fn directories_are_made_and_removed(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), Some(0o750)).await.unwrap();
    let stat = alice.stat(&p("/d"), true).await.unwrap();
    assert_eq!((stat.file_type, stat.mode), (FileType::Directory, 0o750));
    assert_eq!(
        kind(alice.make_dir(&p("/d"), None).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.make_dir(&p("/"), None).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(kind(alice.make_dir(&p("/x/y"), None).await), ErrorKind::NotFound);
    put(&alice, "/d/f", b"").await;
    assert_eq!(kind(alice.remove_dir(&p("/d")).await), ErrorKind::NotEmpty);
    assert_eq!(kind(alice.remove_dir(&p("/d/f")).await), ErrorKind::NotADirectory);
    assert_eq!(kind(alice.remove_file(&p("/d")).await), ErrorKind::IsADirectory);
    alice.remove_file(&p("/d/f")).await.unwrap();
    alice.remove_dir(&p("/d")).await.unwrap();
    assert_eq!(kind(alice.remove_dir(&p("/d")).await), ErrorKind::NotFound);
    assert_eq!(kind(alice.remove_file(&p("/d")).await), ErrorKind::NotFound);
}

pub async fn home_and_bucket_can_be_made_twice(store: Made) {
    let bench = Bench::new(Arc::clone(&store)).await;
    put(&bench.home("/team/alice", 1).await, "/f", b"kept").await;
    store.create_bucket(&bench.bucket).await.unwrap();
    store.make_home(&bench.bucket, &p("/team/alice")).await.unwrap();
    store.make_home(&bench.bucket, &p("/")).await.unwrap();
    assert_eq!(
        get(&bench.home("/team/alice", 1).await, "/f").await.unwrap(),
        b"kept"
    );
    let missing = BucketName::parse("no-such-bucket").unwrap();
    assert_eq!(
        kind(store.make_home(&missing, &p("/x")).await),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(store.open_home(&missing, &p("/x"), OwnerId(1)).await),
        ErrorKind::NotFound
    );
    store.check().await.unwrap();
}

pub async fn homes_are_not_reached_through_links(store: Made) {
    let bench = Bench::new(Arc::clone(&store)).await;
    let root = bench.root().await;
    root.make_dir(&p("/bob"), None).await.unwrap();
    root.symlink(b"bob", &p("/link")).await.unwrap();
    put(&root, "/file", b"").await;
    for home in ["/link", "/link/deeper", "/file", "/file/deeper"] {
        let opened = store.open_home(&bench.bucket, &p(home), OwnerId(1)).await;
        assert_eq!(kind(opened), ErrorKind::NotADirectory, "{home}");
        assert_eq!(
            kind(store.make_home(&bench.bucket, &p(home)).await),
            ErrorKind::NotADirectory,
            "{home}"
        );
    }
    assert!(listed(&root, "/bob").await.is_empty());
}

pub async fn rename_without_replace_refuses_a_taken_name(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/a", b"a").await;
    put(&alice, "/b", b"b").await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    for to in ["/b", "/d", "/a"] {
        assert_eq!(
            kind(alice.rename(&p("/a"), &p(to), false).await),
            ErrorKind::AlreadyExists,
            "{to}"
        );
    }
    assert_eq!(
        kind(alice.rename(&p("/d"), &p("/b"), false).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(get(&alice, "/b").await.unwrap(), b"b");
    alice.rename(&p("/a"), &p("/d/c"), false).await.unwrap();
    assert_eq!(get(&alice, "/d/c").await.unwrap(), b"a");
    assert_eq!(
        kind(alice.rename(&p("/a"), &p("/z"), false).await),
        ErrorKind::NotFound
    );
}

pub async fn rename_with_replace_takes_the_name_over(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/a", b"a").await;
    put(&alice, "/b", b"b").await;
    alice.rename(&p("/a"), &p("/b"), true).await.unwrap();
    assert_eq!(get(&alice, "/b").await.unwrap(), b"a");
    assert_eq!(listed(&alice, "/").await, ["b"]);
    alice.rename(&p("/b"), &p("/b"), true).await.unwrap();
    assert_eq!(get(&alice, "/b").await.unwrap(), b"a");
    alice.make_dir(&p("/d"), None).await.unwrap();
    assert_eq!(
        kind(alice.rename(&p("/b"), &p("/d"), true).await),
        ErrorKind::IsADirectory
    );
    assert_eq!(
        kind(alice.rename(&p("/d"), &p("/b"), true).await),
        ErrorKind::NotADirectory
    );
    // A link at the end is renamed itself.
    alice.symlink(b"b", &p("/link")).await.unwrap();
    alice.rename(&p("/link"), &p("/moved"), true).await.unwrap();
    assert_eq!(alice.read_link(&p("/moved")).await.unwrap(), b"b");
}

pub async fn a_directory_does_not_move_into_itself(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    for replace in [false, true] {
        let result = alice.rename(&p("/d"), &p("/d/e"), replace).await;
        assert_eq!(kind(result), ErrorKind::InvalidInput);
    }
    assert_eq!(listed(&alice, "/").await, ["d"]);
}

pub async fn links_keep_their_text(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    for (index, target) in [
        b"../../x".as_slice(),
        b"/etc/passwd",
        b"a//b/./c",
        b"\xff\xfe",
        b" ",
    ]
    .iter()
    .enumerate()
    {
        let link = p(&format!("/link{index}"));
        alice.symlink(target, &link).await.unwrap();
        assert_eq!(alice.read_link(&link).await.unwrap(), *target);
        assert_eq!(
            alice.stat(&link, false).await.unwrap().file_type,
            FileType::Symlink
        );
        assert_eq!(
            kind(alice.symlink(b"again", &link).await),
            ErrorKind::AlreadyExists
        );
    }
    assert_eq!(kind(alice.symlink(b"", &p("/l")).await), ErrorKind::InvalidInput);
    assert_eq!(
        kind(alice.symlink(b"a\0b", &p("/l")).await),
        ErrorKind::InvalidInput
    );
    assert_eq!(
        kind(alice.symlink(&[b'x'; 5000], &p("/l")).await),
        ErrorKind::InvalidInput
    );
    put(&alice, "/file", b"").await;
    assert_eq!(kind(alice.read_link(&p("/file")).await), ErrorKind::InvalidInput);
    assert_eq!(kind(alice.read_link(&p("/none")).await), ErrorKind::NotFound);
}

pub async fn links_mean_what_the_user_sees(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    alice.make_dir(&p("/d/e"), None).await.unwrap();
    put(&alice, "/f", b"top").await;
    put(&alice, "/d/f", b"in d").await;
    for (target, expected) in [
        (b"/f".as_slice(), b"top".as_slice()),
        (b"../f", b"in d"),
        (b"../../f", b"top"),
        // The root is its own parent, for this user too.
        (b"../../../../f", b"top"),
        (b"/../f", b"top"),
        (b"/d/./e/../f", b"in d"),
    ] {
        alice.symlink(target, &p("/d/e/link")).await.unwrap();
        assert_eq!(
            get(&alice, "/d/e/link").await.unwrap(),
            expected,
            "{}",
            target.escape_ascii()
        );
        alice.remove_file(&p("/d/e/link")).await.unwrap();
    }
    // `..` after a link to a directory goes up from where it leads.
    alice.symlink(b"/d/e", &p("/short")).await.unwrap();
    alice.symlink(b"short/../f", &p("/through")).await.unwrap();
    assert_eq!(get(&alice, "/through").await.unwrap(), b"in d");
    assert_eq!(listed(&alice, "/short").await, Vec::<String>::new());
    put(&alice, "/short/g", b"g").await;
    assert_eq!(get(&alice, "/d/e/g").await.unwrap(), b"g");
}

pub async fn link_loops_are_told(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.symlink(b"b", &p("/a")).await.unwrap();
    alice.symlink(b"a", &p("/b")).await.unwrap();
    alice.symlink(b"self/x", &p("/self")).await.unwrap();
    assert_eq!(kind(alice.stat(&p("/a"), true).await), ErrorKind::LinkLoop);
    assert_eq!(kind(alice.stat(&p("/self/y"), true).await), ErrorKind::LinkLoop);
    assert_eq!(kind(alice.open_read(&p("/a")).await), ErrorKind::LinkLoop);
    assert_eq!(
        kind(alice.begin_upload(&p("/a"), fresh()).await),
        ErrorKind::LinkLoop
    );
    assert_eq!(kind(alice.list(&p("/a")).await), ErrorKind::LinkLoop);
    assert_eq!(kind(alice.real_path(&p("/a")).await), ErrorKind::LinkLoop);
    assert_eq!(
        alice.stat(&p("/a"), false).await.unwrap().file_type,
        FileType::Symlink
    );
    alice.remove_file(&p("/a")).await.unwrap();
}

pub async fn hard_links_share_the_content_and_do_not_follow(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/a", b"shared").await;
    alice.hard_link(&p("/a"), &p("/b")).await.unwrap();
    assert_eq!(alice.stat(&p("/b"), true).await.unwrap().links, 2);
    assert_eq!(
        kind(alice.hard_link(&p("/a"), &p("/b")).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.hard_link(&p("/none"), &p("/c")).await),
        ErrorKind::NotFound
    );
    alice.make_dir(&p("/d"), None).await.unwrap();
    assert_eq!(
        kind(alice.hard_link(&p("/d"), &p("/c")).await),
        ErrorKind::PermissionDenied
    );
    alice.symlink(b"a", &p("/link")).await.unwrap();
    alice.hard_link(&p("/link"), &p("/link2")).await.unwrap();
    assert_eq!(alice.read_link(&p("/link2")).await.unwrap(), b"a");
    assert_eq!(alice.stat(&p("/a"), true).await.unwrap().links, 2);
}

pub async fn removing_a_link_leaves_its_target(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"kept").await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    alice.symlink(b"f", &p("/to-file")).await.unwrap();
    alice.symlink(b"d", &p("/to-dir")).await.unwrap();
    assert_eq!(
        kind(alice.remove_dir(&p("/to-dir")).await),
        ErrorKind::NotADirectory
    );
    alice.remove_file(&p("/to-file")).await.unwrap();
    alice.remove_file(&p("/to-dir")).await.unwrap();
    assert_eq!(listed(&alice, "/").await, ["d", "f"]);
}

pub async fn real_path_resolves_links_and_keeps_what_is_missing(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    alice.make_dir(&p("/d/e"), None).await.unwrap();
    put(&alice, "/d/f", b"").await;
    alice.symlink(b"/d/e", &p("/short")).await.unwrap();
    alice.symlink(b"short/../f", &p("/file")).await.unwrap();
    alice
        .symlink(b"../../../gone/x/../y", &p("/d/dangling"))
        .await
        .unwrap();
    for (path, expected) in [
        ("/", "/"),
        ("/d/e", "/d/e"),
        ("/short", "/d/e"),
        ("/short/new/deep", "/d/e/new/deep"),
        ("/file", "/d/f"),
        ("/file/below", "/d/f/below"),
        ("/none/at/all", "/none/at/all"),
        ("/d/dangling", "/gone/y"),
    ] {
        assert_eq!(alice.real_path(&p(path)).await.unwrap(), p(expected), "{path}");
    }
}

pub async fn names_are_bytes(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let names: [&[u8]; 6] = [b"\xff\xfe", b" ", b"a\nb", "ф".as_bytes(), b"-", b"con:"];
    for name in names {
        let path = RemotePath::parse(name).unwrap();
        let upload = alice.begin_upload(&path, fresh()).await.unwrap();
        upload.publish().await.unwrap();
        assert_eq!(alice.stat(&path, true).await.unwrap().size, 0);
    }
    let mut expected = names.to_vec();
    expected.sort_unstable();
    let seen = entries(&alice, "/").await.unwrap();
    let seen: Vec<_> = seen.iter().map(|entry| entry.name.as_slice()).collect();
    assert_eq!(seen, expected);
}

pub async fn too_long_names_are_refused(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let long = p(&"x".repeat(300));
    assert_eq!(kind(alice.stat(&long, true).await), ErrorKind::InvalidInput);
    assert_eq!(kind(alice.make_dir(&long, None).await), ErrorKind::InvalidInput);
    assert_eq!(
        kind(alice.begin_upload(&long, fresh()).await),
        ErrorKind::InvalidInput
    );
    let deep = p(&"d/".repeat(2000));
    assert_eq!(kind(alice.stat(&deep, true).await), ErrorKind::NotFound);
}

pub async fn the_root_cannot_be_moved_or_removed(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.symlink(b"..", &p("/up")).await.unwrap();
    assert_eq!(kind(alice.remove_dir(&p("/")).await), ErrorKind::PermissionDenied);
    assert_eq!(
        kind(alice.remove_file(&p("/")).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(alice.rename(&p("/"), &p("/x"), false).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(alice.rename(&p("/up"), &p("/"), true).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        alice.stat(&p("/"), true).await.unwrap().file_type,
        FileType::Directory
    );
    assert_eq!(
        alice.stat(&p("/up"), true).await.unwrap().file_type,
        FileType::Directory
    );
    assert_eq!(listed(&alice, "/up").await, ["up"]);
}

pub async fn listings_come_in_pages(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    for index in 0..25 {
        put(&alice, &format!("/f{index:02}"), b"").await;
    }
    let mut listing = alice.list(&p("/")).await.unwrap();
    let mut names = Vec::new();
    let mut pages = Vec::new();
    loop {
        let page = listing.next_page(10).await.unwrap();
        pages.push(page.len());
        if page.is_empty() {
            break;
        }
        names.extend(page.into_iter().map(|entry| entry.name));
    }
    assert_eq!(pages, [10, 10, 5, 0]);
    assert!(listing.next_page(10).await.unwrap().is_empty());
    names.sort_unstable();
    let expected: Vec<_> = (0..25).map(|index| format!("f{index:02}").into_bytes()).collect();
    assert_eq!(names, expected);
}

pub async fn kinds_that_do_not_fit_are_told(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"").await;
    assert_eq!(kind(alice.open_read(&p("/")).await), ErrorKind::IsADirectory);
    assert_eq!(
        kind(alice.edit(&p("/"), EditMode::ReadWrite).await),
        ErrorKind::IsADirectory
    );
    assert_eq!(kind(alice.list(&p("/f")).await), ErrorKind::NotADirectory);
    assert_eq!(kind(alice.list(&p("/none")).await), ErrorKind::NotFound);
    assert_eq!(kind(alice.open_read(&p("/none")).await), ErrorKind::NotFound);
    assert_eq!(
        kind(alice.edit(&p("/none"), EditMode::ReadWrite).await),
        ErrorKind::NotFound
    );
    assert_eq!(kind(alice.stat(&p("/f/x"), true).await), ErrorKind::NotADirectory);
}
