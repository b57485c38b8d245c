//! What the commands that move files share: their options, and a session that ends in good order.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::{Args, ValueEnum};
use longshore_client::sftp::FileKind;
use longshore_client::target::{Remote, Target};
use longshore_client::transfer::{
    CancellationToken, EventHandler, ExecHasher, Links, Overwrite, Placing, Report, TransferOptions,
    Transfers, Verify,
};

use super::interrupt::{Interrupt, interrupted};
use super::receipts::Reporter;
use super::session::Session;
use super::{ConnectArgs, Place, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// How files are moved.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct MoveArgs {
    /// Keep the permission bits, too; times are kept anyway
    #[arg(short = 'p', long, help_heading = "Files")]
    preserve: bool,
    /// Let the files have the time at which they arrive
    #[arg(long, conflicts_with = "preserve", help_heading = "Files")]
    no_times: bool,
    /// Compare SHA-256 on both sides; where the server computes none, read the file back
    #[arg(long, help_heading = "Files")]
    verify: bool,
    /// Compare sizes only, even if the server offers hashes
    #[arg(long, conflicts_with = "verify", help_heading = "Files")]
    no_verify: bool,
    /// Write files where they belong instead of under a temporary name first: for servers that allow no renaming
    #[arg(long, help_heading = "Files")]
    in_place: bool,
    /// Have each file put onto the disk before it counts as moved
    #[arg(long, help_heading = "Files")]
    fsync: bool,
    /// Files on their way at a time [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help_heading = "Speed")]
    jobs: Option<u16>,
    /// SFTP channels that one large file may use [default: 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64), help_heading = "Speed")]
    channels: Option<u16>,
}

impl MoveArgs {
    /// What the library makes of them.
    pub(crate) fn options(&self) -> TransferOptions {
        let mut options = TransferOptions {
            keep_times: !self.no_times,
            keep_mode: self.preserve,
            sync: self.fsync,
            ..TransferOptions::default()
        };
        if self.verify {
            options.verify = Verify::Always;
        } else if self.no_verify {
            options.verify = Verify::Size;
        }
        if self.in_place {
            options.placing = Placing::InPlace;
        }
        if let Some(jobs) = self.jobs {
            options.files_in_flight = usize::from(jobs);
        }
        if let Some(channels) = self.channels {
            options.channels = usize::from(channels);
        }
        options
    }
}

/// What happens to symbolic links in trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum LinksArg {
    /// They are left out
    #[default]
    Skip,
    /// They are made as links with the same words
    Keep,
    /// What they lead to is moved
    Follow,
}

impl From<LinksArg> for Links {
    fn from(arg: LinksArg) -> Self {
        match arg {
            LinksArg::Skip => Self::Skip,
            LinksArg::Keep => Self::Keep,
            LinksArg::Follow => Self::Follow,
        }
    }
}

/// How `get` and `put` treat what is there already.
#[derive(Debug, Args, Clone, Copy, Default)]
pub(crate) struct ThereArgs {
    /// Continue what an interrupted transfer has left, after proving that it is the beginning of the file
    #[arg(long, help_heading = "Files")]
    resume: bool,
    /// Leave files alone that are there already; they count as failed
    #[arg(long, help_heading = "Files")]
    no_clobber: bool,
}

impl ThereArgs {
    /// Adds them to the options.
    pub(crate) fn add_to(self, options: &mut TransferOptions) {
        options.resume = self.resume;
        if self.no_clobber {
            options.overwrite = Overwrite::Never;
        }
    }
}

/// Paths on one server. The name of a server alone is none here: what is meant for a file may be meant to be here.
///
/// # Errors
/// [`ExitCode::Usage`].
pub(crate) fn place(targets: &[OsString]) -> Result<Place> {
    if let Some(first) = targets.first()
        && matches!(Target::parse(first), Ok(Target::Local(_)))
    {
        let message = format!("{} names no server", shown(first.as_encoded_bytes()));
        return Err(
            CliError::new(ExitCode::Usage, message).hint("write host:path, user@host:path or sftp://…")
        );
    }
    Place::list(targets)
}

/// A session with what moves files over it.
pub(crate) struct Mover {
    /// The session.
    pub(crate) session: Session,
    /// Moves files and trees.
    pub(crate) transfers: Transfers,
    /// What has been moved so far.
    pub(crate) report: Report,
}

/// What is said when a command has moved its files.
pub(crate) struct Told<'a> {
    /// Takes the events.
    pub(crate) reporter: &'a Arc<Reporter>,
    /// The command that continues after an interruption, if one can.
    pub(crate) again: Option<String>,
}

