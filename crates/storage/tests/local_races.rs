//! Somebody swaps directories and links as fast as the machine allows while the user works: nothing outside the home
//! is read or changed.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use longshore_storage::suite::{fresh, p};
use longshore_storage::{
    BucketName, Durability, EditMode, Home, LocalOptions, LocalStore, OwnerId, ResolverChoice, SetStat, Store,
};
use rustix::fs::{CWD, RenameFlags, renameat_with};

const SWAPS: u64 = 10_000;
const SECRET: &[u8] = b"SECRET";

/// The bucket on disk: `files/alice` is the home, `outside` lies beside the buckets.
struct Field {
    _dir: tempfile::TempDir,
    home: PathBuf,
    outside: PathBuf,
    alice: Arc<dyn Home>,
}

async fn field(resolver: ResolverChoice) -> Field {
    let dir = tempfile::tempdir().unwrap();
    let buckets = dir.path().join("buckets");
    let options = LocalOptions {
        durability: Durability::None,
        resolver,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(&buckets, options).unwrap();
    let bucket = BucketName::parse("race-bucket").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    let alice = store.open_home(&bucket, &p("/alice"), OwnerId(1)).await.unwrap();
    let files = buckets.join("race-bucket/files");
    let outside = files.join("bob");
    for d in [&outside, &outside.join("sub")] {
        fs::create_dir(d).unwrap();
        fs::write(d.join("f"), SECRET).unwrap();
    }
    Field {
        home: files.join("alice"),
        outside,
        alice,
        _dir: dir,
    }
}

/// Swaps `left` and `right` until told to stop; says how often.
fn hammer(
    pairs: Vec<(PathBuf, PathBuf)>,
    stop: Arc<AtomicBool>,
    swaps: Arc<AtomicU64>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            for (left, right) in &pairs {
                // A pair moved along with its directory comes back with the next swap.
                if renameat_with(CWD, left, CWD, right, RenameFlags::EXCHANGE).is_ok() {
                    swaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    })
}

/// One round of everything on names below `/d`; says whether something was found and whether something was missing.
async fn round(alice: &Arc<dyn Home>) -> (bool, bool) {
    let (mut found, mut missing) = (false, false);
    for path in ["/d/f", "/d/sub/f", "/e/../d/f", "/via/f", "/via/sub/f"] {
        let path = p(path);
        match alice.open_read(&path).await {
            Ok(file) => {
                found = true;
                assert_ne!(
                    file.read_at(0, 100, Vec::new()).await.unwrap(),
                    SECRET,
                    "read outside: {path:?}"
                );
            }
            Err(_) => missing = true,
        }
        if let Ok(stat) = alice.stat(&path, true).await {
            assert_ne!(stat.size, SECRET.len() as u64, "looked outside: {path:?}");
        }
        if let Ok(upload) = alice.begin_upload(&path, fresh()).await {
            upload.write_at(0, Bytes::from_static(b"written")).await.unwrap();
            let _ = upload.publish().await;
        }
        if let Ok(edit) = alice.edit(&path, EditMode::ReadWrite).await {
            edit.write_at(0, Bytes::from_static(b"edited!")).await.unwrap();
        }
        let mode = SetStat {
            mode: Some(0o640),
            ..SetStat::default()
        };
        let _ = alice.set_stat(&path, &mode, true).await;
    }
    for dir in ["/d", "/d/sub", "/via"] {
        let (f, g) = (p(&format!("{dir}/f")), p(&format!("{dir}/g")));
        let _ = alice.rename(&f, &g, true).await;
        let _ = alice.hard_link(&g, &f).await;
        let _ = alice.rename(&g, &f, true).await;
        let _ = alice.hard_link(&f, &p("/loot")).await;
        let _ = alice.remove_file(&p("/loot")).await;
        let _ = alice.make_dir(&p(&format!("{dir}/made")), None).await;
        let _ = alice.remove_dir(&p(&format!("{dir}/made"))).await;
        let _ = alice.symlink(b"x", &p(&format!("{dir}/made"))).await;
        let _ = alice.remove_file(&p(&format!("{dir}/made"))).await;
        if let Ok(real) = alice.real_path(&p(&format!("{dir}/f"))).await {
            // `/bob` is a name in this home, where nothing stands.
            assert!(
                !real.as_bytes().starts_with(b"/bob") || alice.stat(&real, false).await.is_err(),
                "{real:?}"
            );
        }
        if let Ok(mut listing) = alice.list(&p(dir)).await {
            let page = listing.next_page(100).await.unwrap_or_default();
            assert!(
                page.iter().all(|entry| entry.stat.size != SECRET.len() as u64),
                "listed outside: {dir}"
            );
        }
    }
    (found, missing)
}

fn assert_untouched(outside: &Path) {
    for dir in [outside.to_path_buf(), outside.join("sub")] {
        assert_eq!(fs::read(dir.join("f")).unwrap(), SECRET);
        let mut names: Vec<_> = fs::read_dir(&dir)
            .unwrap()
            .map(|e| e.unwrap().file_name())
            .collect();
        names.sort();
        let expected: &[&str] = if dir == outside { &["f", "sub"] } else { &["f"] };
        assert_eq!(names, expected, "{dir:?}");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(dir.join("f")).unwrap());
        assert_eq!(mode & 0o777, 0o644);
        assert_eq!(
            std::os::unix::fs::MetadataExt::nlink(&fs::metadata(dir.join("f")).unwrap()),
            1
        );
    }
}

