//! What servers offer beyond version 3.

use bytes::Bytes;
use longshore_sftp::{ExtendedRequest, Request, StatVfs, UsersGroups, WireError, extension};

use super::link::Cost;
use super::operations::{bytes_of, take_ok};
use super::session::Sftp;
use crate::error::{Error, ErrorKind, Result, Stage};

impl Sftp {
    /// Makes a further name for a file (`hardlink@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn hard_link(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        let (from, to) = (bytes_of(from), bytes_of(to));
        self.require(extension::HARDLINK, "hardlink", &from)?;
        let request = Request::Extended(ExtendedRequest::HardLink {
            old_path: from.clone(),
            new_path: to,
        });
        self.status_request(&request, "hardlink", &from).await
    }

    /// Copies a file on the server under a name of its own (`copy-file`), over another one only if `overwrite`.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn copy_file(
        &self,
        from: impl AsRef<[u8]>,
        to: impl AsRef<[u8]>,
        overwrite: bool,
    ) -> Result<()> {
        let (from, to) = (bytes_of(from), bytes_of(to));
        self.require(extension::COPY_FILE, "copy-file", &from)?;
        let request = Request::Extended(ExtendedRequest::CopyFile {
            source_path: from.clone(),
            target_path: to,
            overwrite,
        });
        let reply = self.inner.link.send_slow(&request, Cost::default());
        take_ok(reply, "copy-file", &from).await
    }

    /// Space of the file system that a path lies on (`statvfs@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn statvfs(&self, path: impl AsRef<[u8]>) -> Result<StatVfs> {
        let path = bytes_of(path);
        self.require(extension::STATVFS, "statvfs", &path)?;
        let request = Request::Extended(ExtendedRequest::StatVfs { path: path.clone() });
        self.statvfs_request(&request, "statvfs", &path).await
    }

    /// As [`real_path`](Self::real_path), with `~` and `~user` in front (`expand-path@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn expand_path(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        let path = bytes_of(path);
        self.require(extension::EXPAND_PATH, "expand-path", &path)?;
        let request = Request::Extended(ExtendedRequest::ExpandPath { path: path.clone() });
        self.name_request(&request, "expand-path", &path).await
    }

    /// The home directory of a user; of ours without a name (`home-directory`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn home_directory(&self, username: impl AsRef<[u8]>) -> Result<Bytes> {
        let username = bytes_of(username);
        self.require(extension::HOME_DIRECTORY, "home-directory", &username)?;
        let request = Request::Extended(ExtendedRequest::HomeDirectory {
            username: username.clone(),
        });
        self.name_request(&request, "home-directory", &username).await
    }

    /// Names for user and group ids, empty where the server knows none (`users-groups-by-id@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says; fewer or more names than ids.
    pub async fn users_groups(&self, uids: &[u32], gids: &[u32]) -> Result<UsersGroups> {
        const OPERATION: &str = "users-groups-by-id";
        self.require(extension::USERS_GROUPS_BY_ID, OPERATION, b"")?;
        let request = Request::Extended(ExtendedRequest::UsersGroupsById {
            uids: uids.to_vec(),
            gids: gids.to_vec(),
        });
        let body = self.extended_request(&request, OPERATION, b"").await?;
        let names = UsersGroups::decode(body).map_err(|error| unreadable(error, OPERATION, b""))?;
        if names.users.len() != uids.len() || names.groups.len() != gids.len() {
            return Err(Error::new(
                ErrorKind::Protocol,
                Stage::Sftp,
                "the server answered for other ids",
            )
            .operation(OPERATION));
        }
        Ok(names)
    }
}

/// The body of an extended reply that makes no sense.
pub(super) fn unreadable(error: WireError, operation: &'static str, path: &[u8]) -> Error {
    Error::new(
        ErrorKind::Protocol,
        Stage::Sftp,
        format!("the server's answer cannot be read: {error}"),
    )
    .operation(operation)
    .path(path)
    .caused_by(error)
}
