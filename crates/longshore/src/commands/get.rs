//! `longshore get`

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use clap::Args;
use longshore_client::ErrorKind;
use longshore_client::sftp::{Attrs, FileKind};
use longshore_client::target::Target;
use longshore_client::transfer::{DownloadJob, TreeOptions};

use super::batch::expand::{self, Found};
use super::batch::paths::name_of;
use crate::client::interrupt::{Interrupt, command_again};
use crate::client::moving::{self, LinksArg, Local, MoveArgs, Mover, ThereArgs, Told, local_kind};
use crate::client::receipts::{ReportArgs, Reporter};
use crate::client::{ConnectArgs, block_on, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Download files and trees
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore get partner:outbox/report.csv
  longshore get 'partner:outbox/*.csv' reports/        # quoted: the server's names, not this machine's
  longshore get -r partner:archive .
  longshore get partner:shop.sql - | psql shop
  longshore get --resume partner:disk.img .            # continues after an interruption

A file appears under its name in one step, when it is whole; what was there stays until then.")]
pub struct GetArgs {
    /// What to download: host:path, user@host:path or sftp://…, :path for more from the same server; then where it goes
    /// [default: the current directory], - is standard output. * ? [ ] in paths are patterns
    #[arg(required = true, value_name = "TARGET… [LOCAL]")]
    words: Vec<OsString>,
    /// Download directories with all that is in them
    #[arg(short, long)]
    recursive: bool,
    /// Take * ? [ ] \ for characters of names
    #[arg(long, help_heading = "Files")]
    no_glob: bool,
    /// Symbolic links in directories
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Files")]
    links: LinksArg,
    #[command(flatten)]
    there: ThereArgs,
    #[command(flatten)]
    files: MoveArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Where downloads go.
enum Sink {
    Output,
    /// A pipe or device.
    Stream(PathBuf),
    Path(PathBuf),
}

impl GetArgs {
    pub(super) fn run(&self) -> Result<()> {
        let (targets, local) = split(&self.words)?;
        let place = moving::place(targets)?;
        let sink = self.sink(&local)?;
        let mut options = self.files.options();
        self.there.add_to(&mut options);
        let (quiet, verbosity) = (self.connect.is_quiet(), self.connect.verbosity());
        let reporter = Reporter::new(self.report, quiet, verbosity, false);
        let told = Told {
            reporter: &reporter,
            again: matches!(sink, Sink::Path(_)).then(|| command_again("get", Some("--resume"))),
        };
        block_on(moving::run(
            &self.connect,
            &place.server,
            options,
            told,
            async |mover: &mut Mover, interrupt: &Interrupt| {
                let found = self.find(mover, interrupt, &place.paths).await?;
                match &sink {
                    Sink::Path(path) => self.to_path(mover, interrupt, found, path).await,
                    sink => to_stream(mover, interrupt, found, sink).await,
                }
            },
        ))
    }

    fn sink(&self, local: &OsStr) -> Result<Sink> {
        if local == "-" {
            if self.report.json || self.report.jsonl || self.connect.verbosity() > 0 {
                return Err(CliError::new(
                    ExitCode::Usage,
                    "standard output takes the file, and cannot take receipts too",
                ));
            }
            return Ok(Sink::Output);
        }
        let path = PathBuf::from(local);
        Ok(match local_kind(&path) {
            Ok(Local::Stream) => Sink::Stream(path),
            _ => Sink::Path(path),
        })
    }

    /// What the targets lead to.
    async fn find(&self, mover: &Mover, interrupt: &Interrupt, paths: &[Vec<u8>]) -> Result<Vec<Found>> {
        let mut all = Vec::new();
        for path in paths {
            if self.no_glob || !path.iter().any(|byte| b"*?[".contains(byte)) {
                all.push(Found {
                    path: path.clone(),
                    attrs: None,
                });
                continue;
            }
            let found = interrupt
                .unless(expand::remote(mover.session.sftp(), b"", path))
                .await?;
            if found.is_empty() {
                let message = format!("nothing matches {}", shown(path));
                return Err(CliError::new(ExitCode::NotFound, message)
                    .hint("--no-glob takes * ? [ ] for characters of the name"));
            }
            all.extend(found);
        }
        Ok(all)
    }

    async fn to_path(
        &self,
        mover: &mut Mover,
        interrupt: &Interrupt,
        found: Vec<Found>,
        local: &Path,
    ) -> Result<()> {
        let is_dir = local.is_dir();
        if !is_dir && (found.len() > 1 || (!self.recursive && local.as_os_str().as_bytes().ends_with(b"/"))) {
            let message = format!("{} is no directory", local.display());
            return Err(CliError::new(ExitCode::InTheWay, message).hint("make it, or name another one"));
        }
        let mut jobs = Vec::new();
        for Found { path, attrs } in found {
            if self.recursive && attrs.as_ref().and_then(Attrs::kind) != Some(FileKind::Regular) {
                mover.go_on(interrupt)?;
                if self.tree(mover, &path, local, is_dir).await? {
                    continue;
                }
            }
            // of a link the listing tells its own size
            let attrs = attrs.filter(|attrs| attrs.kind() == Some(FileKind::Regular));
            jobs.push(DownloadJob {
                remote: path,
                local: local.to_owned(),
                attrs,
            });
        }
        let report = match jobs.as_slice() {
            [] => return Ok(()),
            [job] => {
                let moving = mover
                    .transfers
                    .download_known(&job.remote, &job.local, job.attrs.as_ref());
                let receipt = moving.await.map_err(|error| self.explain(error));
                return mover.note(receipt, |receipt| receipt.transferred);
            }
            _ => mover.transfers.download_many(jobs).await,
        };
        mover.note_many(report)
    }

    fn explain(&self, error: longshore_client::Error) -> longshore_client::Error {
        if error.kind() == ErrorKind::IsADirectory && !self.recursive && error.next_step().is_none() {
            return error.hint("-r downloads directories");
        }
        error
    }

    /// Downloads a tree; false if there is none, but perhaps a file.
    async fn tree(&self, mover: &mut Mover, path: &[u8], local: &Path, is_dir: bool) -> Result<bool> {
        let into = match name_of(path) {
            b"." => local.to_owned(),
            name if is_dir => local.join(OsStr::from_bytes(name)),
            _ => local.to_owned(),
        };
        let options = TreeOptions {
            links: self.links.into(),
            ..TreeOptions::default()
        };
        let path = if path.is_empty() { b"." } else { path };
        match mover.transfers.download_tree(path, &into, &options).await {
            Err(error)
                if error.kind() == ErrorKind::NotADirectory
                    && error.stage() != longshore_client::Stage::Local =>
            {
                Ok(false)
            }
            outcome => mover.note_many(outcome).map(|()| true),
        }
    }
}

async fn to_stream(mover: &mut Mover, interrupt: &Interrupt, found: Vec<Found>, sink: &Sink) -> Result<()> {
    for file in found {
        mover.go_on(interrupt)?;
        let receipt = match sink {
            Sink::Stream(path) | Sink::Path(path) => {
                let open = tokio::fs::OpenOptions::new().write(true).open(path).await;
                let stream = open.map_err(|error| {
                    let message = format!("cannot open {}", path.display());
                    CliError::new(ExitCode::Failure, message).because(error)
                })?;
                mover.transfers.download_into(&file.path, stream).await
            }
            Sink::Output => {
                mover
                    .transfers
                    .download_into(&file.path, tokio::io::stdout())
                    .await
            }
        };
        // what follows a file that broke off would be taken for its rest
        let broken = receipt.is_err();
        mover.note(receipt, |receipt| receipt.transferred)?;
        if broken {
            return Ok(());
        }
    }
    Ok(())
}

/// Targets, and where they go: the last word, unless it names a server too.
fn split(words: &[OsString]) -> Result<(&[OsString], OsString)> {
    let here = || OsString::from(".");
    let Some((last, before)) = words.split_last().filter(|(_, before)| !before.is_empty()) else {
        return Ok((words, here()));
    };
    let names_server =
        last.as_bytes().starts_with(b":") || matches!(Target::parse(last), Ok(Target::Remote(_)));
    if names_server {
        return Ok((words, here()));
    }
    Ok((before, last.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_where_it_goes_unless_it_names_a_server() {
        let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
        for (all, targets, local) in [
            (&["h:a"][..], 1, "."),
            (&["h:a", "b"], 1, "b"),
            (&["h:a", "h:b"], 2, "."),
            (&["h:a", ":b"], 2, "."),
            (&["h:a", ":b", "-"], 2, "-"),
            (&["h:a", "./x:y"], 1, "./x:y"),
        ] {
            let all = words(all);
            let (found, to) = split(&all).unwrap();
            assert_eq!((found.len(), to.to_str()), (targets, Some(local)), "{all:?}");
        }
    }
}
