//! `get`, `put`, `reget`, `reput`.

use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use longshore_client::sftp::{Attrs, FileKind};
use longshore_client::transfer::{DownloadJob, Placing, Report, TransferOptions, TreeOptions, UploadJob};
use longshore_client::{ErrorKind, Stage};

use super::command::Moving;
use super::expand::{self, Found};
use super::interpreter::Interpreter;
use super::paths::{as_path, below, name_of};
use crate::client::moving::{Local, Mover, local_kind, transfers};
use crate::client::receipts::{ReportArgs, Reporter, add};
use crate::client::{Session, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// One `get` or `put` with everything that it moves.
struct Job {
    reporter: Arc<Reporter>,
    /// Under temporary names, or where the files belong.
    usual: Mover,
    /// Behind what is there under the final name, for what is continued.
    behind: Mover,
}

impl Interpreter {
    fn job(&self, flags: Moving) -> Job {
        let reporter = Reporter::new(
            ReportArgs::default(),
            self.manner.quiet || !self.progress,
            0,
            false,
        );
        let mover = |placing: Placing| {
            let session = Session {
                connection: self.session.connection.clone(),
                pool: self.session.pool.clone(),
            };
            let options = TransferOptions {
                placing,
                resume: flags.resume,
                keep_times: flags.keep,
                keep_mode: flags.keep,
                sync: flags.sync,
                ..TransferOptions::default()
            };
            let transfers = transfers(&session, options, reporter.handler(), self.interrupt().token());
            Mover {
                session,
                transfers,
                report: Report::default(),
            }
        };
        Job {
            usual: mover(if self.manner.in_place {
                Placing::InPlace
            } else {
                Placing::Atomic
            }),
            behind: mover(Placing::InPlace),
            reporter,
        }
    }

    pub(super) async fn get(&self, flags: Moving, pattern: &[u8], to: Option<&[u8]>) -> Result<()> {
        let found = self
            .interrupt()
            .unless(expand::remote(self.sftp(), &self.cwd(), pattern))
            .await?;
        if found.is_empty() {
            let message = format!("nothing matches {}", shown(pattern));
            return Err(CliError::new(ExitCode::NotFound, message));
        }
        let into = to.is_none_or(|to| as_path(to).is_dir());
        if found.len() > 1 && !into {
            return Err(several(to.unwrap_or_default()));
        }
        let mut job = self.job(flags);
        let outcome = self.get_all(&mut job, flags, found, to, into).await;
        job.finish(outcome)
    }

    async fn get_all(
        &self,
        job: &mut Job,
        flags: Moving,
        found: Vec<Found>,
        to: Option<&[u8]>,
        into: bool,
    ) -> Result<()> {
        let (mut usual, mut behind) = (Vec::new(), Vec::new());
        for Found { path, attrs } in found {
            job.usual.go_on(self.interrupt())?;
            let local = match (to, name_of(&path)) {
                (Some(to), name) if into => as_path(to).join(as_path(name)),
                (Some(to), _) => as_path(to).to_owned(),
                (None, name) => as_path(name).to_owned(),
            };
            let shown_local = shown(local.as_os_str().as_bytes());
            let word = if flags.resume { "Resuming" } else { "Fetching" };
            self.tell(&format!("{word} {} to {shown_local}", shown(&path)))?;
            let kind = attrs.as_ref().and_then(Attrs::kind);
            if flags.tree && kind != Some(FileKind::Regular) && job.get_tree(&path, &local).await? {
                continue;
            }
            let next = DownloadJob {
                remote: path,
                local,
                // of a link the listing tells its own size
                attrs: attrs.filter(|_| kind == Some(FileKind::Regular)),
            };
            if !(flags.resume && next.local.is_file()) {
                usual.push(next);
            } else if self.can_continue(job, &next).await? {
                behind.push(next);
            }
        }
        let moved = job.usual.transfers.download_many(usual).await;
        job.usual.note_many(moved)?;
        let moved = job.behind.transfers.download_many(behind).await;
        job.behind.note_many(moved)
    }

    /// Whether the local file can be the beginning of the remote one. A longer one is left alone: it would be cut.
    async fn can_continue(&self, job: &mut Job, next: &DownloadJob) -> Result<bool> {
        let ask = async { Ok(self.sftp().stat(&next.remote).await) };
        let theirs = match self.interrupt().unless(ask).await? {
            Ok(attrs) => attrs.size,
            Err(error) => return job.usual.note(Err::<(), _>(error), |()| 0).map(|()| false),
        };
        let ours = std::fs::metadata(&next.local).map_or(0, |found| found.len());
        if theirs.is_some_and(|theirs| ours > theirs) {
            job.failed(
                "the local file is longer than the remote one",
                next.local.as_os_str().as_bytes(),
            );
            return Ok(false);
        }
        Ok(true)
    }

    pub(super) async fn put(&self, flags: Moving, pattern: &[u8], to: Option<&[u8]>) -> Result<()> {
        let found = expand::local(pattern)?;
        let mut job = self.job(flags);
        let into = match to {
            None => true,
            Some(to) => {
                job.usual
                    .is_directory(&self.absolute(to), self.interrupt())
                    .await?
            }
        };
        if found.len() > 1 && !into {
            return Err(several(to.unwrap_or_default()));
        }
        let outcome = self.put_all(&mut job, flags, found, to, into).await;
        job.finish(outcome)
    }

    async fn put_all(
        &self,
        job: &mut Job,
        flags: Moving,
        found: Vec<Vec<u8>>,
        to: Option<&[u8]>,
        into: bool,
    ) -> Result<()> {
        let (mut usual, mut behind) = (Vec::new(), Vec::new());
        for path in found {
            job.usual.go_on(self.interrupt())?;
            let local = as_path(&path).to_owned();
            let dir = self.absolute(to.unwrap_or_default());
            let remote = match name_of(&path) {
                _ if !into => dir,
                b"." => dir,
                name => below(&dir, name),
            };
            let kind = match local_kind(&local) {
                Ok(kind) => kind,
                Err(error) => {
                    job.complain(&error);
                    continue;
                }
            };
            let word = if flags.resume {
                "Resuming upload of"
            } else {
                "Uploading"
            };
            self.tell(&format!("{word} {} to {}", shown(&path), shown(&remote)))?;
            if kind == Local::Directory && flags.tree {
                job.put_tree(&local, &remote).await?;
                continue;
            }
            if kind != Local::File {
                job.failed("it is no regular file", &path);
                continue;
            }
            let next = UploadJob { local, remote };
            match self.continues(job, flags, &next).await? {
                Some(true) => behind.push(next),
                Some(false) => usual.push(next),
                None => {}
            }
        }
        let moved = job.usual.transfers.upload_many(usual).await;
        job.usual.note_many(moved)?;
        let moved = job.behind.transfers.upload_many(behind).await;
        job.behind.note_many(moved)
    }

    /// Whether an upload continues what has the final name; `None`: it fails, as with sftp(1).
    async fn continues(&self, job: &mut Job, flags: Moving, next: &UploadJob) -> Result<Option<bool>> {
        if !flags.resume {
            return Ok(Some(false));
        }
        let ask = async { Ok(self.sftp().try_stat(&next.remote).await) };
        let theirs = match self.interrupt().unless(ask).await? {
            Ok(None) => return Ok(Some(false)),
            Ok(Some(attrs)) => attrs.size,
            Err(error) => return job.usual.note(Err::<(), _>(error), |()| 0).map(|()| None),
        };
        let ours = std::fs::metadata(&next.local).map_or(0, |found| found.len());
        if theirs.is_some_and(|theirs| theirs >= ours) {
            job.failed(
                "the remote file has the size of the local one or more",
                &next.remote,
            );
            return Ok(None);
        }
        Ok(Some(true))
    }
}

impl Job {
    /// Downloads a tree; false if it is none, but perhaps a file.
    async fn get_tree(&mut self, path: &[u8], local: &Path) -> Result<bool> {
        let moved = self
            .usual
            .transfers
            .download_tree(path, local, &TreeOptions::default())
            .await;
        match moved {
            Err(error) if error.kind() == ErrorKind::NotADirectory && error.stage() != Stage::Local => {
                Ok(false)
            }
            moved => self.usual.note_many(moved).map(|()| true),
        }
    }

    async fn put_tree(&mut self, local: &Path, remote: &[u8]) -> Result<()> {
        let moved = self
            .usual
            .transfers
            .upload_tree(local, remote, &TreeOptions::default())
            .await;
        self.usual.note_many(moved)
    }

    /// A file that is not moved, for a reason of ours.
    fn failed(&mut self, message: &str, path: &[u8]) {
        let error = longshore_client::Error::new(ErrorKind::Guarded, Stage::Local, message).path(path);
        self.usual.report.failed += 1;
        self.usual.report.errors.push(error);
    }

    fn complain(&mut self, error: &CliError) {
        super::interpreter::complain(error);
        self.usual.report.failed += 1;
    }

    fn finish(self, outcome: Result<()>) -> Result<()> {
        let mut report = self.usual.report;
        add(&mut report, self.behind.report);
        let again = Some("reget, reput");
        self.reporter.finish(&report, outcome, again)
    }
}

fn several(to: &[u8]) -> CliError {
    let message = format!("several files, and {} is no directory", shown(to));
    CliError::new(ExitCode::InTheWay, message)
}
