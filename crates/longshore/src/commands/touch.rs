//! `longshore touch`

use std::ffi::OsString;
use std::str::FromStr;

use clap::Args;
use jiff::Timestamp;
use longshore_client::ErrorKind;
use longshore_client::sftp::{Attrs, OpenOptions, Sftp};

use crate::client::{ConnectArgs, Failures, Place, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Set the times of files on a server; make those that are not there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore touch files.example.net:inbox/done.flag
  longshore touch -c -d 2026-11-21T10:00:00Z files.example.net:report.csv

Without -d it is the time of this machine.")]
pub struct TouchArgs {
    /// Files and directories: host:path, user@host:path, sftp://…; behind the first one :path is enough
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Make no file
    #[arg(short = 'c', long)]
    no_create: bool,
    /// This time instead of now: RFC 3339, to the second
    #[arg(short, long, value_name = "TIME")]
    date: Option<Moment>,
    #[command(flatten)]
    connect: ConnectArgs,
}

/// Seconds since 1970, as version 3 of SFTP has them.
#[derive(Debug, Clone, Copy)]
struct Moment(u32);

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let time: Timestamp = text
            .parse()
            .map_err(|error: jiff::Error| format!("write it as 2026-11-21T10:00:00Z: {error}"))?;
        u32::try_from(time.as_second())
            .map(Self)
            .map_err(|_| "SFTP knows the years 1970 to 2106 alone".to_owned())
    }
}

impl TouchArgs {
    pub(super) fn run(&self) -> Result<()> {
        let place = Place::list(&self.targets)?;
        if place.paths.iter().any(Vec::is_empty) {
            return Err(CliError::new(ExitCode::Usage, "a file to touch needs a name"));
        }
        let now = u32::try_from(Timestamp::now().as_second()).unwrap_or(u32::MAX);
        let seconds = self.date.map_or(now, |Moment(seconds)| seconds);
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let mut failures = Failures::default();
            for path in &place.paths {
                failures.take(self.touch(session.sftp(), path, seconds).await);
            }
            session.close().await;
            failures.finish()
        })
    }

    async fn touch(&self, sftp: &Sftp, path: &[u8], seconds: u32) -> Result<()> {
        let times = Attrs {
            times: Some((seconds, seconds)),
            ..Attrs::default()
        };
        match sftp.set_stat(path, &times).await {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            set => return Ok(set?),
        }
        if self.no_create {
            return Ok(());
        }
        // not truncated: somebody may have made it meanwhile
        let file = sftp.open(path, &OpenOptions::new().write().create()).await?;
        file.close().await?;
        if self.date.is_some() {
            sftp.set_stat(path, &times).await?;
        }
        Ok(())
    }
}
