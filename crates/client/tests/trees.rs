//! Trees to and from OpenSSH's `sftp-server`.

mod common;

use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{Servers, noise};
use longshore_client::ErrorKind;
use longshore_client::sftp::SftpOptions;
use longshore_client::transfer::{
    CancellationToken, Compare, Delete, DownloadJob, Event, Filter, Links, Reason, SftpPool, Step,
    TransferOptions, Transfers, TreeOptions, UploadJob,
};
use tempfile::TempDir;

struct Setup {
    transfers: Transfers,
    steps: Arc<Mutex<Vec<Step>>>,
    here: TempDir,
    there: TempDir,
}

impl Setup {
    fn steps(&self) -> Vec<Step> {
        std::mem::take(&mut self.steps.lock().expect("lock"))
    }

    async fn up(&self, options: &TreeOptions) -> longshore_client::transfer::Report {
        let report = self
            .transfers
            .upload_tree(self.here.path(), "t", options)
            .await
            .expect("upload");
        assert!(report.is_complete(), "{:?}", report.errors);
        report
    }

    async fn down(&self, options: &TreeOptions) -> longshore_client::transfer::Report {
        let report = self
            .transfers
            .download_tree("t", self.here.path(), options)
            .await
            .expect("download");
        assert!(report.is_complete(), "{:?}", report.errors);
        report
    }
}

async fn setup() -> Setup {
    let (here, there) = (TempDir::new().expect("here"), TempDir::new().expect("there"));
    let servers = Arc::new(Servers::new(there.path(), Duration::ZERO, 1));
    let pool = SftpPool::open(servers, SftpOptions::default())
        .await
        .expect("pool");
    let steps = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&steps);
    let transfers = Transfers::with_events(
        pool,
        TransferOptions::default(),
        Arc::new(move |event: &Event| {
            if let Event::Step(step) = event {
                listener.lock().expect("lock").push(step.clone());
            }
        }),
        CancellationToken::new(),
    );
    Setup {
        transfers,
        steps,
        here,
        there,
    }
}

/// Some directories, one of them empty, and files of several sizes.
fn plant(root: &Path) {
    for dir in ["a/b/c", "a/empty", "x"] {
        std::fs::create_dir_all(root.join(dir)).expect("directory");
    }
    for (number, name) in ["f", "a/f", "a/b/c/deep", "x/big", "x/none", "x/ odd \n name"]
        .into_iter()
        .enumerate()
    {
        let len = match name {
            "x/big" => 700_000,
            "x/none" => 0,
            _ => 100 + number,
        };
        std::fs::write(root.join(name), noise(len, number as u64)).expect("file");
    }
    age(root);
}

/// Gives everything the same old time.
fn age(root: &Path) {
    for entry in std::fs::read_dir(root).expect("listing") {
        let entry = entry.expect("entry");
        if entry.file_type().expect("type").is_dir() {
            age(&entry.path());
        } else if entry.file_type().expect("type").is_file() {
            touch(&entry.path(), 1_000_000_000);
        }
    }
    touch(root, 1_000_000_001);
}

fn touch(path: &Path, secs: u64) {
    std::fs::File::open(path)
        .and_then(|file| file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(secs)))
        .expect("time");
}

/// What a tree holds: paths with the time and the content of files, or what links say.
fn picture(root: &Path) -> BTreeMap<String, (u64, Vec<u8>)> {
    fn walk(root: &Path, path: &Path, picture: &mut BTreeMap<String, (u64, Vec<u8>)>) {
        for entry in std::fs::read_dir(path).expect("listing") {
            let path = entry.expect("entry").path();
            let meta = path.symlink_metadata().expect("stat");
            let name = path
                .strip_prefix(root)
                .expect("below")
                .to_str()
                .expect("text")
                .to_owned();
            let secs = || {
                meta.modified()
                    .expect("time")
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .expect("after 1970")
                    .as_secs()
            };
            if meta.is_symlink() {
                let says = std::fs::read_link(&path).expect("link");
                picture.insert(name, (0, says.into_os_string().into_encoded_bytes()));
            } else if meta.is_dir() {
                picture.insert(name + "/", (secs(), Vec::new()));
                walk(root, &path, picture);
            } else {
                picture.insert(name, (secs(), std::fs::read(&path).expect("file")));
            }
        }
    }
    let mut all = BTreeMap::new();
    walk(root, root, &mut all);
    all
}

#[tokio::test]
async fn a_tree_goes_there_and_comes_back_the_same() {
    let setup = setup().await;
    plant(setup.here.path());
    let report = setup.up(&TreeOptions::default()).await;
    assert_eq!((report.files, report.directories), (6, 5));
    let original = picture(setup.here.path());
    assert_eq!(picture(&setup.there.path().join("t")), original);

    let back = TempDir::new().expect("directory");
    let report = setup
        .transfers
        .download_tree("t", &back.path().join("new/dir"), &TreeOptions::default())
        .await
        .expect("download");
    assert_eq!(report.files, 6);
    assert_eq!(picture(&back.path().join("new/dir")), original);
}

