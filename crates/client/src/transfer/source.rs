//! Where an upload's bytes come from: a local file, read ahead in long pieces, or a stream.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinHandle;

use super::buffers::Buffers;
use super::digest::Hasher;
use super::limits::DISK_CHUNK_LEN;
use super::local::{LocalKind, LocalStat, blocking, io_error};
use crate::error::{Error, ErrorKind, Result, Stage};

/// Hands out an upload's bytes in order.
pub(crate) enum Source {
    File(FileSource),
    Stream(StreamSource),
}

/// A local file, as long as it was when it was opened.
pub(crate) struct FileSource {
    file: Arc<File>,
    path: PathBuf,
    stat: LocalStat,
    /// Where the next piece is read.
    offset: u64,
    block_len: usize,
    ready: VecDeque<Bytes>,
    reading: Option<JoinHandle<Result<Piece>>>,
    buffers: Buffers,
    /// Away while a piece is read.
    hasher: Option<Hasher>,
}

struct Piece {
    blocks: VecDeque<Bytes>,
    len: u64,
    hasher: Hasher,
}

/// A stream of unknown length.
pub(crate) struct StreamSource {
    stream: Pin<Box<dyn AsyncRead + Send>>,
    buffer: BytesMut,
    block_len: usize,
    ended: bool,
    hasher: Hasher,
}

/// A local file that has been opened for an upload.
#[derive(Debug)]
pub(crate) struct OpenedFile {
    pub(crate) file: Arc<File>,
    pub(crate) path: PathBuf,
    pub(crate) stat: LocalStat,
}

impl OpenedFile {
    /// Takes a file that was opened just now; blocks.
    pub(crate) fn new(file: File, path: PathBuf) -> Result<Self> {
        let stat = LocalStat::of_file(&file, &path)?;
        match stat.kind {
            LocalKind::File => Ok(Self {
                file: Arc::new(file),
                path,
                stat,
            }),
            LocalKind::Directory => Err(fault(ErrorKind::IsADirectory, "it is a directory", &path)),
            LocalKind::Link | LocalKind::Other => {
                Err(fault(ErrorKind::InvalidInput, "it is no regular file", &path))
            }
        }
    }

    /// Opens by the caller's own path; blocks.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK;
        let fd = rustix::fs::open(path, flags, rustix::fs::Mode::empty())
            .map_err(|error| io_error("open", path, error.into()))?;
        Self::new(fd.into(), path.to_owned())
    }

    /// All of a short file, in one read; blocks.
    pub(crate) fn read_all(&self) -> Result<Bytes> {
        let len = usize::try_from(self.stat.size).unwrap_or(usize::MAX);
        let bytes = read_block(&self.file, 0, len, &self.path)?;
        self.check_unchanged()?;
        Ok(bytes)
    }

    /// Fails if the file is no longer what it was when it was opened; blocks.
    pub(crate) fn check_unchanged(&self) -> Result<()> {
        let now = LocalStat::of_file(&self.file, &self.path)?;
        if now.size == self.stat.size && now.modified == self.stat.modified {
            return Ok(());
        }
        Err(changed(&self.path))
    }
}

impl Source {
    /// A file from `offset` on, in blocks of `block_len`.
    pub(crate) fn file(opened: &OpenedFile, offset: u64, block_len: usize, hasher: Hasher) -> Self {
        Self::File(FileSource {
            file: Arc::clone(&opened.file),
            path: opened.path.clone(),
            stat: opened.stat,
            offset,
            block_len,
            ready: VecDeque::new(),
            reading: None,
            buffers: Buffers::default(),
            hasher: Some(hasher),
        })
    }

    pub(crate) fn stream(stream: Pin<Box<dyn AsyncRead + Send>>, block_len: usize, hasher: Hasher) -> Self {
        Self::Stream(StreamSource {
            stream,
            buffer: BytesMut::new(),
            block_len,
            ended: false,
            hasher,
        })
    }

    /// The next block; shorter than asked for only at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::File(source) => source.next().await,
            Self::Stream(source) => source.next().await,
        }
    }

    /// The hash of everything that was handed out.
    pub(crate) fn into_hash(self) -> Option<[u8; 32]> {
        match self {
            Self::File(source) => source.hasher.and_then(Hasher::finish),
            Self::Stream(source) => source.hasher.finish(),
        }
    }
}

