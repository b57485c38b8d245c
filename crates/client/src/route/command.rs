//! `ProxyCommand`: a shell command whose standard input and output are the stream.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::error;
use crate::endpoint::BoxedStream;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits;

/// Starts the command. It is killed when the stream is dropped, and reaped by the runtime.
pub(super) fn start(command: &str) -> Result<BoxedStream> {
    // exec, so that what is killed later is the program and not the shell in front of it
    let child = Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn();
    let failed = |error: io::Error| {
        Error::new(
            ErrorKind::Io,
            Stage::Proxy,
            format!("cannot start the proxy command: {error}"),
        )
        .caused_by(error)
    };
    let mut child = child.map_err(failed)?;
    let (Some(stdin), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(io::ErrorKind::BrokenPipe.into()));
    };
    Ok(Box::new(Pipes {
        stdin: Some(stdin),
        stdout,
        child: Some((child, tokio::spawn(drain(stderr)))),
        silent: true,
        obituary: None,
    }))
}

/// Reads all of standard error, so that the program never waits for us, and keeps the beginning.
async fn drain(mut stderr: tokio::process::ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut chunk).await {
        let room = limits::PEER_WORDS_LEN.saturating_sub(kept.len());
        kept.extend_from_slice(&chunk[..count.min(room)]);
    }
    kept
}

/// The program's ends of the pipes.
struct Pipes {
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    child: Option<(Child, JoinHandle<Vec<u8>>)>,
    /// It has not said anything yet: its end is then an error with its reason.
    silent: bool,
    obituary: Option<Pin<Box<dyn Future<Output = io::Error> + Send>>>,
}

impl AsyncRead for Pipes {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(obituary) = &mut self.obituary {
            let error = ready!(obituary.as_mut().poll(cx));
            self.obituary = None;
            return Poll::Ready(Err(error));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stdout).poll_read(cx, buf))?;
        if buf.filled().len() > before || buf.remaining() == 0 {
            self.silent = false;
            return Poll::Ready(Ok(()));
        }
        match self.child.take().filter(|_| self.silent) {
            None => Poll::Ready(Ok(())),
            Some((child, stderr)) => {
                self.obituary = Some(Box::pin(reason(child, stderr)));
                self.poll_read(cx, buf)
            }
        }
    }
}

/// Why a program ended without a word.
async fn reason(mut child: Child, stderr: JoinHandle<Vec<u8>>) -> io::Error {
    let ended = tokio::time::timeout(PATIENCE, async { (child.wait().await, stderr.await) }).await;
    let text = match ended {
        Ok((Ok(status), words)) => {
            let words = error::words(&words.unwrap_or_default());
            if words.is_empty() {
                format!("the proxy command ended with {status}")
            } else {
                format!("the proxy command ended with {status}: {words}")
            }
        }
        _ => "the proxy command closed its output".to_owned(),
    };
    io::Error::new(io::ErrorKind::UnexpectedEof, text)
}

impl AsyncWrite for Pipes {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_write(cx, buf),
            None => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stdin {
            Some(stdin) => Pin::new(stdin).poll_flush(cx),
            None => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let Some(stdin) = &mut self.stdin {
            ready!(Pin::new(stdin).poll_shutdown(cx))?;
        }
        // closing the pipe is how the program learns of the end
        self.stdin = None;
        Poll::Ready(Ok(()))
    }
}

/// How long a program that has closed its output may take to end.
const PATIENCE: Duration = Duration::from_secs(2);
