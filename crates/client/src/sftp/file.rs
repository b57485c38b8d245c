//! An open file.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use futures::stream::{FuturesOrdered, StreamExt, TryStreamExt};
use longshore_sftp::{Attrs, ExtendedRequest, Reply, Request, StatVfs, StatusCode, extension};

use super::link::{Answering, Cost, OpenHandle, ReplyFuture};
use super::operations::{refusal, take, take_attrs, take_ok};
use super::pace::Permit;
use super::session::{Sftp, unexpected};
use crate::error::{Error, ErrorKind, Result, Stage};

/// A file on the server. Reads and writes name their offset and take `&self`, so that many can be under way at a time.
///
/// [`close`](Self::close) tells whether everything arrived, and is the only way to know; a file that is dropped is closed in
/// the background.
#[derive(Debug)]
pub struct File {
    sftp: Sftp,
    handle: Mutex<Option<Arc<OpenHandle>>>,
    path: Bytes,
    /// Bytes written, also those that have not arrived.
    written: AtomicU64,
}

/// Bytes that were read, and the place in the budget that they occupy until they are dropped.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) data: Bytes,
    pub(crate) _permit: Option<Permit>,
}

impl File {
    pub(crate) fn new(sftp: Sftp, handle: OpenHandle, path: Bytes) -> Self {
        Self {
            sftp,
            handle: Mutex::new(Some(Arc::new(handle))),
            path,
            written: AtomicU64::new(0),
        }
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// The session that it belongs to.
    #[must_use]
    pub fn sftp(&self) -> &Sftp {
        &self.sftp
    }

    /// Reads up to `len` bytes at `offset`, with one request: what comes may be shorter without being the end. Empty at the
    /// end of the file.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let limit = self.sftp.limits().await?.read_len;
        let len = u32::try_from(len).unwrap_or(u32::MAX).min(limit);
        if len == 0 {
            return Ok(Bytes::new());
        }
        let permit = self.sftp.pace().take(len as usize).await;
        let reply = self.send_read(offset, len, permit)?;
        Ok(self.take_data(reply, len).await?.data)
    }

