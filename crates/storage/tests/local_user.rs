//! The files of a user (`longshore sftp-server`): what one process leaves and the next one finds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use longshore_storage::suite::{begin, exclusive, fresh, get, kind, listed, over, p, put, write};
use longshore_storage::{ErrorKind, Home, LocalStore, UserFilesOptions};

fn home(dir: &Path) -> Arc<dyn Home> {
    LocalStore::user_files(dir, UserFilesOptions { umask: 0o022 }).unwrap()
}

/// A session that breaks off while it uploads.
async fn leave(dir: &Path, path: &str, data: &[u8]) {
    let home = home(dir);
    let upload = begin(&home, path, fresh()).await;
    write(&upload, 0, data).await;
    write(&upload, 100, b"behind a gap").await;
    upload.park().await.unwrap();
}

fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_next_session_goes_on_with_what_broke_off() {
    let dir = tempfile::tempdir().unwrap();
    for old in [false, true] {
        if old {
            put(&home(dir.path()), "/f", b"the old one").await;
        }
        leave(dir.path(), "/f", b"new").await;
        assert_eq!(dir.path().join("f").exists(), old, "nobody else sees it");
        {
            // A session that only looks leaves it for the one that goes on.
            let home = home(dir.path());
            assert_eq!(home.stat(&p("/f"), true).await.unwrap().size, 3);
            assert_eq!(listed(&home, "/").await, ["f"]);
            assert_eq!(
                kind(home.begin_upload(&p("/f"), exclusive()).await),
                ErrorKind::AlreadyExists
            );
            let elsewhere = self::home(dir.path());
            let seen = elsewhere.stat(&p("/f"), true).await;
            assert_eq!(seen.is_ok(), old, "one session at a time has it");
        }
        let home = home(dir.path());
        if !old {
            assert_eq!(
                listed(&home, "/").await,
                ["f"],
                "also before anybody asked for it"
            );
        }
        let upload = begin(&home, "/f", over()).await;
        write(&upload, 3, b"er").await;
        upload.publish().await.unwrap();
        assert_eq!(get(&home, "/f").await.unwrap(), b"newer");
        drop((upload, home));
        assert_eq!(names(dir.path()), ["f"]);
        std::fs::remove_file(dir.path().join("f")).unwrap();
    }
}

#[tokio::test]
async fn what_broke_off_ends_by_remove_by_a_new_start_and_by_a_rename_onto_it() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), "/f", b"new").await;
    let first = home(dir.path());
    first.remove_file(&p("/f")).await.unwrap();
    assert!(names(dir.path()).is_empty());
    drop(first);
    leave(dir.path(), "/f", b"new").await;
    put(&home(dir.path()), "/f", b"whole").await;
    assert_eq!(names(dir.path()), ["f"]);
    leave(dir.path(), "/g", b"new").await;
    let last = home(dir.path());
    last.rename(&p("/f"), &p("/g"), true).await.unwrap();
    assert_eq!(get(&last, "/g").await.unwrap(), b"whole");
    drop(last);
    assert_eq!(names(dir.path()), ["g"]);
}

#[tokio::test]
async fn it_never_lies_over_anything_newer() {
    let dir = tempfile::tempdir().unwrap();
    leave(dir.path(), "/f", b"new").await;
    assert_eq!(names(dir.path()), [".longshore-parked-f"]);
    // Longer than the clock of any file system stands still.
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::write(dir.path().join("f"), b"by another way").unwrap();
    assert_eq!(get(&home(dir.path()), "/f").await.unwrap(), b"by another way");
    assert_eq!(names(dir.path()), ["f"]);

    let home = home(dir.path());
    let upload = begin(&home, "/f", fresh()).await;
    write(&upload, 0, b"new").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    std::fs::write(dir.path().join("f"), b"once more").unwrap();
    upload.park().await.unwrap();
    drop((upload, home));
    assert_eq!(names(dir.path()), ["f"]);
}

#[tokio::test]
async fn a_name_that_is_too_long_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let name = format!("/{}", "x".repeat(250));
    leave(dir.path(), &name, b"new").await;
    assert!(names(dir.path()).is_empty());
}

#[tokio::test]
async fn what_others_put_under_such_a_name_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("secret"), b"secret").unwrap();
    std::os::unix::fs::symlink("secret", dir.path().join(".longshore-parked-f")).unwrap();
    std::fs::hard_link(dir.path().join("secret"), dir.path().join(".longshore-parked-g")).unwrap();
    let home = home(dir.path());
    for name in ["/f", "/g"] {
        assert_eq!(kind(home.stat(&p(name), true).await), ErrorKind::NotFound);
    }
    put(&home, "/f", b"mine").await;
    assert_eq!(std::fs::read(dir.path().join("secret")).unwrap(), b"secret");
}

/// As `sftp-server` opens it.
#[tokio::test]
async fn below_the_root_of_the_machine_it_is_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let path = format!("{}/f", dir.path().canonicalize().unwrap().display());
    let root = Path::new("/");
    leave(root, &path, b"new").await;
    for _looks_only in 0..2 {
        let home = home(root);
        assert_eq!(home.stat(&p(&path), true).await.unwrap().size, 3);
    }
    let home = home(root);
    let upload = begin(&home, &path, over()).await;
    write(&upload, 3, b"er").await;
    upload.publish().await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("f")).unwrap(), b"newer");
    assert_eq!(names(dir.path()), ["f"]);
}
