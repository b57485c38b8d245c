//! Transfers to and from OpenSSH's `sftp-server`.

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use common::{Servers, noise};
use longshore_client::ErrorKind;
use longshore_client::sftp::SftpOptions;
use longshore_client::transfer::{
    CancellationToken, Event, Overwrite, Placed, Placing, Proof, SftpPool, TransferOptions, Transfers, Verify,
};
use tempfile::TempDir;

struct Setup {
    transfers: Transfers,
    servers: Arc<Servers>,
    here: TempDir,
    there: TempDir,
}

impl Setup {
    fn here(&self, name: &str) -> PathBuf {
        self.here.path().join(name)
    }

    fn there(&self, name: &str) -> PathBuf {
        self.there.path().join(name)
    }

    /// The names on the server.
    fn names_there(&self) -> Vec<String> {
        names(self.there.path())
    }

    fn names_here(&self) -> Vec<String> {
        names(self.here.path())
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> = std::fs::read_dir(dir)
        .expect("listing")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("text"))
        .collect();
    names.sort();
    names
}

async fn near(options: TransferOptions) -> Setup {
    setup(options, Duration::ZERO, 16, SftpOptions::default()).await
}

async fn setup(options: TransferOptions, delay: Duration, channels: usize, sftp: SftpOptions) -> Setup {
    let (here, there) = (TempDir::new().expect("here"), TempDir::new().expect("there"));
    let servers = Arc::new(Servers::new(there.path(), delay, channels));
    let pool = SftpPool::open(Arc::<Servers>::clone(&servers), sftp)
        .await
        .expect("pool");
    Setup {
        transfers: Transfers::new(pool, options),
        servers,
        here,
        there,
    }
}

fn set_old(path: &Path) -> SystemTime {
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.set_modified(old))
        .expect("time");
    old
}

fn modified(path: &Path) -> SystemTime {
    std::fs::metadata(path)
        .and_then(|meta| meta.modified())
        .expect("time")
}

/// Empty, short, at the borders of one block, several blocks.
const SIZES: [usize; 7] = [0, 1, 32 * 1024, 255 * 1024, 255 * 1024 + 1, 3_000_000, 9_999_999];

#[tokio::test]
async fn files_of_every_size_arrive_with_their_times() {
    let setup = near(TransferOptions {
        verify: Verify::Always,
        ..TransferOptions::default()
    })
    .await;
    for (number, size) in SIZES.into_iter().enumerate() {
        let bytes = noise(size, number as u64);
        let local = setup.here("f");
        std::fs::write(&local, &bytes).expect("file");
        let old = set_old(&local);
        let name = format!("f{number}");
        let receipt = setup.transfers.upload(&local, &name).await.expect("upload");
        assert_eq!(std::fs::read(setup.there(&name)).expect("file"), bytes, "{size}");
        assert_eq!(modified(&setup.there(&name)), old);
        assert_eq!((receipt.size, receipt.transferred), (size as u64, size as u64));
        assert!(receipt.times_kept && receipt.warnings.is_empty());
        assert_eq!(receipt.placed, Placed::Atomically);
        assert_eq!(receipt.verified.content, Some(Proof::ReadBack));

        let receipt = setup
            .transfers
            .download(&name, &setup.here(&name))
            .await
            .expect("download");
        assert_eq!(std::fs::read(setup.here(&name)).expect("file"), bytes, "{size}");
        assert_eq!(modified(&setup.here(&name)), old);
        assert_eq!(receipt.size, size as u64);
    }
    assert!(setup.names_there().iter().all(|name| name.starts_with('f')));
    assert!(setup.names_here().iter().all(|name| name.starts_with('f')));
}

