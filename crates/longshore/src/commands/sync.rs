//! `longshore sync`

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use longshore_client::target::Target;
use longshore_client::transfer::{Compare, Delete, Filter, TransferOptions, TreeOptions};

use crate::client::interrupt::{Interrupt, command_again};
use crate::client::moving::{self, LinksArg, Local, MoveArgs, Mover, Told, local_kind};
use crate::client::receipts::{ReportArgs, Reporter};
use crate::client::{ConnectArgs, Place, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Make a tree the same on the other side: what differs in size or time is moved
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore sync reports partner:reports               # up
  longshore sync partner:reports reports               # down
  longshore sync -n --delete reports partner:reports   # tells what would be done

What is in SOURCE goes into TARGET, which is made if need be. Nothing is removed without --delete, nothing at all if SOURCE is
empty or could not be read whole. Patterns: * ? [ ] { } stay within a name, ** goes over directories; without a slash a
pattern is compared with names at any depth.")]
pub struct SyncArgs {
    /// A directory: here, or host:path
    source: OsString,
    /// A directory on the other side
    target: OsString,
    /// Remove from the target what the source does not have
    #[arg(long)]
    delete: bool,
    /// With --delete: remove nothing if it would be more entries than this
    #[arg(long, value_name = "N", requires = "delete")]
    max_delete: Option<u64>,
    /// Only tell what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
    /// Move only files that match; may be repeated
    #[arg(long, value_name = "PATTERN")]
    include: Vec<String>,
    /// Leave out what matches, with all below it; may be repeated
    #[arg(long, value_name = "PATTERN")]
    exclude: Vec<String>,
    /// Take files of the same size for the same, for servers that keep no times
    #[arg(long)]
    size_only: bool,
    /// Take times for the same that are this many seconds apart
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 0,
        conflicts_with = "size_only"
    )]
    time_window: u32,
    /// Symbolic links
    #[arg(long, value_enum, default_value_t, value_name = "HOW", help_heading = "Files")]
    links: LinksArg,
    #[command(flatten)]
    files: MoveArgs,
    #[command(flatten)]
    report: ReportArgs,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Which way it goes.
enum Way {
    Up { local: PathBuf, place: Place },
    Down { place: Place, local: PathBuf },
}

impl SyncArgs {
    pub(super) fn run(&self) -> Result<()> {
        let way = self.way()?;
        let tree = self.tree()?;
        let options = TransferOptions {
            // proving a beginning costs little, and sending it again may cost much
            resume: true,
            ..self.files.options()
        };
        let (quiet, verbosity) = (self.connect.is_quiet(), self.connect.verbosity());
        let reporter = Reporter::new(self.report, quiet, verbosity, self.dry_run);
        let told = Told {
            reporter: &reporter,
            again: Some(command_again("sync", None)),
        };
        let (Way::Up { place, .. } | Way::Down { place, .. }) = &way;
        block_on(moving::run(
            &self.connect,
            &place.server,
            options,
            told,
            async |mover: &mut Mover, _: &Interrupt| {
                let outcome = match &way {
                    Way::Up { local, place } => mover.transfers.upload_tree(local, place.path(), &tree).await,
                    Way::Down { place, local } => {
                        mover.transfers.download_tree(place.path(), local, &tree).await
                    }
                };
                super::super::client::receipts::add(&mut mover.report, outcome?);
                Ok(())
            },
        ))
    }

    fn way(&self) -> Result<Way> {
        let parse = |word: &OsString| {
            Target::parse(word).map_err(|error| CliError::new(ExitCode::Usage, error.to_string()))
        };
        match (parse(&self.source)?, parse(&self.target)?) {
            (Target::Local(local), Target::Remote(_)) => {
                if local_kind(&local)? != Local::Directory {
                    let message = format!("{} is no directory", local.display());
                    return Err(
                        CliError::new(ExitCode::InTheWay, message).hint("longshore put uploads files")
                    );
                }
                let place = Place::one(&self.target)?;
                Ok(Way::Up { local, place })
            }
            (Target::Remote(_), Target::Local(local)) => {
                let place = Place::one(&self.source)?;
                Ok(Way::Down { place, local })
            }
            (Target::Local(_), Target::Local(_)) => {
                Err(CliError::new(ExitCode::Usage, "neither side is on a server")
                    .hint("write host:path for the one that is"))
            }
            (Target::Remote(_), Target::Remote(_)) => {
                Err(CliError::new(ExitCode::Usage, "both sides are on servers").hint("one must be here"))
            }
        }
    }

    fn tree(&self) -> Result<TreeOptions> {
        let mut filter = Filter::new();
        for pattern in &self.include {
            filter = filter.include(pattern)?;
        }
        for pattern in &self.exclude {
            filter = filter.exclude(pattern)?;
        }
        Ok(TreeOptions {
            compare: if self.size_only {
                Compare::Size
            } else {
                Compare::SizeAndTime {
                    window: self.time_window,
                }
            },
            filter,
            delete: self.delete.then_some(Delete { max: self.max_delete }),
            dry_run: self.dry_run,
            links: self.links.into(),
        })
    }
}
