//! What survives a power cut, and what does not.

use std::ffi::OsStr;

use fuser::FileType;
use rustix::fs::RenameFlags;

use super::*;
use crate::volume::Birth;

fn make(volume: &mut Volume, dir: u64, name: &str, kind: FileType) -> u64 {
    let birth = Birth {
        kind,
        perm: 0o644,
        uid: 0,
        gid: 0,
        rdev: 0,
    };
    volume.make(dir, OsStr::new(name), birth, Vec::new()).unwrap()
}

fn sync(volume: &mut Volume, ino: u64) {
    let begun = volume.begin_sync(ino, false).unwrap();
    volume.end_sync(begun).unwrap();
}

fn rename(volume: &mut Volume, from: (u64, &str), to: (u64, &str)) {
    let (from, to) = ((from.0, OsStr::new(from.1)), (to.0, OsStr::new(to.1)));
    volume.rename(from, to, RenameFlags::empty()).unwrap();
}

fn cut(volume: &mut Volume) {
    volume.power.cut();
    assert_eq!(volume.power.check(), Err(Errno::IO));
    volume.boot();
}

/// What a file holds, `None` when it has no name.
fn content(volume: &Volume, dir: u64, name: &str) -> Option<Vec<u8>> {
    let ino = volume.look_up(dir, OsStr::new(name)).ok()?;
    Some(volume.read(ino, 0, usize::MAX).unwrap().to_vec())
}

/// Runs `prepare` on many volumes, cuts the power, and tells which outcomes `look` saw.
fn outcomes<T: std::hash::Hash + Eq>(
    prepare: impl Fn(&mut Volume),
    look: impl Fn(&Volume) -> T,
) -> HashSet<T> {
    (0..100)
        .map(|seed| {
            let mut volume = Volume::new(seed);
            prepare(&mut volume);
            cut(&mut volume);
            look(&volume)
        })
        .collect()
}

#[test]
fn what_was_synced_survives_with_its_name() {
    let seen = outcomes(
        |volume| {
            let file = make(volume, ROOT, "f", FileType::RegularFile);
            volume.write(file, 0, b"kept").unwrap();
            sync(volume, file);
            sync(volume, ROOT);
        },
        |volume| content(volume, ROOT, "f"),
    );
    assert_eq!(seen, HashSet::from([Some(b"kept".to_vec())]));
}

#[test]
fn synced_data_under_a_name_that_was_not_synced_may_be_lost() {
    let seen = outcomes(
        |volume| {
            let file = make(volume, ROOT, "f", FileType::RegularFile);
            volume.write(file, 0, b"kept").unwrap();
            sync(volume, file);
        },
        |volume| content(volume, ROOT, "f"),
    );
    assert_eq!(seen, HashSet::from([None, Some(b"kept".to_vec())]));
}

#[test]
fn data_that_was_not_synced_may_be_lost_though_the_name_is_there() {
    let seen = outcomes(
        |volume| {
            let file = make(volume, ROOT, "f", FileType::RegularFile);
            sync(volume, ROOT);
            volume.write(file, 0, &[7; 9000]).unwrap();
        },
        |volume| content(volume, ROOT, "f").unwrap(),
    );
    assert!(seen.contains(&Vec::new()) && seen.contains(&vec![7; 9000]));
    assert!(seen.len() > 5, "torn in several ways");
}

#[test]
fn a_rename_is_whole_or_not_at_all_unless_it_may_be_split() {
    let both = |split: bool| {
        outcomes(
            |volume| {
                volume.split_renames = split;
                let [one, two] = ["one", "two"].map(|name| make(volume, ROOT, name, FileType::Directory));
                make(volume, one, "f", FileType::RegularFile);
                sync(volume, ROOT);
                sync(volume, one);
                rename(volume, (one, "f"), (two, "f"));
            },
            |volume| {
                ["one", "two"].map(|dir| {
                    let dir = volume.look_up(ROOT, OsStr::new(dir)).unwrap();
                    volume.look_up(dir, OsStr::new("f")).is_ok()
                })
            },
        )
    };
    assert_eq!(both(false), HashSet::from([[true, false], [false, true]]));
    assert_eq!(both(true).len(), 4, "old, new, both or neither");
}

