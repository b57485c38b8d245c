//! A connection to a server, from the first byte to the last.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use russh::client::{Config, Handle};
use russh::{ChannelOpenFailure, Disconnect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::algorithms::Algorithms;
use super::channel::ClientChannel;
use super::error::ClientError;
use super::handler::{ClientHandler, HandlerError, Negotiated, Question, Shared, explain};
use super::host_key::HostKey;
use super::limits::{PACKET, WINDOW};
use super::stream::Stream;

/// How a connection is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// What is offered.
    pub algorithms: Algorithms,
    /// After so much silence the server is asked whether it is still there.
    pub keepalive_interval: Option<Duration>,
    /// So many questions in a row may stay without an answer; then the connection ends. 0: never.
    pub keepalive_count: usize,
    /// New keys after so many bytes in one direction (RFC 4253 §9 recommends a gigabyte; AES-GCM and ChaCha20
    /// are far from their limits there).
    pub rekey_bytes: usize,
    /// New keys after so much time.
    pub rekey_time: Duration,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            algorithms: Algorithms::default(),
            keepalive_interval: Some(Duration::from_secs(30)),
            keepalive_count: 3,
            rekey_bytes: 1 << 30,
            rekey_time: Duration::from_hours(1),
        }
    }
}

impl ClientConfig {
    fn transport(&self) -> Result<Config, ClientError> {
        let identification = concat!("SSH-2.0-Longshore_", env!("CARGO_PKG_VERSION"));
        Ok(Config {
            client_id: russh::SshId::Standard(identification.into()),
            limits: russh::Limits {
                rekey_write_limit: self.rekey_bytes,
                rekey_read_limit: self.rekey_bytes,
                rekey_time_limit: self.rekey_time,
            },
            window_size: WINDOW,
            maximum_packet_size: PACKET,
            // Used for the confirmation only: data goes through the handler.
            channel_buffer_size: 4,
            preferred: self.algorithms.preferred()?,
            inactivity_timeout: None,
            keepalive_interval: self.keepalive_interval,
            keepalive_max: self.keepalive_count,
            nodelay: true,
            ..Config::default()
        })
    }
}

/// Ends the connection when dropped.
struct Guard {
    shared: Arc<Shared>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.shared.cut();
    }
}

type Transport = Handle<ClientHandler>;

/// A server that has proved to hold a host key, which waits for a decision. Dropping this ends the connection.
pub struct Handshake {
    connecting: BoxFuture<'static, Result<Transport, HandlerError>>,
    key: HostKey,
    answer: oneshot::Sender<bool>,
    guard: Guard,
}

impl Handshake {
    /// Exchanges versions and keys over `stream`, up to the server's proof of its host key. Dropping the future ends everything.
    ///
    /// # Errors
    /// [`ClientError`], if what answers is no server that we can talk to.
    pub async fn start<S>(stream: S, config: &ClientConfig) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let shared = Arc::new(Shared::default());
        let guard = Guard {
            shared: Arc::clone(&shared),
        };
        let transport = Arc::new(config.transport()?);
        let (question, asked) = oneshot::channel::<Question>();
        let handler = ClientHandler::new(Arc::clone(&shared), question);
        let stream = Stream::new(stream, Arc::clone(&shared.control));
        let mut connecting: BoxFuture<'static, _> =
            Box::pin(russh::client::connect_stream(transport, stream, handler));
        tokio::select! {
            biased;
            Ok((key, answer)) = asked => Ok(Self { connecting, key, answer, guard }),
            result = &mut connecting => Err(match result {
                Err(error) => failed(&error, &shared),
                // It cannot be done before the host key was accepted.
                Ok(_) => ClientError::Closed,
            }),
        }
    }

    /// The key.
    #[must_use]
    pub fn host_key(&self) -> &HostKey {
        &self.key
    }

    /// How the server introduced itself: `SSH-2.0-…`.
    #[must_use]
    pub fn server_identification(&self) -> String {
        self.guard.shared.control.identification().unwrap_or_default()
    }

    /// Trusts the key and takes the new keys into use. Dropping the future ends everything.
    ///
    /// # Errors
    /// [`ClientError`], if the connection ends.
    pub async fn accept(self) -> Result<Session, ClientError> {
        // If nobody waits for the answer, the connection has ended, which the next line finds out.
        let _ = self.answer.send(true);
        match self.connecting.await {
            Ok(handle) => Ok(Session {
                handle,
                shared: Arc::clone(&self.guard.shared),
                host_key: self.key,
                _guard: self.guard,
            }),
            Err(error) => Err(failed(&error, &self.guard.shared)),
        }
    }
}

impl fmt::Debug for Handshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

