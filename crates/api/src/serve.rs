//! Accepting connections: TCP and the admin socket.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::{UnixListener, UnixStream, unix};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{connection, limits};

/// Bounds of one listener.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServeOptions {
    /// Connections at once; a further one reads 503 and is closed.
    pub max_connections: usize,
    /// Time for a request head to arrive, and for a kept connection to stay idle.
    pub head_read_timeout: Duration,
    /// Time that a peer may leave an answer unread.
    pub write_stall_timeout: Duration,
    /// Time that requests at work get after the stop.
    pub stop_grace: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_connections: limits::MAX_CONNECTIONS,
            head_read_timeout: limits::HEAD_READ_TIMEOUT,
            write_stall_timeout: limits::WRITE_STALL_TIMEOUT,
            stop_grace: limits::STOP_GRACE,
        }
    }
}

/// Serves HTTP/1.1 (and 1.0) on `listener` until `shutdown` completes, with the default bounds.
///
/// Then nothing more is accepted, requests at work get their answers within a grace time, idle connections
/// close at once. Returns when all of them are gone.
pub async fn serve<L: Listener>(listener: L, router: Router, shutdown: impl Future<Output = ()> + Send) {
    serve_with(listener, router, ServeOptions::default(), shutdown).await;
}

/// As [`serve`], with bounds of its own.
pub async fn serve_with<L: Listener>(
    mut listener: L,
    router: Router,
    options: ServeOptions,
    shutdown: impl Future<Output = ()> + Send,
) {
    let connections = Arc::new(Semaphore::new(
        options.max_connections.min(Semaphore::MAX_PERMITS),
    ));
    let refusals = Arc::new(Semaphore::new(limits::MAX_REFUSALS));
    let (stop, end, tasks) = (
        CancellationToken::new(),
        CancellationToken::new(),
        TaskTracker::new(),
    );
    let stop_grace = options.stop_grace;
    let options = Arc::new(options);
    let mut shutdown = pin!(shutdown);
    loop {
        let (io, _peer) = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        if let Ok(permit) = Arc::clone(&connections).try_acquire_owned() {
            let connection = connection::run(io, router.clone(), Arc::clone(&options), stop.clone());
            let connection = end.clone().run_until_cancelled_owned(connection);
            tasks.spawn(async move {
                connection.await;
                drop(permit);
            });
        } else if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
            tasks.spawn(async move {
                connection::refuse(io).await;
                drop(permit);
            });
        }
    }
    drop(listener);
    stop.cancel();
    tasks.close();
    if tokio::time::timeout(stop_grace, tasks.wait()).await.is_err() {
        tracing::warn!(
            connections = tasks.len(),
            "connections outlived the grace time and are dropped"
        );
        end.cancel();
        tasks.wait().await;
    }
}

/// A Unix listener that hears nobody but one user and root. The folder around the socket keeps others out
/// already; this holds also where a file system takes modes lightly.
#[derive(Debug)]
pub struct AdminListener {
    listener: UnixListener,
    uid: u32,
}

impl AdminListener {
    /// Accepts peers that run as `uid` (or as root).
    #[must_use]
    pub fn new(listener: UnixListener, uid: u32) -> Self {
        Self { listener, uid }
    }

    fn trusts(&self, peer: &UnixStream) -> bool {
        match peer.peer_cred() {
            Ok(credentials) => [0, self.uid].contains(&credentials.uid()),
            Err(error) => {
                tracing::warn!(%error, "cannot tell who connects to the admin socket");
                false
            }
        }
    }
}

impl Listener for AdminListener {
    type Io = UnixStream;
    type Addr = unix::SocketAddr;

    async fn accept(&mut self) -> (UnixStream, unix::SocketAddr) {
        loop {
            let (io, address) = Listener::accept(&mut self.listener).await;
            if self.trusts(&io) {
                return (io, address);
            }
        }
    }

    fn local_addr(&self) -> io::Result<unix::SocketAddr> {
        self.listener.local_addr()
    }
}
