//! The local store under conditions that need a process of their own: without privileges, on a full disk, under
//! `strace`. Each test starts this program again for itself, wrapped in what makes the condition.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use bytes::Bytes;
use longshore_storage::suite::{begin, fresh, get, kind, listed, over, p, put, write};
use longshore_storage::{
    BucketName, EditMode, ErrorKind, Home, LocalOptions, LocalStore, OwnerId, ResolverChoice, SetStat, Store,
};

const CHILD: &str = "LONGSHORE_STORAGE_TEST_DIR";

/// The directory to work in, when this is the wrapped process.
fn child_dir() -> Option<std::path::PathBuf> {
    std::env::var_os(CHILD).map(Into::into)
}

/// Runs the test `name` again, wrapped in `wrapper`, with `dir` to work in.
fn run_wrapped(wrapper: &[&str], name: &str, dir: &Path) {
    let program = std::env::current_exe().unwrap();
    let output = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(program)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .output()
        .unwrap_or_else(|error| panic!("{} is needed: {error}", wrapper[0]));
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{text}");
    assert!(text.contains("1 passed"), "the wrapped test did not run: {text}");
}

async fn alice(dir: &Path, resolver: ResolverChoice) -> Arc<dyn Home> {
    let options = LocalOptions {
        resolver,
        ..LocalOptions::default()
    };
    let store = LocalStore::open(&dir.join("buckets"), options).unwrap();
    let bucket = BucketName::parse("sys-bucket").unwrap();
    store.create_bucket(&bucket).await.unwrap();
    store.open_home(&bucket, &p("/alice"), OwnerId(1)).await.unwrap()
}

#[tokio::test]
async fn permissions_hold_without_privileges() {
    let Some(dir) = child_dir() else {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(dir.path(), Some(65534), Some(65534)).unwrap();
        let wrapper = [
            "setpriv",
            "--reuid=65534",
            "--regid=65534",
            "--clear-groups",
            "--",
        ];
        run_copied(&wrapper, "permissions_hold_without_privileges", dir.path());
        return;
    };
    assert!(!rustix::process::geteuid().is_root());
    for resolver in [ResolverChoice::OpenAt2, ResolverChoice::Fallback] {
        let dir = dir.join(format!("{resolver:?}"));
        std::fs::create_dir(&dir).unwrap();
        check_permissions(&alice(&dir, resolver).await).await;
    }
}

