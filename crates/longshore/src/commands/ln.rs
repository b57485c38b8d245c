//! `longshore ln`

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;

use clap::Args;
use longshore_client::ErrorKind;
use longshore_client::sftp::Sftp;
use longshore_client::target::{Remote, Target};

use super::replace::{name_beside, replace};
use crate::client::{ConnectArgs, Place, block_on};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// Make links on a server: further names for a file, or with -s symbolic ones
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  longshore ln files.example.net:report.csv :archive/report.csv
  longshore ln -s ../report.csv files.example.net:archive/latest.csv

With -s the first word is what the link says: the server reads it from where the link lies.")]
pub struct LnArgs {
    /// What it leads to: host:path; with -s the text of the link
    #[arg(value_name = "TARGET")]
    to: OsString,
    /// The new name: host:path, or :path on the same server
    link: OsString,
    /// A symbolic link
    #[arg(short, long)]
    symbolic: bool,
    /// Replace a file or link that has the name
    #[arg(short, long)]
    force: bool,
    #[command(flatten)]
    connect: ConnectArgs,
}

impl LnArgs {
    pub(super) fn run(&self) -> Result<()> {
        let (server, to, link) = self.words()?;
        if link.is_empty() {
            return Err(CliError::new(ExitCode::Usage, "the link needs a name"));
        }
        block_on(async {
            let session = self.connect.open(&server).await?;
            let sftp = session.sftp();
            if self.force && sftp.try_lstat(&link).await?.is_some() {
                self.make_over(sftp, &to, &link).await?;
            } else {
                self.make(sftp, &to, &link).await?;
            }
            session.close().await;
            Ok(())
        })
    }

    async fn make(&self, sftp: &Sftp, to: &[u8], link: &[u8]) -> Result<()> {
        let made = if self.symbolic {
            sftp.symlink(to, link).await
        } else {
            sftp.hard_link(to, link).await
        };
        Ok(made?)
    }

    /// Over what has the name, once the new link is there.
    async fn make_over(&self, sftp: &Sftp, to: &[u8], link: &[u8]) -> Result<()> {
        let beside = name_beside(link);
        self.make(sftp, to, &beside).await?;
        let replaced = replace(sftp, &beside, link).await;
        // Still there if it failed, and if both were names of one file: such a rename does nothing.
        match sftp.remove(&beside).await {
            Err(error) if replaced.is_ok() && error.kind() != ErrorKind::NotFound => Err(error.into()),
            _ => replaced,
        }
    }

    /// The server, what the link leads to, and its name.
    fn words(&self) -> Result<(Remote, Vec<u8>, Vec<u8>)> {
        if !self.symbolic {
            let mut place = Place::all([self.to.as_os_str(), &self.link])?;
            let link = place.paths.pop().unwrap_or_default();
            return Ok((place.server.clone(), place.path().to_vec(), link));
        }
        let place = Place::one(&self.link)?;
        if names_server(&self.to, &place.server) {
            return Err(CliError::new(
                ExitCode::Usage,
                "with -s the first word is what the link says, without a host",
            )
            .hint("leave the host away; for a link that says just this, write ./ in front"));
        }
        let link = place.paths.into_iter().next().unwrap_or_default();
        Ok((place.server, self.to.as_bytes().to_vec(), link))
    }
}

/// Whether a text was meant as a path on that server.
fn names_server(text: &OsStr, server: &Remote) -> bool {
    matches!(Target::parse(text), Ok(Target::Remote(remote)) if remote.host == server.host)
}
