//! `longshore put`

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use longshore_client::ErrorKind;
use longshore_client::transfer::{TreeOptions, UploadJob};

use super::batch::paths::{below, name_of};
use crate::client::interrupt::{Interrupt, command_again};
use crate::client::moving::{self, LinksArg, Local, MoveArgs, Mover, ThereArgs, Told, local_kind};
use crate::client::receipts::{ReportArgs, Reporter};
use crate::client::{ConnectArgs, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Upload files and trees
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore put report.csv partner:inbox/
  longshore put *.csv me@files.example.net:inbox/
  longshore put -r reports partner:archive            # archive/reports if archive is there
  pg_dump shop | longshore put - partner:shop.sql
  longshore put --resume disk.img partner:            # continues after an interruption

A file appears under its name in one step, when it is whole; what was there stays until then.")]
pub struct PutArgs {
    /// Files and, with -r, directories of this machine; - is standard input
    #[arg(required = true, value_name = "LOCAL")]
    local: Vec<OsString>,
    /// Where they go: host:path, user@host:path or sftp://…; a directory takes them under their own names
    #[arg(value_name = "TARGET")]
    target: OsString,
    /// Upload directories with all that is in them
    #[arg(short, long)]
    recursive: bool,
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

/// What is uploaded.
struct Source {
    local: PathBuf,
    /// `None`: standard input.
    kind: Option<Local>,
}

impl PutArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = moving::place(std::slice::from_ref(&self.target))?;
        let sources = self.sources()?;
        let path = place.paths.first().cloned().unwrap_or_default();
        let streams = sources
            .iter()
            .any(|source| !matches!(source.kind, Some(Local::File | Local::Directory)));
        let mut options = self.files.options();
        self.there.add_to(&mut options);
        let (quiet, verbosity) = (self.connect.is_quiet(), self.connect.verbosity());
        let reporter = Reporter::new(self.report, quiet, verbosity, false);
        let told = Told {
            reporter: &reporter,
            again: (!streams).then(|| command_again("put", Some("--resume"))),
        };
        block_on(moving::run(
            &self.connect,
            &place.server,
            options,
            told,
            async |mover: &mut Mover, interrupt: &Interrupt| {
                let putting = Putting {
                    reporter: &reporter,
                    interrupt,
                    tree: TreeOptions {
                        links: self.links.into(),
                        ..TreeOptions::default()
                    },
                };
                putting.all(mover, sources, &path).await
            },
        ))
    }

    /// Looks at what is to be uploaded before anybody is connected to.
    fn sources(&self) -> Result<Vec<Source>> {
        let mut sources = Vec::with_capacity(self.local.len());
        for local in &self.local {
            let local = PathBuf::from(local);
            if local.as_os_str() == "-" {
                sources.push(Source { local, kind: None });
                continue;
            }
            let kind = local_kind(&local)?;
            if kind == Local::Directory && !self.recursive {
                let message = format!("{} is a directory", local.display());
                return Err(CliError::new(ExitCode::Usage, message).hint("-r uploads directories"));
            }
            sources.push(Source {
                local,
                kind: Some(kind),
            });
        }
        Ok(sources)
    }
}

/// Where uploads go.
struct Putting<'a> {
    reporter: &'a Arc<Reporter>,
    interrupt: &'a Interrupt,
    tree: TreeOptions,
}

impl Putting<'_> {
    async fn all(&self, mover: &mut Mover, sources: Vec<Source>, path: &[u8]) -> Result<()> {
        let into = is_directory_by_name(path);
        if let [source] = sources.as_slice() {
            return self.one(mover, source, path, into).await;
        }
        let mut jobs = Vec::new();
        let mut others = Vec::new();
        for source in sources {
            if source.kind == Some(Local::File) {
                let remote = below(path, own_name(&source.local)?);
                jobs.push(UploadJob {
                    local: source.local,
                    remote,
                });
            } else {
                others.push(source);
            }
        }
        if !jobs.is_empty() {
            let report = mover.transfers.upload_many(jobs).await;
            mover.note_many(report)?;
        }
        for source in others {
            mover.go_on(self.interrupt)?;
            self.one(mover, &source, path, true).await?;
        }
        Ok(())
    }

    /// One file, tree or stream. `into`: the path is known to name a directory.
    async fn one(&self, mover: &mut Mover, source: &Source, path: &[u8], into: bool) -> Result<()> {
        match source.kind {
            Some(Local::Directory) => self.one_tree(mover, &source.local, path, into).await,
            Some(Local::File) => self.one_file(mover, &source.local, path, into).await,
            Some(Local::Stream) => {
                let stream = tokio::fs::File::open(&source.local).await.map_err(|error| {
                    let message = format!("cannot open {}", source.local.display());
                    CliError::new(ExitCode::Failure, message).because(error)
                })?;
                let remote = if into {
                    below(path, own_name(&source.local)?)
                } else {
                    path.to_vec()
                };
                let receipt = mover.transfers.upload_from(stream, &remote).await;
                mover.note(receipt, |receipt| receipt.transferred)
            }
            None if into => Err(
                CliError::new(ExitCode::Usage, "standard input has no name of its own")
                    .hint("name the file: host:path/name"),
            ),
            None => {
                let receipt = mover.transfers.upload_from(tokio::io::stdin(), path).await;
                mover.note(receipt, |receipt| receipt.transferred)
            }
        }
    }

    async fn one_file(&self, mover: &mut Mover, local: &Path, path: &[u8], into: bool) -> Result<()> {
        let inside = below(path, own_name(local)?);
        let receipt = if into {
            mover.transfers.upload(local, &inside).await
        } else {
            self.reporter.goes_into_directories(true);
            let outcome = mover.transfers.upload(local, path).await;
            self.reporter.goes_into_directories(false);
            match outcome {
                Err(error) if error.kind() == ErrorKind::IsADirectory => {
                    mover.transfers.upload(local, &inside).await
                }
                outcome => outcome,
            }
        };
        mover.note(receipt, |receipt| receipt.transferred)
    }

    async fn one_tree(&self, mover: &mut Mover, local: &Path, path: &[u8], into: bool) -> Result<()> {
        let into = into || mover.is_directory(path, self.interrupt).await?;
        let remote = match name_of(local.as_os_str().as_bytes()) {
            b"." => path.to_vec(),
            name if into => below(path, name),
            _ => path.to_vec(),
        };
        let remote = if remote.is_empty() { b".".to_vec() } else { remote };
        let report = mover.transfers.upload_tree(local, &remote, &self.tree).await;
        mover.note_many(report)
    }
}

/// Whether a path can name nothing but a directory.
fn is_directory_by_name(path: &[u8]) -> bool {
    path.is_empty()
        || path.ends_with(b"/")
        || matches!(path.rsplit(|byte| *byte == b'/').next(), Some(b"." | b".."))
}

/// The name that a local file has.
fn own_name(path: &Path) -> Result<&[u8]> {
    match name_of(path.as_os_str().as_bytes()) {
        b"." => Err(CliError::new(
            ExitCode::Usage,
            format!("{} names no file", path.display()),
        )),
        name => Ok(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_paths_are_directories_by_their_names() {
        for (path, is) in [
            ("", true),
            ("a/", true),
            (".", true),
            ("a/..", true),
            ("a", false),
            ("a..", false),
            ("/", true),
        ] {
            assert_eq!(is_directory_by_name(path.as_bytes()), is, "{path}");
        }
    }
}