/// As [`run_wrapped`], with a copy of this program inside `dir`: an unprivileged user may not reach the original.
fn run_copied(wrapper: &[&str], name: &str, dir: &Path) {
    let copy = dir.join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &copy).unwrap();
    let output = Command::new(wrapper[0])
        .args(&wrapper[1..])
        .arg(&copy)
        .args(["--exact", name, "--nocapture", "--test-threads=1"])
        .env(CHILD, dir)
        .current_dir(dir)
        .output()
        .unwrap();
    let text = format!(
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

async fn check_permissions(alice: &Arc<dyn Home>) {
    put(alice, "/f", b"mine").await;
    alice.make_dir(&p("/d"), None).await.unwrap();
    put(alice, "/d/f", b"kept").await;
    chmod(alice, "/f", 0o000).await;
    assert_eq!(kind(get(alice, "/f").await), ErrorKind::PermissionDenied);
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), fresh()).await),
        ErrorKind::PermissionDenied
    );
    // The owner may always change the mode back, also of what cannot be opened.
    chmod(alice, "/f", 0o400).await;
    assert_eq!(get(alice, "/f").await.unwrap(), b"mine");
    assert_eq!(
        kind(alice.begin_upload(&p("/f"), over()).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(
        kind(alice.edit(&p("/f"), EditMode::ReadWrite).await),
        ErrorKind::PermissionDenied
    );
    chmod(alice, "/d", 0o555).await;
    // Told when the upload begins, not when it ends.
    for path in ["/d/f", "/d/new"] {
        assert_eq!(
            kind(alice.begin_upload(&p(path), fresh()).await),
            ErrorKind::PermissionDenied,
            "{path}"
        );
    }
    for result in [
        alice.make_dir(&p("/d/x"), None).await,
        alice.remove_file(&p("/d/f")).await,
        alice.rename(&p("/d/f"), &p("/g"), false).await,
        alice.symlink(b"x", &p("/d/x")).await,
        alice.hard_link(&p("/f"), &p("/d/x")).await,
    ] {
        assert_eq!(kind(result), ErrorKind::PermissionDenied);
    }
    chmod(alice, "/d", 0o700).await;
    let upload = begin(alice, "/d/f", fresh()).await;
    write(&upload, 0, b"kept").await;
    chmod(alice, "/d", 0o555).await;
    // What cannot be removed keeps the unfinished upload over it, too.
    assert_eq!(
        kind(alice.remove_file(&p("/d/f")).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(upload.stat().await.unwrap().size, 4);
    chmod(alice, "/d", 0o700).await;
    upload.publish().await.unwrap();
    // Names may be read, but not what is behind them. A listing that failed says why however often it is asked.
    chmod(alice, "/d", 0o400).await;
    let mut listing = alice.list(&p("/d")).await.unwrap();
    for _ in 0..2 {
        assert_eq!(kind(listing.next_page(10).await), ErrorKind::PermissionDenied);
    }
    chmod(alice, "/d", 0o000).await;
    assert_eq!(
        kind(alice.stat(&p("/d/f"), true).await),
        ErrorKind::PermissionDenied
    );
    assert_eq!(kind(alice.list(&p("/d")).await), ErrorKind::PermissionDenied);
    chmod(alice, "/d", 0o700).await;
    assert_eq!(get(alice, "/d/f").await.unwrap(), b"kept");
}

async fn chmod(alice: &Arc<dyn Home>, path: &str, mode: u32) {
    let changes = SetStat {
        mode: Some(mode),
        ..SetStat::default()
    };
    alice.set_stat(&p(path), &changes, true).await.unwrap();
}

#[tokio::test]
async fn a_full_disk_fails_the_upload_and_nothing_else() {
    let Some(dir) = child_dir() else {
        let dir = tempfile::tempdir().unwrap();
        let mounted = "mount -t tmpfs -o size=4m tmpfs \"$0\" && exec \"$@\"";
        let path = dir.path().to_str().unwrap();
        let wrapper = ["unshare", "--mount", "--", "sh", "-c", mounted, path];
        run_wrapped(
            &wrapper,
            "a_full_disk_fails_the_upload_and_nothing_else",
            dir.path(),
        );
        return;
    };
    let alice = alice(&dir, ResolverChoice::Auto).await;
    let old = vec![b'o'; 1 << 20];
    put(&alice, "/f", &old).await;
    for options in [fresh(), over()] {
        let upload = begin(&alice, "/f", options).await;
        let block = Bytes::from(vec![b'n'; 256 << 10]);
        let mut failure = None;
        for index in 0..32_u64 {
            if let Err(error) = upload.write_at(index * (256 << 10), block.clone()).await {
                failure = Some(error.kind());
                break;
            }
        }
        assert_eq!(failure, Some(ErrorKind::NoSpace));
        // What could not be written is not forgotten: CLOSE does not publish a file with a hole in it.
        assert_eq!(kind(upload.publish().await), ErrorKind::NoSpace);
        assert!(
            get_all(&alice, "/f").await.iter().all(|byte| *byte == b'n'),
            "the owner sees the upload"
        );
        upload.discard().await.unwrap();
        assert_eq!(get_all(&alice, "/f").await, old);
    }
    carried_over_without_room(&alice, &old).await;
    assert_eq!(listed(&alice, "/").await, ["f"]);
    // With room again everything works.
    put(&alice, "/g", &old).await;
    assert_eq!(get_all(&alice, "/g").await, old);
}

/// The upload itself fits, but what it would carry over from the published version does not.
async fn carried_over_without_room(alice: &Arc<dyn Home>, old: &[u8]) {
    let filler = begin(alice, "/filler", fresh()).await;
    let mut offset = 0;
    while filler
        .write_at(offset, Bytes::from(vec![0; 64 << 10]))
        .await
        .is_ok()
    {
        offset += 64 << 10;
    }
    let size = SetStat {
        size: Some(offset - (256 << 10)),
        ..SetStat::default()
    };
    filler.set_stat(&size).await.unwrap();
    let upload = begin(alice, "/f", over()).await;
    write(&upload, 10, b"tiny").await;
    assert_eq!(kind(upload.publish().await), ErrorKind::NoSpace);
    filler.discard().await.unwrap();
    let mut expected = old.to_vec();
    expected[10..14].copy_from_slice(b"tiny");
    upload.publish().await.unwrap();
    assert_eq!(get_all(alice, "/f").await, expected);
    put(alice, "/f", old).await;
}

async fn get_all(alice: &Arc<dyn Home>, path: &str) -> Vec<u8> {
    alice
        .open_read(&p(path))
        .await
        .unwrap()
        .read_at(0, 8 << 20, Vec::new())
        .await
        .unwrap()
}

#[tokio::test]
async fn close_syncs_the_data_then_renames_then_syncs_the_directory() {
    if let Some(dir) = child_dir() {
        let alice = alice(&dir, ResolverChoice::Auto).await;
        let upload = begin(&alice, "/f", fresh()).await;
        write(&upload, 0, b"precious").await;
        mark(&dir, "before");
        upload.publish().await.unwrap();
        mark(&dir, "after");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let name = "close_syncs_the_data_then_renames_then_syncs_the_directory";
    let calls = ["trace=fsync,fdatasync,rename,renameat,renameat2,mkdir,mkdirat"];
    let trace = traced(&calls, name, dir.path());
    let steps: Vec<_> = between_marks(&trace)
        .filter(|line| !line.contains("resumed"))
        .collect();
    let is_sync_of = |line: &str, what: &str| {
        (line.contains("fsync(") || line.contains("fdatasync(")) && line.contains(what)
    };
    assert_eq!(steps.len(), 4, "{trace}");
    assert!(is_sync_of(steps[0], "/staging/"), "{trace}");
    assert!(is_sync_of(steps[1], "/staging/journal>"), "{trace}");
    assert!(
        steps[2].contains("rename") && steps[2].contains("\"f\""),
        "{trace}"
    );
    assert!(is_sync_of(steps[3], "/files/alice>"), "{trace}");
}

/// Two writes at once, and a slow file system: neither may change a byte while a power cut could bring the digest back.
#[tokio::test]
async fn nothing_is_changed_in_place_before_the_digest_is_gone_for_good() {
    if let Some(dir) = child_dir() {
        let alice = alice(&dir, ResolverChoice::Auto).await;
        put(&alice, "/f", b"0123456789").await;
        let file = alice.edit(&p("/f"), EditMode::ReadWrite).await.unwrap();
        mark(&dir, "before");
        let (one, other) = tokio::join!(
            file.write_at(0, Bytes::from_static(b"a")),
            file.write_at(5, Bytes::from_static(b"b"))
        );
        one.and(other).unwrap();
        mark(&dir, "after");
        return;
    }
    let dir = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let name = "nothing_is_changed_in_place_before_the_digest_is_gone_for_good";
    let calls = [
        "trace=fsync,fdatasync,pwrite64,fremovexattr,mkdir,mkdirat",
        "inject=fremovexattr:delay_exit=300000",
    ];
    let trace = traced(&calls, name, dir.path());
    let steps: Vec<_> = between_marks(&trace).collect();
    let first_write = steps.iter().position(|line| line.contains("pwrite64(")).unwrap();
    let (before, behind) = steps.split_at(first_write);
    for step in ["fremovexattr", "fsync"] {
        assert!(before.iter().any(|line| line.contains(step)), "{trace}");
        assert!(!behind.iter().any(|line| line.contains(step)), "{trace}");
    }
}

/// What strace writes of the test `name` with these `-e` expressions.
fn traced(expressions: &[&str], name: &str, dir: &Path) -> String {
    let trace = dir.join("trace");
    let mut wrapper = vec!["strace", "-f", "-y"];
    for expression in expressions {
        wrapper.extend(["-e", expression]);
    }
    wrapper.extend(["-o", trace.to_str().unwrap(), "--"]);
    run_wrapped(&wrapper, name, dir);
    std::fs::read_to_string(trace).unwrap()
}

/// The calls between the marks `before` and `after`.
fn between_marks(trace: &str) -> impl Iterator<Item = &str> {
    trace
        .lines()
        .skip_while(|line| !line.contains("before"))
        .skip(1)
        .take_while(|line| !line.contains("after"))
}

/// Leaves a mark in the trace.
fn mark(dir: &Path, name: &str) {
    std::fs::create_dir(dir.join(name)).unwrap();
}
