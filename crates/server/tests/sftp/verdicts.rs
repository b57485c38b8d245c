//! Verdicts and records: the requests of `docs/uploads.md` that lead to each, through the real engine.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use longshore_catalog::{RecordedUpload, UploadDigest, UploadStore as _};
use longshore_server::OnShort;
use longshore_sftp::{Attrs, Handle, OpenFlags, Reply, Request, StatusCode};

use crate::support::raw::{Raw, UPLOAD, bytes};
use crate::support::{Rig, User, eventually};

const WRITE: OpenFlags = OpenFlags::WRITE;
const EDIT: OpenFlags = OpenFlags(WRITE.0 | OpenFlags::READ.0);
const APPEND: OpenFlags = OpenFlags(WRITE.0 | OpenFlags::APPEND.0);
const APPEND_NEW: OpenFlags = OpenFlags(APPEND.0 | OpenFlags::CREAT.0);
/// As OpenSSH's `scp` opens its target.
const SCP: OpenFlags = OpenFlags(WRITE.0 | OpenFlags::CREAT.0);

/// One request of a client. `A` and `B` are sessions of one user.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// A file that was there before, by nobody's upload.
    Existing(&'static [u8]),
    /// OPEN of `f` by a session, with a size among the attributes.
    Open(Session, OpenFlags, Option<u64>),
    Write(Session, u64, &'static [u8]),
    /// FSETSTAT size.
    Resize(Session, u64),
    /// CLOSE, which must be answered so.
    Close(Session, StatusCode),
    /// The session ends without CLOSE.
    Drop(Session),
    /// RENAME.
    Rename(&'static str, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Session {
    A,
    B,
}

use Session::{A, B};
use Step::{Close, Drop, Existing, Open, Rename, Resize, Write};

const OK: StatusCode = StatusCode::OK;

/// What is done, the verdicts of the records in their order, and whether short uploads are refused.
const TABLE: &[(&str, OnShort, &[Step], &[&str])] = &[
    (
        "written and closed",
        OnShort::Refuse,
        &[Open(A, UPLOAD, None), Write(A, 0, b"data"), Close(A, OK)],
        &["closed"],
    ),
    (
        "empty",
        OnShort::Refuse,
        &[Open(A, UPLOAD, None), Close(A, OK)],
        &["closed"],
    ),
    (
        "as long as OPEN said",
        OnShort::Refuse,
        &[Open(A, UPLOAD, Some(4)), Write(A, 0, b"data"), Close(A, OK)],
        &["size-matches"],
    ),
    (
        "longer than OPEN said",
        OnShort::Refuse,
        &[Open(A, UPLOAD, Some(3)), Write(A, 0, b"data"), Close(A, OK)],
        &["closed"],
    ),
    (
        "room reserved, then filled, out of order",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Resize(A, 4),
            Write(A, 2, b"ta"),
            Write(A, 0, b"da"),
            Close(A, OK),
        ],
        &["size-matches"],
    ),
    (
        "scp: no TRUNC, cut to its length at the end",
        OnShort::Refuse,
        &[
            Existing(b"longer than that"),
            Open(A, SCP, None),
            Write(A, 0, b"data"),
            Resize(A, 4),
            Close(A, OK),
        ],
        &["size-matches"],
    ),
    (
        "shorter than OPEN said, refused",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, Some(5)),
            Write(A, 0, b"data"),
            Close(A, StatusCode::FAILURE),
        ],
        &[],
    ),
    (
        "shorter than OPEN said, published with a warning",
        OnShort::Warn,
        &[Open(A, UPLOAD, Some(5)), Write(A, 0, b"data"), Close(A, OK)],
        &["short"],
    ),
    (
        "made longer by its client and never filled",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Write(A, 0, b"data"),
            Resize(A, 10),
            Close(A, OK),
        ],
        &["short"],
    ),
    (
        "a sparse file",
        OnShort::Refuse,
        &[Open(A, UPLOAD, None), Write(A, 10, b"data"), Close(A, OK)],
        &["closed"],
    ),
    (
        "one of two handles died",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Write(A, 0, b"da"),
            Open(B, WRITE, None),
            Write(B, 2, b"ta"),
            Drop(B),
            Close(A, OK),
        ],
        &["dropped"],
    ),
    (
        "two handles closed",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Write(A, 0, b"da"),
            Open(B, WRITE, None),
            Write(B, 2, b"ta"),
            Close(B, OK),
            Close(A, OK),
        ],
        &["closed"],
    ),
    (
        "parked and taken up again",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Write(A, 0, b"da"),
            Drop(A),
            Open(B, WRITE, None),
            Write(B, 2, b"ta"),
            Close(B, OK),
        ],
        &["closed"],
    ),
    (
        "added to a file",
        OnShort::Refuse,
        &[
            Existing(b"old "),
            Open(A, APPEND, None),
            Write(A, 0, b"data"),
            Close(A, OK),
        ],
        &["appended"],
    ),
    (
        "added to a new file",
        OnShort::Refuse,
        &[Open(A, APPEND_NEW, None), Write(A, 0, b"data"), Close(A, OK)],
        &["appended"],
    ),
    (
        "edited",
        OnShort::Refuse,
        &[
            Existing(b"old "),
            Open(A, EDIT, None),
            Write(A, 0, b"data"),
            Close(A, OK),
        ],
        &["edited"],
    ),
    (
        "opened for editing and left alone",
        OnShort::Refuse,
        &[Existing(b"old "), Open(A, EDIT, None), Close(A, OK)],
        &[],
    ),
    (
        "two versions",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, Some(4)),
            Write(A, 0, b"data"),
            Close(A, OK),
            Open(A, UPLOAD, None),
            Write(A, 0, b"more data"),
            Close(A, OK),
        ],
        &["size-matches", "closed"],
    ),
    (
        "renamed, but from no temporary name",
        OnShort::Refuse,
        &[
            Open(A, UPLOAD, None),
            Write(A, 0, b"data"),
            Close(A, OK),
            Rename("f", "g"),
        ],
        &["closed"],
    ),
];

