//! The one task that puts finished uploads on record: it takes whatever waits and writes it in one transaction.
//!
//! A record that cannot be written does no harm to the file, which is published and safe: CLOSE is answered with OK, and
//! the record is tried again. What a crash left is found at the next start in the store's own journal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use longshore_catalog::{Catalog, Timestamp, UploadDigest, UploadKey, UploadRecord};
use longshore_storage::{Sha256, Store, UploadId};
use tokio::sync::{mpsc, oneshot};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

use crate::limits::{
    FORGET_INTERVAL, OVERLOOKED_AFTER, RECORD_BATCH, RECORD_LINGER, RECORD_QUEUE, RECORD_RETRY,
    UNWRITTEN_RECORDS,
};
use crate::log::Causes;
use crate::origin::Origin;

/// Hands records to the task.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    queue: mpsc::Sender<Command>,
    before_answer: bool,
}

/// How records are kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeping {
    /// Whether CLOSE waits for the record; otherwise it is written soon after the answer.
    pub(crate) before_answer: bool,
    /// How long; `None`: for ever.
    pub(crate) keep: Option<Duration>,
}

enum Command {
    Record(Box<UploadRecord>, Option<oneshot::Sender<()>>),
    Rename(Rename, Option<oneshot::Sender<()>>),
    Digest(UploadKey, Option<Sha256>),
    Close(oneshot::Sender<()>),
}

/// A file that got its name.
#[derive(Debug)]
pub(crate) struct Rename {
    pub(crate) bucket: String,
    pub(crate) from: Vec<u8>,
    pub(crate) to: Vec<u8>,
}

impl Recorder {
    /// Starts the task, which first puts on record what an earlier run published and did not get to record.
    pub(crate) fn start(
        catalog: Arc<dyn Catalog>,
        store: Arc<dyn Store>,
        keeping: Keeping,
    ) -> (Self, AbortOnDropHandle<()>) {
        let (queue, commands) = mpsc::channel(RECORD_QUEUE);
        let task = Task {
            catalog,
            store,
            keeping,
            unwritten: Vec::new(),
            renames: Vec::new(),
        };
        let recorder = Self {
            queue,
            before_answer: keeping.before_answer,
        };
        (recorder, AbortOnDropHandle::new(tokio::spawn(task.run(commands))))
    }

    /// Puts an upload on record; waits for that as configured.
    pub(crate) async fn record(&self, record: UploadRecord) {
        self.send(|done| Command::Record(Box::new(record), done)).await;
    }

    /// Notes that an uploaded file got another name; waits for that as configured.
    pub(crate) async fn renamed(&self, rename: Rename) {
        self.send(|done| Command::Rename(rename, done)).await;
    }

    /// Fills in a digest that was pending.
    pub(crate) async fn digest(&self, id: UploadKey, digest: Option<Sha256>) {
        // Fails when the server has ended: the digest counts as absent then.
        let _ = self.queue.send(Command::Digest(id, digest)).await;
    }

    /// Writes what waits and ends the task.
    pub(crate) async fn close(&self) {
        let (done, ended) = oneshot::channel();
        if self.queue.send(Command::Close(done)).await.is_ok() {
            let _ = ended.await;
        }
    }

    async fn send(&self, command: impl FnOnce(Option<oneshot::Sender<()>>) -> Command) {
        if !self.before_answer {
            let _ = self.queue.send(command(None)).await;
            return;
        }
        let (done, written) = oneshot::channel();
        if self.queue.send(command(Some(done))).await.is_ok() {
            let _ = written.await;
        }
    }
}

struct Task {
    catalog: Arc<dyn Catalog>,
    store: Arc<dyn Store>,
    keeping: Keeping,
    /// What could not be written yet.
    unwritten: Vec<UploadRecord>,
    /// New names of files whose records may be among these.
    renames: Vec<Rename>,
}

impl Task {
    async fn run(mut self, mut queue: mpsc::Receiver<Command>) {
        // Nothing was published in this run yet.
        self.repair(Duration::ZERO).await;
        let mut forget = tokio::time::interval(FORGET_INTERVAL);
        forget.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut retry = tokio::time::interval(RECORD_RETRY);
        retry.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut commands = Vec::with_capacity(RECORD_BATCH);
        loop {
            tokio::select! {
                count = queue.recv_many(&mut commands, RECORD_BATCH) => if count == 0 { return },
                _ = forget.tick() => {
                    self.forget().await;
                    self.repair(OVERLOOKED_AFTER).await;
                }
                _ = retry.tick(), if !self.unwritten.is_empty() => self.write(Vec::new()).await,
            }
            if !self.keeping.before_answer && !commands.is_empty() && !ends(&commands) {
                // Nobody waits: the more at once, the cheaper.
                tokio::time::sleep(RECORD_LINGER).await;
                while commands.len() < RECORD_BATCH
                    && let Ok(command) = queue.try_recv()
                {
                    commands.push(command);
                }
            }
            if let Some(closed) = self.work(commands.drain(..)).await {
                queue.close();
                let rest: Vec<Command> = std::iter::from_fn(|| queue.try_recv().ok()).collect();
                self.work(rest.into_iter()).await;
                let _ = closed.send(());
                return;
            }
        }
    }

