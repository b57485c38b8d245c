//! Staged uploads, as others see them.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Bench, begin, exclusive, fresh, get, kind, listed, over, p, put, write};
use crate::{ErrorKind, Precondition, SetStat, Store, UploadOptions};

type Made = Arc<dyn Store>;

pub async fn an_upload_is_invisible_to_others_until_it_is_published(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let upload = begin(&alice, "/new", fresh()).await;
    write(&upload, 0, b"half").await;
    assert_eq!(kind(colleague.stat(&p("/new"), true).await), ErrorKind::NotFound);
    assert!(listed(&colleague, "/").await.is_empty());
    assert_eq!(kind(get(&colleague, "/new").await), ErrorKind::NotFound);
    let root = bench.root().await;
    assert_eq!(listed(&root, "/").await, ["alice"], "no trace of it anywhere");
    write(&upload, 4, b" and half").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/new").await.unwrap(), b"half and half");
    assert_eq!(listed(&colleague, "/").await, ["new"]);
}

pub async fn publishing_replaces_the_whole_file(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"the old and longer one").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"new").await;
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"the old and longer one");
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"new");
}

pub async fn a_discarded_upload_leaves_the_old_file(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"old").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"new").await;
    upload.discard().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"old");
    assert_eq!(kind(upload.publish().await), ErrorKind::UploadGone);
}

pub async fn a_dead_handle_leaves_the_old_file(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"old").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"new").await;
    upload.park().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"old");
}

pub async fn a_dropped_handle_leaves_the_old_file_and_frees_its_name(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", exclusive()).await;
    write(&upload, 0, b"new").await;
    drop(upload);
    let colleague = bench.colleague().await;
    for _ in 0..500 {
        if let Ok(upload) = colleague.begin_upload(&p("/f"), exclusive()).await {
            upload.publish().await.unwrap();
            assert_eq!(get(&alice, "/f").await.unwrap(), b"");
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the name of the dropped upload stayed reserved");
}

pub async fn a_reserved_name_refuses_the_second_at_once(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let first = begin(&alice, "/f", exclusive()).await;
    assert_eq!(
        kind(colleague.begin_upload(&p("/f"), exclusive()).await),
        ErrorKind::AlreadyExists
    );
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), exclusive()).await),
        ErrorKind::AlreadyExists
    );
    // Reached by another path through another home, it is the same name.
    let root = bench.root().await;
    let again = root.begin_upload(&p("/alice/f"), exclusive()).await;
    assert_eq!(kind(again), ErrorKind::AlreadyExists);
    first.discard().await.unwrap();
    let second = begin(&colleague, "/f", exclusive()).await;
    second.publish().await.unwrap();
    assert_eq!(listed(&alice, "/").await, ["f"]);
}

pub async fn a_reservation_refuses_whatever_stands_there(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/file", b"x").await;
    alice.make_dir(&p("/dir"), None).await.unwrap();
    alice.symlink(b"nowhere", &p("/dangling")).await.unwrap();
    for name in ["/file", "/dir", "/dangling", "/"] {
        let result = alice.begin_upload(&p(name), exclusive()).await;
        assert_eq!(kind(result), ErrorKind::AlreadyExists, "{name}");
    }
    assert_eq!(listed(&alice, "/").await, ["dangling", "dir", "file"]);
}

pub async fn publishing_a_reserved_name_never_replaces(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let reserved = begin(&alice, "/f", exclusive()).await;
    write(&reserved, 0, b"late").await;
    put(&colleague, "/f", b"early").await;
    assert_eq!(kind(reserved.publish().await), ErrorKind::AlreadyExists);
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"early");
}

pub async fn present_asks_for_a_file(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let options = UploadOptions {
        precondition: Precondition::Present,
        ..over()
    };
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), options.clone()).await),
        ErrorKind::NotFound
    );
    put(&alice, "/f", b"old").await;
    let upload = begin(&alice, "/f", options).await;
    write(&upload, 0, b"OLD").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"OLD");
}

pub async fn of_two_publishers_the_last_one_wins_whole(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let a = begin(&alice, "/f", fresh()).await;
    let b = begin(&colleague, "/f", fresh()).await;
    write(&b, 0, &[b'b'; 100]).await;
    write(&a, 0, &[b'a'; 50]).await;
    a.publish().await.unwrap();
    write(&b, 100, &[b'b'; 100]).await;
    assert_eq!(get(&alice, "/f").await.unwrap(), [b'a'; 50]);
    b.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), [b'b'; 200]);
}

pub async fn unwritten_ranges_come_from_the_published_version(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 2, b"AB").await;
    write(&upload, 12, b"Z").await;
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"0123456789");
    upload.publish().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"01AB456789\0\0Z");
    // What is published at the end counts, not what was at the beginning.
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"++").await;
    put(&colleague, "/f", b"abcd").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"++cd");
}