    /// Reads exactly `len` bytes at `offset`, or less only if the file ends before. Requests go out side by side, as the pace
    /// allows.
    ///
    /// # Errors
    /// What the server says.
    pub async fn read_full_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let limit = self.sftp.limits().await?.read_len as usize;
        let mut out = BytesMut::with_capacity(len.min(limit.max(1 << 20)));
        let mut pieces = FuturesOrdered::new();
        let mut asked = 0;
        while asked < len {
            let piece = limit.min(len - asked);
            pieces.push_back(self.read_piece(offset + asked as u64, piece));
            asked += piece;
            // the pace bounds what is in flight; this bounds what waits for it
            if pieces.len() >= PIECES {
                let Some(piece) = pieces.next().await else { break };
                let (data, short): (Bytes, bool) = piece?;
                out.extend_from_slice(&data);
                if short {
                    return Ok(out.freeze());
                }
            }
        }
        while let Some((data, short)) = pieces.try_next().await? {
            out.extend_from_slice(&data);
            if short {
                break;
            }
        }
        Ok(out.freeze())
    }

    /// The bytes of one piece, and whether the file ended in it.
    async fn read_piece(&self, offset: u64, len: usize) -> Result<(Bytes, bool)> {
        let first = self.read_at(offset, len).await?;
        if first.len() == len {
            return Ok((first, false));
        }
        let mut data = BytesMut::from(&first[..]);
        while data.len() < len {
            let more = self.read_at(offset + data.len() as u64, len - data.len()).await?;
            if more.is_empty() {
                return Ok((data.freeze(), true));
            }
            data.extend_from_slice(&more);
        }
        Ok((data.freeze(), false))
    }

    /// Writes all of `data` at `offset`; long data in several requests, side by side.
    ///
    /// # Errors
    /// What the server says; how much was written is unknown then.
    pub async fn write_at(&self, offset: u64, data: impl Into<Bytes>) -> Result<()> {
        let mut data: Bytes = data.into();
        let limit = self.sftp.limits().await?.write_len as usize;
        if data.len() <= limit {
            return self.write_piece(offset, data).await;
        }
        let mut at = offset;
        let mut pieces = futures::stream::FuturesUnordered::new();
        while !data.is_empty() {
            let piece = data.split_to(limit.min(data.len()));
            let next = at + piece.len() as u64;
            pieces.push(self.write_piece(at, piece));
            at = next;
            if pieces.len() >= PIECES {
                pieces.try_next().await?;
            }
        }
        pieces.try_collect().await
    }

    async fn write_piece(&self, offset: u64, data: Bytes) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let permit = self.sftp.pace().take(data.len()).await;
        let reply = self.send_write(offset, data, permit)?;
        take_ok(reply, "write", &self.path).await
    }

    /// Its attributes.
    ///
    /// # Errors
    /// What the server says.
    pub async fn stat(&self) -> Result<Attrs> {
        take_attrs(self.send_stat()?, "fstat", &self.path).await
    }

    /// Changes attributes. Those that are `None` stay.
    ///
    /// # Errors
    /// What the server says.
    pub async fn set_stat(&self, attrs: &Attrs) -> Result<()> {
        take_ok(self.send_set_stat(attrs)?, "fsetstat", &self.path).await
    }

    /// Has the server put everything onto the disk (`fsync@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn sync(&self) -> Result<()> {
        self.sftp.require(extension::FSYNC, "fsync", &self.path)?;
        take_ok(self.send_sync()?, "fsync", &self.path).await
    }

    /// Space of the file system that it lies on (`fstatvfs@openssh.com`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn statvfs(&self) -> Result<StatVfs> {
        self.sftp.require(extension::FSTATVFS, "fstatvfs", &self.path)?;
        let request = Request::Extended(ExtendedRequest::FStatVfs {
            handle: self.handle()?.get().clone(),
        });
        self.sftp.statvfs_request(&request, "fstatvfs", &self.path).await
    }

    /// Copies `len` bytes (0: up to the end) into `target` on the server, without moving them over the line (`copy-data`).
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`], or what the server says.
    pub async fn copy_data(&self, offset: u64, len: u64, target: &Self, target_offset: u64) -> Result<()> {
        self.sftp.require(extension::COPY_DATA, "copy-data", &self.path)?;
        let request = Request::Extended(ExtendedRequest::CopyData {
            read_from: self.handle()?.get().clone(),
            read_offset: offset,
            read_len: len,
            write_to: target.handle()?.get().clone(),
            write_offset: target_offset,
        });
        let reply = self.sftp.inner.link.send_slow(&request, Cost::default());
        take_ok(reply, "copy-data", &self.path).await
    }

    /// Closes the file. What was written has arrived if this succeeds.
    ///
    /// # Errors
    /// What the server says. The handle is gone in any case.
    pub async fn close(self) -> Result<()> {
        take_ok(self.send_close()?, "close", &self.path).await
    }

    /// Queues a READ at once.
    pub(crate) fn send_read(
        &self,
        offset: u64,
        len: u32,
        permit: impl Into<Option<Permit>>,
    ) -> Result<ReplyFuture> {
        let request = Request::Read {
            handle: self.handle()?.get().clone(),
            offset,
            len,
        };
        Ok(self.sftp.inner.link.send(&request, occupying(permit)))
    }

    /// Queues a WRITE at once.
    pub(crate) fn send_write(&self, offset: u64, data: Bytes, permit: Permit) -> Result<ReplyFuture> {
        let handle = self.handle()?;
        self.written.fetch_add(data.len() as u64, Ordering::Relaxed);
        Ok(self
            .sftp
            .inner
            .link
            .send_write(handle.get(), offset, data, occupying(permit)))
    }

    /// Queues an FSTAT at once.
    pub(crate) fn send_stat(&self) -> Result<ReplyFuture> {
        let request = Request::FStat {
            handle: self.handle()?.get().clone(),
        };
        Ok(self.sftp.inner.link.send(&request, Cost::default()))
    }

    /// Queues an FSETSTAT at once.
    pub(crate) fn send_set_stat(&self, attrs: &Attrs) -> Result<ReplyFuture> {
        let request = Request::FSetStat {
            handle: self.handle()?.get().clone(),
            attrs: attrs.clone(),
        };
        Ok(self.sftp.inner.link.send(&request, Cost::default()))
    }

    /// Queues an `fsync@openssh.com` at once.
    pub(crate) fn send_sync(&self) -> Result<ReplyFuture> {
        let request = Request::Extended(ExtendedRequest::FSync {
            handle: self.handle()?.get().clone(),
        });
        Ok(self.sftp.inner.link.send_slow(&request, Cost::default()))
    }

    /// Queues the CLOSE at once; every later use of the file fails.
    pub(crate) fn send_close(&self) -> Result<ReplyFuture> {
        // a server that keeps much in memory writes all of it now
        let slow = self.written.load(Ordering::Relaxed) >= MUCH;
        let handle = self
            .handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
            .ok_or_else(|| self.closed())?;
        match Arc::try_unwrap(handle) {
            Ok(handle) => Ok(handle.close(slow)),
            // clones live for the length of one call that does not wait
            Err(_) => Err(self.closed()),
        }
    }

    /// Waits for the answer to a READ of `len` bytes; an empty block at the end of the file.
    pub(crate) async fn take_data(&self, reply: ReplyFuture, len: u32) -> Result<Block> {
        let answered = reply.await.map_err(|failure| failure.error("read", &self.path))?;
        match answered.reply {
            Answering::Other(Reply::Data(data)) if data.len() <= len as usize => Ok(Block {
                data,
                _permit: answered.cost.bytes,
            }),
            Answering::Other(Reply::Data(data)) => Err(Error::new(
                ErrorKind::Protocol,
                Stage::Sftp,
                format!("the server sent {} bytes where {len} were asked for", data.len()),
            )
            .operation("read")
            .path(&self.path[..])),
            Answering::Other(Reply::Status(status)) if status.code == StatusCode::EOF => Ok(Block {
                data: Bytes::new(),
                _permit: None,
            }),
            other => Err(refusal(other, "read", &self.path)),
        }
    }

    pub(crate) fn handle(&self) -> Result<Arc<OpenHandle>> {
        self.handle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or_else(|| self.closed())
    }

    fn closed(&self) -> Error {
        Error::new(ErrorKind::InvalidInput, Stage::Sftp, "the file has been closed").path(&self.path[..])
    }
}

impl Sftp {
    pub(super) async fn statvfs_request(
        &self,
        request: &Request,
        operation: &'static str,
        path: &[u8],
    ) -> Result<StatVfs> {
        let body = self.extended_request(request, operation, path).await?;
        StatVfs::decode(body).map_err(|error| super::extensions::unreadable(error, operation, path))
    }

    pub(super) async fn extended_request(
        &self,
        request: &Request,
        operation: &'static str,
        path: &[u8],
    ) -> Result<Bytes> {
        let cost = self.place().await;
        body_of(
            take(self.inner.link.send(request, cost), operation, path).await?,
            operation,
            path,
        )
    }
}

/// The body of an extended reply.
pub(super) fn body_of(answer: Answering, operation: &'static str, path: &[u8]) -> Result<Bytes> {
    match answer {
        Answering::Other(Reply::Extended(longshore_sftp::ExtendedReply::Raw(body))) => Ok(body),
        Answering::Other(Reply::Status(status)) if status.code != StatusCode::OK => {
            Err(super::status::error(&status, operation, path))
        }
        other => Err(unexpected(&other, operation, path)),
    }
}

fn occupying(permit: impl Into<Option<Permit>>) -> Cost {
    Cost {
        bytes: permit.into(),
        _place: None,
    }
}

/// Pieces of one long read or write that wait or are under way.
const PIECES: usize = 256;

/// Bytes written from which a CLOSE may take long.
const MUCH: u64 = 64 << 20;