/// A user with two sessions, one handle each.
struct Bench {
    rig: Rig,
    user: User,
    sessions: [Option<Raw>; 2],
    handles: [Option<Handle>; 2],
}

impl Bench {
    async fn new(on_short: OnShort) -> Self {
        let rig = Rig::start_with(|config| config.on_short = on_short).await;
        let user = rig.user("alice").await;
        std::fs::create_dir_all(&user.home).unwrap();
        let sessions = [Some(rig.raw(&user).await), Some(rig.raw(&user).await)];
        Self {
            rig,
            user,
            sessions,
            handles: [None, None],
        }
    }

    fn raw(&mut self, session: Session) -> &mut Raw {
        self.sessions[session as usize].as_mut().unwrap()
    }

    fn handle(&self, session: Session) -> Handle {
        self.handles[session as usize].clone().unwrap()
    }

    async fn perform(&mut self, step: Step) {
        match step {
            Existing(data) => std::fs::write(self.user.home.join("f"), data).unwrap(),
            Open(session, flags, size) => {
                let request = Request::Open {
                    path: bytes("f"),
                    flags,
                    attrs: Attrs {
                        size,
                        ..Attrs::default()
                    },
                };
                match self.raw(session).call(request).await {
                    Reply::Handle(handle) => self.handles[session as usize] = Some(handle),
                    other => panic!("{other:?}"),
                }
            }
            Write(session, offset, data) => {
                let handle = self.handle(session);
                assert_eq!(self.raw(session).write(&handle, offset, data).await, OK);
            }
            Resize(session, size) => {
                let request = Request::FSetStat {
                    handle: self.handle(session),
                    attrs: Attrs {
                        size: Some(size),
                        ..Attrs::default()
                    },
                };
                assert_eq!(self.raw(session).status(request).await, OK);
            }
            Close(session, expected) => {
                let handle = self.handle(session);
                assert_eq!(self.raw(session).close(&handle).await, expected);
            }
            Drop(session) => {
                let before = self.rig.server.sessions();
                drop(self.sessions[session as usize].take());
                let server = &self.rig.server;
                eventually("the session has gone", || server.sessions() < before).await;
            }
            Rename(from, to) => {
                let request = Request::Rename {
                    old_path: bytes(from),
                    new_path: bytes(to),
                };
                assert_eq!(self.raw(A).status(request).await, OK);
            }
        }
    }

