//! `rm`, `mkdir`, `rename` and the like.

use longshore_client::sftp::{Attrs, FileKind};

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

    /// On the server where it can copy, through this machine elsewhere; whole, or not at all.
    pub(super) async fn copy(&self, from: &[u8], to: &[u8]) -> Result<()> {
        let (from, to) = (self.absolute(from), self.absolute(to));
        let attrs = self.sftp().stat(&from).await?;
        if attrs.kind().is_some_and(|kind| kind != FileKind::Regular) {
            let message = format!("{} is no file", shown(&from));
            return Err(CliError::new(ExitCode::InTheWay, message));
        }
        let taken = self.sftp().try_lstat(&to).await?.is_some();
        crate::commands::cp::copy(self.sftp(), &from, &to, taken, false).await?;
        Ok(())
    }
}
