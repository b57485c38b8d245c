//! Standard input and output as streams of the runtime.
//!
//! sshd and `sftp -D` hand over sockets or pipes: these are waited for by the runtime itself. Anything else (a file, a
//! terminal) cannot be waited for, and is read and written by a thread.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{FileType, OFlags, fcntl_getfl, fcntl_setfl, fstat};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// Both directions, and how they were before.
pub(super) struct Stdio {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    writer: Box<dyn AsyncWrite + Send + Unpin>,
    restore: Restore,
}

/// Puts the flags back that other processes with the same pipe would stumble over.
pub(super) struct Restore(Vec<(OwnedFd, OFlags)>);

impl Stdio {
    /// Takes standard input and output over. Must be called inside the runtime.
    pub(super) fn open() -> io::Result<Self> {
        let mut restore = Restore(Vec::new());
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        restore.remember(&input)?;
        restore.remember(&output)?;
        Ok(Self {
            reader: reader(input)?,
            writer: writer(output)?,
            restore,
        })
    }

    /// The streams, and what has to live as long as they do.
    pub(super) fn split(
        self,
    ) -> (
        Box<dyn AsyncRead + Send + Unpin>,
        Box<dyn AsyncWrite + Send + Unpin>,
        Restore,
    ) {
        (self.reader, self.writer, self.restore)
    }
}

fn reader(input: OwnedFd) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
    Ok(match kind(&input)? {
        FileType::Socket => Box::new(socket(input)?),
        FileType::Fifo => Box::new(pipe::Receiver::from_owned_fd(input)?),
        _ => Box::new(tokio::io::stdin()),
    })
}

fn writer(output: OwnedFd) -> io::Result<Box<dyn AsyncWrite + Send + Unpin>> {
    Ok(match kind(&output)? {
        FileType::Socket => Box::new(socket(output)?),
        FileType::Fifo => Box::new(pipe::Sender::from_owned_fd(output)?),
        _ => Box::new(tokio::io::stdout()),
    })
}

fn kind(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode))
}

/// Whatever family it is of: only reading, writing and shutting down are asked of it.
fn socket(fd: OwnedFd) -> io::Result<UnixStream> {
    let stream = std::os::unix::net::UnixStream::from(fd);
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

impl Restore {
    fn remember(&mut self, fd: &OwnedFd) -> io::Result<()> {
        self.0.push((fd.try_clone()?, fcntl_getfl(fd)?));
        Ok(())
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        for (fd, flags) in &self.0 {
            // The process is about to end.
            let _ = fcntl_setfl(fd, *flags);
        }
    }
}