pub async fn a_size_set_on_the_upload_cuts_the_published_version_off(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    // Stock scp over a longer file: OPEN without TRUNC, WRITE, FSETSTAT size.
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"abc").await;
    upload.set_stat(&size(3)).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"abc");
    // Cut and stretched again: what was cut does not come back.
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 5, b"X").await;
    upload.set_stat(&size(4)).await.unwrap();
    upload.set_stat(&size(8)).await.unwrap();
    assert_eq!(upload.stat().await.unwrap().size, 8);
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123\0\0\0\0");
}

pub async fn writing_nothing_does_not_grow_the_file(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", over()).await;
    upload.set_stat(&size(4)).await.unwrap();
    write(&upload, 100, b"").await;
    assert_eq!(upload.stat().await.unwrap().size, 4);
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123");
}

pub async fn what_others_publish_is_no_part_of_a_new_file(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"mine").await;
    put(&colleague, "/f", b"something longer").await;
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"mine");
}

pub async fn thousands_of_scattered_writes_arrive(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let mut expected = vec![b'.'; 3000];
    put(&alice, "/f", &expected).await;
    let upload = begin(&alice, "/f", over()).await;
    for offset in (0..expected.len()).step_by(2) {
        write(&upload, offset as u64, b"x").await;
        expected[offset] = b'x';
    }
    assert_eq!(upload.read_at(0, 4000, Vec::new()).await.unwrap(), expected);
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), expected);
}

pub async fn a_reader_of_the_upload_sees_what_would_be_published(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 3, b"AB").await;
    write(&upload, 12, b"Z").await;
    assert_eq!(upload.stat().await.unwrap().size, 13);
    assert_eq!(
        upload.read_at(0, 100, Vec::new()).await.unwrap(),
        b"012AB56789\0\0Z"
    );
    assert_eq!(upload.read_at(4, 3, b">".to_vec()).await.unwrap(), b">B56");
    assert_eq!(upload.read_at(13, 10, Vec::new()).await.unwrap(), b"");
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"012AB56789\0\0Z");
}

pub async fn gaps_read_as_zeros(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"0123456789").await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 5, b"x").await;
    upload.set_stat(&size(8)).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/f").await.unwrap(), b"\0\0\0\0\0x\0\0");
}

pub async fn publishing_keeps_the_mode_of_the_file_it_replaces(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let mode = |mode| UploadOptions {
        mode: Some(mode),
        ..fresh()
    };
    let upload = begin(&alice, "/f", mode(0o640)).await;
    upload.publish().await.unwrap();
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().mode, 0o640);
    let upload = begin(&alice, "/f", mode(0o600)).await;
    assert_eq!(upload.stat().await.unwrap().mode, 0o640);
    upload.publish().await.unwrap();
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().mode, 0o640);
    put(&alice, "/default", b"").await;
    assert_eq!(alice.stat(&p("/default"), true).await.unwrap().mode, 0o644);
}

pub async fn a_mode_set_on_the_upload_wins(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"old").await;
    let upload = begin(&alice, "/f", fresh()).await;
    let changes = SetStat {
        mode: Some(0o400),
        ..SetStat::default()
    };
    upload.set_stat(&changes).await.unwrap();
    write(&upload, 0, b"new").await;
    upload.publish().await.unwrap();
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().mode, 0o400);
    assert_eq!(get(&alice, "/f").await.unwrap(), b"new");
}

pub async fn publishing_writes_through_a_link(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    put(&alice, "/d/real", b"old").await;
    alice.symlink(b"/d/real", &p("/absolute")).await.unwrap();
    alice.symlink(b"../absolute", &p("/d/relative")).await.unwrap();
    put(&alice, "/d/relative", b"new").await;
    assert_eq!(get(&alice, "/d/real").await.unwrap(), b"new");
    assert_eq!(alice.read_link(&p("/absolute")).await.unwrap(), b"/d/real");
    assert_eq!(alice.read_link(&p("/d/relative")).await.unwrap(), b"../absolute");
}

pub async fn publishing_through_a_dangling_link_makes_its_target(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.symlink(b"made", &p("/link")).await.unwrap();
    put(&alice, "/link", b"x").await;
    assert_eq!(get(&alice, "/made").await.unwrap(), b"x");
    assert_eq!(alice.read_link(&p("/link")).await.unwrap(), b"made");
}

pub async fn publishing_breaks_hard_links(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/a", b"old").await;
    alice.hard_link(&p("/a"), &p("/b")).await.unwrap();
    put(&alice, "/a", b"new").await;
    assert_eq!(get(&alice, "/a").await.unwrap(), b"new");
    assert_eq!(get(&alice, "/b").await.unwrap(), b"old");
}