    /// In their order, records that stand together in one transaction. Whom to tell when it was told to end.
    async fn work(&mut self, commands: impl Iterator<Item = Command>) -> Option<oneshot::Sender<()>> {
        let (mut records, mut waiting, mut end) = (Vec::new(), Vec::new(), None);
        for command in commands {
            match command {
                Command::Record(record, done) => {
                    records.push(*record);
                    waiting.extend(done);
                    continue;
                }
                Command::Close(done) => end = Some(done),
                Command::Rename(rename, done) => {
                    self.write(std::mem::take(&mut records)).await;
                    self.rename(rename).await;
                    waiting.extend(done);
                }
                Command::Digest(id, digest) => {
                    self.write(std::mem::take(&mut records)).await;
                    self.fill_digest(id, digest).await;
                }
            }
        }
        self.write(records).await;
        for done in waiting {
            // Fails when the session has ended.
            let _ = done.send(());
        }
        end
    }

    /// Writes records, those that could not be written before included.
    async fn write(&mut self, records: Vec<UploadRecord>) {
        self.unwritten.extend(records);
        if self.unwritten.is_empty() {
            return;
        }
        let ids: Vec<UploadId> = self
            .unwritten
            .iter()
            .map(|record| UploadId(record.id.0))
            .collect();
        match self.catalog.record_uploads(self.unwritten.clone()).await {
            Ok(()) => {
                self.unwritten.clear();
                for rename in std::mem::take(&mut self.renames) {
                    self.note_rename(&rename).await;
                }
                if let Err(error) = self.store.recorded(&ids).await {
                    // The journal names them once more at the next start, and the catalog knows them by their ids.
                    tracing::debug!(cause = %Causes(&error), "cannot tell the store what is on record");
                }
            }
            Err(error) => {
                let waiting = self.unwritten.len();
                tracing::error!(cause = %Causes(&error), waiting, "cannot write records of uploads; trying again");
                // The store's journal still has those that are let go.
                let excess = waiting.saturating_sub(UNWRITTEN_RECORDS);
                self.unwritten.drain(..excess);
            }
        }
    }

    /// Behind the record that it is about: before that is written it would meet an older one of the name.
    async fn rename(&mut self, rename: Rename) {
        if self.unwritten.is_empty() {
            self.note_rename(&rename).await;
        } else if self.renames.len() < UNWRITTEN_RECORDS {
            self.renames.push(rename);
        }
    }

    async fn note_rename(&self, rename: &Rename) {
        let Rename { bucket, from, to } = rename;
        if let Err(error) = self.catalog.record_rename(bucket, from, to).await {
            tracing::error!(cause = %Causes(&error), "cannot note the new name of an upload");
        }
    }

    async fn fill_digest(&self, id: UploadKey, digest: Option<Sha256>) {
        let digest = digest.map(|Sha256(bytes)| bytes);
        if let Err(error) = self.catalog.fill_digest(id, digest).await {
            tracing::warn!(cause = %Causes(&error), "cannot fill in the digest of an upload");
        }
    }

    /// Puts on record what was published longer ago than `grace` and not recorded: before a crash, or by a session that
    /// went away in between.
    async fn repair(&mut self, grace: Duration) {
        match self.store.unrecorded().await {
            Ok(mut published) => {
                published.retain(|one| {
                    let is_waiting = self.unwritten.iter().any(|record| record.id.0 == one.id.0);
                    !is_waiting && (grace.is_zero() || one.at.elapsed().is_ok_and(|age| age >= grace))
                });
                if !published.is_empty() {
                    tracing::info!(
                        uploads = published.len(),
                        "recording uploads that were overlooked"
                    );
                }
                let records = published
                    .iter()
                    .map(|published| {
                        Origin::from_note(&published.note).record(published, UploadDigest::Absent)
                    })
                    .collect();
                self.write(records).await;
            }
            Err(error) => {
                tracing::error!(cause = %Causes(&error), "cannot tell which uploads are not on record");
            }
        }
    }

    async fn forget(&self) {
        let Some(keep) = self.keeping.keep else { return };
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let before = since.saturating_sub(keep).as_millis();
        let before = Timestamp(i64::try_from(before).unwrap_or(i64::MAX));
        match self.catalog.forget_uploads(before).await {
            Ok(0) => {}
            Ok(records) => tracing::info!(records, "forgot old records of uploads"),
            Err(error) => tracing::warn!(cause = %Causes(&error), "cannot forget old records of uploads"),
        }
    }
}