/// Connects, does the work, and tells what became of it. Ctrl-C ends the work in good order.
///
/// # Errors
/// Those of connecting and of the work; files that were not moved.
pub(crate) async fn run(
    connect: &ConnectArgs,
    server: &Remote,
    options: TransferOptions,
    told: Told<'_>,
    work: impl AsyncFnOnce(&mut Mover, &Interrupt) -> Result<()>,
) -> Result<()> {
    let started = Instant::now();
    let interrupt = Interrupt::listen()?;
    let mut report = Report::default();
    let outcome = match Box::pin(interrupt.unless(connect.open(server))).await {
        Err(error) => Err(error),
        Ok(session) => {
            let transfers = transfers(&session, options, told.reporter.handler(), interrupt.token());
            let mut mover = Mover {
                session,
                transfers,
                report: Report::default(),
            };
            let outcome = work(&mut mover, &interrupt).await;
            report = mover.report;
            drop(mover.transfers);
            mover.session.close().await;
            outcome
        }
    };
    report.duration = started.elapsed();
    told.reporter.finish(&report, outcome, told.again.as_deref())
}

/// Transfers over a session; commands on the server compute hashes where its SFTP does not.
pub(crate) fn transfers(
    session: &Session,
    mut options: TransferOptions,
    handler: EventHandler,
    cancel: CancellationToken,
) -> Transfers {
    if options.resume || options.verify == Verify::Always {
        options.hasher = Some(Arc::new(ExecHasher::new(session.connection.clone())));
    }
    Transfers::with_events(session.pool.clone(), options, handler, cancel)
}

impl Mover {
    /// Takes note of one file. An error that concerns this file alone lets the others go on.
    ///
    /// # Errors
    /// The session has ended, or somebody has stopped it.
    pub(crate) fn note<T>(
        &mut self,
        outcome: longshore_client::Result<T>,
        bytes: impl Fn(&T) -> u64,
    ) -> Result<()> {
        match outcome {
            Ok(moved) => {
                self.report.files += 1;
                self.report.bytes += bytes(&moved);
                Ok(())
            }
            Err(error) if self.is_over(&error) => Err(error.into()),
            Err(error) => {
                self.report.failed += 1;
                self.report.errors.push(error);
                Ok(())
            }
        }
    }

    /// Takes note of many files.
    ///
    /// # Errors
    /// As [`Self::note`].
    pub(crate) fn note_many(&mut self, outcome: longshore_client::Result<Report>) -> Result<()> {
        match outcome {
            Ok(report) => {
                super::receipts::add(&mut self.report, report);
                Ok(())
            }
            Err(error) => self.note(Err(error), |()| 0),
        }
    }

    fn is_over(&self, error: &longshore_client::Error) -> bool {
        error.kind() == longshore_client::ErrorKind::Cancelled || self.session.sftp().end_reason().is_some()
    }

    /// Whether there is a directory on the server.
    ///
    /// # Errors
    /// What the server says, except that there is nothing.
    pub(crate) async fn is_directory(&self, path: &[u8], interrupt: &Interrupt) -> Result<bool> {
        let path = if path.is_empty() { b"." } else { path };
        let asked = async { Ok(self.session.sftp().try_stat(path).await?) };
        let there = interrupt.unless(asked).await?;
        Ok(there.is_some_and(|attrs| attrs.kind() == Some(FileKind::Directory)))
    }

    /// Fails if somebody has stopped it.
    ///
    /// # Errors
    /// [`ExitCode::Interrupted`].
    pub(crate) fn go_on(&self, interrupt: &Interrupt) -> Result<()> {
        if interrupt.token().is_cancelled() {
            return Err(interrupted());
        }
        Ok(())
    }
}

/// What a local path is, links followed.
///
/// # Errors
/// [`ExitCode::NotFound`], [`ExitCode::PermissionDenied`].
pub(crate) fn local_kind(path: &Path) -> Result<Local> {
    let found = std::fs::metadata(path).map_err(|error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => ExitCode::NotFound,
            std::io::ErrorKind::PermissionDenied => ExitCode::PermissionDenied,
            _ => ExitCode::Failure,
        };
        let name = shown(path.as_os_str().as_encoded_bytes());
        CliError::new(code, format!("cannot read {name}")).because(error)
    })?;
    Ok(match found.file_type() {
        kind if kind.is_dir() => Local::Directory,
        kind if kind.is_file() => Local::File,
        _ => Local::Stream,
    })
}

/// What a local path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Local {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A pipe, socket or device.
    Stream,
}