async fn swaps_lead_nowhere(resolver: ResolverChoice) {
    let field = field(resolver).await;
    let home = &field.home;
    for dir in ["d", "d/sub", "e"] {
        fs::create_dir(home.join(dir)).unwrap();
        fs::write(home.join(dir).join("f"), b"inside its own home").unwrap();
    }
    symlink("d", home.join("via")).unwrap();
    // Directory against link: upwards, to the host's own path, and to where the user's own root would be.
    symlink("../bob", home.join("up")).unwrap();
    symlink(&field.outside, home.join("absolute")).unwrap();
    symlink("../../bob/sub", home.join("d/deep")).unwrap();
    let pairs = vec![
        (home.join("d"), home.join("up")),
        (home.join("d"), home.join("absolute")),
        (home.join("d/sub"), home.join("d/deep")),
        (home.join("via"), home.join("e")),
        (home.join("up/sub"), home.join("up/deep")),
    ];
    let (found, missing) = while_hammered(&field, pairs).await;
    assert!(
        found > 0 && missing > 0,
        "the swaps were not felt: {found} found, {missing} missing"
    );
    assert_untouched(&field.outside);
}

/// The root user moves a directory out of the home and back: while it is out, nothing is written there.
async fn moves_out_lead_nowhere(resolver: ResolverChoice) {
    let field = field(resolver).await;
    let home = &field.home;
    let parent = home.parent().unwrap();
    fs::create_dir_all(home.join("d/sub")).unwrap();
    fs::create_dir(home.join("e")).unwrap();
    fs::write(home.join("d/f"), b"inside its own home").unwrap();
    fs::write(home.join("d/sub/f"), b"inside its own home").unwrap();
    // `..` of the moved directory is the bucket then, with `bob` in it.
    symlink("d/sub/../../bob", home.join("climb")).unwrap();
    symlink("climb", home.join("via")).unwrap();
    let pairs = vec![(home.join("d"), parent.join("stash"))];
    fs::create_dir(parent.join("stash")).unwrap();
    let (found, missing) = while_hammered(&field, pairs).await;
    assert!(
        found > 0 && missing > 0,
        "the moves were not felt: {found} found, {missing} missing"
    );
    assert_untouched(&field.outside);
}

async fn while_hammered(field: &Field, pairs: Vec<(PathBuf, PathBuf)>) -> (u64, u64) {
    let (stop, swaps) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let thread = hammer(pairs, Arc::clone(&stop), Arc::clone(&swaps));
    let (mut found, mut missing, mut rounds) = (0, 0, 0);
    while swaps.load(Ordering::Relaxed) < SWAPS || rounds < 200 {
        let (f, m) = round(&field.alice).await;
        found += u64::from(f);
        missing += u64::from(m);
        rounds += 1;
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    (found, missing)
}

#[tokio::test]
async fn swapped_links_lead_nowhere_with_openat2() {
    swaps_lead_nowhere(ResolverChoice::OpenAt2).await;
}

#[tokio::test]
async fn swapped_links_lead_nowhere_with_the_fallback() {
    swaps_lead_nowhere(ResolverChoice::Fallback).await;
}

#[tokio::test]
async fn directories_moved_out_lead_nowhere_with_openat2() {
    moves_out_lead_nowhere(ResolverChoice::OpenAt2).await;
}

#[tokio::test]
async fn directories_moved_out_lead_nowhere_with_the_fallback() {
    moves_out_lead_nowhere(ResolverChoice::Fallback).await;
}

#[tokio::test]
async fn a_bucket_that_many_open_at_once_has_one_journal() {
    for _round in 0..10 {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(&dir.path().join("buckets"), LocalOptions::default()).unwrap();
        let bucket = BucketName::parse("race-bucket").unwrap();
        store.create_bucket(&bucket).await.unwrap();
        let uploads = (0..8).map(|owner| {
            let (store, bucket) = (Arc::clone(&store), bucket.clone());
            tokio::spawn(async move {
                let home = p(&format!("/home{owner}"));
                let home = store.open_home(&bucket, &home, OwnerId(owner)).await.unwrap();
                let upload = home.begin_upload(&p("/f"), fresh()).await.unwrap();
                upload.close(b"").await.unwrap();
            })
        });
        for upload in uploads.collect::<Vec<_>>() {
            upload.await.unwrap();
        }
        assert_eq!(store.unrecorded().await.unwrap().len(), 8);
        drop(store);
        let store = LocalStore::open(&dir.path().join("buckets"), LocalOptions::default()).unwrap();
        assert_eq!(
            store.unrecorded().await.unwrap().len(),
            8,
            "as the next start finds them"
        );
    }
}