#[test]
fn a_slow_sync_covers_only_what_was_there_when_it_began() {
    let seen = outcomes(
        |volume| {
            let file = make(volume, ROOT, "f", FileType::RegularFile);
            sync(volume, ROOT);
            volume.write(file, 0, b"early").unwrap();
            let slow = volume.begin_sync(file, false).unwrap();
            volume.write(file, 0, b"later").unwrap();
            volume.end_sync(slow).unwrap();
        },
        |volume| content(volume, ROOT, "f").unwrap(),
    );
    assert_eq!(seen, HashSet::from([b"early".to_vec(), b"later".to_vec()]));
}

#[test]
fn a_slow_sync_does_not_undo_a_later_one() {
    let mut volume = Volume::new(1);
    let file = make(&mut volume, ROOT, "f", FileType::RegularFile);
    sync(&mut volume, ROOT);
    volume.write(file, 0, b"early").unwrap();
    let slow = volume.begin_sync(file, false).unwrap();
    volume.write(file, 0, b"later").unwrap();
    sync(&mut volume, file);
    volume.end_sync(slow).unwrap();
    cut(&mut volume);
    assert_eq!(content(&volume, ROOT, "f").unwrap(), b"later");
}

#[test]
fn a_sync_that_the_cut_overtakes_fails_and_keeps_nothing() {
    let mut volume = Volume::new(1);
    let file = make(&mut volume, ROOT, "f", FileType::RegularFile);
    volume.write(file, 0, b"x").unwrap();
    let begun = volume.begin_sync(file, false).unwrap();
    volume.power.cut();
    assert_eq!(volume.end_sync(begun), Err(Errno::IO));
    assert!(volume.inode(file).unwrap().saved.data.is_empty());
}

#[test]
fn a_pretended_sync_keeps_nothing_and_is_counted() {
    let seen = outcomes(
        |volume| {
            let dir = make(volume, ROOT, "home", FileType::Directory);
            sync(volume, ROOT);
            let all = Sabotage::All(Kind::Names);
            volume.power.ignored.push((all, b"/home".to_vec()));
            make(volume, dir, "f", FileType::RegularFile);
            sync(volume, dir);
            assert_eq!(volume.power.counts[&(Kind::Names, b"/home".to_vec())], 1);
        },
        |volume| {
            let home = volume.look_up(ROOT, OsStr::new("home")).unwrap();
            volume.look_up(home, OsStr::new("f")).is_ok()
        },
    );
    assert_eq!(seen, HashSet::from([true, false]));
}

#[test]
fn the_power_goes_at_the_operation_that_was_asked_for() {
    let mut volume = Volume::new(1);
    volume.power.cut_after(2);
    assert_eq!(volume.power.burn(), Ok(()));
    assert_eq!(volume.power.burn(), Ok(()));
    assert_eq!(volume.power.burn(), Err(Errno::IO));
    assert!(volume.power.is_off());
    volume.boot();
    assert_eq!(volume.power.burn(), Ok(()));
}

#[test]
fn the_power_goes_at_the_sync_that_was_asked_for() {
    let mut volume = Volume::new(1);
    let file = make(&mut volume, ROOT, "f", FileType::RegularFile);
    volume.power.trap = Some((Kind::Data, b"/f".to_vec()));
    sync(&mut volume, ROOT);
    assert!(matches!(volume.begin_sync(file, false), Err(Errno::IO)));
    assert!(volume.power.is_off());
    volume.boot();
    sync(&mut volume, file);
}

#[test]
fn after_a_boot_links_are_counted_anew_and_what_has_no_name_is_gone() {
    let mut volume = Volume::new(1);
    let dir = make(&mut volume, ROOT, "d", FileType::Directory);
    let file = make(&mut volume, dir, "f", FileType::RegularFile);
    volume.link(file, dir, OsStr::new("g")).unwrap();
    sync(&mut volume, ROOT);
    sync(&mut volume, dir);
    let lost = make(&mut volume, dir, "lost", FileType::RegularFile);
    volume.unlink(dir, OsStr::new("lost"), false).unwrap();
    cut(&mut volume);
    assert_eq!(volume.inode(file).unwrap().links, 2);
    assert_eq!(volume.inode(ROOT).unwrap().links, 3);
    // Its name may have survived the cut, but then with the file.
    assert_eq!(
        volume.look_up(dir, OsStr::new("lost")).is_ok(),
        volume.inode(lost).is_ok()
    );
}
