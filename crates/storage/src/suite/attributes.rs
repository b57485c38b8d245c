//! Attributes, changes in place, and reading.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{Bench, get, kind, p, put};
use crate::{EditMode, ErrorKind, FileType, SetStat, Store};

type Made = Arc<dyn Store>;

pub async fn set_stat_changes_size_mode_and_times(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"0123456789").await;
    alice.symlink(b"f", &p("/link")).await.unwrap();
    let accessed = SystemTime::UNIX_EPOCH + Duration::new(1_111_111_111, 0);
    let modified = SystemTime::UNIX_EPOCH + Duration::new(1_222_222_222, 0);
    let changes = SetStat {
        size: Some(4),
        mode: Some(0o600),
        times: Some((accessed, modified)),
        owner: None,
    };
    alice.set_stat(&p("/link"), &changes, true).await.unwrap();
    let stat = alice.stat(&p("/f"), true).await.unwrap();
    assert_eq!((stat.size, stat.mode), (4, 0o600));
    assert_eq!((stat.accessed, stat.modified), (accessed, modified));
    assert_eq!(get(&alice, "/f").await.unwrap(), b"0123");
    assert_eq!(
        kind(alice.set_stat(&p("/none"), &changes, true).await),
        ErrorKind::NotFound
    );
    alice.make_dir(&p("/d"), None).await.unwrap();
    assert_eq!(
        kind(alice.set_stat(&p("/d"), &changes, true).await),
        ErrorKind::IsADirectory
    );
    let mode = SetStat {
        mode: Some(0o700),
        ..SetStat::default()
    };
    alice.set_stat(&p("/d"), &mode, true).await.unwrap();
    assert_eq!(alice.stat(&p("/d"), true).await.unwrap().mode, 0o700);
    // A mode that does no harm if a broken store takes this for the root of the machine.
    let mode = SetStat {
        mode: Some(0o751),
        ..SetStat::default()
    };
    alice.set_stat(&p("/"), &mode, true).await.unwrap();
    assert_eq!(alice.stat(&p("/"), true).await.unwrap().mode, 0o751);
}

pub async fn set_stat_takes_a_foreign_owner_quietly(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"").await;
    let before = alice.stat(&p("/f"), true).await.unwrap();
    let changes = SetStat {
        owner: Some((12345, 54321)),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &changes, true).await.unwrap();
    let after = alice.stat(&p("/f"), true).await.unwrap();
    assert_eq!((after.uid, after.gid), (before.uid, before.gid));
}

pub async fn special_mode_bits_are_dropped(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"").await;
    let changes = SetStat {
        mode: Some(0o7755),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &changes, true).await.unwrap();
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().mode, 0o755);
    alice.make_dir(&p("/d"), Some(0o7755)).await.unwrap();
    assert_eq!(alice.stat(&p("/d"), true).await.unwrap().mode & 0o777, 0o755);
}

pub async fn links_have_attributes_of_their_own(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"x").await;
    alice.symlink(b"f", &p("/link")).await.unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let times = SetStat {
        times: Some((time, time)),
        ..SetStat::default()
    };
    alice.set_stat(&p("/link"), &times, false).await.unwrap();
    assert_eq!(alice.stat(&p("/link"), false).await.unwrap().modified, time);
    let file = alice.stat(&p("/link"), true).await.unwrap();
    assert_eq!(file.file_type, FileType::File);
    assert!(file.modified > time);
    let mode = SetStat {
        mode: Some(0o600),
        ..SetStat::default()
    };
    assert_eq!(
        kind(alice.set_stat(&p("/link"), &mode, false).await),
        ErrorKind::Unsupported
    );
    assert_eq!(alice.stat(&p("/f"), true).await.unwrap().mode, 0o644);
}