#[tokio::test]
async fn sync_moves_what_differs_and_nothing_else() {
    let setup = setup().await;
    plant(setup.here.path());
    let there = setup.there.path().join("t");
    let sync = TreeOptions::sync();
    assert_eq!(setup.up(&sync).await.files, 6);
    setup.steps();
    let report = setup.up(&sync).await;
    assert_eq!((report.files, report.same, report.directories), (0, 6, 0));
    // other content of the same length with another time, another length, a new file
    std::fs::write(setup.here.path().join("f"), noise(100, 99)).expect("file");
    std::fs::write(there.join("a/f"), b"shorter").expect("file");
    std::fs::write(setup.here.path().join("new"), b"new").expect("file");
    setup.steps();
    let report = setup.up(&sync).await;
    assert_eq!((report.files, report.same), (3, 4));
    let mut reasons: Vec<_> = setup
        .steps()
        .into_iter()
        .filter_map(|step| match step {
            Step::Copy { path, reason, .. } => Some((path, reason)),
            _ => None,
        })
        .collect();
    reasons.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        reasons,
        [
            (b"a/f".to_vec(), Reason::Size),
            (b"f".to_vec(), Reason::Time),
            (b"new".to_vec(), Reason::New)
        ]
    );
    assert_eq!(picture(&there), picture(setup.here.path()));
    // and back: nothing to do
    let report = setup.down(&sync).await;
    assert_eq!((report.files, report.same), (0, 7));
    std::fs::write(there.join("f"), b"from there").expect("file");
    assert_eq!(setup.down(&sync).await.files, 1);
    assert_eq!(picture(&there), picture(setup.here.path()));
}

#[tokio::test]
async fn what_the_source_lacks_is_removed_only_within_the_guards() {
    let setup = setup().await;
    plant(setup.here.path());
    let there = setup.there.path().join("t");
    setup.up(&TreeOptions::sync()).await;
    std::fs::create_dir_all(there.join("extra/deep")).expect("directory");
    std::fs::write(there.join("extra/deep/f"), b"x").expect("file");
    std::fs::write(there.join("extra/keep.log"), b"x").expect("file");
    std::fs::write(there.join("a/extra"), b"x").expect("file");
    symlink("/etc", there.join("extra/link")).expect("link");
    let before = picture(&there);

    let delete = |max| TreeOptions {
        delete: Some(Delete { max }),
        ..TreeOptions::sync()
    };
    // six entries: extra, extra/deep, extra/deep/f, extra/keep.log, extra/link, a/extra
    let error = setup
        .transfers
        .upload_tree(setup.here.path(), "t", &delete(Some(5)))
        .await
        .expect_err("too many");
    assert_eq!(error.kind(), ErrorKind::Guarded);
    assert_eq!(picture(&there), before);

    let dry = TreeOptions {
        dry_run: true,
        ..delete(None)
    };
    let report = setup.up(&dry).await;
    assert_eq!((report.removed, report.dry_run), (6, true));
    assert_eq!(picture(&there), before);

    // what a filter leaves out stays, with the directory that it is in
    let filtered = TreeOptions {
        filter: Filter::new().exclude("*.log").expect("pattern"),
        ..delete(None)
    };
    assert_eq!(setup.up(&filtered).await.removed, 4);
    assert!(there.join("extra/keep.log").exists());

    assert_eq!(setup.up(&delete(Some(2))).await.removed, 2);
    assert_eq!(picture(&there), picture(setup.here.path()));

    let empty = TempDir::new().expect("directory");
    let error = setup
        .transfers
        .upload_tree(empty.path(), "t", &delete(None))
        .await
        .expect_err("empty");
    assert_eq!(error.kind(), ErrorKind::Guarded);
    std::fs::create_dir(setup.there.path().join("void")).expect("directory");
    let error = setup
        .transfers
        .download_tree("void", setup.here.path(), &delete(None))
        .await
        .expect_err("empty");
    assert_eq!(error.kind(), ErrorKind::Guarded);
    assert_eq!(picture(&there), picture(setup.here.path()));
}

#[tokio::test]
async fn downloads_remove_local_extras_as_well() {
    let setup = setup().await;
    let there = setup.there.path().join("t");
    std::fs::create_dir(&there).expect("directory");
    plant(&there);
    let delete = TreeOptions {
        delete: Some(Delete { max: Some(4) }),
        ..TreeOptions::sync()
    };
    setup.down(&delete).await;
    assert_eq!(picture(&there), picture(setup.here.path()));
    let outside = TempDir::new().expect("directory");
    std::fs::write(outside.path().join("theirs"), b"x").expect("file");
    std::fs::create_dir_all(setup.here.path().join("extra")).expect("directory");
    std::fs::write(setup.here.path().join("extra/f"), b"x").expect("file");
    symlink(outside.path(), setup.here.path().join("extra/link")).expect("link");
    let report = setup.down(&delete).await;
    assert_eq!(report.removed, 3);
    assert_eq!(picture(&there), picture(setup.here.path()));
    assert!(outside.path().join("theirs").exists());
}

