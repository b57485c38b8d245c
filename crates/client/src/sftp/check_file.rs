//! Hashes that the server computes (`check-file-handle`, `check-file-name`).

use bytes::Bytes;
use longshore_sftp::{CheckFile, CheckSubject, ExtendedRequest, FileHashes, Request, extension};

use super::extensions::unreadable;
use super::file::{File, body_of};
use super::link::{Cost, ReplyFuture};
use super::operations::{bytes_of, take};
use super::session::Sftp;
use crate::error::{Error, ErrorKind, Result, Stage};

/// A hash that servers compute, by its name in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum HashAlgorithm {
    /// `md5`, for comparing with old lists only.
    Md5,
    /// `sha1`, for comparing with old lists only.
    Sha1,
    /// `sha256`
    Sha256,
    /// `sha384`
    Sha384,
    /// `sha512`
    Sha512,
}

/// What a server computed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHash {
    /// By which hash.
    pub algorithm: HashAlgorithm,
    /// A hash for each block, or one for everything.
    pub hashes: Vec<Bytes>,
}

impl HashAlgorithm {
    /// Its name in the protocol.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
        }
    }

    /// Bytes of a hash.
    #[must_use]
    pub const fn hash_len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
        }
    }
}

impl Sftp {
    /// Whether the server computes hashes of files.
    #[must_use]
    pub fn can_hash(&self) -> bool {
        self.hashes_by_handle() || self.announces(extension::CHECK_FILE_NAME)
    }

    /// The hash of `len` bytes (0: up to the end) of the file at `path`, from `start` on; a hash for each `block_len` bytes
    /// unless that is 0.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn hash(
        &self,
        path: impl AsRef<[u8]>,
        algorithm: HashAlgorithm,
        start: u64,
        len: u64,
        block_len: u32,
    ) -> Result<FileHash> {
        let path = bytes_of(path);
        if self.announces(extension::CHECK_FILE_NAME) || self.announces(extension::CHECK_FILE) {
            let check = request(CheckSubject::Path(path.clone()), algorithm, start, len, block_len);
            let reply = self.inner.link.send_slow(&check, Cost::default());
            return take_hashes(reply, algorithm, &path).await;
        }
        self.open_read(&path)
            .await?
            .hash(algorithm, start, len, block_len)
            .await
    }

    /// Servers announce the requests by their names, or both at once as `check-file`; its data lists the hashes.
    fn announces(&self, name: &str) -> bool {
        self.extensions().any(|(known, _)| known == name.as_bytes())
    }

    pub(crate) fn hashes_by_handle(&self) -> bool {
        self.announces(extension::CHECK_FILE_HANDLE) || self.announces(extension::CHECK_FILE)
    }
}

impl File {
    /// The hash of `len` bytes (0: up to the end) from `start` on; a hash for each `block_len` bytes unless that is 0. The
    /// file must be open for reading.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn hash(
        &self,
        algorithm: HashAlgorithm,
        start: u64,
        len: u64,
        block_len: u32,
    ) -> Result<FileHash> {
        if !self.sftp().hashes_by_handle() {
            self.sftp()
                .require(extension::CHECK_FILE_HANDLE, "check-file", self.path())?;
        }
        let subject = CheckSubject::Handle(self.handle()?.get().clone());
        let check = request(subject, algorithm, start, len, block_len);
        let reply = self.sftp().inner.link.send_slow(&check, Cost::default());
        take_hashes(reply, algorithm, self.path()).await
    }
}

fn request(subject: CheckSubject, algorithm: HashAlgorithm, start: u64, len: u64, block_len: u32) -> Request {
    Request::Extended(ExtendedRequest::CheckFile(CheckFile {
        subject,
        algorithms: Bytes::from_static(algorithm.name().as_bytes()),
        start,
        len,
        block_len,
    }))
}

async fn take_hashes(reply: ReplyFuture, algorithm: HashAlgorithm, path: &[u8]) -> Result<FileHash> {
    const OPERATION: &str = "check-file";
    let body = body_of(take(reply, OPERATION, path).await?, OPERATION, path)?;
    // some servers put the name of the request in front, as an older version of the draft did
    let old = body
        .get(4..)
        .is_some_and(|rest| rest.starts_with(extension::CHECK_FILE.as_bytes()));
    let hashes = FileHashes::decode(body, old).map_err(|error| unreadable(error, OPERATION, path))?;
    if hashes.algorithm != algorithm.name().as_bytes() || hashes.hashes.len() % algorithm.hash_len() != 0 {
        return Err(Error::new(
            ErrorKind::Protocol,
            Stage::Sftp,
            format!(
                "the server answered with {} bytes of {}, not {}",
                hashes.hashes.len(),
                hashes.algorithm.escape_ascii(),
                algorithm.name()
            ),
        )
        .operation(OPERATION)
        .path(path));
    }
    let mut rest = hashes.hashes;
    let mut list = Vec::with_capacity(rest.len() / algorithm.hash_len());
    while !rest.is_empty() {
        list.push(rest.split_to(algorithm.hash_len()));
    }
    Ok(FileHash {
        algorithm,
        hashes: list,
    })
}