pub async fn edits_change_the_file_in_place(store: Made) {
    let bench = Bench::new(store).await;
    let (alice, colleague) = (bench.alice().await, bench.colleague().await);
    put(&alice, "/f", b"0123456789").await;
    alice.hard_link(&p("/f"), &p("/same")).await.unwrap();
    let edit = alice.edit(&p("/f"), EditMode::ReadWrite).await.unwrap();
    edit.write_at(2, Bytes::from_static(b"AB")).await.unwrap();
    assert_eq!(edit.read_at(0, 5, Vec::new()).await.unwrap(), b"01AB4");
    assert_eq!(
        get(&colleague, "/same").await.unwrap(),
        b"01AB456789",
        "seen at once, under each name"
    );
    let changes = SetStat {
        size: Some(6),
        ..SetStat::default()
    };
    edit.set_stat(&changes).await.unwrap();
    assert_eq!(edit.stat().await.unwrap().size, 6);
    edit.sync().await.unwrap();
    edit.close().await.unwrap();
    assert_eq!(get(&colleague, "/f").await.unwrap(), b"01AB45");
}

pub async fn appends_go_to_the_end(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/log", b"one\n").await;
    let first = alice
        .edit(&p("/log"), EditMode::Append { readable: false })
        .await
        .unwrap();
    let second = alice
        .edit(&p("/log"), EditMode::Append { readable: true })
        .await
        .unwrap();
    first.write_at(0, Bytes::from_static(b"two\n")).await.unwrap();
    second
        .write_at(1_000_000, Bytes::from_static(b"three\n"))
        .await
        .unwrap();
    first.write_at(4, Bytes::from_static(b"four\n")).await.unwrap();
    assert_eq!(
        kind(first.read_at(0, 1, Vec::new()).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        second.read_at(0, 100, Vec::new()).await.unwrap(),
        b"one\ntwo\nthree\nfour\n"
    );
    first.close().await.unwrap();
    second.close().await.unwrap();
}

pub async fn edits_need_a_writable_file(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"old").await;
    let read_only = SetStat {
        mode: Some(0o444),
        ..SetStat::default()
    };
    alice.set_stat(&p("/f"), &read_only, true).await.unwrap();
    for mode in [EditMode::ReadWrite, EditMode::Append { readable: false }] {
        assert_eq!(
            kind(alice.edit(&p("/f"), mode).await),
            ErrorKind::PermissionDenied
        );
    }
}

pub async fn reads_return_whole_ranges_and_keep_the_front(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    let data: Vec<u8> = (0..700_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    put(&alice, "/f", &data).await;
    let file = alice.open_read(&p("/f")).await.unwrap();
    for (offset, len) in [
        (0, 261_120),
        (1, 1),
        (262_144, 262_144),
        (699_990, 100),
        (700_000, 10),
        (0, 700_000),
    ] {
        let end = data.len().min(offset + len);
        // Buffers of no, of fitting and of ample room.
        for room in [0, len + 6, len * 4 + 100_000] {
            let mut front = Vec::with_capacity(room);
            front.extend_from_slice(b"header");
            let buf = file.read_at(offset as u64, len, front).await.unwrap();
            assert_eq!(&buf[..6], b"header");
            assert_eq!(
                &buf[6..],
                &data[offset.min(end)..end],
                "{offset}+{len}, room {room}"
            );
        }
    }
    assert_eq!(file.read_at(u64::MAX, 10, Vec::new()).await.unwrap(), b"");
    assert_eq!(file.read_at(5, 0, Vec::new()).await.unwrap(), b"");
}

pub async fn space_is_told(store: Made) {
    let bench = Bench::new(store).await;
    let alice = bench.alice().await;
    put(&alice, "/f", b"x").await;
    let space = alice.space(&p("/")).await.unwrap();
    assert!(space.blocks >= space.blocks_free && space.blocks_free >= space.blocks_available);
    assert!(space.fragment_size > 0 && space.blocks > 0);
    assert_eq!(alice.space(&p("/f")).await.unwrap().blocks, space.blocks);
    let reader = alice.open_read(&p("/f")).await.unwrap();
    assert_eq!(reader.space().await.unwrap().blocks, space.blocks);
    assert_eq!(kind(alice.space(&p("/none")).await), ErrorKind::NotFound);
}
