//! The life of one connection: login within its time, service, end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use russh::server::{Handle, RunningSession};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};

use crate::admission::Place;
use crate::config::ServerConfig;
use crate::connection::{Connection, ConnectionHandle, DisconnectReason};
use crate::handler::{ConnectionHandler, LoggedIn};
use crate::inbound::Activity;
use crate::login::Login;
use crate::service::Service;
use crate::stream::{Stream, StreamControl};

/// What all connections of a server share.
pub(crate) struct Context<S> {
    pub(crate) config: ServerConfig,
    pub(crate) transport: Arc<russh::server::Config>,
    pub(crate) service: Arc<S>,
}

/// Why a connection ended other than by the book.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectionError {
    /// The transport library gave up, in most cases because of what the peer sent.
    #[error(transparent)]
    Transport(#[from] russh::Error),
    #[error("the login was not finished in time")]
    LoginTooSlow,
    /// A bug in the library or here; a login without a check must not get through.
    #[error("login succeeded without an identity")]
    NoIdentity,
    #[error("the connection is being ended")]
    Ending,
}

/// Runs a connection to its end. Its place is free when this returns, whatever happened.
pub(crate) async fn run<S: Service>(
    context: Arc<Context<S>>,
    tcp: TcpStream,
    address: SocketAddr,
    place: Place,
) {
    let id = place.id;
    tracing::debug!(connection = id, %address, "connected");
    match run_to_end(context, tcp, address, place).await {
        Ok(()) => tracing::debug!(connection = id, %address, "closed"),
        Err(error) => tracing::info!(connection = id, %address, %error, "connection ended"),
    }
}

async fn run_to_end<S: Service>(
    context: Arc<Context<S>>,
    tcp: TcpStream,
    address: SocketAddr,
    mut place: Place,
) -> Result<(), ConnectionError> {
    let config = &context.config;
    let deadline = Instant::now() + config.login_grace;
    tcp.set_nodelay(true).map_err(russh::Error::from)?;
    let stream = Arc::new(StreamControl::default());
    let activity = Arc::new(Activity::default());
    let (sender, logged_in) = oneshot::channel();
    let login = Login::new(
        Arc::clone(&context.service),
        config.limits.clone(),
        (address, place.id),
        Arc::clone(&stream),
        deadline,
    );
    let handler = ConnectionHandler::new(
        login,
        sender,
        Arc::clone(&stream),
        Arc::clone(&activity),
        config.limits.clone(),
    );
    let transport = Stream::new(tcp, Arc::clone(&stream));
    // Only the identification strings are exchanged in here; the rest runs in a task of the library's.
    let start = russh::server::run_stream(Arc::clone(&context.transport), transport, handler);
    let session = tokio::select! {
        session = timeout_at(deadline, start) => session.map_err(|_| ConnectionError::LoginTooSlow)??,
        // Before its identification the peer understands no message.
        _ = place.handle.disconnect_wanted() => return Err(ConnectionError::Ending),
    };

    let mut running = Running {
        session,
        stream,
        handle: place.handle.clone(),
    };
    let Some(logged_in) = running.login(logged_in, deadline).await? else {
        return Ok(());
    };
    place.authenticated();
    let LoggedIn {
        identity,
        peer,
        channels,
    } = logged_in;
    let connection = Connection {
        identity: Arc::new(identity),
        peer,
        channels,
        handle: place.handle.clone(),
    };
    let service = Arc::clone(&context.service);
    // A task of its own, so that a panic in it can be told from ours.
    let serving = tokio::spawn(async move { service.serve(connection).await });
    let result = running.serve(serving, activity, config.idle_timeout).await;
    drop(place);
    result
}

/// A connection under way.
struct Running<S: Service> {
    session: RunningSession<ConnectionHandler<S>>,
    stream: Arc<StreamControl>,
    handle: ConnectionHandle,
}

impl<S: Service> Running<S> {
    /// Waits for the login; `None` if the connection ended before it.
    async fn login(
        &mut self,
        mut logged_in: oneshot::Receiver<LoggedIn<S::Identity>>,
        deadline: Instant,
    ) -> Result<Option<LoggedIn<S::Identity>>, ConnectionError> {
        tokio::select! {
            biased;
            Ok(logged_in) = &mut logged_in => Ok(Some(logged_in)),
            ended = &mut self.session => ended.map(|()| None),
            (reason, message) = self.handle.disconnect_wanted() => {
                self.disconnect(reason, &message).await.map(|()| None)
            }
            () = sleep_until(deadline) => {
                self.cut().await;
                Err(ConnectionError::LoginTooSlow)
            }
        }
    }

    /// Lets the service have the connection, until both have ended.
    async fn serve(
        mut self,
        mut serving: JoinHandle<()>,
        activity: Arc<Activity>,
        idle_timeout: Option<Duration>,
    ) -> Result<(), ConnectionError> {
        let result = tokio::select! {
            ended = &mut self.session => ended,
            // The service makes this wish too, when it drops the connection or panics.
            (reason, message) = self.handle.disconnect_wanted() => self.disconnect(reason, &message).await,
            () = idle(&activity, idle_timeout) => {
                self.disconnect(DisconnectReason::ByApplication, "idle for too long").await
            }
        };
        // Its channels are closed now; what it has begun with the data it finishes.
        if let Err(error) = (&mut serving).await
            && error.is_panic()
        {
            tracing::error!(%error, "the service panicked; only this connection is affected");
        }
        result
    }

    /// Ends the connection with a message, by force if the peer does not take it in time.
    async fn disconnect(&mut self, reason: DisconnectReason, message: &str) -> Result<(), ConnectionError> {
        let handle: Handle = self.session.handle();
        let by_the_book = async {
            // It fails only if the session has ended already.
            let _ = handle
                .disconnect(reason.transport(), message.to_owned(), String::new())
                .await;
            (&mut self.session).await
        };
        match timeout(DISCONNECT_TIME, by_the_book).await {
            Ok(result) => result,
            Err(_) => {
                self.cut().await;
                Ok(())
            }
        }
    }

    /// Ends the connection at once.
    async fn cut(&mut self) {
        self.stream.cut();
        // Its error is the one that the cut has made.
        let _ = (&mut self.session).await;
    }
}

/// Returns when nothing has moved for `limit`, to within a quarter.
async fn idle(activity: &Activity, limit: Option<Duration>) {
    let Some(limit) = limit else {
        return std::future::pending().await;
    };
    let mut seen = activity.count();
    let mut quarters = 0;
    while quarters < 4 {
        sleep(limit / 4).await;
        let now = activity.count();
        quarters = if now == seen { quarters + 1 } else { 0 };
        seen = now;
    }
}

/// How long a peer may take to accept a DISCONNECT and close.
const DISCONNECT_TIME: Duration = Duration::from_secs(2);
