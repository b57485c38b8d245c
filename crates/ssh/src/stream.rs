//! The socket as the transport library sees it: reads ahead to save system calls, can be cut from outside, and
//! delays reading while the peer only asks for credit that it cannot get.

use std::io::{self, IoSlice, IoSliceMut};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures::task::AtomicWaker;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use crate::limits::{MAX_BEFORE_LOGIN, MAX_IDENTIFICATION, READ_AHEAD};

/// What others may do to the stream of a connection.
#[derive(Debug, Default)]
pub(crate) struct StreamControl {
    cut: AtomicBool,
    /// Questions for credit in a row that changed nothing.
    questions: AtomicU32,
    delaying: AtomicBool,
    /// The task that reads and writes.
    task: AtomicWaker,
    identification: OnceLock<Arc<str>>,
    logged_in: AtomicBool,
}

impl StreamControl {
    /// The peer is known: what it sends is bounded by windows from now on, no longer in total.
    pub(crate) fn logged_in(&self) {
        self.logged_in.store(true, Ordering::Relaxed);
    }

    /// Ends the stream: every further read and write fails.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.task.wake();
    }

    /// The peer asked for credit and got next to none: reads are delayed for some milliseconds.
    /// Never for longer: the peer's own grants come in by the same way.
    pub(crate) fn delay(&self) {
        self.questions.fetch_add(1, Ordering::Relaxed);
        self.delaying.store(true, Ordering::Release);
    }

    /// There is credit again.
    pub(crate) fn resume(&self) {
        if self.questions.load(Ordering::Relaxed) > 0 {
            self.questions.store(0, Ordering::Relaxed);
            if self.delaying.swap(false, Ordering::AcqRel) {
                self.task.wake();
            }
        }
    }

    /// The identification string of the peer without `SSH-2.0-`, as soon as it was read.
    pub(crate) fn identification(&self) -> Arc<str> {
        self.identification
            .get()
            .cloned()
            .unwrap_or_else(|| Arc::from(""))
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
}

/// A [`TcpStream`] with read-ahead and [`StreamControl`].
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    control: Arc<StreamControl>,
    ahead: Box<[u8; READ_AHEAD]>,
    start: usize,
    end: usize,
    delay: Option<Pin<Box<Sleep>>>,
    /// From our last word on: how long the peer may take to close.
    linger: Option<Pin<Box<Sleep>>>,
    /// What was read of the identification string; `None` once it is known.
    first_line: Option<Vec<u8>>,
    /// Bytes that the peer may still send before it has logged in.
    before_login: usize,
}

impl Stream {
    pub(crate) fn new(tcp: TcpStream, control: Arc<StreamControl>) -> Self {
        let ahead = Box::new([0; READ_AHEAD]);
        Self {
            tcp,
            control,
            ahead,
            start: 0,
            end: 0,
            delay: None,
            linger: None,
            first_line: Some(Vec::new()),
            before_login: MAX_BEFORE_LOGIN,
        }
    }

