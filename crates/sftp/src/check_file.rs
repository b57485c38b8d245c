//! Hashes of files (draft-ietf-secsh-filexfer-extensions-00 §3): `check-file-handle`, `check-file-name`.

use bytes::Bytes;

use crate::error::WireError;
use crate::wire::{Reader, Writer};
use crate::{Handle, extension};

/// The request: hashes of a file or a part of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckFile {
    /// Of what.
    pub subject: CheckSubject,
    /// Names of hashes, the best first, with commas between them: the server takes the first that it knows.
    pub algorithms: Bytes,
    /// First byte.
    pub start: u64,
    /// Bytes; 0: all up to the end of the file.
    pub len: u64,
    /// Bytes per hash, 256 at least; 0: one hash of everything.
    pub block_len: u32,
}

/// Which file, and by which of the names of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckSubject {
    /// `check-file-handle`: a file open for reading.
    Handle(Handle),
    /// `check-file-name`: a path; links are followed.
    Path(Bytes),
    /// `check-file`: a file open for reading, as paramiko asks. The reply starts with the name of the request.
    OldHandle(Handle),
}

/// The reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHashes {
    /// To [`CheckSubject::OldHandle`]: the name of the request stands in front.
    pub old: bool,
    /// The hash that was taken.
    pub algorithm: Bytes,
    /// The hashes of all blocks, one behind the other.
    pub hashes: Bytes,
}

impl CheckSubject {
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::Handle(_) => extension::CHECK_FILE_HANDLE,
            Self::Path(_) => extension::CHECK_FILE_NAME,
            Self::OldHandle(_) => extension::CHECK_FILE,
        }
    }
}

impl CheckFile {
    pub(crate) fn read(name: &str, reader: &mut Reader) -> Result<Self, WireError> {
        let subject = match name {
            extension::CHECK_FILE_NAME => CheckSubject::Path(reader.string()?),
            extension::CHECK_FILE_HANDLE => CheckSubject::Handle(Handle::read(reader)?),
            _ => CheckSubject::OldHandle(Handle::read(reader)?),
        };
        Ok(Self {
            subject,
            algorithms: reader.string()?,
            start: reader.u64()?,
            len: reader.u64()?,
            block_len: reader.u32()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match &self.subject {
            CheckSubject::Handle(handle) | CheckSubject::OldHandle(handle) => writer.string(handle.as_ref()),
            CheckSubject::Path(path) => writer.string(path),
        }
        writer.string(&self.algorithms);
        writer.u64(self.start);
        writer.u64(self.len);
        writer.u32(self.block_len);
    }
}

impl FileHashes {
    /// Decodes the body of a raw extended reply. `old`: to [`CheckSubject::OldHandle`].
    ///
    /// # Errors
    /// [`WireError::Truncated`]
    pub fn decode(body: Bytes, old: bool) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        if old {
            reader.string()?;
        }
        Ok(Self {
            old,
            algorithm: reader.string()?,
            hashes: reader.into_rest(),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        if self.old {
            writer.string(extension::CHECK_FILE.as_bytes());
        }
        writer.string(&self.algorithm);
        writer.raw(&self.hashes);
    }
}
