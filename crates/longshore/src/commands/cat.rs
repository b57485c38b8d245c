//! `longshore cat`

use std::ffi::OsString;
use std::io;

use clap::Args;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::client::stream::each_chunk;
use crate::client::{ConnectArgs, Failures, Place, Session, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Print files of a server
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore cat files.example.net:inbox/report.csv | head
  longshore cat files.example.net:head.csv - :tail.csv < body.csv > whole.csv")]
pub struct CatArgs {
    /// Files: host:path, user@host:path, sftp://…; behind the first one :path is enough; - is standard input
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl CatArgs {
    pub(super) fn run(&self) -> Result<()> {
        let remote: Vec<OsString> = self
            .targets
            .iter()
            .filter(|target| *target != "-")
            .cloned()
            .collect();
        if remote.is_empty() {
            let message = "there is no file of a server among the targets";
            return Err(CliError::new(ExitCode::Usage, message).hint("write host:path"));
        }
        let place = Place::list(&remote)?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            let mut out = tokio::io::stdout();
            let mut paths = place.paths.iter();
            for target in &self.targets {
                let copied = if target == "-" {
                    from_stdin(&mut out).await
                } else {
                    from_server(&session, paths.next().map_or(&[][..], Vec::as_slice), &mut out).await
                };
                match copied {
                    Err(Stop::GoneAway) => return Ok(()),
                    Err(Stop::Failed(error)) => failures.note(&error),
                    Ok(()) => {}
                }
            }
            session.close().await;
            failures.finish()
        })
    }
}

/// Why a file was not printed to its end.
enum Stop {
    /// Nobody reads on (`| head`).
    GoneAway,
    Failed(CliError),
}

async fn from_server(
    session: &Session,
    path: &[u8],
    out: &mut (impl AsyncWrite + Unpin),
) -> std::result::Result<(), Stop> {
    let file = session
        .sftp()
        .open_read(path)
        .await
        .map_err(|error| Stop::Failed(error.into()))?;
    let mut gone = false;
    let copied = each_chunk(&file, async |chunk| match out.write_all(&chunk).await {
        Err(error) => Err(cannot_write(error, &mut gone)),
        Ok(()) => Ok(()),
    })
    .await;
    let flushed = match copied {
        Ok(_) => out.flush().await.map_err(|error| cannot_write(error, &mut gone)),
        Err(error) => Err(error),
    };
    match flushed {
        _ if gone => Err(Stop::GoneAway),
        Err(error) => Err(Stop::Failed(error)),
        // nothing was written: what the server says to CLOSE is of no interest
        Ok(()) => Ok(()),
    }
}

async fn from_stdin(out: &mut (impl AsyncWrite + Unpin)) -> std::result::Result<(), Stop> {
    let mut gone = false;
    let copied = tokio::io::copy(&mut tokio::io::stdin(), out).await;
    match copied.map_err(|error| cannot_write(error, &mut gone)) {
        _ if gone => Err(Stop::GoneAway),
        Err(error) => Err(Stop::Failed(error)),
        Ok(_) => out
            .flush()
            .await
            .map_err(|error| Stop::Failed(cannot_write(error, &mut gone))),
    }
}

fn cannot_write(error: io::Error, gone: &mut bool) -> CliError {
    *gone = error.kind() == io::ErrorKind::BrokenPipe;
    CliError::new(ExitCode::Failure, "cannot copy to standard output").because(error)
}