    /// Ready unless reading is to be delayed.
    fn poll_delay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.control.delaying.load(Ordering::Acquire) {
            self.delay = None;
            return Poll::Ready(());
        }
        let questions = self.control.questions.load(Ordering::Relaxed);
        let delay = self.delay.get_or_insert_with(|| {
            let length = if questions > PATIENT_QUESTIONS {
                LONG_DELAY
            } else {
                DELAY
            };
            Box::pin(tokio::time::sleep_until(Instant::now() + length))
        });
        ready!(delay.as_mut().poll(cx));
        self.control.delaying.store(false, Ordering::Release);
        self.delay = None;
        Poll::Ready(())
    }

    /// One system call: what the caller wants, and a little more.
    fn poll_fill(&mut self, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.tcp.poll_read_ready(cx))?;
            let wanted = buf.initialize_unfilled();
            let len = wanted.len();
            let mut parts = [IoSliceMut::new(wanted), IoSliceMut::new(&mut self.ahead[..])];
            match read_what_is_there(&self.tcp, &mut parts) {
                Ok(read) => {
                    self.count(read)?;
                    buf.advance(read.min(len));
                    self.start = 0;
                    self.end = read.saturating_sub(len);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Ends a peer that sends on and on without logging in.
    fn count(&mut self, read: usize) -> io::Result<()> {
        if self.before_login == 0 || self.control.logged_in.load(Ordering::Relaxed) {
            self.before_login = 0;
            return Ok(());
        }
        match self.before_login.checked_sub(read) {
            Some(left) if left > 0 => {
                self.before_login = left;
                Ok(())
            }
            _ => Err(io::Error::new(
                io::ErrorKind::QuotaExceeded,
                "too much was sent before login",
            )),
        }
    }

    /// Remembers the first line that the peer sent.
    fn learn_identification(&mut self, read: &[u8]) {
        let Some(line) = &mut self.first_line else { return };
        let room = MAX_IDENTIFICATION.saturating_sub(line.len());
        line.extend_from_slice(&read[..read.len().min(room)]);
        let end = line.iter().position(|byte| *byte == b'\n');
        if end.is_none() && line.len() < MAX_IDENTIFICATION {
            return;
        }
        line.truncate(end.unwrap_or(line.len()));
        let text = String::from_utf8_lossy(line);
        let text = text.trim_end_matches('\r');
        let text = text
            .strip_prefix("SSH-2.0-")
            .or_else(|| text.strip_prefix("SSH-1.99-"))
            .unwrap_or(text);
        // Set only here, and only once.
        let _ = self.control.identification.set(Arc::from(text));
        self.first_line = None;
    }
}

/// Reads into `parts`. After fewer bytes than fit there are no more: the next call waits for news of the socket without
/// asking it again, which would be one system call for each request.
fn read_what_is_there(tcp: &TcpStream, parts: &mut [IoSliceMut<'_>; 2]) -> io::Result<usize> {
    let room = parts[0].len() + parts[1].len();
    let mut short = None;
    let result = tcp.try_io(Interest::READABLE, || {
        let read = rustix::io::readv(tcp, parts)?;
        if read == 0 || read == room {
            return Ok(read);
        }
        // This is how the runtime is told that nothing is left (epoll(7) permits that conclusion).
        short = Some(read);
        Err(io::ErrorKind::WouldBlock.into())
    });
    short.map_or(result, Ok)
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.start == this.end {
            this.control.task.register(cx.waker());
            this.control.check()?;
            if let Some(linger) = &mut this.linger
                && linger.as_mut().poll(cx).is_ready()
            {
                // As if the peer had closed, which ends the session.
                return Poll::Ready(Ok(()));
            }
            ready!(this.poll_delay(cx));
            let filled = buf.filled().len();
            ready!(this.poll_fill(cx, buf))?;
            if this.first_line.is_some() {
                this.learn_identification(&buf.filled()[filled..]);
            }
            return Poll::Ready(Ok(()));
        }
        let len = buf.remaining().min(this.end - this.start);
        buf.put_slice(&this.ahead[this.start..this.start + len]);
        this.start += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        Pin::new(&mut this.tcp).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.control.task.register(cx.waker());
        this.control.check()?;
        Pin::new(&mut this.tcp).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().tcp).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // The library reads on until the peer closes, and would do so for a peer that never does.
        this.linger
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        Pin::new(&mut this.tcp).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.tcp.is_write_vectored()
    }
}

/// How long a question for credit waits: short enough not to be felt by other channels or by the peer's grants, long
/// enough to cost nothing (100 packets a second).
const DELAY: Duration = Duration::from_millis(10);

/// How long a peer may take to close after our last word; shorter than what `session.rs` grants in all.
const LINGER: Duration = Duration::from_millis(1500);

/// After so many (five seconds) without any progress the peer may wait a little longer for its answer.
const PATIENT_QUESTIONS: u32 = 500;

/// The longer delay: 16 bytes a second are let in, 1.4 MB a day.
const LONG_DELAY: Duration = Duration::from_millis(125);
