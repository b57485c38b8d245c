//! Digests of files in the local store: where they come from, what they survive, and what makes them void.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use longshore_storage::suite::p;
use longshore_storage::{
    BucketName, Digest, EditMode, Home, LocalOptions, LocalStore, OwnerId, Precondition, SetStat, Sha256,
    Store, Upload, UploadBase, UploadOptions,
};
use tempfile::TempDir;

struct Rig {
    _dir: TempDir,
    files: PathBuf,
    home: Arc<dyn Home>,
    _store: Arc<LocalStore>,
}

impl Rig {
    async fn new() -> Self {
        Self::in_dir(tempfile::tempdir().unwrap(), true).await
    }

    async fn in_dir(dir: TempDir, with_digests: bool) -> Self {
        let options = LocalOptions {
            digest: with_digests,
            record: false,
            ..LocalOptions::default()
        };
        let store = LocalStore::open(&dir.path().join("buckets"), options).unwrap();
        let bucket = BucketName::parse("digest-bucket").unwrap();
        store.create_bucket(&bucket).await.unwrap();
        let home = store.open_home(&bucket, &p("/alice"), OwnerId(1)).await.unwrap();
        Self {
            files: dir.path().join("buckets/digest-bucket/files/alice"),
            home,
            _dir: dir,
            _store: store,
        }
    }

    async fn begin(&self, path: &str, base: UploadBase) -> Arc<dyn Upload> {
        let options = UploadOptions {
            precondition: Precondition::None,
            base,
            mode: None,
            readable: false,
        };
        self.home.begin_upload(&p(path), options).await.unwrap()
    }

    /// Uploads `pieces` in their order; the digest as it is known when CLOSE is answered.
    async fn put(&self, path: &str, pieces: &[(u64, &[u8])]) -> Digest {
        let upload = self.begin(path, UploadBase::Empty).await;
        for (offset, data) in pieces {
            upload
                .write_at(*offset, Bytes::copy_from_slice(data))
                .await
                .unwrap();
        }
        upload.publish().await.unwrap();
        upload.digest()
    }

    /// What the store knows of a published file.
    async fn kept(&self, path: &str) -> Option<Sha256> {
        let file = self.home.open_read(&p(path)).await.unwrap();
        file.stat().await.unwrap().digest
    }

    fn on_disk(&self, name: &str) -> PathBuf {
        self.files.join(name)
    }
}

fn sha256(data: &[u8]) -> Sha256 {
    Sha256(digest(&SHA256, data).as_ref().try_into().unwrap())
}

fn times(secs: u64) -> SetStat {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(secs);
    SetStat {
        times: Some((time, time)),
        ..SetStat::default()
    }
}

#[tokio::test]
async fn an_upload_is_digested_whatever_the_order_of_its_bytes() {
    let rig = Rig::new().await;
    let expected = sha256(b"0123456789");
    for pieces in [
        vec![(0, b"01234".as_slice()), (5, b"56789")],
        vec![(5, b"56789"), (0, b"01234")],
        vec![(0, b"xx2345"), (4, b"456789"), (0, b"01")],
    ] {
        assert_eq!(rig.put("/f", &pieces).await, Digest::Known(expected));
        assert_eq!(rig.kept("/f").await, Some(expected), "{pieces:?}");
    }
    assert_eq!(rig.put("/empty", &[]).await, Digest::Known(sha256(b"")));
}

#[tokio::test]
async fn a_cut_or_carried_over_file_has_the_digest_of_what_was_published() {
    let rig = Rig::new().await;
    rig.put("/f", &[(0, b"0123456789")]).await;
    let upload = rig.begin("/f", UploadBase::Published).await;
    upload.write_at(0, Bytes::from_static(b"ab")).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(rig.kept("/f").await, Some(sha256(b"ab23456789")));

    let upload = rig.begin("/f", UploadBase::Published).await;
    upload.write_at(0, Bytes::from_static(b"0123")).await.unwrap();
    let cut = SetStat {
        size: Some(3),
        ..SetStat::default()
    };
    upload.set_stat(&cut).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(rig.kept("/f").await, Some(sha256(b"012")));
}