pub async fn a_read_only_target_is_honoured(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"old").await;
    let read_only = SetStat {
        mode: Some(0o444),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &read_only, true).await.unwrap();
    alice.symlink(b"f", &p("/link")).await.unwrap();
    for name in ["/f", "/link"] {
        for options in [fresh(), over()] {
            assert_eq!(
                kind(alice.begin_upload(&p(name), options).await),
                ErrorKind::PermissionDenied
            );
        }
    }
    assert_eq!(
        kind(alice.set_stat(&p("/f"), &size(0), true).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(get(&alice, "/f").await.unwrap(), b"old");
}

pub async fn an_upload_needs_its_directory(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/file", b"x").await;
    alice.make_dir(&p("/dir"), None).await.unwrap();
    for (path, expected) in [
        ("/missing/f", ErrorKind::NotFound),
        ("/file/f", ErrorKind::NotADirectory),
        ("/dir", ErrorKind::IsADirectory),
        ("/", ErrorKind::IsADirectory),
    ] {
        assert_eq!(
            kind(alice.begin_upload(&p(path), fresh()).await),
            expected,
            "{path}"
        );
    }
}

pub async fn reading_an_upload_needs_the_right(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"x").await;
    assert_eq!(
        kind(upload.read_at(0, 1, Vec::new()).await),
        ErrorKind::PermissionDenied
    );
    let readable = UploadOptions {
        readable: true,
        ..fresh()
    };
    let upload = begin(&alice, "/g", readable).await;
    write(&upload, 0, b"x").await;
    assert_eq!(upload.read_at(0, 9, Vec::new()).await.unwrap(), b"x");
}

pub async fn readers_see_the_version_that_publish_returned(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let first = put(&alice, "/f", b"one").await;
    assert_eq!(alice.open_read(&p("/f")).await.unwrap().version(), &first);
    let second = put(&alice, "/f", b"two").await;
    assert_ne!(first, second);
    assert_eq!(alice.open_read(&p("/f")).await.unwrap().version(), &second);
}

pub async fn an_open_reader_keeps_its_version(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"one").await;
    let reader = alice.open_read(&p("/f")).await.unwrap();
    put(&alice, "/f", b"three").await;
    alice.remove_file(&p("/f")).await.unwrap();
    assert_eq!(reader.read_at(0, 100, Vec::new()).await.unwrap(), b"one");
    assert_eq!(reader.stat().await.unwrap().size, 3);
}

pub async fn times_set_on_the_upload_survive_publishing(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"0123456789").await;
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"new").await;
    let changes = SetStat {
        times: Some((time, time)),
        ..SetStat::default()
    };
    upload.set_stat(&changes).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().modified, time);
    // A write after that is a change like any other.
    let upload = begin(&alice, "/f", fresh()).await;
    upload.set_stat(&changes).await.unwrap();
    write(&upload, 0, b"newer").await;
    upload.publish().await.unwrap();
    assert!(alice.stat(&p("/f"), true).await.unwrap().modified > time);
}

pub async fn offsets_beyond_all_files_are_refused(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", over()).await;
    write(&upload, 0, b"x").await;
    for offset in [u64::MAX, u64::MAX - 1, i64::MAX as u64] {
        let data = Bytes::from_static(b"xx");
        assert_eq!(
            kind(upload.write_at(offset, data).await),
            ErrorKind::TooLarge,
            "{offset}"
        );
        assert_eq!(upload.read_at(offset, 10, Vec::new()).await.unwrap(), b"");
    }
    assert_eq!(kind(upload.set_stat(&size(u64::MAX)).await), ErrorKind::TooLarge);
    upload.discard().await.unwrap();
}

pub async fn an_ended_upload_takes_no_more_writes(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let upload = begin(&alice, "/f", fresh()).await;
    write(&upload, 0, b"whole").await;
    upload.publish().await.unwrap();
    let late = upload.write_at(0, Bytes::from_static(b"torn")).await;
    assert_eq!(kind(late), ErrorKind::UploadGone);
    assert_eq!(kind(upload.set_stat(&size(1)).await), ErrorKind::UploadGone);
    assert_eq!(get(&alice, "/f").await.unwrap(), b"whole");
}

pub async fn the_publish_follows_a_renamed_directory(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    let upload = begin(&alice, "/d/f", fresh()).await;
    write(&upload, 0, b"x").await;
    alice.rename(&p("/d"), &p("/e"), false).await.unwrap();
    assert_eq!(listed(&alice, "/e").await, ["f"]);
    upload.publish().await.unwrap();
    assert_eq!(get(&alice, "/e/f").await.unwrap(), b"x");
    // Moved out of the home by somebody who may: the upload does not follow there.
    let upload = begin(&alice, "/e/g", fresh()).await;
    let root = bench.root().await;
    root.rename(&p("/alice/e"), &p("/elsewhere"), false)
        .await
        .unwrap();
    assert_eq!(kind(upload.publish().await), ErrorKind::NotFound);
    assert_eq!(listed(&root, "/elsewhere").await, ["f"]);
}

fn size(size: u64) -> SetStat {
    SetStat {
        size: Some(size),
        ..SetStat::default()
    }
}
