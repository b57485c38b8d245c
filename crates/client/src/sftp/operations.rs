//! Requests that name paths.

use bytes::Bytes;
use longshore_sftp::{Attrs, ExtendedRequest, FileKind, Reply, Request, StatusCode, extension};

use super::link::{Answering, Cost, OpenHandle, ReplyFuture};
use super::session::{Sftp, unexpected};
use super::{File, OpenOptions, ReadDir, status};
use crate::error::{Error, ErrorKind, Result, Stage};

impl Sftp {
    /// Opens a file. Read and write with [`File`], and [`close`](File::close) it.
    ///
    /// # Errors
    /// What the server says.
    pub async fn open(&self, path: impl AsRef<[u8]>, options: &OpenOptions) -> Result<File> {
        let path = bytes_of(path);
        let cost = self.place().await;
        let opened = self.send_open(&path, options, cost);
        let opened = take_handle(opened, "open", &path).await;
        match opened {
            Ok(handle) => Ok(File::new(self.clone(), handle, path)),
            Err(error) => Err(self.explain_open(error, options, &path).await),
        }
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_read(&self, path: impl AsRef<[u8]>) -> Result<File> {
        self.open(path, &OpenOptions::new().read()).await
    }

    /// Makes or empties a file, for writing.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn create(&self, path: impl AsRef<[u8]>) -> Result<File> {
        self.open(path, &OpenOptions::new().write().create().truncate())
            .await
    }

