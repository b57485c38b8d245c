//! Connections: dial, check the host key, log in, and hand out channels.

mod explain;
mod info;
mod options;
mod streams;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longshore_ssh::client::{ClientChannel, ClientConfig, ClientError, Handshake, Session};

pub(crate) use explain::{explain, timed_out};
pub use info::{AuthInfo, ConnectionInfo};
pub use options::{Algorithms, ConnectOptions, Keepalive, SftpStart, Timeouts, Via};

use crate::auth::{self, Interaction};
use crate::channel::{Channel, SftpChannels};
use crate::endpoint::BoxedStream;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::host_key::Trusted;
use crate::limits::JUMPS;

/// A connection to a server on which the user is logged in. Cheap to clone; it ends when it is closed or the last clone is dropped,
/// and with it all that runs over it.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    // Dropped before what it runs over.
    session: Session,
    info: ConnectionInfo,
    timeouts: Timeouts,
    sftp: SftpStart,
    /// The connection that this one runs over.
    _over: Option<Connection>,
}

impl Connection {
    /// Connects and logs in. Dropping the future ends everything that it has begun.
    ///
    /// # Errors
    /// With the stage: resolve, connect, proxy, handshake, host key, auth.
    pub async fn connect(options: &ConnectOptions, interaction: &dyn Interaction) -> Result<Self> {
        connect_within(options, interaction, 0).await
    }

    /// How it came about.
    #[must_use]
    pub fn info(&self) -> &ConnectionInfo {
        &self.inner.info
    }

    /// Whether it has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.session.is_closed()
    }

    /// Ends it, and with it all that runs over it; what was queued is sent before.
    pub async fn close(self) {
        self.inner.session.disconnect().await;
    }

    /// Opens a channel for a command.
    pub(crate) async fn start(&self, command: bytes::Bytes) -> Result<ClientChannel> {
        let opening = self.inner.session.exec(command);
        self.channel("opening a channel", opening).await
    }

    /// How long a channel's start may take.
    pub(crate) fn channel_timeout(&self) -> Duration {
        self.inner.timeouts.channel
    }

    /// Who is connected to, for messages.
    pub(crate) fn host(&self) -> String {
        self.inner.info.endpoint.to_string()
    }

    async fn channel<T>(
        &self,
        what: &str,
        opening: impl Future<Output = Result<T, ClientError>>,
    ) -> Result<T> {
        let after = self.channel_timeout();
        match tokio::time::timeout(after, opening).await {
            Ok(opened) => opened.map_err(|error| explain(error, Stage::Channel, &self.host())),
            Err(_) => Err(timed_out(Stage::Channel, &self.host(), what, after)),
        }
    }
}

#[async_trait]
impl SftpChannels for Connection {
    /// Returns when the channel is open, so that the first SFTP request leaves together with the request to start
    /// the subsystem. If the server refuses that one, the channel's reader says so.
    async fn open_sftp(&self) -> Result<Channel> {
        let session = &self.inner.session;
        let what = "opening a channel";
        let channel = match &self.inner.sftp {
            SftpStart::Subsystem(name) => self.channel(what, session.subsystem(name)).await?,
            SftpStart::Command(command) => {
                let command = bytes::Bytes::copy_from_slice(command);
                self.channel(what, session.exec(command)).await?
            }
        };
        Ok(streams::sftp(channel, self.host()))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("info", &self.inner.info)
            .finish_non_exhaustive()
    }
}

/// Connects over `depth` other connections at most.
async fn connect_within(
    options: &ConnectOptions,
    interaction: &dyn Interaction,
    depth: usize,
) -> Result<Connection> {
    if depth > JUMPS {
        let message = format!("more than {JUMPS} jump hosts one behind the other");
        return Err(Error::new(ErrorKind::InvalidInput, Stage::Config, message));
    }
    let (stream, over) = reach(options, interaction, depth).await?;
    let host = options.endpoint.to_string();
    let (mut session, trusted) = shake_hands(options, stream, &host).await?;
    let auth = auth::log_in(&mut session, options, interaction).await?;
    let negotiated = session.negotiated();
    let authenticated = negotiated.cipher.contains("gcm") || negotiated.cipher.contains("poly1305");
    let jumps = over.as_ref().map_or_else(Vec::new, |over: &Connection| {
        let mut jumps = over.info().jumps.clone();
        jumps.push(ConnectionInfo {
            jumps: Vec::new(),
            ..over.info().clone()
        });
        jumps
    });
    let info = ConnectionInfo {
        endpoint: options.endpoint.clone(),
        user: options.user.clone(),
        server: session.server_identification(),
        banner: session.banners(),
        kex: negotiated.kex,
        host_key_algorithm: negotiated.host_key,
        mac: (!authenticated).then_some(negotiated.mac),
        cipher: negotiated.cipher,
        host_key_type: session.host_key().algorithm().to_owned(),
        trusted,
        auth,
        jumps,
    };
    Ok(Connection {
        inner: Arc::new(Inner {
            session,
            info,
            timeouts: options.timeouts,
            sftp: options.sftp.clone(),
            _over: over,
        }),
    })
}

/// A stream to the server, and the connection that it runs over.
async fn reach(
    options: &ConnectOptions,
    interaction: &dyn Interaction,
    depth: usize,
) -> Result<(BoxedStream, Option<Connection>)> {
    let jump = match &options.via {
        Via::Route(route) => {
            let stream = route.dial(options.target(), &options.timeouts.route).await?;
            return Ok((stream, None));
        }
        Via::Jump(jump) => jump,
    };
    let at_jump = |error: Error| {
        let message = format!("jump host {error}");
        let hint = error.next_step().map(str::to_owned);
        let error = Error::new(error.kind(), Stage::Proxy, message)
            .retryable(error.is_retryable())
            .caused_by(error);
        match hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    };
    let over = Box::pin(connect_within(jump, interaction, depth + 1))
        .await
        .map_err(at_jump)?;
    let target = options.target();
    let opening = over.inner.session.direct_tcpip(target.host(), target.port());
    let channel = over
        .channel("connecting to the next host", opening)
        .await
        .map_err(|error| {
            let message = format!("jump host {error} (on the way to {target})");
            Error::new(error.kind(), Stage::Proxy, message)
                .hint(
                    "check that the jump host reaches the server and allows forwarding (AllowTcpForwarding)",
                )
                .caused_by(error)
        })?;
    Ok((Box::new(channel.into_stream()), Some(over)))
}

/// Versions, keys, and the decision on the host key, for which there is no deadline: a person may be asked.
async fn shake_hands(
    options: &ConnectOptions,
    stream: BoxedStream,
    host: &str,
) -> Result<(Session, Trusted)> {
    let mut algorithms = options.algorithms.clone();
    algorithms.prefer_host_keys(&options.trust.known_algorithms(&options.endpoint));
    let mut config = ClientConfig::default();
    config.algorithms = algorithms;
    config.keepalive_interval = options.keepalive.interval;
    config.keepalive_count = options.keepalive.count;
    let limit = options.timeouts.handshake;
    let late = |_| timed_out(Stage::Handshake, host, "exchanging keys", limit);
    let failed = |error| explain(error, Stage::Handshake, host);
    let handshake = tokio::time::timeout(limit, Handshake::start(stream, &config))
        .await
        .map_err(late)?
        .map_err(failed)?;
    let trusted = options
        .trust
        .verify(&options.endpoint, handshake.host_key())
        .await?;
    let session = tokio::time::timeout(limit, handshake.accept())
        .await
        .map_err(late)?
        .map_err(failed)?;
    Ok((session, trusted))
}