#[tokio::test]
async fn far_away_a_large_file_takes_several_channels() {
    let setup = setup(
        TransferOptions::default(),
        Duration::from_millis(10),
        4,
        SftpOptions::default(),
    )
    .await;
    let bytes = noise(40_000_000, 1);
    std::fs::write(setup.here("big"), &bytes).expect("file");
    setup
        .transfers
        .upload(&setup.here("big"), "big")
        .await
        .expect("upload");
    assert!(std::fs::read(setup.there("big")).expect("file") == bytes);
    // one more than there are was asked for, and refused
    assert!(setup.servers.opened.load(Ordering::Relaxed) > 4);
    setup
        .transfers
        .download("big", &setup.here("back"))
        .await
        .expect("download");
    assert!(std::fs::read(setup.here("back")).expect("file") == bytes);
}

#[tokio::test]
async fn streams_go_both_ways() {
    let setup = near(TransferOptions::default()).await;
    let bytes = noise(1_500_000, 2);
    let receipt = setup
        .transfers
        .upload_from(std::io::Cursor::new(bytes.clone()), "stream")
        .await
        .expect("upload");
    assert_eq!(receipt.size, bytes.len() as u64);
    assert!(std::fs::read(setup.there("stream")).expect("file") == bytes);
    let (writer, mut reader) = tokio::io::duplex(64 * 1024);
    let (receipt, read) = tokio::join!(setup.transfers.download_into("stream", writer), async {
        let mut read = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut reader, &mut read)
            .await
            .expect("read");
        read
    });
    assert!(read == bytes);
    assert_eq!(receipt.expect("download").placed, Placed::Streamed);
}

#[tokio::test]
async fn a_file_that_is_there_is_replaced_in_one_step_or_left_alone() {
    let setup = near(TransferOptions::default()).await;
    std::fs::write(setup.here("f"), b"new").expect("file");
    std::fs::write(setup.there("f"), b"old").expect("file");
    std::fs::hard_link(setup.there("f"), setup.there("other name")).expect("link");
    setup
        .transfers
        .upload(&setup.here("f"), "f")
        .await
        .expect("upload");
    assert_eq!(std::fs::read(setup.there("f")).expect("file"), b"new");
    // another file took the name: the old one was never written to
    assert_eq!(std::fs::read(setup.there("other name")).expect("file"), b"old");

    let careful = Transfers::new(
        setup.transfers.pool().clone(),
        TransferOptions {
            overwrite: Overwrite::Never,
            ..TransferOptions::default()
        },
    );
    let error = careful.upload(&setup.here("f"), "f").await.expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    let error = careful.download("f", &setup.here("f")).await.expect_err("taken");
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    careful.upload(&setup.here("f"), "free").await.expect("upload");
    careful
        .download("free", &setup.here("free"))
        .await
        .expect("download");
    assert_eq!(setup.names_there(), ["f", "free", "other name"]);
    assert_eq!(setup.names_here(), ["f", "free"]);
}

#[tokio::test]
async fn in_place_the_file_itself_is_written() {
    let setup = near(TransferOptions {
        placing: Placing::InPlace,
        ..TransferOptions::default()
    })
    .await;
    std::fs::write(setup.here("f"), b"new").expect("file");
    std::fs::write(setup.there("f"), b"older and longer").expect("file");
    std::fs::hard_link(setup.there("f"), setup.there("g")).expect("link");
    let receipt = setup
        .transfers
        .upload(&setup.here("f"), "f")
        .await
        .expect("upload");
    assert_eq!(receipt.placed, Placed::InPlace);
    assert_eq!(std::fs::read(setup.there("g")).expect("file"), b"new");
    std::fs::write(setup.here("h"), b"older and longer").expect("file");
    setup
        .transfers
        .download("f", &setup.here("h"))
        .await
        .expect("download");
    assert_eq!(std::fs::read(setup.here("h")).expect("file"), b"new");
}

