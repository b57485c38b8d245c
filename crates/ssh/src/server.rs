//! The listener: accepts connections and runs each in a task of its own.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::admission::{Admission, Place, Refused};
use crate::config::ServerConfig;
use crate::login;
use crate::service::Service;
use crate::session;

/// An SSH server on one listener. [`Self::run`] it; [`Self::handle`] steers it from elsewhere.
pub struct Server<S> {
    shared: Arc<Listening>,
    context: Arc<session::Context<S>>,
}

impl<S: Service> Server<S> {
    /// A server that will accept on `listener`. Nothing happens before [`Self::run`].
    #[must_use]
    pub fn new(listener: TcpListener, config: ServerConfig, service: Arc<S>) -> Self {
        let admission = Admission::new(config.limits.clone());
        let transport = config.transport(login::methods(service.as_ref()));
        let shared = Arc::new(Listening {
            listener: Mutex::new(Some(listener)),
            stopped: Notify::new(),
            admission: Arc::clone(&admission),
        });
        Self {
            shared,
            context: Arc::new(session::Context {
                config,
                transport,
                service,
            }),
        }
    }

    /// Steers the server while it runs.
    #[must_use]
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            shared: Arc::clone(&self.shared),
        }
    }

    /// Accepts connections until [`ServerHandle::stop_accepting`], then returns as soon as the last one has ended.
    /// An error of one connection, or of accepting it, never ends this. When dropped, it accepts no
    /// more; connections that are open go on.
    pub async fn run(self) {
        let mut pause = PAUSE_MIN;
        loop {
            match self.shared.accept().await {
                Some(Ok((tcp, address))) => {
                    pause = PAUSE_MIN;
                    self.admit(tcp, address);
                }
                Some(Err(error)) if is_of_connection(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was accepted");
                }
                Some(Err(error)) => {
                    // Most often no file descriptors are left (EMFILE). The connection stays in the queue, so
                    // trying again at once would only burn time that others need to finish.
                    tracing::warn!(%error, pause_ms = pause.as_millis(), "cannot accept connections");
                    tokio::select! {
                        () = tokio::time::sleep(pause) => {}
                        () = self.shared.stopped.notified() => {}
                    }
                    pause = (pause * 2).min(PAUSE_MAX);
                }
                None => break,
            }
        }
        self.shared.admission.empty().await;
    }

    fn admit(&self, tcp: TcpStream, address: SocketAddr) {
        match self.shared.admission.admit(address.ip()) {
            Ok(place) => {
                let context = Arc::clone(&self.context);
                match &self.context.config.workers {
                    None => {
                        tokio::spawn(Box::pin(session::run(context, tcp, address, place)));
                    }
                    Some(workers) => workers.spawn(Box::pin(elsewhere(context, tcp, address, place))),
                }
            }
            Err(refused) => turn_away(&tcp, address, refused),
        }
    }
}

impl<S> Drop for Server<S> {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Steers a [`Server`]. Cheap to clone.
#[derive(Clone)]
pub struct ServerHandle {
    shared: Arc<Listening>,
}

impl ServerHandle {
    /// Closes the listener before this returns: new connections are refused by the system. Open ones go on.
    pub fn stop_accepting(&self) {
        self.shared.stop();
    }

    /// Ends all connections with `message`. New ones may still come unless [`Self::stop_accepting`] was called.
    pub fn disconnect_all(&self, message: &str) {
        self.shared.admission.disconnect_all(message);
    }

    /// How many connections there are, logged in or not.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.shared.admission.connections()
    }

    /// Where the server listens; `None` once it has stopped.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.shared
            .lock()
            .as_ref()
            .and_then(|listener| listener.local_addr().ok())
    }
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerHandle")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// What the server and its handles share.
#[derive(Debug)]
struct Listening {
    /// `None` once stopped.
    listener: Mutex<Option<TcpListener>>,
    stopped: Notify,
    admission: Arc<Admission>,
}

impl Listening {
    /// The next connection or the error of accepting it; `None` once stopped.
    async fn accept(&self) -> Option<io::Result<(TcpStream, SocketAddr)>> {
        // The lock is held for one poll only, so that stopping can close the listener at any time.
        let accept = std::future::poll_fn(|cx| match self.lock().as_ref() {
            Some(listener) => listener.poll_accept(cx).map(Some),
            None => Poll::Ready(None),
        });
        tokio::select! {
            accepted = accept => accepted,
            () = self.stopped.notified() => None,
        }
    }

    fn stop(&self) {
        drop(self.lock().take());
        // Kept for the accepting task if it is not waiting right now.
        self.stopped.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Option<TcpListener>> {
        self.listener.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs a connection on another runtime than the one that accepted it: its socket moves there.
async fn elsewhere<S: Service>(
    context: Arc<session::Context<S>>,
    tcp: TcpStream,
    address: SocketAddr,
    place: Place,
) {
    match tcp.into_std().and_then(TcpStream::from_std) {
        Ok(tcp) => session::run(context, tcp, address, place).await,
        Err(error) => tracing::warn!(%address, %error, "cannot take a connection over"),
    }
}

/// Says why in a line of text, as RFC 4253 §4.2 allows before the identification, and closes.
fn turn_away(tcp: &TcpStream, address: SocketAddr, refused: Refused) {
    tracing::warn!(%address, reason = %refused, "connection refused");
    // Best effort: the socket is new, so its send buffer has room.
    let _ = tcp.try_write(format!("{refused}\r\n").as_bytes());
}

/// Errors of the connection that was to be accepted (accept(2)); the next one may be well.
fn is_of_connection(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::Interrupted
            | ErrorKind::NetworkDown
            | ErrorKind::NetworkUnreachable
            | ErrorKind::HostUnreachable
            | ErrorKind::PermissionDenied
            | ErrorKind::TimedOut
    )
}

/// First pause after an error of accepting, and the longest.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_secs(1);
