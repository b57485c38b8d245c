//! One authenticated connection: its channels, and the ways in which it ends.

use std::sync::Arc;

use bytes::Bytes;
use longshore_catalog::User;
use longshore_ssh::{Channel, ChannelRequest, ChannelStart, Connection, DisconnectReason};
use longshore_storage::{BucketName, Home, OwnerId, RemotePath};
use tokio::sync::OnceCell;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::channel;
use crate::error::OpenHomeError;
use crate::exec;
use crate::limits::{CLOSING_TIME, GOODBYE_TIME, LAST_WORD};
use crate::log::Causes;
use crate::login::{Login, Shared};
use crate::sessions::{EndReason, Refusal, Registration, Session};
use crate::terms::Terms;

/// Serves a connection until it ends, from either side.
pub(crate) async fn run(mut connection: Connection<Login>, shared: Arc<Shared>) {
    let login = connection.identity().clone();
    match &login.place {
        Ok(registration) => {
            let ended = serve(&mut connection, &login.user, registration, &shared).await;
            tracing::info!(
                connection = connection.peer().connection_id,
                user = login.user.username,
                reason = ended.map_or("closed by client", log_text),
                "logout"
            );
        }
        Err(refusal) => {
            let (reason, message) = refusal_text(*refusal);
            end_connection(&mut connection, reason, &message).await;
        }
    }
}

async fn serve(
    connection: &mut Connection<Login>,
    user: &User,
    registration: &Registration,
    shared: &Arc<Shared>,
) -> Option<EndReason> {
    let session = registration.session();
    let mut channels = Channels {
        tasks: JoinSet::new(),
        home: Arc::new(OnceCell::new()),
        user: Arc::new(user.clone()),
        session: session.clone(),
        shared: shared.clone(),
        lost: CancellationToken::new(),
    };
    let reason = loop {
        tokio::select! {
            biased;
            reason = session.ended() => break Some(reason),
            start = connection.next_channel() => match start {
                Some(start) => channels.start(start),
                None => break None,
            },
            Some(ended) = channels.tasks.join_next() => if ended.is_err() {
                session.end(EndReason::Defect);
            },
            () = session.activity.idle(shared.config.idle_timeout) => session.end(EndReason::Idle),
            () = drained(&shared.draining, session) => session.end(EndReason::Shutdown),
        }
    };
    if let Some(reason) = reason {
        let goodbye = end_connection(connection, DisconnectReason::ByApplication, peer_text(reason));
        futures::join!(goodbye, channels.end());
    } else {
        channels.end().await;
    }
    reason
}

/// Ends the connection with a message. Channels that the client asks for meanwhile get no answer: a refusal that
/// overtakes the message would be all that the client shows.
async fn end_connection(connection: &mut Connection<Login>, reason: DisconnectReason, message: &str) {
    connection.handle().disconnect(reason, message);
    let mut unanswered = Vec::new();
    let until_gone = async {
        while let Some(start) = connection.next_channel().await {
            unanswered.push(start);
        }
    };
    // The message is on its way; a peer that does not take it is cut off.
    let _ = tokio::time::timeout(GOODBYE_TIME, until_gone).await;
}

/// Ends when the server drains and nothing is in progress here.
async fn drained(draining: &CancellationToken, session: &Session) {
    draining.cancelled().await;
    session.activity.settled(LAST_WORD).await;
}

/// The channels of a session; the home that they share is opened by the first.
struct Channels {
    tasks: JoinSet<()>,
    home: Arc<OnceCell<Arc<dyn Home>>>,
    user: Arc<User>,
    session: Arc<Session>,
    shared: Arc<Shared>,
    /// The connection is gone.
    lost: CancellationToken,
}