#[tokio::test]
async fn it_survives_new_times_modes_and_names() {
    let rig = Rig::new().await;
    rig.put("/f", &[(0, b"data")]).await;
    let expected = Some(sha256(b"data"));
    rig.home
        .set_stat(&p("/f"), &times(1_000_000_000), true)
        .await
        .unwrap();
    assert_eq!(rig.kept("/f").await, expected, "times by name");
    let mode = SetStat {
        mode: Some(0o600),
        ..SetStat::default()
    };
    rig.home.set_stat(&p("/f"), &mode, true).await.unwrap();
    assert_eq!(rig.kept("/f").await, expected, "mode");
    rig.home.rename(&p("/f"), &p("/g"), false).await.unwrap();
    assert_eq!(rig.kept("/g").await, expected, "rename");
    let edit = rig.home.edit(&p("/g"), EditMode::ReadWrite).await.unwrap();
    edit.set_stat(&times(1_100_000_000)).await.unwrap();
    edit.close().await.unwrap();
    assert_eq!(rig.kept("/g").await, expected, "times by handle, nothing written");
    let upload = rig.begin("/h", UploadBase::Empty).await;
    upload.write_at(0, Bytes::from_static(b"data")).await.unwrap();
    upload.set_stat(&times(1_200_000_000)).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(rig.kept("/h").await, expected, "times before CLOSE");
}

/// The times are set back each time: the clock of the file system must not be what notices our own edits.
#[tokio::test]
async fn an_edit_in_place_voids_it_at_once() {
    let rig = Rig::new().await;
    for (name, mode) in [
        ("/edited", EditMode::ReadWrite),
        ("/appended", EditMode::Append { readable: false }),
    ] {
        rig.put(name, &[(0, b"data")]).await;
        let before = rig.home.stat(&p(name), true).await.unwrap();
        let edit = rig.home.edit(&p(name), mode).await.unwrap();
        edit.write_at(0, Bytes::from_static(b"date")).await.unwrap();
        // Not only void: gone, for the clock may have stood still.
        let attributes = rustix::fs::listxattr_query(rig.on_disk(&name[1..])).unwrap();
        assert_eq!(attributes, 0, "{name}");
        edit.close().await.unwrap();
        let back = SetStat {
            times: Some((before.accessed, before.modified)),
            ..SetStat::default()
        };
        rig.home.set_stat(&p(name), &back, true).await.unwrap();
        assert_eq!(rig.kept(name).await, None, "{name}");
    }
    rig.put("/cut", &[(0, b"data")]).await;
    let size = |size| SetStat {
        size: Some(size),
        ..SetStat::default()
    };
    rig.home.set_stat(&p("/cut"), &size(2), true).await.unwrap();
    rig.home.set_stat(&p("/cut"), &size(4), true).await.unwrap();
    assert_eq!(rig.kept("/cut").await, None);
}

#[tokio::test]
async fn an_edit_from_outside_is_noticed() {
    let rig = Rig::new().await;
    rig.put("/f", &[(0, b"data")]).await;
    rig.home
        .set_stat(&p("/f"), &times(1_000_000_000), true)
        .await
        .unwrap();
    assert!(rig.kept("/f").await.is_some());
    let file = std::fs::File::options()
        .write(true)
        .open(rig.on_disk("f"))
        .unwrap();
    file.write_all_at(b"date", 0).unwrap();
    assert_eq!(rig.kept("/f").await, None, "same size, other content");
    // New times do not make it good again.
    rig.home
        .set_stat(&p("/f"), &times(1_000_000_000), true)
        .await
        .unwrap();
    assert_eq!(rig.kept("/f").await, None);
}

#[tokio::test]
async fn a_copy_of_the_attribute_on_another_file_counts_for_nothing() {
    let rig = Rig::new().await;
    rig.put("/f", &[(0, b"data")]).await;
    let copy = rig.on_disk("copy");
    let status = std::process::Command::new("cp")
        .arg("-a")
        .arg(rig.on_disk("f"))
        .arg(&copy)
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(rig.kept("/copy").await, None);
}

#[tokio::test]
async fn switched_off_nothing_is_kept() {
    let rig = Rig::in_dir(tempfile::tempdir().unwrap(), false).await;
    assert_eq!(rig.put("/f", &[(0, b"data")]).await, Digest::Absent);
    assert_eq!(rig.kept("/f").await, None);
    let attributes = rustix::fs::listxattr_query(rig.on_disk("f")).unwrap_or(0);
    assert_eq!(attributes, 0);
}