    /// All records, oldest first.
    async fn records(&self) -> Vec<RecordedUpload> {
        let page = self.rig.catalog.list_uploads(None, 100, None).await.unwrap();
        page.uploads.into_iter().rev().collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_sequence_of_requests_gives_its_verdict() {
    for (name, on_short, steps, expected) in TABLE {
        let mut bench = Bench::new(*on_short).await;
        for step in *steps {
            bench.perform(*step).await;
        }
        // No waiting: what was acknowledged is on record.
        let records = bench.records().await;
        let verdicts: Vec<&str> = records.iter().map(|upload| &*upload.record.verdict).collect();
        assert_eq!(verdicts, *expected, "{name}");
        for upload in &records {
            assert_eq!(upload.record.username, bench.user.name, "{name}");
            assert_eq!(upload.record.path, b"/alice/f", "{name}");
            assert_eq!(upload.renamed, None, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_upload_waits_for_its_owner_and_the_old_file_stays() {
    let mut bench = Bench::new(OnShort::Refuse).await;
    for step in [
        Existing(b"old"),
        Open(A, UPLOAD, Some(8)),
        Write(A, 0, b"half"),
        Close(A, StatusCode::FAILURE),
    ] {
        bench.perform(step).await;
    }
    assert_eq!(std::fs::read(bench.user.home.join("f")).unwrap(), b"old");
    for step in [Open(A, WRITE, None), Write(A, 4, b" way"), Close(A, OK)] {
        bench.perform(step).await;
    }
    assert_eq!(std::fs::read(bench.user.home.join("f")).unwrap(), b"half way");
    let records = bench.records().await;
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].record.verdict, "size-matches");
    assert_eq!(records[0].record.size, 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_tells_who_what_when_and_the_digest() {
    let mut bench = Bench::new(OnShort::Refuse).await;
    for step in [Open(A, UPLOAD, None), Write(A, 0, b"data"), Close(A, OK)] {
        bench.perform(step).await;
    }
    let record = bench.records().await.remove(0).record;
    let sha256: [u8; 32] = digest(&SHA256, b"data").as_ref().try_into().unwrap();
    assert_eq!(record.digest, UploadDigest::Known(sha256));
    assert_eq!(record.size, 4);
    assert!(record.client.contains("OpenSSH"), "{}", record.client);
    assert!(record.peer.starts_with("127.0.0.1:"), "{}", record.peer);
    assert!(record.began <= record.finished);
    assert!(record.finished.0 > 1_600_000_000_000, "milliseconds since 1970");
    assert_eq!(record.evidence, r#"{"received":4}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_name_for_a_temporary_one_is_on_record() {
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for (from, to) in [("x.csv.filepart", "x.csv"), ("y.part", "y"), (".in.z.", "z")] {
        let handle = raw.open(from, UPLOAD).await;
        assert_eq!(raw.close(&handle).await, OK);
        let (old_path, new_path) = (bytes(from), bytes(to));
        assert_eq!(raw.status(Request::Rename { old_path, new_path }).await, OK);
        let page = rig.catalog.list_uploads(None, 1, None).await.unwrap();
        let newest = &page.uploads[0];
        assert_eq!(newest.record.path, format!("/alice/{from}").into_bytes());
        let (name, at) = newest.renamed.clone().expect("a new name");
        assert_eq!(name, format!("/alice/{to}").into_bytes());
        assert!(at >= newest.record.finished);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_that_takes_long_is_filled_in() {
    const BLOCK: usize = 128 << 10;
    const BLOCKS: usize = 540;
    let rig = Rig::start().await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    let handle = raw.open("late", UPLOAD).await;
    for index in (0..BLOCKS).rev() {
        let block = vec![u8::try_from(index % 251).unwrap(); BLOCK];
        assert_eq!(raw.write(&handle, (index * BLOCK) as u64, &block).await, OK);
    }
    assert_eq!(raw.close(&handle).await, OK);
    let content: Vec<u8> = (0..BLOCKS)
        .flat_map(|index| vec![u8::try_from(index % 251).unwrap(); BLOCK])
        .collect();
    let expected: [u8; 32] = digest(&SHA256, &content).as_ref().try_into().unwrap();
    let mut tries = 0;
    loop {
        let page = rig.catalog.list_uploads(None, 1, None).await.unwrap();
        match page.uploads[0].record.digest {
            UploadDigest::Known(sha256) => break assert_eq!(sha256, expected),
            UploadDigest::Pending if tries < 600 => tries += 1,
            other => panic!("{other:?} after {tries} tries"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// With durability `none` CLOSE does not wait; a drain loses nothing all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_waited_for_is_on_record_after_a_drain() {
    let rig = Rig::start_with(|config| config.record_before_answer = false).await;
    let user = rig.user("alice").await;
    let mut raw = rig.raw(&user).await;
    for index in 0..20 {
        let handle = raw.open(&format!("f{index}"), UPLOAD).await;
        assert_eq!(raw.close(&handle).await, OK);
    }
    raw.finish().await;
    rig.server.drain(Duration::from_secs(20)).await;
    let page = rig.catalog.list_uploads(None, 100, None).await.unwrap();
    assert_eq!(page.uploads.len(), 20);
}
