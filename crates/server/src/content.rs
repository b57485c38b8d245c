//! Reading, writing and closing an open file, whatever stands behind its handle.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use longshore_storage::{ErrorKind, SetStat, SpaceInfo, Stat};

use crate::closing::{close_upload, give_up};
use crate::error::OpError;
use crate::handles::{Content, OpenFile};
use crate::limits::COPY_CHUNK;
use crate::sessions::Session;
use crate::verdict::Verdict;

impl OpenFile {
    /// Appends up to `len` bytes from `offset` to `buffer`.
    pub(crate) async fn read_at(&self, offset: u64, len: usize, buffer: Vec<u8>) -> Result<Vec<u8>, OpError> {
        if !self.readable {
            return Err(OpError::NotReadable);
        }
        Ok(match &self.content {
            Content::Read(file) => file.read_at(offset, len, buffer).await,
            Content::Upload { upload, .. } => upload.read_at(offset, len, buffer).await,
            Content::Edit { file, .. } => file.read_at(offset, len, buffer).await,
        }?)
    }

    /// Writes all of `data`. A write that fails breaks an upload for good: what CLOSE would publish has a hole, and
    /// most clients send CLOSE whatever came before.
    pub(crate) async fn write_at(&self, offset: u64, data: Bytes) -> Result<(), OpError> {
        let len = data.len() as u64;
        let written = match &self.content {
            Content::Read(_) => return Err(OpError::NotWritable),
            Content::Upload { .. } if !self.writable => return Err(OpError::NotWritable),
            Content::Upload { upload, append: true } => upload.append(data).await,
            Content::Upload {
                upload,
                append: false,
            } => upload.write_at(offset, data).await,
            Content::Edit { file, .. } => file.write_at(offset, data).await,
        };
        match written {
            Ok(()) => self.written.fetch_add(len, Ordering::Relaxed),
            Err(error) => {
                let _ = self.broken.set(error.kind());
                return Err(error.into());
            }
        };
        Ok(())
    }

    /// Writes `len` zeros, without taking room for them where the store can do that.
    pub(crate) async fn write_zeros(&self, offset: u64, len: u64) -> Result<(), OpError> {
        let written = match &self.content {
            Content::Upload {
                upload,
                append: false,
            } if self.writable => upload.write_zeros(offset, len).await,
            Content::Edit {
                file, append: false, ..
            } => file.write_zeros(offset, len).await,
            // What goes to the end goes there piece by piece.
            _ => {
                let end = offset.saturating_add(len);
                let mut at = offset;
                while at < end {
                    let piece = usize::try_from(end - at).map_or(COPY_CHUNK, |left| left.min(COPY_CHUNK));
                    self.write_at(at, vec![0; piece].into()).await?;
                    at += piece as u64;
                }
                return Ok(());
            }
        };
        match written {
            Ok(()) => self.written.fetch_add(len, Ordering::Relaxed),
            Err(error) => {
                let _ = self.broken.set(error.kind());
                return Err(error.into());
            }
        };
        Ok(())
    }

    /// Attributes as the handle's owner sees them.
    pub(crate) async fn stat(&self) -> Result<Stat, OpError> {
        Ok(match &self.content {
            Content::Read(file) => file.stat().await,
            Content::Upload { upload, .. } => upload.stat().await,
            Content::Edit { file, .. } => file.stat().await,
        }?)
    }

    /// The client said how large the file will be.
    pub(crate) fn declare(&self, size: u64) {
        if let Content::Upload { upload, .. } = &self.content {
            upload.declare(size);
        }
    }

    /// Changes attributes. A size that is set is a word on how large the file will be, too: clients reserve room before
    /// they write, or cut what was longer (`scp`).
    pub(crate) async fn set_stat(&self, changes: &SetStat) -> Result<(), OpError> {
        match &self.content {
            Content::Read(_) => return Err(OpError::NotWritable),
            Content::Upload { .. } if changes.size.is_some() && !self.writable => {
                return Err(OpError::NotWritable);
            }
            Content::Upload { upload, .. } => {
                upload.set_stat(changes).await?;
                if let Some(size) = changes.size {
                    upload.declare(size);
                }
            }
            Content::Edit { file, .. } => file.set_stat(changes).await?,
        }
        Ok(())
    }

    /// Makes what was written so far durable.
    pub(crate) async fn sync(&self) -> Result<(), OpError> {
        match &self.content {
            // Nothing was written through this handle.
            Content::Read(_) => Ok(()),
            Content::Upload { upload, .. } => Ok(upload.sync().await?),
            Content::Edit { file, .. } => Ok(file.sync().await?),
        }
    }

    /// Space of the file system below.
    pub(crate) async fn space(&self) -> Result<SpaceInfo, OpError> {
        Ok(match &self.content {
            Content::Read(file) => file.space().await,
            Content::Upload { upload, .. } => upload.space().await,
            Content::Edit { file, .. } => file.space().await,
        }?)
    }

    /// CLOSE: an upload becomes visible, whole, durable and on record, or says why not. The verdict on what was written,
    /// if anything was.
    pub(crate) async fn close(&self, session: &Session) -> Result<Option<Verdict>, OpError> {
        match &self.content {
            Content::Read(_) => Ok(None),
            Content::Edit { file, append, began } => {
                let size = match session.records() {
                    Some(records) if self.written() > 0 => Some((records, file.stat().await?.size)),
                    _ => None,
                };
                file.close().await?;
                if let Some((records, size)) = size {
                    let written = self.written();
                    records.changed(&self.path, size, written, *append, *began).await;
                }
                let verdict = if *append {
                    Verdict::Appended
                } else {
                    Verdict::Edited
                };
                Ok(Some(verdict))
            }
            Content::Upload { upload, .. } => close_upload(session, upload, self.broken.get().copied()).await,
        }
    }

    /// The handle died without CLOSE: an upload is left for its owner to continue, or thrown away.
    pub(crate) async fn abandon(&self, discard: bool) -> Result<(), OpError> {
        match &self.content {
            Content::Read(_) => Ok(()),
            Content::Edit { file, .. } => Ok(file.close().await?),
            Content::Upload { upload, .. } if discard => Ok(upload.discard().await?),
            Content::Upload { upload, .. } => Ok(upload.park().await?),
        }
    }

    /// What was to be written came to nothing: an upload is thrown away, unless there is more in it than that.
    pub(crate) async fn give_up(&self) -> Result<(), OpError> {
        match &self.content {
            Content::Upload { upload, .. } => give_up(upload).await,
            Content::Read(_) | Content::Edit { .. } => self.abandon(true).await,
        }
    }

    /// A copy into it ended half way: what CLOSE would publish is not what was meant.
    pub(crate) fn break_off(&self, error: &OpError) {
        let kind = match error {
            OpError::Storage(error) => error.kind(),
            _ => ErrorKind::Unavailable,
        };
        let _ = self.broken.set(kind);
    }

    /// Bytes written through this handle.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }
}