#[tokio::test]
async fn links_are_skipped_kept_or_followed() {
    let setup = setup().await;
    let here = setup.here.path();
    std::fs::create_dir(here.join("d")).expect("directory");
    std::fs::write(here.join("d/f"), b"content").expect("file");
    symlink("d/f", here.join("to file")).expect("link");
    symlink("d", here.join("to dir")).expect("link");
    symlink("nowhere", here.join("broken")).expect("link");
    let there = setup.there.path().join("t");
    let with = |links| TreeOptions {
        links,
        ..TreeOptions::default()
    };
    let names = |path: &Path| picture(path).into_keys().collect::<Vec<_>>();

    assert_eq!(setup.up(&with(Links::Skip)).await.skipped, 3);
    assert_eq!(names(&there), ["d/", "d/f"]);
    assert_eq!(setup.up(&with(Links::Keep)).await.links, 3);
    assert_eq!(names(&there), ["broken", "d/", "d/f", "to dir", "to file"]);
    // again: they are as they should be
    let report = setup.up(&with(Links::Keep)).await;
    assert_eq!((report.links, report.same), (0, 3));

    let back = TempDir::new().expect("directory");
    let report = setup
        .transfers
        .download_tree("t", back.path(), &with(Links::Keep))
        .await
        .expect("download");
    assert_eq!((report.links, report.failed), (3, 0));
    assert_eq!(picture(back.path()), picture(&there));

    std::fs::remove_dir_all(&there).expect("removed");
    setup.up(&with(Links::Follow)).await;
    assert_eq!(names(&there), ["d/", "d/f", "to dir/", "to dir/f", "to file"]);
}

#[tokio::test]
async fn one_bad_file_does_not_stop_the_others() {
    let setup = setup().await;
    plant(setup.here.path());
    // a directory stands where a file belongs
    std::fs::create_dir_all(setup.there.path().join("t/a/f")).expect("directory");
    let report = setup
        .transfers
        .upload_tree(setup.here.path(), "t", &TreeOptions::default())
        .await
        .expect("the session goes on");
    assert_eq!((report.files, report.failed), (5, 1));
    assert_eq!(report.errors[0].kind(), ErrorKind::IsADirectory);
}

#[tokio::test]
async fn nothing_is_removed_when_a_directory_could_not_be_read() {
    let setup = setup().await;
    let there = setup.there.path().join("t");
    std::fs::create_dir(&there).expect("directory");
    plant(&there);
    plant(setup.here.path());
    std::fs::write(setup.here.path().join("extra"), b"x").expect("file");
    // a link where the server has a directory: it is not entered
    std::fs::remove_dir_all(setup.here.path().join("a")).expect("removed");
    symlink("/", setup.here.path().join("a")).expect("link");
    let options = TreeOptions {
        delete: Some(Delete { max: None }),
        ..TreeOptions::sync()
    };
    let report = setup
        .transfers
        .download_tree("t", setup.here.path(), &options)
        .await
        .expect("the session goes on");
    assert_eq!((report.failed, report.removed), (1, 0));
    assert!(setup.here.path().join("extra").exists());
}

#[tokio::test]
async fn filters_choose_files() {
    let setup = setup().await;
    plant(setup.here.path());
    let options = TreeOptions {
        filter: Filter::new()
            .include("f")
            .and_then(|filter| filter.exclude("/x/"))
            .expect("patterns"),
        compare: Compare::Size,
        ..TreeOptions::default()
    };
    assert_eq!(setup.up(&options).await.files, 2);
    assert!(!setup.there.path().join("t/x").exists());
}

#[tokio::test]
async fn a_list_of_files_goes_side_by_side() {
    let setup = setup().await;
    let names: Vec<_> = (0..200).map(|number| format!("f{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        std::fs::write(setup.here.path().join(name), noise(4096, number as u64)).expect("file");
    }
    let jobs = names.iter().map(|name| UploadJob {
        local: setup.here.path().join(name),
        remote: name.clone().into_bytes(),
    });
    let report = setup.transfers.upload_many(jobs).await.expect("uploads");
    assert_eq!((report.files, report.bytes), (200, 200 * 4096));
    let back = TempDir::new().expect("directory");
    let absent = "none".to_owned();
    let jobs = names.iter().chain([&absent]).map(|name| DownloadJob {
        remote: name.clone().into_bytes(),
        local: back.path().to_owned(),
        attrs: None,
    });
    let report = setup.transfers.download_many(jobs).await.expect("downloads");
    assert_eq!((report.files, report.failed), (200, 1));
    for (number, name) in names.iter().enumerate() {
        assert_eq!(
            std::fs::read(back.path().join(name)).expect("file"),
            noise(4096, number as u64)
        );
    }
}
