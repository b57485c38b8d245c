//! Where `mv` and `cp` put things: a name, or a directory that takes them in.

use futures::join;
use longshore_client::ErrorKind;
use longshore_client::sftp::{FileKind, Sftp};

use crate::client::shown;
use crate::client::walk::{base_name, join as join_path};
use crate::error::{CliError, Result};
use crate::exit_code::ExitCode;

/// The last operand.
pub(super) struct Destination {
    path: Vec<u8>,
    is_directory: bool,
    taken: bool,
}

impl Destination {
    /// Looks at it, in one round trip. Servers differ in whether their rename goes over an existing file, so the answer is
    /// wanted before one is asked for.
    ///
    /// # Errors
    /// [`ExitCode::InTheWay`]: it has to be a directory, and is none.
    pub(super) async fn look(sftp: &Sftp, path: &[u8], operands: usize) -> Result<Self> {
        let path = if path.is_empty() { b"." } else { path };
        let (itself, target) = join!(sftp.try_lstat(path), sftp.try_stat(path));
        let is_directory = match target {
            Ok(attrs) => attrs.is_some_and(|attrs| attrs.kind() == Some(FileKind::Directory)),
            // a link that leads nowhere
            Err(error) if error.kind() == ErrorKind::PermissionDenied => false,
            Err(error) => return Err(error.into()),
        };
        let must_be_one = operands > 1 || path.ends_with(b"/");
        if must_be_one && !is_directory {
            let message = format!("{} is no directory", shown(path));
            return Err(CliError::new(ExitCode::InTheWay, message).hint("longshore mkdir makes one"));
        }
        Ok(Self {
            path: path.to_vec(),
            is_directory,
            taken: itself?.is_some(),
        })
    }

    /// The new path of `from`, and whether something is there.
    ///
    /// # Errors
    /// What the server says; a source without a name.
    pub(super) async fn of(&self, sftp: &Sftp, from: &[u8]) -> Result<(Vec<u8>, bool)> {
        if !self.is_directory {
            return Ok((self.path.clone(), self.taken));
        }
        let name = base_name(from).ok_or_else(|| {
            let message = format!("\"{}\" has no name of its own", shown(from));
            CliError::new(ExitCode::Usage, message)
        })?;
        let to = join_path(&self.path, name);
        let taken = sftp.try_lstat(&to).await?.is_some();
        Ok((to, taken))
    }
}