impl Channels {
    /// SFTP, and the commands of `exec`. Shells are told so on stderr, which every SSH client shows; a bare refusal
    /// would read "shell request failed on channel 0".
    fn start(&mut self, start: ChannelStart) {
        match start.request() {
            ChannelRequest::Subsystem(name) if name == "sftp" => self.serve_sftp(start.accept()),
            ChannelRequest::Exec(command) => {
                let command = command.clone();
                self.run_command(start.accept(), command);
            }
            ChannelRequest::Shell => {
                self.tasks
                    .spawn(refuse(start.accept(), "this server offers SFTP, and no shell"));
            }
            _ => start.refuse(),
        }
    }

    fn serve_sftp(&mut self, channel: Channel) {
        let shared = self.shared.clone();
        self.spawn_at_home(channel, move |channel, home, session| async move {
            channel::run(channel.into(), home, session, Terms::default(), &shared.config).await;
        });
    }

    fn run_command(&mut self, channel: Channel, command: Bytes) {
        let (shared, lost) = (self.shared.clone(), self.lost.clone());
        self.spawn_at_home(channel, move |channel, home, session| async move {
            exec::run(channel, &command, home, session, &shared.config, lost).await;
        });
    }

    /// Runs `serve` in a task of its own, once the home is open.
    fn spawn_at_home<F, Fut>(&mut self, channel: Channel, serve: F)
    where
        F: FnOnce(Channel, Arc<dyn Home>, Arc<Session>) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send,
    {
        let (home, user) = (self.home.clone(), self.user.clone());
        let (session, shared) = (self.session.clone(), self.shared.clone());
        self.tasks.spawn(async move {
            match home.get_or_try_init(|| open_home(&user, &shared)).await {
                Ok(home) => serve(channel, home.clone(), session).await,
                Err(error) => {
                    let cause = Causes(&error);
                    let (connection, user) = (session.connection_id, &*session.username);
                    tracing::warn!(connection, user, %cause, "cannot open the home directory");
                    refuse(
                        channel,
                        "your home directory cannot be opened, ask the operator of this server",
                    )
                    .await;
                }
            }
        });
    }

    /// Waits until what was open has been put aside. Channels notice by themselves that the connection is gone or
    /// the session ended.
    async fn end(mut self) {
        self.lost.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(2 * CLOSING_TIME, all).await.is_err() {
            let (connection, user) = (self.session.connection_id, &*self.session.username);
            tracing::warn!(
                connection,
                user,
                "gave up waiting for requests of an ended session"
            );
        }
    }
}

/// Says why on stderr and ends the channel with exit status 1.
async fn refuse(channel: Channel, message: &'static str) {
    let Channel { reader, mut writer } = channel;
    let line = Bytes::from(format!("{message}\r\n"));
    if writer.send_stderr(line).await.is_ok() {
        writer.finish(1).await;
    }
    drop(reader);
}

async fn open_home(user: &User, shared: &Shared) -> Result<Arc<dyn Home>, OpenHomeError> {
    let bucket = BucketName::parse(&user.bucket)?;
    let path = RemotePath::parse(user.home_directory.as_bytes())?;
    Ok(shared.store.open_home(&bucket, &path, OwnerId(user.id.0)).await?)
}

/// What the client is told.
fn peer_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Deleted => "this user was removed",
        EndReason::Idle => "idle for too long",
        EndReason::Shutdown => SHUTDOWN_TEXT,
        EndReason::Defect => "internal error",
    }
}

/// What the log says.
fn log_text(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Deleted => "user deleted",
        EndReason::Idle => "idle",
        EndReason::Shutdown => "shutdown",
        EndReason::Defect => "defect",
    }
}

fn refusal_text(refusal: Refusal) -> (DisconnectReason, String) {
    match refusal {
        Refusal::TooMany { limit } => (
            DisconnectReason::TooManyConnections,
            format!("this user has {limit} sessions open already, close one first"),
        ),
        Refusal::ShuttingDown => (DisconnectReason::ByApplication, SHUTDOWN_TEXT.to_owned()),
    }
}

pub(crate) const SHUTDOWN_TEXT: &str = "the server is shutting down, try again later";
