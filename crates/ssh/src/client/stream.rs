//! The stream as the transport library sees it: reads ahead for small packets, can be cut from outside, is bounded until keys are
//! exchanged, and remembers how the server introduced itself and why the stream failed.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::limits::{BEFORE_KEYS, IDENTIFICATION, READ_AHEAD};
use super::words::one_line;

/// What others may do to the stream of a connection, and know of it.
#[derive(Debug, Default)]
pub(super) struct Control {
    cut: AtomicBool,
    /// The task that reads and writes.
    task: AtomicWaker,
    keys_exchanged: AtomicBool,
    received: AtomicUsize,
    heard: Mutex<Heard>,
}

#[derive(Debug, Default)]
struct Heard {
    /// Bytes of the line that is coming in, without its end.
    line: Vec<u8>,
    /// The first line that came.
    first: Option<String>,
    identification: Option<String>,
    failure: Option<io::Error>,
}

impl Control {
    /// Ends the stream: every further read and write fails.
    pub(super) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.task.wake();
    }

    /// The server is known: what it sends is bounded by windows from now on, no longer in total.
    pub(super) fn keys_exchanged(&self) {
        self.keys_exchanged.store(true, Ordering::Relaxed);
    }

    /// `SSH-2.0-…`, once it was received.
    pub(super) fn identification(&self) -> Option<String> {
        self.heard().identification.clone()
    }

    /// The first line that was received, whatever it is.
    pub(super) fn first_line(&self) -> Option<String> {
        let heard = self.heard();
        let partial = || (!heard.line.is_empty()).then(|| show(&heard.line));
        heard.first.clone().or_else(partial)
    }

    /// Why the stream failed, if it did; the first caller gets it.
    pub(super) fn take_failure(&self) -> Option<io::Error> {
        self.heard().failure.take()
    }

    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::Acquire) {
            return Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "the connection was cut",
            ));
        }
        Ok(())
    }

    /// Looks at what came before keys were exchanged.
    fn hear(&self, read: &[u8]) -> io::Result<()> {
        if self.keys_exchanged.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.received.fetch_add(read.len(), Ordering::Relaxed) + read.len() > BEFORE_KEYS {
            return Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "the server sent too much before keys were exchanged",
            ));
        }
        let mut heard = self.heard();
        for byte in read {
            if heard.identification.is_some() {
                break;
            }
            heard.byte(*byte);
        }
        Ok(())
    }

    fn failed(&self, error: &io::Error) {
        self.heard()
            .failure
            .get_or_insert_with(|| io::Error::new(error.kind(), error.to_string()));
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        // Nothing in here panics halfway through a change.
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn byte(&mut self, byte: u8) {
        if byte != b'\n' {
            if self.line.len() < IDENTIFICATION {
                self.line.push(byte);
            }
            return;
        }
        let line = show(&self.line);
        self.line.clear();
        if line.starts_with("SSH-2.0-") || line.starts_with("SSH-1.99-") {
            self.identification = Some(line.clone());
        }
        self.first.get_or_insert(line);
    }
}

fn show(line: &[u8]) -> String {
    one_line(&String::from_utf8_lossy(line), IDENTIFICATION)
}

/// Any stream, under [`Control`].
pub(super) struct Stream<S> {
    inner: S,
    control: Arc<Control>,
    ahead: Box<[u8; READ_AHEAD]>,
    start: usize,
    end: usize,
}

impl<S> Stream<S> {
    pub(super) fn new(inner: S, control: Arc<Control>) -> Self {
        Self {
            inner,
            control,
            ahead: Box::new([0; READ_AHEAD]),
            start: 0,
            end: 0,
        }
    }

    fn noted<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result {
            self.control.failed(error);
        }
        result
    }
}

impl<S: AsyncRead + Unpin> Stream<S> {
    /// The start of a packet is read with what came right behind it; the rest of a large one straight to its place.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if buf.remaining() >= READ_AHEAD {
            let before = buf.filled().len();
            ready!(Pin::new(&mut self.inner).poll_read(cx, buf))?;
            return Poll::Ready(self.control.hear(&buf.filled()[before..]));
        }
        let mut ahead = ReadBuf::new(&mut self.ahead[..]);
        ready!(Pin::new(&mut self.inner).poll_read(cx, &mut ahead))?;
        self.start = 0;
        self.end = ahead.filled().len();
        self.control.hear(&self.ahead[..self.end])?;
        self.give(buf);
        Poll::Ready(Ok(()))
    }
}

impl<S> Stream<S> {
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let len = buf.remaining().min(self.end - self.start);
        buf.put_slice(&self.ahead[self.start..self.start + len]);
        self.start += len;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stream<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start < this.end {
            this.give(buf);
            return Poll::Ready(Ok(()));
        }
        this.control.task.register(cx.waker());
        this.control.check()?;
        let result = ready!(this.poll_fill(cx, buf));
        Poll::Ready(this.noted(result))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stream<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        let result = ready!(Pin::new(&mut this.inner).poll_write(cx, buf));
        Poll::Ready(this.noted(result))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        let result = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, bufs));
        Poll::Ready(this.noted(result))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        let result = ready!(Pin::new(&mut this.inner).poll_flush(cx));
        Poll::Ready(this.noted(result))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        Pin::new(&mut this.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }
}
