//! An open file with a position.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::mem;

use bytes::{Buf, Bytes};

use super::runtime::Runtime;
use crate::error::{Error, ErrorKind, Result};
use crate::sftp::{Attrs, StatVfs};

/// A file on the server, with a position as [`std::fs::File`] has one. Reading reads ahead, and writing gathers, so that small
/// pieces do not cost a round trip each.
///
/// [`close`](Self::close) tells whether everything arrived. A file that is dropped is closed in the background, after what
/// was gathered has been written.
#[derive(Debug)]
pub struct File {
    /// `None` once it is closed.
    file: Option<crate::sftp::File>,
    runtime: Runtime,
    position: u64,
    /// What was read ahead, from the position on.
    ahead: Bytes,
    /// What was written and has not been sent; it ends at the position.
    gathered: Vec<u8>,
}

impl File {
    pub(super) fn new(file: crate::sftp::File, runtime: Runtime) -> Self {
        Self {
            file: Some(file),
            runtime,
            position: 0,
            ahead: Bytes::new(),
            gathered: Vec::new(),
        }
    }

    /// Reads up to `buffer.len()` bytes at `offset`; 0 at the end of the file. The position stays.
    ///
    /// # Errors
    /// What the server says.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let data = self
            .runtime
            .block_on(self.inner()?.read_at(offset, buffer.len()))?;
        buffer[..data.len()].copy_from_slice(&data);
        Ok(data.len())
    }

    /// Writes all of `data` at `offset`. The position stays.
    ///
    /// # Errors
    /// What the server says.
    pub fn write_at(&self, data: &[u8], offset: u64) -> Result<()> {
        let data = Bytes::copy_from_slice(data);
        self.runtime.block_on(self.inner()?.write_at(offset, data))
    }

    /// Its attributes.
    ///
    /// # Errors
    /// What the server says.
    pub fn metadata(&mut self) -> Result<Attrs> {
        self.send_gathered()?;
        self.runtime.block_on(self.inner()?.stat())
    }

    /// Changes attributes. Those that are `None` stay.
    ///
    /// # Errors
    /// What the server says.
    pub fn set_metadata(&mut self, attrs: &Attrs) -> Result<()> {
        self.send_gathered()?;
        self.ahead = Bytes::new();
        self.runtime.block_on(self.inner()?.set_stat(attrs))
    }

    /// Cuts or extends the file.
    ///
    /// # Errors
    /// What the server says.
    pub fn set_len(&mut self, len: u64) -> Result<()> {
        self.set_metadata(&Attrs {
            size: Some(len),
            ..Attrs::default()
        })
    }

    /// Has the server put everything onto the disk.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub fn sync_all(&mut self) -> Result<()> {
        self.send_gathered()?;
        self.runtime.block_on(self.inner()?.sync())
    }

    /// Space of the file system that it lies on.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub fn statvfs(&self) -> Result<StatVfs> {
        self.runtime.block_on(self.inner()?.statvfs())
    }

    /// Writes what was gathered and closes the file.
    ///
    /// # Errors
    /// What the server says. The file is closed in any case.
    pub fn close(mut self) -> Result<()> {
        let sent = self.send_gathered();
        let file = self.file.take().ok_or_else(closed)?;
        let closed = self.runtime.block_on(file.close());
        sent.and(closed)
    }

    fn inner(&self) -> Result<&crate::sftp::File> {
        self.file.as_ref().ok_or_else(closed)
    }

    fn send_gathered(&mut self) -> Result<()> {
        if self.gathered.is_empty() {
            return Ok(());
        }
        let data = Bytes::from(mem::take(&mut self.gathered));
        let offset = self.position - data.len() as u64;
        self.runtime.block_on(self.inner()?.write_at(offset, data))
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.send_gathered().map_err(to_io)?;
        if self.ahead.is_empty() {
            let want = buffer.len().max(GATHERED_LEN);
            let read = self.inner().map_err(to_io)?.read_full_at(self.position, want);
            let ahead = self.runtime.block_on(read).map_err(to_io)?;
            self.ahead = ahead;
        }
        let len = buffer.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut buffer[..len]);
        self.position += len as u64;
        Ok(len)
    }
}

impl Write for File {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.ahead = Bytes::new();
        let room = GATHERED_LEN - self.gathered.len();
        let len = data.len().min(room);
        self.gathered.extend_from_slice(&data[..len]);
        self.position += len as u64;
        if self.gathered.len() >= GATHERED_LEN {
            self.send_gathered().map_err(to_io)?;
        }
        Ok(len)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_gathered().map_err(to_io)
    }
}

impl Seek for File {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.send_gathered().map_err(to_io)?;
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => {
                let size = self.metadata().map_err(to_io)?.size.unwrap_or(0);
                size.checked_add_signed(by)
            }
        };
        let position = position.ok_or(io::ErrorKind::InvalidInput)?;
        match position
            .checked_sub(self.position)
            .and_then(|by| usize::try_from(by).ok())
        {
            Some(by) if by <= self.ahead.len() => self.ahead.advance(by),
            _ => self.ahead = Bytes::new(),
        }
        self.position = position;
        Ok(position)
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if self.file.is_some()
            && let Err(error) = self.send_gathered()
        {
            tracing::warn!(%error, "a file that was dropped cannot be written to its end");
        }
    }
}

/// With the kind that the caller of `std::io` looks for.
fn to_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::NotFound => io::ErrorKind::NotFound,
        ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
        ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
        ErrorKind::InvalidInput => io::ErrorKind::InvalidInput,
        ErrorKind::Unsupported => io::ErrorKind::Unsupported,
        ErrorKind::NoSpace => io::ErrorKind::StorageFull,
        ErrorKind::TimedOut => io::ErrorKind::TimedOut,
        ErrorKind::ConnectionLost => io::ErrorKind::ConnectionReset,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

fn closed() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        crate::error::Stage::Sftp,
        "the file has been closed",
    )
}

/// Bytes read ahead and gathered.
const GATHERED_LEN: usize = 1 << 20;
