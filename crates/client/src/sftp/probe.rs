//! Looking closer after a failure that says nothing: many servers answer `SSH_FX_FAILURE` for everything that is neither
//! "not found" nor "permission denied".

use longshore_sftp::FileKind;

use super::session::Sftp;
use super::{OpenOptions, status};
use crate::error::{Error, ErrorKind};
use longshore_sftp::OpenFlags;

impl Sftp {
    pub(crate) async fn explain_open(&self, error: Error, options: &OpenOptions, path: &[u8]) -> Error {
        if !status::is_vague(&error) {
            return error;
        }
        match self.look(path).await {
            Some(FileKind::Directory) => error.refined(ErrorKind::IsADirectory, "it is a directory"),
            Some(_) if options.flags().contains(OpenFlags::EXCL) => {
                error.refined(ErrorKind::AlreadyExists, "it exists")
            }
            _ => error,
        }
    }

    pub(super) async fn explain_directory(&self, error: Error, path: &[u8]) -> Error {
        if !maybe_no_directory(&error) {
            return error;
        }
        match self.stat(path).await.ok().and_then(|attrs| attrs.kind()) {
            Some(FileKind::Directory) | None => error,
            Some(_) => error.refined(ErrorKind::NotADirectory, "it is no directory"),
        }
    }

    pub(super) async fn explain_mkdir(&self, error: Error, path: &[u8]) -> Error {
        if status::is_vague(&error) && self.lstat(path).await.is_ok() {
            return error.refined(ErrorKind::AlreadyExists, "it exists");
        }
        error
    }

    pub(super) async fn explain_rmdir(&self, error: Error, path: &[u8]) -> Error {
        if !maybe_no_directory(&error) {
            return error;
        }
        match self.look(path).await {
            Some(FileKind::Directory) => {}
            Some(_) => return error.refined(ErrorKind::NotADirectory, "it is no directory"),
            None => return error,
        }
        let first = match Box::pin(self.read_dir(path)).await {
            Ok(mut listing) => listing.next().await,
            Err(_) => return error,
        };
        if matches!(first, Ok(Some(_))) {
            return error.refined(ErrorKind::NotEmpty, "the directory is not empty");
        }
        error
    }

    pub(super) async fn explain_remove(&self, error: Error, path: &[u8]) -> Error {
        if status::is_vague(&error) && self.look(path).await == Some(FileKind::Directory) {
            return error.refined(ErrorKind::IsADirectory, "it is a directory");
        }
        error
    }

    pub(super) async fn explain_rename(&self, error: Error, to: &[u8]) -> Error {
        if status::is_vague(&error) && self.lstat(to).await.is_ok() {
            return error.refined(ErrorKind::AlreadyExists, "the new name is taken");
        }
        error
    }

    async fn look(&self, path: &[u8]) -> Option<FileKind> {
        self.lstat(path).await.ok().and_then(|attrs| attrs.kind())
    }
}

/// OpenSSH says `SSH_FX_NO_SUCH_FILE` when something is no directory.
fn maybe_no_directory(error: &Error) -> bool {
    status::is_vague(error) || error.kind() == ErrorKind::NotFound
}