#[tokio::test]
async fn directories_and_devices_are_neither_sources_nor_targets() {
    let setup = near(TransferOptions::default()).await;
    std::fs::create_dir(setup.there("d")).expect("directory");
    std::fs::write(setup.here("f"), b"x").expect("file");
    std::fs::write(setup.there("f"), b"x").expect("file");
    let up = setup.transfers.upload(&setup.here("f"), "d").await;
    assert_eq!(up.expect_err("directory").kind(), ErrorKind::IsADirectory);
    let down = setup.transfers.download("d", &setup.here("g")).await;
    assert_eq!(down.expect_err("directory").kind(), ErrorKind::IsADirectory);
    let up = setup.transfers.upload(setup.here.path(), "g").await;
    assert_eq!(up.expect_err("directory").kind(), ErrorKind::IsADirectory);
    let null = setup.here("null");
    std::os::unix::fs::symlink("/dev/null", &null).expect("link");
    let down = setup.transfers.download("f", &null).await;
    assert_eq!(down.expect_err("device").kind(), ErrorKind::Guarded);
    assert_eq!(setup.names_there(), ["d", "f"]);
    // into a directory the file goes under its own name
    std::fs::remove_file(setup.here("f")).expect("removed");
    setup
        .transfers
        .download("f", setup.here.path())
        .await
        .expect("download");
    assert_eq!(std::fs::read(setup.here("f")).expect("file"), b"x");
}

/// Breaks a transfer off once it has moved a part, and hands back the options to go on with.
async fn interrupted(up: bool, bytes: &[u8]) -> Setup {
    let mut setup = setup(
        TransferOptions {
            resume: true,
            ..TransferOptions::default()
        },
        Duration::from_millis(10),
        1,
        SftpOptions {
            // so that some of it arrives before all of it is asked for
            pace: longshore_client::sftp::Pace::new(2 << 20),
            ..SftpOptions::default()
        },
    )
    .await;
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let transfers = Transfers::with_events(
        setup.transfers.pool().clone(),
        setup.transfers.options().clone(),
        Arc::new(move |event| {
            if let Event::Progress {
                done: 1_000_000.., ..
            } = event
            {
                stop.cancel();
            }
        }),
        cancel,
    );
    let outcome = if up {
        std::fs::write(setup.here("f"), bytes).expect("file");
        transfers.upload(&setup.here("f"), "f").await
    } else {
        std::fs::write(setup.there("f"), bytes).expect("file");
        transfers.download("f", &setup.here("f")).await
    };
    let error = outcome.expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.next_step().is_some());
    setup.transfers = Transfers::new(setup.transfers.pool().clone(), setup.transfers.options().clone());
    setup
}

#[tokio::test]
async fn an_interrupted_upload_goes_on_behind_what_is_proved() {
    let bytes = noise(60_000_000, 3);
    let setup = interrupted(true, &bytes).await;
    assert_eq!(setup.names_there(), [".f.longshore.part"]);
    let receipt = setup
        .transfers
        .upload(&setup.here("f"), "f")
        .await
        .expect("upload");
    let resumed = receipt.resumed.expect("resumed");
    assert!(resumed.from > 0 && resumed.proof == Proof::ReadBack);
    assert_eq!(receipt.transferred, receipt.size - resumed.from);
    assert!(std::fs::read(setup.there("f")).expect("file") == bytes);
    assert_eq!(setup.names_there(), ["f"]);
}

#[tokio::test]
async fn an_interrupted_download_goes_on_behind_what_is_proved() {
    let bytes = noise(60_000_000, 4);
    let setup = interrupted(false, &bytes).await;
    assert_eq!(setup.names_here(), [".f.longshore.part"]);
    let receipt = setup
        .transfers
        .download("f", &setup.here("f"))
        .await
        .expect("download");
    assert!(receipt.resumed.expect("resumed").from > 0);
    assert!(std::fs::read(setup.here("f")).expect("file") == bytes);
    assert_eq!(setup.names_here(), ["f"]);
}

