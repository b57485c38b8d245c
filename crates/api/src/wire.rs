//! Bytes between hyper and the socket: answers that hyper gives on its own become ours, and a peer that does
//! not read is left.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

use crate::context::REQUEST_ID;
use crate::error::retry_after_date;
use crate::limits;
use crate::text;

/// A socket for one HTTP connection.
///
/// When hyper cannot read a request it answers by itself, with a status and no body, and closes: callers that
/// parse JSON would fail on it. Such an answer is known by what it lacks (every answer of ours carries a
/// request id) and goes out with our headers and a JSON body instead. It is always the last thing hyper
/// writes, so only the end of a buffer needs a look.
pub(crate) struct Wire<I> {
    io: I,
    /// Our words in place of hyper's, as far as they are not yet written.
    replacement: Bytes,
    stall_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<I: AsyncRead + AsyncWrite + Unpin> Wire<I> {
    /// Wraps `io`; writes that make no progress for `stall_timeout` fail.
    pub(crate) fn new(io: I, stall_timeout: Duration) -> Self {
        Self {
            io,
            replacement: Bytes::new(),
            stall_timeout,
            stalled: None,
        }
    }

    /// Passes a result on and watches the time while nothing moves.
    fn watch<T>(&mut self, cx: &mut Context<'_>, poll: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if poll.is_ready() {
            self.stalled = None;
            return poll;
        }
        let deadline = Instant::now() + self.stall_timeout;
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_replacement(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.replacement.has_remaining() {
            let poll = Pin::new(&mut self.io).poll_write(cx, &self.replacement);
            match std::task::ready!(self.watch(cx, poll))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.replacement.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncRead for Wire<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Wire<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        std::task::ready!(self.poll_replacement(cx))?;
        let ours = match automatic_answer(buf) {
            None => buf,
            Some((0, status)) => {
                self.replacement = answer(status);
                return Poll::Ready(Ok(buf.len()));
            }
            Some((start, _)) => &buf[..start],
        };
        let poll = Pin::new(&mut self.io).poll_write(cx, ours);
        self.watch(cx, poll)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_replacement(cx))?;
        let poll = Pin::new(&mut self.io).poll_flush(cx);
        self.watch(cx, poll)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        std::task::ready!(self.poll_replacement(cx))?;
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}

/// What a peer beyond the connection limit reads.
pub(crate) fn overloaded() -> Bytes {
    let retry_after = retry_after_date(limits::RETRY_AFTER);
    let retry_after = retry_after.to_str().unwrap_or_default();
    render(
        "503 Service Unavailable",
        "ServiceUnavailableException",
        "The server has too many connections; try again later.",
        &format!("retry-after: {retry_after}\r\n"),
    )
}

/// Where in `buf` hyper's own answer begins, and its status.
fn automatic_answer(buf: &[u8]) -> Option<(usize, u16)> {
    const START: &[u8] = b"HTTP/1.1 4";
    if !buf.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = buf.windows(START.len()).rposition(|window| window == START)?;
    let head = std::str::from_utf8(&buf[start..]).ok()?.to_ascii_lowercase();
    if head.contains(REQUEST_ID.as_str()) || !head.contains("content-length: 0\r\n") {
        return None;
    }
    let status = head.get(9..12)?.parse().ok()?;
    Some((start, status))
}

fn answer(status: u16) -> Bytes {
    let (line, code, message) = match status {
        414 => (
            "414 URI Too Long",
            "RequestTooLargeException",
            "The request target is too long.",
        ),
        431 => (
            "431 Request Header Fields Too Large",
            "RequestTooLargeException",
            "The request head is too large.",
        ),
        _ => (
            "400 Bad Request",
            "SerializationException",
            "The request is not valid HTTP.",
        ),
    };
    render(line, code, message, "")
}

fn render(status: &str, code: &str, message: &str, more: &str) -> Bytes {
    let body = format!(r#"{{"code":"{code}","message":"{message}"}}"#);
    let date = httpdate::fmt_http_date(std::time::SystemTime::now());
    Bytes::from(format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-amzn-errortype: {code}\r\n\
         {REQUEST_ID}: {id}\r\n{more}cache-control: no-store\r\nconnection: close\r\n\
         content-length: {len}\r\ndate: {date}\r\n\r\n{body}",
        id = text::request_id(),
        len = body.len(),
    ))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const OURS: &[u8] = b"HTTP/1.1 404 Not Found\r\nx-amzn-requestid: 1\r\ncontent-length: 0\r\n\r\n";
    const HYPERS: &[u8] =
        b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    #[test]
    fn only_answers_without_a_request_id_are_hypers() {
        assert_eq!(automatic_answer(HYPERS), Some((0, 431)));
        assert_eq!(automatic_answer(OURS), None);
        assert_eq!(
            automatic_answer(&[OURS, HYPERS].concat()),
            Some((OURS.len(), 431))
        );
        assert_eq!(automatic_answer(b"{\"message\":\"HTTP/1.1 400\"}\r\n\r\n"), None);
        assert_eq!(automatic_answer(b""), None);
    }

    #[tokio::test]
    async fn the_answer_before_stays_whole() {
        let (near, mut far) = tokio::io::duplex(16); // small: every write is partial
        let mut wire = Wire::new(near, Duration::from_secs(5));
        let sent = [OURS, HYPERS].concat();
        let write = async move {
            wire.write_all(&sent).await?;
            wire.flush().await
        };
        let mut seen = Vec::new();
        let (written, read) = tokio::join!(write, far.read_to_end(&mut seen));
        written.expect("the peer reads");
        read.expect("a duplex never fails");
        let seen = String::from_utf8(seen).expect("ASCII");
        let rest = seen
            .strip_prefix(std::str::from_utf8(OURS).expect("ASCII"))
            .expect("ours first");
        assert!(rest.starts_with("HTTP/1.1 431 "), "{rest}");
        assert!(rest.ends_with(
            "\r\n\r\n{\"code\":\"RequestTooLargeException\",\"message\":\"The request head is too large.\"}"
        ));
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_does_not_read_is_left() {
        let (near, _far) = tokio::io::duplex(16);
        let mut wire = Wire::new(near, Duration::from_secs(5));
        let error = wire.write_all(&[0; 64]).await.expect_err("nobody reads");
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
