//! What the operations of a channel work on.

use std::sync::Arc;

use longshore_storage::{FileType, Home, PathError, RemotePath};
use tokio_util::sync::CancellationToken;

use crate::error::OpError;
use crate::handles::Handles;
use crate::sessions::Session;
use crate::terms::Terms;

/// A channel's view: the user's home, the open handles, the session.
pub(crate) struct Context {
    pub(crate) home: Arc<dyn Home>,
    pub(crate) handles: Handles,
    pub(crate) session: Arc<Session>,
    /// What `limits@openssh.com` says of handles.
    pub(crate) max_handles: usize,
    pub(crate) terms: Terms,
    /// Cancelled when nobody is there any more for whom long work would be worth finishing.
    pub(crate) gone: CancellationToken,
}

impl Context {
    /// The path of anything, as the client wrote it: relative ones start where the terms say.
    ///
    /// # Errors
    /// `Path`.
    pub(crate) fn parse(&self, bytes: &[u8]) -> Result<RemotePath, PathError> {
        let start = &self.terms.start_directory;
        if bytes.starts_with(b"/") || start == b"/" {
            return RemotePath::parse(bytes);
        }
        RemotePath::parse(&[start, b"/".as_slice(), bytes].concat())
    }

    /// The path of something that exists, or of a file to be made, as the client wrote it. A trailing slash (or
    /// `/.`, `/..`) demands a directory, which is followed to if a link names it: `true` then.
    ///
    /// # Errors
    /// `Path`; `TrailingSlash` and storage errors for a path that demands a directory and names none.
    pub(crate) async fn path(&self, bytes: &[u8]) -> Result<(RemotePath, bool), OpError> {
        let path = self.parse(bytes)?;
        let demands_directory = demands_directory(bytes);
        if demands_directory && !path.is_root() {
            self.expect_directory(&path, true).await?;
        }
        Ok((path, demands_directory))
    }

    /// The new name for `old`. A trailing slash is right for directories only; a name that is taken is rather told to be
    /// that, unless it may be replaced.
    ///
    /// # Errors
    /// As [`Self::path`], and `NameTaken`.
    pub(crate) async fn new_name(
        &self,
        bytes: &[u8],
        old: &RemotePath,
        replace: bool,
    ) -> Result<RemotePath, OpError> {
        let path = self.parse(bytes)?;
        if demands_directory(bytes) {
            let expected = self.expect_directory(old, false).await;
            if let Err(OpError::TrailingSlash) = expected
                && !replace
                && self.home.stat(&path, true).await.is_ok()
            {
                return Err(OpError::NameTaken);
            }
            expected?;
        }
        Ok(path)
    }

    /// The new name of something that is no directory: a trailing slash is wrong.
    ///
    /// # Errors
    /// `Path`, `NameTaken`, `TrailingSlash`.
    pub(crate) async fn name_of_no_directory(&self, bytes: &[u8]) -> Result<RemotePath, OpError> {
        let path = self.parse(bytes)?;
        if !demands_directory(bytes) {
            return Ok(path);
        }
        // A link takes the name, wherever it leads.
        match self.home.stat(&path, false).await {
            Ok(_) => Err(OpError::NameTaken),
            Err(_) => Err(OpError::TrailingSlash),
        }
    }

    /// # Errors
    /// `TrailingSlash` when it is none, and what the storage says.
    pub(crate) async fn expect_directory(&self, path: &RemotePath, follow: bool) -> Result<(), OpError> {
        match self.home.stat(path, follow).await?.file_type {
            FileType::Directory => Ok(()),
            _ => Err(OpError::TrailingSlash),
        }
    }
}

/// Whether the last part of the path can only be a directory.
fn demands_directory(bytes: &[u8]) -> bool {
    matches!(bytes.rsplit(|b| *b == b'/').next(), Some(b"" | b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trailing_slash_or_dot_demands_a_directory() {
        for path in ["/", "a/", "a/.", "a/..", "..", ".", ""] {
            assert!(demands_directory(path.as_bytes()), "{path:?}");
        }
        for path in ["a", "/a", "a/b", "/.a", "a/...", "a/b."] {
            assert!(!demands_directory(path.as_bytes()), "{path:?}");
        }
    }
}
