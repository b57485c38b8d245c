//! The owner's view: an unfinished upload stands in the published file's place.

use std::sync::Arc;

use bytes::Bytes;

use super::{Bench, begin, entries, exclusive, fresh, get, kind, listed, over, p, put, write};
use crate::{EditMode, ErrorKind, SetStat, Store};

type Made = Arc<dyn Store>;

pub async fn the_owner_sees_the_upload_in_every_session(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, other_session, colleague) =
        (bench.alice().await, bench.alice().await, bench.colleague().await);
    put(&alice, "/old", b"published").await;
    let replaced = begin(&alice, "/old", fresh()).await;
    write(&replaced, 0, b"new").await;
    let created = begin(&alice, "/new", fresh()).await;
    write(&created, 0, b"12345").await;
    alice.symlink(b"new", &p("/link")).await.unwrap();
    assert_eq!(other_session.stat(&p("/old"), true).await.unwrap().size, 3);
    assert_eq!(other_session.stat(&p("/new"), false).await.unwrap().size, 5);
    assert_eq!(other_session.stat(&p("/link"), true).await.unwrap().size, 5);
    assert_eq!(get(&other_session, "/old").await.unwrap(), b"new");
    assert_eq!(get(&other_session, "/new").await.unwrap(), b"12345");
    let seen = entries(&other_session, "/").await.unwrap();
    let sizes: Vec<_> = seen.iter().map(|e| (e.name.as_slice(), e.stat.size)).collect();
    assert_eq!(sizes, [(b"link".as_slice(), 3), (b"new", 5), (b"old", 3)]);
    assert_eq!(listed(&colleague, "/").await, ["link", "old"]);
    assert_eq!(colleague.stat(&p("/old"), true).await.unwrap().size, 9);
    assert_eq!(kind(colleague.stat(&p("/link"), true).await), ErrorKind::NotFound);
}

pub async fn removing_the_name_discards_the_upload(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"old").await;
    let replaced = begin(&alice, "/f", fresh()).await;
    let created = begin(&alice, "/g", fresh()).await;
    // Somebody else's remove takes the published file only.
    assert_eq!(kind(colleague.remove_file(&p("/g")).await), ErrorKind::NotFound);
    alice.remove_file(&p("/f")).await.unwrap();
    alice.remove_file(&p("/g")).await.unwrap();
    assert_eq!(kind(alice.remove_file(&p("/g")).await), ErrorKind::NotFound);
    assert_eq!(kind(replaced.publish().await), ErrorKind::UploadGone);
    assert_eq!(
        kind(created.write_at(0, Bytes::from_static(b"x")).await),
        ErrorKind::UploadGone
    );
    assert!(listed(&colleague, "/").await.is_empty());
}

pub async fn removing_the_name_discards_all_uploads_of_it(store: Made) {
    let bench = Bench::new(store.clone()).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let first = begin(&alice, "/f", fresh()).await;
    write(&first, 0, b"first").await;
    let second = begin(&alice, "/f", fresh()).await;
    write(&second, 0, b"second").await;
    let theirs = begin(&colleague, "/f", fresh()).await;
    alice.remove_file(&p("/f")).await.unwrap();
    assert_eq!(kind(alice.stat(&p("/f"), true).await), ErrorKind::NotFound);
    for upload in [first, second] {
        assert_eq!(kind(upload.publish().await), ErrorKind::UploadGone);
    }
    theirs.publish().await.unwrap();
}

pub async fn renaming_moves_the_target_of_the_upload(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    alice.make_dir(&p("/done"), None).await.unwrap();
    let upload = begin(&alice, "/f.part", exclusive()).await;
    write(&upload, 0, b"data").await;
    alice.rename(&p("/f.part"), &p("/done/f"), false).await.unwrap();
    assert_eq!(kind(alice.stat(&p("/f.part"), true).await), ErrorKind::NotFound);
    assert_eq!(alice.stat(&p("/done/f"), true).await.unwrap().size, 4);
    assert!(listed(&colleague, "/done").await.is_empty());
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/done/f").await.unwrap(), b"data");
    assert_eq!(listed(&colleague, "/").await, ["done"]);
}

pub async fn renaming_takes_the_published_file_along(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/a", b"old").await;
    let upload = begin(&alice, "/a", fresh()).await;
    write(&upload, 0, b"newer").await;
    alice.rename(&p("/a"), &p("/b"), false).await.unwrap();
    assert_eq!(listed(&colleague, "/").await, ["b"]);
    assert_eq!(get(&colleague, "/b").await.unwrap(), b"old");
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/b").await.unwrap(), b"newer");
}

pub async fn a_rename_onto_the_upload_asks_for_replace(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/a", b"a").await;
    let upload = begin(&alice, "/b", fresh()).await;
    write(&upload, 0, b"upload").await;
    assert_eq!(
        kind(alice.rename(&p("/a"), &p("/b"), false).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.rename(&p("/b"), &p("/a"), false).await),
        ErrorKind::AlreadyExists
    );
    alice.rename(&p("/a"), &p("/b"), true).await.unwrap();
    assert_eq!(get(&alice, "/b").await.unwrap(), b"a");
    assert_eq!(kind(upload.publish().await), ErrorKind::UploadGone);
    assert_eq!(listed(&alice, "/").await, ["b"]);
}