    /// Lists a directory, page by page, without `.` and `..`.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read_dir(&self, path: impl AsRef<[u8]>) -> Result<ReadDir> {
        let path = bytes_of(path);
        let cost = self.place().await;
        let request = Request::OpenDir { path: path.clone() };
        let opened = take_handle(self.inner.link.send(&request, cost), "opendir", &path).await;
        match opened {
            Ok(handle) => Ok(ReadDir::new(self.clone(), handle, path)),
            Err(error) => Err(self.explain_directory(error, &path).await),
        }
    }

    /// Attributes of what the path leads to, links followed.
    ///
    /// # Errors
    /// What the server says.
    pub async fn stat(&self, path: impl AsRef<[u8]>) -> Result<Attrs> {
        let path = bytes_of(path);
        self.attrs_request(&Request::Stat { path: path.clone() }, "stat", &path)
            .await
    }

    /// Attributes of the path itself, links not followed.
    ///
    /// # Errors
    /// What the server says.
    pub async fn lstat(&self, path: impl AsRef<[u8]>) -> Result<Attrs> {
        let path = bytes_of(path);
        self.attrs_request(&Request::LStat { path: path.clone() }, "lstat", &path)
            .await
    }

    /// As [`Self::stat`]; `None` if there is nothing.
    ///
    /// # Errors
    /// What else the server says.
    pub async fn try_stat(&self, path: impl AsRef<[u8]>) -> Result<Option<Attrs>> {
        absent_is_none(self.stat(path).await)
    }

    /// As [`Self::lstat`]; `None` if there is nothing.
    ///
    /// # Errors
    /// What else the server says.
    pub async fn try_lstat(&self, path: impl AsRef<[u8]>) -> Result<Option<Attrs>> {
        absent_is_none(self.lstat(path).await)
    }

    /// Changes attributes, links followed. Those that are `None` stay.
    ///
    /// # Errors
    /// What the server says.
    pub async fn set_stat(&self, path: impl AsRef<[u8]>, attrs: &Attrs) -> Result<()> {
        let path = bytes_of(path);
        let request = Request::SetStat {
            path: path.clone(),
            attrs: attrs.clone(),
        };
        self.status_request(&request, "setstat", &path).await
    }

    /// As [`Self::set_stat`] on the link itself (`lsetstat@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn lset_stat(&self, path: impl AsRef<[u8]>, attrs: &Attrs) -> Result<()> {
        let path = bytes_of(path);
        self.require(extension::LSETSTAT, "lsetstat", &path)?;
        let request = Request::Extended(ExtendedRequest::LSetStat {
            path: path.clone(),
            attrs: attrs.clone(),
        });
        self.status_request(&request, "lsetstat", &path).await
    }

    /// Makes a directory. `mode`: its permission bits, the server's default without.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`], or what the server says.
    pub async fn mkdir(&self, path: impl AsRef<[u8]>, mode: Option<u32>) -> Result<()> {
        let path = bytes_of(path);
        let request = Request::MkDir {
            path: path.clone(),
            attrs: Attrs {
                permissions: mode.map(|mode| mode & 0o7777),
                ..Attrs::default()
            },
        };
        match self.status_request(&request, "mkdir", &path).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain_mkdir(error, &path).await),
        }
    }

    /// Makes a directory, and those above it that are missing.
    ///
    /// # Errors
    /// [`ErrorKind::NotADirectory`]: something else has one of the names; or what the server says.
    pub async fn create_dir_all(&self, path: impl AsRef<[u8]>) -> Result<()> {
        self.create_dir_all_with(path.as_ref(), None).await
    }

    /// As [`Self::create_dir_all`]; `mode`: the permission bits of the last one, if it is made.
    pub(crate) async fn create_dir_all_with(&self, path: &[u8], mode: Option<u32>) -> Result<()> {
        let mut missing = vec![path];
        while let Some(&dir) = missing.last() {
            if matches!(dir, b"" | b"/" | b".") {
                missing.pop();
                continue;
            }
            let mode = mode.filter(|_| dir.len() == path.len());
            let error = match self.mkdir(dir, mode).await {
                Ok(()) => {
                    missing.pop();
                    continue;
                }
                Err(error) => error,
            };
            match error.kind() {
                // servers refuse to make what is there, some by saying that nobody may
                ErrorKind::AlreadyExists | ErrorKind::PermissionDenied | ErrorKind::Failure => {
                    let attrs = self.stat(dir).await;
                    match attrs.map(|attrs| attrs.kind()) {
                        Ok(Some(FileKind::Directory) | None) => missing.pop(),
                        Ok(Some(_)) => {
                            return Err(error.refined(ErrorKind::NotADirectory, "it is no directory"));
                        }
                        Err(_) => return Err(error),
                    };
                }
                ErrorKind::NotFound => match parent(dir) {
                    Some(above) if missing.len() <= dir.len() => missing.push(above),
                    _ => return Err(error),
                },
                _ => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes an empty directory.
    ///
    /// # Errors
    /// [`ErrorKind::NotEmpty`], [`ErrorKind::NotADirectory`], or what the server says.
    pub async fn rmdir(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let path = bytes_of(path);
        let request = Request::RmDir { path: path.clone() };
        match self.status_request(&request, "rmdir", &path).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain_rmdir(error, &path).await),
        }
    }

    /// Removes a file or a link.
    ///
    /// # Errors
    /// [`ErrorKind::IsADirectory`], or what the server says.
    pub async fn remove(&self, path: impl AsRef<[u8]>) -> Result<()> {
        let path = bytes_of(path);
        let request = Request::Remove { path: path.clone() };
        match self.status_request(&request, "remove", &path).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain_remove(error, &path).await),
        }
    }

    /// Gives a file another name, which must be free.
    ///
    /// # Errors
    /// [`ErrorKind::AlreadyExists`], or what the server says.
    pub async fn rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        let (from, to) = (bytes_of(from), bytes_of(to));
        let request = Request::Rename {
            old_path: from.clone(),
            new_path: to.clone(),
        };
        match self.status_request(&request, "rename", &from).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain_rename(error, &to).await),
        }
    }

    /// Gives a file another name in one step, also if that name is taken (`posix-rename@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn posix_rename(&self, from: impl AsRef<[u8]>, to: impl AsRef<[u8]>) -> Result<()> {
        let (from, to) = (bytes_of(from), bytes_of(to));
        self.require(extension::POSIX_RENAME, "rename", &from)?;
        let request = Request::Extended(ExtendedRequest::PosixRename {
            old_path: from.clone(),
            new_path: to,
        });
        self.status_request(&request, "rename", &from).await
    }

    /// What a link says.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read_link(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        let path = bytes_of(path);
        self.name_request(&Request::ReadLink { path: path.clone() }, "readlink", &path)
            .await
    }

    /// The absolute path, as the server sees it. `.` is where the session starts.
    ///
    /// # Errors
    /// What the server says.
    pub async fn real_path(&self, path: impl AsRef<[u8]>) -> Result<Bytes> {
        let path = bytes_of(path);
        self.name_request(&Request::RealPath { path: path.clone() }, "realpath", &path)
            .await
    }

    pub(crate) fn send_open(&self, path: &Bytes, options: &OpenOptions, cost: Cost) -> ReplyFuture {
        let request = Request::Open {
            path: path.clone(),
            flags: options.flags(),
            attrs: options.attrs().clone(),
        };
        self.inner.link.send(&request, cost)
    }

    pub(super) async fn status_request(
        &self,
        request: &Request,
        operation: &'static str,
        path: &[u8],
    ) -> Result<()> {
        let cost = self.place().await;
        take_ok(self.inner.link.send(request, cost), operation, path).await
    }

    pub(super) async fn attrs_request(
        &self,
        request: &Request,
        operation: &'static str,
        path: &[u8],
    ) -> Result<Attrs> {
        let cost = self.place().await;
        take_attrs(self.inner.link.send(request, cost), operation, path).await
    }

    pub(super) async fn name_request(
        &self,
        request: &Request,
        operation: &'static str,
        path: &[u8],
    ) -> Result<Bytes> {
        let cost = self.place().await;
        match take(self.inner.link.send(request, cost), operation, path).await? {
            Answering::Other(Reply::Name(mut entries)) if entries.len() == 1 => {
                Ok(entries.remove(0).filename)
            }
            other => Err(refusal(other, operation, path)),
        }
    }

    /// Fails unless the server announced `extension`.
    pub(super) fn require(
        &self,
        extension: &'static str,
        operation: &'static str,
        path: &[u8],
    ) -> Result<()> {
        if self.supports(extension) {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unsupported,
            Stage::Sftp,
            format!("the server does not offer {extension}"),
        )
        .operation(operation)
        .path(path))
    }
}

