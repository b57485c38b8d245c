//! `longshore mv`

use std::ffi::OsString;

use clap::Args;
use longshore_client::sftp::Sftp;

use super::destination::Destination;
use super::guard;
use super::replace::{refuse_same, replace};
use crate::client::{ConnectArgs, Failures, Place, block_on, shown};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Rename and move files on a server; never over another one unless told so
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore mv files.example.net:inbox/report.part :inbox/report.csv
  longshore mv files.example.net:a.csv :b.csv :done/
  longshore mv --force files.example.net:new.csv :current.csv

--force replaces in one step where the server offers posix-rename@openssh.com; elsewhere the old file is put
aside until the new one has its name.")]
pub struct MvArgs {
    /// What to move, and where to: host:path, then :path on the same server; a directory takes what is moved into it
    #[arg(required = true, num_args = 2.., value_name = "TARGET")]
    targets: Vec<OsString>,
    /// Replace a file that has the new name
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl MvArgs {
    pub(super) fn run(&self) -> Result<()> {
        let mut place = Place::list(&self.targets)?;
        let to = place.paths.pop().unwrap_or_default();
        place.paths.iter().try_for_each(|path| guard::removable(path))?;
        block_on(async {
            let session = self.connect.open(&place.server).await?;
            let sftp = session.sftp();
            let destination = Destination::look(sftp, &to, place.paths.len()).await?;
            let mut failures = Failures::default();
            for from in &place.paths {
                failures.take(self.rename(sftp, from, &destination).await);
            }
            session.close().await;
            failures.finish()
        })
    }

    async fn rename(&self, sftp: &Sftp, from: &[u8], destination: &Destination) -> Result<()> {
        let (to, taken) = destination.of(sftp, from).await?;
        if !taken {
            sftp.rename(from, &to).await?;
            return Ok(());
        }
        if !self.force {
            let message = format!(
                "cannot move {} to {}: that name is taken",
                shown(from),
                shown(&to)
            );
            return Err(CliError::new(ExitCode::InTheWay, message).hint("--force replaces it"));
        }
        refuse_same(sftp, from, &to).await?;
        replace(sftp, from, &to).await
    }
}