#[tokio::test]
async fn a_partial_file_of_something_else_is_not_continued() {
    let setup = near(TransferOptions {
        resume: true,
        ..TransferOptions::default()
    })
    .await;
    let bytes = noise(5_000_000, 5);
    let mut other = bytes[..4_000_000].to_vec();
    other[1_000_000] ^= 1;
    std::fs::write(setup.here("f"), &bytes).expect("file");
    std::fs::write(setup.there(".f.longshore.part"), &other).expect("file");
    let receipt = setup
        .transfers
        .upload(&setup.here("f"), "f")
        .await
        .expect("upload");
    assert_eq!(receipt.resumed.expect("up to the difference").from, 1_000_000);
    assert!(std::fs::read(setup.there("f")).expect("file") == bytes);

    std::fs::write(setup.here(".g.longshore.part"), &other).expect("file");
    std::fs::write(setup.there("g"), &bytes).expect("file");
    let receipt = setup
        .transfers
        .download("g", &setup.here("g"))
        .await
        .expect("download");
    assert_eq!(receipt.resumed.expect("up to the difference").from, 1_000_000);
    assert!(std::fs::read(setup.here("g")).expect("file") == bytes);
}

#[tokio::test]
async fn a_lost_server_leaves_the_old_file_and_no_success() {
    let setup = setup(
        TransferOptions::default(),
        Duration::from_millis(2),
        1,
        SftpOptions::default(),
    )
    .await;
    std::fs::write(setup.here("f"), noise(30_000_000, 6)).expect("file");
    std::fs::write(setup.there("f"), b"old").expect("file");
    let servers = Arc::clone(&setup.servers);
    let transfers = Transfers::with_events(
        setup.transfers.pool().clone(),
        TransferOptions::default(),
        Arc::new(move |event| {
            if let Event::Progress { .. } = event {
                servers.kill();
            }
        }),
        CancellationToken::new(),
    );
    let error = transfers.upload(&setup.here("f"), "f").await.expect_err("lost");
    assert_eq!(error.kind(), ErrorKind::ConnectionLost);
    assert!(error.is_retryable());
    assert_eq!(std::fs::read(setup.there("f")).expect("file"), b"old");
}

#[tokio::test]
async fn a_source_that_changes_is_noticed() {
    let setup = near(TransferOptions::default()).await;
    let path = setup.here("f");
    std::fs::write(&path, noise(20_000_000, 7)).expect("file");
    let touched = path.clone();
    let transfers = Transfers::with_events(
        setup.transfers.pool().clone(),
        TransferOptions::default(),
        Arc::new(move |event| {
            if let Event::Started { .. } = event {
                let file = std::fs::File::options()
                    .append(true)
                    .open(&touched)
                    .expect("open");
                std::io::Write::write_all(&mut &file, b"more").expect("written");
            }
        }),
        CancellationToken::new(),
    );
    let error = transfers.upload(&path, "f").await.expect_err("changed");
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(setup.names_there().is_empty());
}

#[tokio::test]
async fn events_tell_the_story_of_a_file() {
    let setup = near(TransferOptions::default()).await;
    std::fs::write(setup.here("f"), b"x").expect("file");
    let story = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&story);
    let transfers = Transfers::with_events(
        setup.transfers.pool().clone(),
        TransferOptions::default(),
        Arc::new(move |event: &Event| {
            listener.lock().expect("lock").push(match event {
                Event::Started { size, .. } => format!("started {size:?}"),
                Event::Finished { receipt, .. } => format!("finished {}", receipt.size),
                Event::Failed { kind, .. } => format!("failed {kind:?}"),
                other => format!("{other:?}"),
            });
        }),
        CancellationToken::new(),
    );
    transfers.upload(&setup.here("f"), "f").await.expect("upload");
    transfers
        .download("none", &setup.here("n"))
        .await
        .expect_err("not there");
    assert_eq!(
        *story.lock().expect("lock"),
        ["started Some(1)", "finished 1", "started None", "failed NotFound"]
    );
}
