//! `rm`, `mkdir`, `rename` and the like.

use longshore_client::sftp::{Attrs, FileKind};
use longshore_client::transfer::{TransferOptions, Transfers};

use super::command::Change;
use super::expand;
use super::interpreter::Interpreter;
use crate::client::shown;
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

impl Interpreter {
    /// What a pattern finds; the pattern itself, taken for a path, if it finds nothing.
    async fn find_or_take(&self, pattern: &[u8]) -> Result<Vec<Vec<u8>>> {
        let found = expand::remote(self.sftp(), &self.cwd(), pattern).await?;
        if found.is_empty() {
            return Ok(vec![self.absolute(&super::pattern::unescaped(pattern))]);
        }
        Ok(found.into_iter().map(|found| found.path).collect())
    }

    pub(super) async fn remove(&self, pattern: &[u8]) -> Result<()> {
        for path in self.find_or_take(pattern).await? {
            self.tell(&format!("Removing {}", shown(&path)))?;
            if let Err(error) = self.sftp().remove(&path).await {
                self.one_failed(error.into())?;
            }
        }
        Ok(())
    }

    pub(super) async fn change(&self, what: Change, value: u32, link: bool, pattern: &[u8]) -> Result<()> {
        for path in self.find_or_take(pattern).await? {
            if let Err(error) = self.change_one(what, value, link, &path).await {
                self.one_failed(error)?;
            }
        }
        Ok(())
    }

    async fn change_one(&self, what: Change, value: u32, link: bool, path: &[u8]) -> Result<()> {
        let sftp = self.sftp();
        let word = match what {
            Change::Mode => "mode",
            Change::Owner => "owner",
            Change::Group => "group",
        };
        let mut attrs = Attrs::default();
        if what == Change::Mode {
            attrs.permissions = Some(value);
        } else {
            let now = if link {
                sftp.lstat(path).await?
            } else {
                sftp.stat(path).await?
            };
            let (owner, group) = now.owner.ok_or_else(|| {
                let message = format!("the server does not tell who owns {}", shown(path));
                CliError::new(ExitCode::Refused, message)
            })?;
            attrs.owner = Some(match what {
                Change::Owner => (value, group),
                Change::Mode | Change::Group => (owner, value),
            });
        }
        self.tell(&format!("Changing {word} on {}", shown(path)))?;
        if link {
            sftp.lset_stat(path, &attrs).await?;
        } else {
            sftp.set_stat(path, &attrs).await?;
        }
        Ok(())
    }

    pub(super) async fn make_directory(&self, path: &[u8]) -> Result<()> {
        Ok(self.sftp().mkdir(self.absolute(path), Some(0o777)).await?)
    }

    pub(super) async fn remove_directory(&self, path: &[u8]) -> Result<()> {
        Ok(self.sftp().rmdir(self.absolute(path)).await?)
    }

    /// Over a taken name too, unless `plain`, as sftp(1) does where the server can.
    pub(super) async fn rename(&self, plain: bool, from: &[u8], to: &[u8]) -> Result<()> {
        let (from, to) = (self.absolute(from), self.absolute(to));
        if !plain && self.sftp().supports("posix-rename@openssh.com") {
            return Ok(self.sftp().posix_rename(from, to).await?);
        }
        Ok(self.sftp().rename(from, to).await?)
    }

    pub(super) async fn hard_link(&self, from: &[u8], to: &[u8]) -> Result<()> {
        Ok(self
            .sftp()
            .hard_link(self.absolute(from), self.absolute(to))
            .await?)
    }

    /// What the link says stays as it is written.
    pub(super) async fn symbolic_link(&self, says: &[u8], link: &[u8]) -> Result<()> {
        Ok(self.sftp().symlink(says, self.absolute(link)).await?)
    }

    /// On the server where it can copy, through this machine elsewhere.
    pub(super) async fn copy(&self, from: &[u8], to: &[u8]) -> Result<()> {
        let (from, to) = (self.absolute(from), self.absolute(to));
        let attrs = self.sftp().stat(&from).await?;
        if attrs.kind().is_some_and(|kind| kind != FileKind::Regular) {
            let message = format!("{} is no file", shown(&from));
            return Err(CliError::new(ExitCode::InTheWay, message));
        }
        if !self.sftp().supports("copy-data") {
            return self.copy_through_here(from, to).await;
        }
        let options = longshore_client::sftp::OpenOptions::new();
        let mode = attrs.permissions.unwrap_or(0o666);
        let source = self.sftp().open_read(&from).await?;
        let target = self
            .sftp()
            .open(&to, &options.write().create().truncate().mode(mode))
            .await?;
        // to the end, however far that is
        let copied = source.copy_data(0, 0, &target, 0).await;
        let closed = target.close().await;
        copied?;
        closed?;
        Ok(source.close().await?)
    }

    async fn copy_through_here(&self, from: Vec<u8>, to: Vec<u8>) -> Result<()> {
        let transfers = Transfers::new(self.session.pool.clone(), TransferOptions::default());
        let (write, read) = tokio::io::duplex(COPY_LEN);
        let (got, put) = tokio::join!(
            transfers.download_into(from, write),
            transfers.upload_from(read, &to)
        );
        if let Err(error) = got {
            // half a file has been put there
            if put.is_ok() {
                let _ = self.sftp().remove(&to).await;
            }
            return Err(error.into());
        }
        put?;
        Ok(())
    }
}

/// Bytes between reading and writing of a copy.
const COPY_LEN: usize = 1 << 20;