pub async fn a_second_open_joins_and_the_last_close_publishes(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, other_session, colleague) =
        (bench.alice().await, bench.alice().await, bench.colleague().await);
    let first = begin(&alice, "/f", fresh()).await;
    write(&first, 0, b"aaaa").await;
    let second = begin(&other_session, "/f", over()).await;
    write(&second, 4, b"bbbb").await;
    assert_eq!(second.read_at(0, 100, Vec::new()).await.unwrap(), b"aaaabbbb");
    first.publish().await.unwrap();
    assert_eq!(kind(get(&colleague, "/f").await), ErrorKind::NotFound);
    write(&second, 8, b"cc").await;
    second.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"aaaabbbbcc");
}

pub async fn an_edit_joins_the_owners_upload(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"0123").await;
    let edit = alice.edit(&p("/f"), EditMode::ReadWrite).await.unwrap();
    assert_eq!(edit.read_at(0, 10, Vec::new()).await.unwrap(), b"0123");
    edit.write_at(1, Bytes::from_static(b"X")).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(kind(get(&colleague, "/f").await), ErrorKind::NotFound);
    edit.close().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"0X23");
}

pub async fn an_append_joins_at_the_end_of_the_upload(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"published").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"new").await;
    let append = alice
        .edit(&p("/f"), EditMode::Append { readable: false })
        .await
        .unwrap();
    append.write_at(0, Bytes::from_static(b"+end")).await.unwrap();
    append.close().await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"new+end");
}

pub async fn appends_of_two_handles_never_meet(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", fresh()).await;
    let mode = EditMode::Append { readable: false };
    let joined = alice.edit(&p("/f"), mode).await.unwrap();
    for piece in [b"a", b"b"] {
        upload.append(Bytes::from_static(piece)).await.unwrap();
        joined.write_at(0, Bytes::from_static(b"+")).await.unwrap();
    }
    joined.close().await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"a+b+");
}

/// Clients that send one file over several connections open it on all of them at once.
pub async fn sessions_that_open_a_new_file_at_once_share_one_upload(store: Made) {
    let bench = Bench::new(store).await;
    let sessions = [bench.alice().await, bench.alice().await, bench.alice().await];
    for round in 0..100 {
        let path = format!("/f{round}");
        let opens = sessions.iter().map(|alice| begin(alice, &path, over()));
        let uploads = futures::future::join_all(opens).await;
        for (offset, upload) in (0..).zip(&uploads) {
            write(upload, offset, b"x").await;
        }
        for upload in uploads {
            upload.publish().await.unwrap();
        }
        assert_eq!(get(&sessions[0], &path).await.unwrap(), b"xxx", "round {round}");
    }
}

pub async fn attributes_of_the_name_go_to_the_upload(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"published").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"new one").await;
    let changes = SetStat {
        size: Some(3),
        mode: Some(0o600),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &changes, true).await.unwrap();
    let published = colleague.stat(&p("/f"), true).await.unwrap();
    assert_eq!((published.size, published.mode), (9, 0o644));
    upload.publish().await.unwrap();
    let published = colleague.stat(&p("/f"), true).await.unwrap();
    assert_eq!((published.size, published.mode), (3, 0o600));
}

pub async fn a_directory_with_a_live_upload_is_not_empty(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    for dir in ["/d", "/other"] {
        alice.make_dir(&p(dir), None).await.unwrap();
    }
    let upload = begin(&alice, "/d/f", fresh()).await;
    assert_eq!(kind(alice.remove_dir(&p("/d")).await), ErrorKind::NotEmpty);
    assert_eq!(kind(colleague.remove_dir(&p("/d")).await), ErrorKind::NotEmpty);
    assert_eq!(
        kind(colleague.rename(&p("/other"), &p("/d"), true).await),
        ErrorKind::NotEmpty
    );
    upload.discard().await.unwrap();
    colleague.remove_dir(&p("/d")).await.unwrap();
}

pub async fn a_new_truncating_open_takes_the_view_over(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let first = begin(&alice, "/f", fresh()).await;
    write(&first, 0, b"first").await;
    let second = begin(&alice, "/f", fresh()).await;
    write(&second, 0, b"2nd").await;
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().size, 3);
    second.publish().await.unwrap();
    first.publish().await.unwrap();
    assert_eq!(
        get(&alice, "/f").await.unwrap(),
        b"first",
        "the last CLOSE wins whole"
    );
}

pub async fn names_with_an_upload_are_taken_for_the_owner(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/x", b"x").await;
    let upload = begin(&alice, "/f", fresh()).await;
    assert_eq!(
        kind(alice.make_dir(&p("/f"), None).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.symlink(b"x", &p("/f")).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.hard_link(&p("/x"), &p("/f")).await),
        ErrorKind::AlreadyExists
    );
    // Others cannot know of it; a directory of theirs makes the upload fail, not vanish.
    colleague.make_dir(&p("/f"), None).await.unwrap();
    assert_eq!(kind(upload.publish().await), ErrorKind::IsADirectory);
    colleague.remove_dir(&p("/f")).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(listed(&colleague, "/").await, ["f", "x"]);
}
