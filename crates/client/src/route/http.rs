//! HTTP CONNECT (RFC 9110 §9.3.6) with Basic credentials (RFC 7617).

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use zeroize::Zeroizing;

use super::connect_reply::{self, ConnectReply};
use super::proxy::Proxy;
use super::{error, socks};
use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::Result;
use crate::limits;

/// Has the proxy connect to `target`.
pub(super) async fn tunnel(proxy: &Proxy, mut stream: BoxedStream, target: &Endpoint) -> Result<BoxedStream> {
    let request = request(proxy, target)?;
    socks::send(proxy, &mut stream, request.as_bytes()).await?;
    let mut received = BytesMut::new();
    loop {
        let reply = connect_reply::parse(&received).map_err(|what| error::protocol(proxy, what))?;
        match reply {
            // an interim answer: the real one follows (RFC 9110 §15.2)
            Some(reply) if reply.status < 200 && reply.status != 101 => {
                received.advance(reply.len);
                continue;
            }
            Some(reply) => {
                check(proxy, target, &reply)?;
                let rest = received.freeze().slice(reply.len..);
                return Ok(if rest.is_empty() {
                    stream
                } else {
                    Box::new(Glued { rest, stream })
                });
            }
            None => {}
        }
        if received.len() >= limits::CONNECT_REPLY_LEN {
            return Err(error::protocol(proxy, "the header of its answer has no end"));
        }
        let room = limits::CONNECT_REPLY_LEN - received.len();
        let mut chunk = (&mut stream).take(room as u64);
        let count = chunk.read_buf(&mut received).await;
        if count.map_err(|error| error::lost(proxy, error))? == 0 {
            return Err(error::lost(proxy, io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

fn request(proxy: &Proxy, target: &Endpoint) -> Result<Zeroizing<String>> {
    // sized, so that the password is not left behind by growing
    let mut text = Zeroizing::new(String::with_capacity(4 << 10));
    let _ = write!(text, "CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(login) = proxy.credentials() {
        if login.user.contains(':') || login.user.len() + login.password().len() > 1 << 10 {
            return Err(error::unusable(
                proxy,
                "the user name holds a colon, or the login is longer than 1 KiB",
            ));
        }
        let plain = Zeroizing::new(format!("{}:{}", login.user, login.password()));
        let encoded = Zeroizing::new(BASE64.encode(plain.as_bytes()));
        let _ = write!(text, "Proxy-Authorization: Basic {}\r\n", encoded.as_str());
    }
    text.push_str("\r\n");
    Ok(text)
}

fn check(proxy: &Proxy, target: &Endpoint, reply: &ConnectReply) -> Result<()> {
    let words = format!("{} {}", reply.status, error::words(&reply.reason));
    let error = match reply.status {
        200..=299 => return Ok(()),
        407 if proxy.credentials().is_some() => error::login_refused(proxy, words.trim()),
        407 => {
            let asked = reply.authenticate.iter().map(|asked| error::words(asked));
            let asked = asked.collect::<Vec<_>>().join(", ");
            error::wants_login(proxy, &format!("{} ({asked})", words.trim()))
        }
        _ => error::refused(proxy, target, words.trim()),
    };
    Err(error.caused_by(error::HttpRefusal { status: reply.status }))
}

/// A stream with bytes in front of it that had arrived together with the proxy's answer.
struct Glued {
    rest: Bytes,
    stream: BoxedStream,
}

impl AsyncRead for Glued {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buf);
        }
        let len = self.rest.len().min(buf.remaining());
        buf.put_slice(&self.rest.split_to(len));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Glued {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