fn ends(commands: &[Command]) -> bool {
    commands
        .iter()
        .any(|command| matches!(command, Command::Close(_)))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use longshore_catalog::{Secrets, SqliteCatalog, SqliteOptions, UploadStore as _, UserId};
    use longshore_storage::{
        BucketName, LocalOptions, LocalStore, OwnerId, Precondition, RemotePath, UploadBase, UploadOptions,
    };

    use super::*;

    const KEEPING: Keeping = Keeping {
        before_answer: true,
        keep: None,
    };

    async fn catalog(dir: &std::path::Path) -> Arc<SqliteCatalog> {
        let secrets = Secrets::load_or_create(dir).unwrap();
        SqliteCatalog::open(&dir.join("catalog.db"), secrets, SqliteOptions::default())
            .await
            .unwrap()
    }

    /// Publishes `names` and records none of it, as a server that is killed in between.
    async fn publish(store: &Arc<LocalStore>, names: &[&str]) {
        let bucket = BucketName::parse("some-bucket").unwrap();
        store.create_bucket(&bucket).await.unwrap();
        let home = RemotePath::parse(b"/alice").unwrap();
        let home = store.open_home(&bucket, &home, OwnerId(7)).await.unwrap();
        let options = UploadOptions {
            precondition: Precondition::None,
            base: UploadBase::Empty,
            mode: None,
            readable: false,
        };
        let origin = Origin {
            username: "WL9F11A9".to_owned(),
            ..Origin::default()
        };
        for name in names {
            let path = RemotePath::parse(name.as_bytes()).unwrap();
            let upload = home.begin_upload(&path, options.clone()).await.unwrap();
            upload.write_at(0, Bytes::from_static(b"data")).await.unwrap();
            upload.close(&origin.to_note()).await.unwrap();
        }
        // One that is not published must not be recorded.
        let path = RemotePath::parse(b"/open").unwrap();
        home.begin_upload(&path, options).await.unwrap();
    }

    #[tokio::test]
    async fn what_an_earlier_run_did_not_record_is_recorded_once() {
        let dir = tempfile::tempdir().unwrap();
        let buckets = dir.path().join("buckets");
        let store = LocalStore::open(&buckets, LocalOptions::default()).unwrap();
        publish(&store, &["/a", "/b"]).await;
        drop(store);
        let catalog = catalog(dir.path()).await;
        for _start in 0..3 {
            let store = LocalStore::open(&buckets, LocalOptions::default()).unwrap();
            let (recorder, _task) = Recorder::start(catalog.clone(), store.clone(), KEEPING);
            recorder.close().await;
            let page = catalog.list_uploads(None, 10, None).await.unwrap();
            let mut paths: Vec<_> = page
                .uploads
                .iter()
                .map(|upload| upload.record.path.clone())
                .collect();
            paths.sort();
            assert_eq!(paths, [b"/alice/a", b"/alice/b"]);
            for upload in &page.uploads {
                assert_eq!(
                    (upload.record.username.as_str(), upload.record.user),
                    ("WL9F11A9", UserId(7))
                );
                assert_eq!(
                    (upload.record.verdict.as_str(), upload.record.size),
                    ("closed", 4)
                );
            }
            assert!(store.unrecorded().await.unwrap().is_empty(), "confirmed");
        }
    }

    #[tokio::test]
    async fn old_records_are_forgotten_at_the_start() {
        let dir = tempfile::tempdir().unwrap();
        let store = LocalStore::open(&dir.path().join("buckets"), LocalOptions::default()).unwrap();
        let catalog = catalog(dir.path()).await;
        let day = Duration::from_secs(24 * 60 * 60);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let records = [1_u8, 3].map(|days| UploadRecord {
            id: UploadKey([days; 16]),
            user: UserId(7),
            username: String::new(),
            bucket: "some-bucket".to_owned(),
            path: b"/f".to_vec(),
            size: days.into(),
            digest: UploadDigest::Absent,
            verdict: "closed".to_owned(),
            evidence: "{}".to_owned(),
            began: Timestamp(0),
            finished: Timestamp(i64::try_from((now - day * days.into()).as_millis()).unwrap()),
            client: String::new(),
            peer: String::new(),
            session: 0,
        });
        catalog.record_uploads(records.to_vec()).await.unwrap();
        let keeping = Keeping {
            keep: Some(2 * day),
            ..KEEPING
        };
        let (recorder, _task) = Recorder::start(catalog.clone(), store, keeping);
        for _ in 0..600 {
            let page = catalog.list_uploads(None, 10, None).await.unwrap();
            let ages: Vec<u64> = page.uploads.iter().map(|upload| upload.record.size).collect();
            if ages == [1] {
                return recorder.close().await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("never forgotten");
    }
}
