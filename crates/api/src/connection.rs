//! One HTTP connection from its first byte to its last.

use std::future::poll_fn;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::limits;
use crate::serve::ServeOptions;
use crate::wire::{self, Wire};

/// Answers requests until the peer leaves, breaks the rules, or `stop` is cancelled.
pub(crate) async fn run<I>(io: I, router: Router, options: Arc<ServeOptions>, stop: CancellationToken)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let wire = Wire::new(io, options.write_stall_timeout);
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        Box::pin(router.clone().oneshot(request.map(Body::new)))
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(options.head_read_timeout)
        .max_header_size(limits::MAX_HEAD)
        .max_buf_size(limits::MAX_HEAD)
        // Scripts that shut their side after the request still want the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(wire), service);
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break result,
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                std::pin::Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    if let Err(error) = result {
        let error: &dyn std::error::Error = &error;
        tracing::debug!(error, "connection ended early");
    }
    linger(connection.into_parts().io.into_inner()).await;
}

/// Tells a peer beyond the connection limit to come again, without reading what it wants.
pub(crate) async fn refuse<I>(mut io: I)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let answer = wire::overloaded();
    let written = tokio::time::timeout(limits::LINGER, io.write_all(&answer)).await;
    if matches!(written, Ok(Ok(()))) {
        linger(io).await;
    }
}

/// Closes our side and reads on for a moment: to close a socket with bytes unread resets it, and the peer
/// would lose the answer it was sent (RFC 9112 §9.6).
async fn linger<I>(mut io: I)
where
    I: AsyncRead + AsyncWrite + Unpin,
{
    let drain = async {
        io.shutdown().await?;
        let mut scratch = [0; 4096];
        let mut left = limits::LINGER_BYTES;
        loop {
            let read = io.read(&mut scratch).await?;
            if read == 0 || read >= left {
                return std::io::Result::Ok(());
            }
            left -= read;
        }
    };
    // However it ends, the connection is over.
    drop(tokio::time::timeout(limits::LINGER, drain).await);
}