impl FileSource {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.ready.is_empty() {
            self.read_ahead();
            if let Some(reading) = &mut self.reading {
                let piece = reading.await;
                self.reading = None;
                let piece = piece.map_err(|error| {
                    fault(ErrorKind::Io, "reading was broken off", &self.path).caused_by(error)
                })??;
                self.offset += piece.len;
                self.ready = piece.blocks;
                self.hasher = Some(piece.hasher);
            }
            // the disk works while the line does
            self.read_ahead();
        }
        Ok(self.ready.pop_front())
    }

    fn read_ahead(&mut self) {
        let left = self.stat.size.saturating_sub(self.offset);
        if self.reading.is_some() || left == 0 {
            return;
        }
        let Some(mut hasher) = self.hasher.take() else {
            return;
        };
        let (file, path, buffers) = (Arc::clone(&self.file), self.path.clone(), self.buffers.clone());
        let (mut offset, block_len) = (self.offset, self.block_len);
        let whole_blocks = DISK_CHUNK_LEN.div_ceil(block_len) * block_len;
        let len = u64::try_from(whole_blocks).unwrap_or(u64::MAX).min(left);
        self.reading = Some(tokio::task::spawn_blocking(move || {
            let mut blocks = VecDeque::new();
            let end = offset + len;
            while offset < end {
                let want = usize::try_from(end - offset).unwrap_or(usize::MAX).min(block_len);
                let mut block = buffers.take(block_len);
                read_into(&mut block, &file, offset, want, &path)?;
                hasher.update(&block);
                offset += block.len() as u64;
                blocks.push_back(buffers.lend(block));
            }
            Ok(Piece { blocks, len, hasher })
        }));
    }
}

impl StreamSource {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        while !self.ended && self.buffer.len() < self.block_len {
            self.buffer.reserve(self.block_len - self.buffer.len());
            let len = self
                .stream
                .read_buf(&mut self.buffer)
                .await
                .map_err(|error| io_error("read", Path::new("-"), error))?;
            self.ended = len == 0;
        }
        let len = self.buffer.len().min(self.block_len);
        let block = self.buffer.split_to(len).freeze();
        self.hasher.update(&block);
        Ok((!block.is_empty()).then_some(block))
    }
}

/// Hashes the first `len` bytes, as if they had been handed out.
pub(crate) async fn hash_prefix(opened: &OpenedFile, len: u64, mut hasher: Hasher) -> Result<Hasher> {
    let (file, path) = (Arc::clone(&opened.file), opened.path.clone());
    blocking(move || {
        let mut offset = 0;
        while offset < len {
            let want = usize::try_from(len - offset)
                .unwrap_or(usize::MAX)
                .min(DISK_CHUNK_LEN);
            let block = read_block(&file, offset, want, &path)?;
            hasher.update(&block);
            offset += block.len() as u64;
        }
        Ok(hasher)
    })
    .await
}

/// Reads exactly `len` bytes into memory that nobody has to clear first.
pub(crate) fn read_block(file: &File, offset: u64, len: usize, path: &Path) -> Result<Bytes> {
    let mut block = Vec::with_capacity(len);
    read_into(&mut block, file, offset, len, path)?;
    Ok(block.into())
}

/// Reads exactly `len` bytes into an empty buffer that has room for them.
fn read_into(block: &mut Vec<u8>, file: &File, offset: u64, len: usize, path: &Path) -> Result<()> {
    while block.len() < len {
        let at = offset + block.len() as u64;
        match rustix::io::pread(file, rustix::buffer::spare_capacity(block), at) {
            Ok(0) => return Err(changed(path)),
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(io_error("read", path, error.into())),
        }
    }
    // there may have been more room than was asked for
    block.truncate(len);
    Ok(())
}

/// The source is not the same any more.
pub(crate) fn changed(path: &Path) -> Error {
    fault(
        ErrorKind::Integrity,
        "the file was changed while it was read",
        path,
    )
    .retryable(true)
    .hint("try again when nobody writes to it")
}

fn fault(kind: ErrorKind, message: &str, path: &Path) -> Error {
    Error::new(kind, Stage::Local, message)
        .operation("read")
        .path(std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str()))
}