/// Waits for a reply; what it occupied is free again.
pub(crate) async fn take(reply: ReplyFuture, operation: &'static str, path: &[u8]) -> Result<Answering> {
    match reply.await {
        Ok(answered) => Ok(answered.reply),
        Err(failure) => Err(failure.error(operation, path)),
    }
}

/// Waits for STATUS with OK.
pub(crate) async fn take_ok(reply: ReplyFuture, operation: &'static str, path: &[u8]) -> Result<()> {
    match take(reply, operation, path).await? {
        Answering::Other(Reply::Status(status)) if status.code == StatusCode::OK => Ok(()),
        other => Err(refusal(other, operation, path)),
    }
}

/// Waits for ATTRS.
pub(crate) async fn take_attrs(reply: ReplyFuture, operation: &'static str, path: &[u8]) -> Result<Attrs> {
    match take(reply, operation, path).await? {
        Answering::Other(Reply::Attrs(attrs)) => Ok(attrs),
        other => Err(refusal(other, operation, path)),
    }
}

/// Waits for HANDLE.
pub(crate) async fn take_handle(
    reply: ReplyFuture,
    operation: &'static str,
    path: &[u8],
) -> Result<OpenHandle> {
    match take(reply, operation, path).await? {
        Answering::Handle(handle) => Ok(handle),
        other @ Answering::Other(_) => Err(refusal(other, operation, path)),
    }
}

/// The error for an answer that is not the one hoped for.
pub(crate) fn refusal(got: Answering, operation: &'static str, path: &[u8]) -> Error {
    match got {
        Answering::Other(Reply::Status(got)) if got.code != StatusCode::OK => {
            status::error(&got, operation, path)
        }
        other => unexpected(&other, operation, path),
    }
}

pub(super) fn bytes_of(path: impl AsRef<[u8]>) -> Bytes {
    Bytes::copy_from_slice(path.as_ref())
}

fn absent_is_none(outcome: Result<Attrs>) -> Result<Option<Attrs>> {
    match outcome {
        Ok(attrs) => Ok(Some(attrs)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The path above; `None` for a single name.
fn parent(path: &[u8]) -> Option<&[u8]> {
    let path = path.strip_suffix(b"/").unwrap_or(path);
    let slash = path.iter().rposition(|byte| *byte == b'/')?;
    Some(&path[..slash.max(1)])
}