/// A connection to a server whose host key was accepted. Authenticate first, then open channels. Dropping it ends the connection and
/// everything that runs over it.
pub struct Session {
    pub(super) handle: Transport,
    pub(super) shared: Arc<Shared>,
    host_key: HostKey,
    _guard: Guard,
}

impl Session {
    /// What the key exchange agreed on.
    #[must_use]
    pub fn negotiated(&self) -> Negotiated {
        self.shared.negotiated()
    }

    /// The server's key.
    #[must_use]
    pub fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    /// How the server introduced itself: `SSH-2.0-…`.
    #[must_use]
    pub fn server_identification(&self) -> String {
        self.shared.control.identification().unwrap_or_default()
    }

    /// What the server had to say before it let us in (RFC 4252 §5.4), control characters removed, bounded.
    #[must_use]
    pub fn banners(&self) -> String {
        self.shared.banners()
    }

    /// Whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.has_ended() || self.handle.is_closed()
    }

    /// Starts a subsystem (RFC 4254 §6.5). Returns when the channel is open: the request is under way, and data may be sent
    /// behind it at once. If the server refuses it, the channel's reader and [`ChannelStatus::started`](super::ChannelStatus::started) say so.
    ///
    /// # Errors
    /// [`ClientError::ChannelRefused`], or why the connection ended.
    pub async fn subsystem(&self, name: &str) -> Result<ClientChannel, ClientError> {
        let (outbound, channel) = self.open().await?;
        outbound
            .request_subsystem(true, name)
            .await
            .map_err(|_| self.shared.end())?;
        Ok(channel(outbound))
    }

    /// Starts a command, as [`Self::subsystem`]. The server's shell splits the words.
    ///
    /// # Errors
    /// [`ClientError::ChannelRefused`], or why the connection ended.
    pub async fn exec(&self, command: Bytes) -> Result<ClientChannel, ClientError> {
        let (outbound, channel) = self.open().await?;
        outbound
            .exec(true, command)
            .await
            .map_err(|_| self.shared.end())?;
        Ok(channel(outbound))
    }

    /// Has the server connect to `host` and `port` (RFC 4254 §7.2), for a connection through it.
    ///
    /// # Errors
    /// [`ClientError::ChannelRefused`], or why the connection ended.
    pub async fn direct_tcpip(&self, host: &str, port: u16) -> Result<ClientChannel, ClientError> {
        let opened = self
            .handle
            .channel_open_direct_tcpip(host, u32::from(port), "127.0.0.1", 0)
            .await;
        let (outbound, channel) = self.opened(opened)?;
        Ok(channel(outbound))
    }

    /// Says goodbye. What was queued is sent before.
    pub async fn disconnect(&self) {
        // If the connection has ended there is nobody to tell.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").await;
    }

    /// Why the connection ended while logging in.
    #[must_use]
    pub fn auth_end(&self) -> ClientError {
        self.end()
    }

    /// Why the connection ended, for the first who asks.
    pub(super) fn end(&self) -> ClientError {
        self.shared.end()
    }

    async fn open(&self) -> Result<Opened, ClientError> {
        let opened = self.handle.channel_open_session().await;
        self.opened(opened)
    }

    fn opened(
        &self,
        opened: Result<russh::Channel<russh::client::Msg>, russh::Error>,
    ) -> Result<Opened, ClientError> {
        let channel = opened.map_err(|error| match error {
            russh::Error::ChannelOpenFailure(reason) => ClientError::ChannelRefused {
                reason: why(&reason),
                message: self.shared.take_refusal(),
            },
            _ => self.shared.end(),
        })?;
        // The reading half is dropped: nothing is copied into a queue that nobody reads.
        let (_, outbound) = channel.split();
        let shared = Arc::clone(&self.shared);
        let inbound = shared.opened(outbound.id());
        Ok((
            outbound,
            Box::new(move |outbound| ClientChannel::new(outbound, inbound, shared)),
        ))
    }
}

type Outbound = russh::ChannelWriteHalf<russh::client::Msg>;

/// A channel that was opened, to be made of its writing half once the start request is sent.
type Opened = (Outbound, Box<dyn FnOnce(Outbound) -> ClientChannel + Send>);

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("host_key", &self.host_key)
            .finish_non_exhaustive()
    }
}

/// Why connecting failed: what the connection's task noted, or what it returned.
fn failed(error: &HandlerError, shared: &Shared) -> ClientError {
    explain(error, &shared.control).unwrap_or_else(|| shared.end())
}

fn why(reason: &ChannelOpenFailure) -> &'static str {
    match reason {
        ChannelOpenFailure::AdministrativelyProhibited => "prohibited",
        ChannelOpenFailure::ConnectFailed => "connect failed",
        ChannelOpenFailure::UnknownChannelType => "unknown channel type",
        ChannelOpenFailure::ResourceShortage => "resource shortage",
        ChannelOpenFailure::Other { .. } => "unknown reason",
    }
}
