//! Where a download's bytes go, in order: a local file or a stream.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::digest::Hasher;
use super::local::{blocking, io_error};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sftp::file::Block;

/// Takes a download's bytes in order.
pub(crate) struct Output {
    to: To,
    offset: u64,
    /// Away while something is written.
    hasher: Option<Hasher>,
}

enum To {
    File { file: Arc<File>, path: PathBuf },
    Stream(Pin<Box<dyn AsyncWrite + Send>>),
}

impl Output {
    pub(crate) fn file(file: Arc<File>, path: PathBuf, offset: u64, hasher: Hasher) -> Self {
        Self {
            to: To::File { file, path },
            offset,
            hasher: Some(hasher),
        }
    }

    pub(crate) fn stream(stream: Pin<Box<dyn AsyncWrite + Send>>, hasher: Hasher) -> Self {
        Self {
            to: To::Stream(stream),
            offset: 0,
            hasher: Some(hasher),
        }
    }

    /// Writes `blocks` behind what has been written; their memory is free afterwards. Returns how many bytes that were.
    pub(crate) async fn write(&mut self, blocks: Vec<Block>) -> Result<u64> {
        let hasher = self.hasher.take().ok_or_else(broken_off)?;
        let (len, hasher) = match &mut self.to {
            To::File { file, path } => {
                write_file(Arc::clone(file), path.clone(), self.offset, blocks, hasher).await?
            }
            To::Stream(stream) => write_stream(stream, blocks, hasher).await?,
        };
        self.hasher = Some(hasher);
        self.offset += len;
        Ok(len)
    }

    /// Sends on what a stream still holds.
    pub(crate) async fn flush(&mut self) -> Result<()> {
        match &mut self.to {
            To::File { .. } => Ok(()),
            To::Stream(stream) => stream.flush().await.map_err(stream_error),
        }
    }

    /// The hash of everything that was written.
    pub(crate) fn into_hash(self) -> Option<[u8; 32]> {
        self.hasher.and_then(Hasher::finish)
    }
}

async fn write_file(
    file: Arc<File>,
    path: PathBuf,
    mut offset: u64,
    blocks: Vec<Block>,
    mut hasher: Hasher,
) -> Result<(u64, Hasher)> {
    blocking(move || {
        let start = offset;
        for block in blocks {
            file.write_all_at(&block.data, offset)
                .map_err(|error| io_error("write", &path, error))?;
            hasher.update(&block.data);
            offset += block.data.len() as u64;
        }
        Ok((offset - start, hasher))
    })
    .await
}

async fn write_stream(
    stream: &mut Pin<Box<dyn AsyncWrite + Send>>,
    blocks: Vec<Block>,
    mut hasher: Hasher,
) -> Result<(u64, Hasher)> {
    let mut len = 0;
    for block in blocks {
        stream.write_all(&block.data).await.map_err(stream_error)?;
        hasher.update(&block.data);
        len += block.data.len() as u64;
    }
    Ok((len, hasher))
}

fn stream_error(error: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Io,
        Stage::Local,
        format!("the output takes no more: {error}"),
    )
    .caused_by(error)
}

fn broken_off() -> Error {
    Error::new(ErrorKind::Io, Stage::Local, "an earlier write was broken off")
}