/// On a file system in memory, where 20 GiB of holes cost nothing.
fn in_memory() -> TempDir {
    tempfile::tempdir_in(Path::new("/dev/shm")).unwrap()
}

#[tokio::test]
async fn close_does_not_wait_for_what_came_in_reverse_order() {
    let rig = Rig::in_dir(in_memory(), true).await;
    const SIZE: u64 = 20 << 30;
    const BLOCK: u64 = 255 << 10;
    let upload = rig.begin("/big", UploadBase::Empty).await;
    let mut at = SIZE;
    while at > 0 {
        at = at.saturating_sub(BLOCK);
        // The last byte of each block alone: in memory only its page is taken.
        upload
            .write_at(at + BLOCK - 1, Bytes::from_static(b"x"))
            .await
            .unwrap();
    }
    let started = Instant::now();
    upload.publish().await.unwrap();
    // The bar is 2 s; a machine under load gets more. Digesting 20 GiB takes at least 10 s.
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(upload.digest(), Digest::Pending);
    assert_eq!(rig.kept("/big").await, None);
}

/// Some 70 MiB, the first block last.
async fn late_upload(rig: &Rig, path: &str) -> (Arc<dyn Upload>, Sha256) {
    const BLOCK: usize = 1 << 20;
    let blocks: Vec<Vec<u8>> = (0..70_u8).map(|block| vec![block; BLOCK]).collect();
    let upload = rig.begin(path, UploadBase::Empty).await;
    for (index, block) in blocks.iter().enumerate().rev() {
        upload
            .write_at((index * BLOCK) as u64, Bytes::from(block.clone()))
            .await
            .unwrap();
    }
    (upload, sha256(&blocks.concat()))
}

async fn settled(upload: &Arc<dyn Upload>) -> Option<Sha256> {
    tokio::time::timeout(Duration::from_secs(60), upload.settled_digest())
        .await
        .expect("never settled")
}

#[tokio::test]
async fn what_is_left_is_finished_after_publishing_whatever_times_and_name_it_got_meanwhile() {
    let rig = Rig::in_dir(in_memory(), true).await;
    let (upload, expected) = late_upload(&rig, "/late").await;
    upload.publish().await.unwrap();
    rig.home
        .set_stat(&p("/late"), &times(1_000_000_000), true)
        .await
        .unwrap();
    rig.home.rename(&p("/late"), &p("/moved"), false).await.unwrap();
    assert_eq!(settled(&upload).await, Some(expected));
    assert_eq!(rig.kept("/moved").await, Some(expected));
}

#[tokio::test]
async fn an_edit_before_it_is_finished_leaves_no_digest() {
    let rig = Rig::in_dir(in_memory(), true).await;
    // Many at once: they are finished one after the other, so that the last is still waiting.
    let mut uploads = Vec::new();
    for index in 0..4 {
        let path = format!("/late{index}");
        let (upload, _) = late_upload(&rig, &path).await;
        uploads.push(upload);
    }
    for upload in &uploads {
        upload.publish().await.unwrap();
    }
    let edit = rig.home.edit(&p("/late3"), EditMode::ReadWrite).await.unwrap();
    edit.write_at(0, Bytes::from_static(b"changed")).await.unwrap();
    edit.close().await.unwrap();
    assert_eq!(settled(&uploads[3]).await, None);
    assert_eq!(rig.kept("/late3").await, None);
    assert!(settled(&uploads[0]).await.is_some());
}

#[tokio::test]
async fn files_of_nothing_but_holes_are_not_read_for_hours() {
    let rig = Rig::in_dir(in_memory(), true).await;
    let upload = rig.begin("/holes", UploadBase::Empty).await;
    upload.write_at(4 << 40, Bytes::from_static(b"x")).await.unwrap();
    upload.publish().await.unwrap();
    assert_eq!(settled(&upload).await, None);
}

#[tokio::test]
async fn the_attribute_fits_into_the_file_node() {
    let rig = Rig::new().await;
    rig.put("/f", &[(0, b"data")]).await;
    let mut value = Vec::with_capacity(256);
    let len = rustix::fs::getxattr(
        rig.on_disk("f"),
        "user.longshore",
        rustix::buffer::spare_capacity(&mut value),
    )
    .unwrap();
    // ext4 with nodes of 256 bytes has 96 for attributes: head 4, entry 16 and name 12, end 4, value.
    assert!(4 + 16 + 12 + 4 + len <= 96, "{len} bytes");
}
