//! The transport library's callbacks for one connection to a server.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use russh::client::{ChannelOpenHandle, DisconnectReason, Handler, Msg, Session};
use russh::keys::{Algorithm, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure, Names, Sig};
use tokio::sync::oneshot;

use super::error::ClientError;
use super::host_key::HostKey;
use super::inbound::{Exit, Half, Inbound};
use super::limits::{BANNERS, PACKET, WORDS};
use super::stream::Control;
use super::words::{lines, one_line};

/// What the key exchange agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Negotiated {
    /// Key exchange.
    pub kex: String,
    /// Signature of the host key.
    pub host_key: String,
    /// Both ways.
    pub cipher: String,
    /// Both ways; for a cipher that needs none it is not used.
    pub mac: String,
}

/// What all parts of a connection share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) control: Arc<Control>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    channels: HashMap<ChannelId, Arc<Inbound>>,
    negotiated: Negotiated,
    banners: String,
    /// Why the connection ended, for whoever asks first; others learn that it did.
    end: Option<ClientError>,
    ended: bool,
    refusal: Option<String>,
}

impl Shared {
    pub(super) fn negotiated(&self) -> Negotiated {
        self.state().negotiated.clone()
    }

    pub(super) fn banners(&self) -> String {
        self.state().banners.clone()
    }

    /// The channel that was just confirmed. The library tells whoever opens it before it tells the handler: whichever comes first makes it.
    pub(super) fn opened(&self, id: ChannelId) -> Arc<Inbound> {
        let mut state = self.state();
        let channel = Arc::clone(state.channels.entry(id).or_default());
        let ended = state.ended;
        drop(state);
        if ended {
            channel.lose();
        }
        channel
    }

    /// A channel that is open, or was closed by the server only.
    fn channel(&self, id: ChannelId) -> Option<Arc<Inbound>> {
        self.state().channels.get(&id).cloned()
    }

    /// We have closed the channel.
    pub(super) fn forget(&self, id: ChannelId) {
        self.state().channels.remove(&id);
    }

    /// The server's words on the last channel that it refused.
    pub(super) fn take_refusal(&self) -> String {
        self.state().refusal.take().unwrap_or_default()
    }

    /// Why the connection ended.
    pub(super) fn end(&self) -> ClientError {
        if let Some(end) = self.state().end.take() {
            return end;
        }
        self.control
            .take_failure()
            .map_or(ClientError::Closed, |source| ClientError::Io { source })
    }

    pub(super) fn has_ended(&self) -> bool {
        self.state().ended
    }

    /// Nobody wants the connection any more.
    pub(super) fn cut(&self) {
        self.control.cut();
        self.ended(None);
    }

    /// The connection has ended; the first reason counts.
    fn ended(&self, end: Option<ClientError>) {
        let mut state = self.state();
        state.ended = true;
        if state.end.is_none() {
            state.end = end;
        }
        let channels = std::mem::take(&mut state.channels);
        drop(state);
        for channel in channels.values() {
            channel.lose();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A host key that waits for a decision.
pub(super) type Question = (HostKey, oneshot::Sender<bool>);

/// What a callback may fail with.
#[derive(Debug, thiserror::Error)]
pub(super) enum HandlerError {
    #[error(transparent)]
    Transport(#[from] russh::Error),
    #[error(transparent)]
    Client(#[from] ClientError),
}

/// One connection, in the hands of the transport library.
pub(super) struct ClientHandler {
    shared: Arc<Shared>,
    /// Gone once asked.
    question: Option<oneshot::Sender<Question>>,
}

impl ClientHandler {
    pub(super) fn new(shared: Arc<Shared>, question: oneshot::Sender<Question>) -> Self {
        Self {
            shared,
            question: Some(question),
        }
    }

    /// Hands data to its channel and then waits until that has room: while this waits nothing is read, and the
    /// server's windows fill up.
    async fn receive(&self, id: ChannelId, half: Half, data: &[u8]) -> Result<(), HandlerError> {
        if data.len() > PACKET as usize {
            return Err(broken("channel data exceeds the maximum packet size").into());
        }
        if let Some(channel) = self.shared.channel(id) {
            channel.push(half, data);
            poll_fn(|cx| channel.poll_room(cx)).await;
        }
        Ok(())
    }
}

impl Drop for ClientHandler {
    /// The connection has ended, however that came about (a panic included).
    fn drop(&mut self) {
        self.shared.ended(None);
    }
}

impl Handler for ClientHandler {
    type Error = HandlerError;

    async fn auth_banner(&mut self, banner: &str, _session: &mut Session) -> Result<(), Self::Error> {
        let mut state = self.shared.state();
        let room = BANNERS.saturating_sub(state.banners.len());
        let banner = lines(banner, room);
        state.banners.push_str(&banner);
        Ok(())
    }

    /// The library has checked that the server signed this key exchange with the key.
    async fn check_server_key(&mut self, offer: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        let key = HostKey::from_offer(offer)?;
        let (answer, answered) = oneshot::channel();
        let Some(question) = self.question.take() else {
            return Ok(false);
        };
        if question.send((key, answer)).is_err() {
            return Err(ClientError::HostKeyRefused.into());
        }
        // Nobody who answers is a no.
        if answered.await == Ok(true) {
            return Ok(true);
        }
        Err(ClientError::HostKeyRefused.into())
    }

    async fn kex_done(
        &mut self,
        _shared_secret: Option<&[u8]>,
        names: &Names,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shared.control.keys_exchanged();
        self.shared.state().negotiated = Negotiated {
            kex: names.kex.as_ref().to_owned(),
            host_key: algorithm_name(&names.key),
            cipher: names.cipher.as_ref().to_owned(),
            mac: names.client_mac.as_ref().to_owned(),
        };
        Ok(())
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _max_packet_size: u32,
        _window_size: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        // Before anything can arrive on it.
        self.shared.opened(id);
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _id: ChannelId,
        _reason: ChannelOpenFailure,
        description: &str,
        _language: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.shared.state().refusal = Some(one_line(description, WORDS));
        Ok(())
    }

    async fn channel_success(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.answer(true);
        }
        Ok(())
    }

    async fn channel_failure(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.answer(false);
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.close();
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.end_of_input();
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _session: &mut Session) -> Result<(), Self::Error> {
        self.receive(id, Half::Output, data).await
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        code: u32,
        data: &[u8],
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if code == SSH_EXTENDED_DATA_STDERR {
            self.receive(id, Half::Errors, data).await?;
        }
        Ok(())
    }

    async fn exit_status(
        &mut self,
        id: ChannelId,
        status: u32,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.exited(Exit::Status(status));
        }
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        core_dumped: bool,
        message: &str,
        _language: &str,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        if let Some(channel) = self.shared.channel(id) {
            channel.exited(Exit::Signal {
                name: signal_name(&signal),
                core_dumped,
                message: one_line(message, WORDS),
            });
        }
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Self::Error>) -> Result<(), Self::Error> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                self.shared.ended(Some(ClientError::Disconnected {
                    code: info.reason_code as u32,
                    message: one_line(&info.message, WORDS),
                }));
                Ok(())
            }
            DisconnectReason::Error(error) => {
                self.shared.ended(explain(&error, &self.shared.control));
                Err(error)
            }
        }
    }

    // Servers have no business opening channels: dropping the handle refuses.

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _connected_address: &str,
        _connected_port: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_session(
        &mut self,
        _channel: Channel<Msg>,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        _reply: ChannelOpenHandle,
        _session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(())
    }
}

/// What the transport library's errors mean to a user. `None`: the connection ended without a reason of its own.
pub(super) fn explain(error: &HandlerError, control: &Control) -> Option<ClientError> {
    let transport = match error {
        HandlerError::Transport(transport) => transport,
        HandlerError::Client(ClientError::HostKeyRefused) => return Some(ClientError::HostKeyRefused),
        HandlerError::Client(ClientError::HostCertificate { reason }) => {
            return Some(ClientError::HostCertificate {
                reason: reason.clone(),
            });
        }
        HandlerError::Client(other) => return Some(broken(&other.to_string())),
    };
    Some(match transport {
        russh::Error::Version => ClientError::NotSsh {
            line: control.first_line().unwrap_or_default(),
        },
        russh::Error::NoCommonAlgo { kind, theirs, .. } => ClientError::NoCommonAlgorithm {
            what: what(kind).to_owned(),
            theirs: one_line(&theirs.join(","), WORDS),
        },
        russh::Error::KeepaliveTimeout => ClientError::NotResponding,
        russh::Error::InactivityTimeout | russh::Error::ConnectionTimeout => ClientError::Idle,
        russh::Error::Disconnect
        | russh::Error::HUP
        | russh::Error::SendError
        | russh::Error::RecvError
        | russh::Error::NoAuthMethod
        | russh::Error::IO(_) => {
            // The stream knows more; the end of it without an error is no news.
            let source = control.take_failure()?;
            return (source.kind() != std::io::ErrorKind::UnexpectedEof)
                .then_some(ClientError::Io { source });
        }
        other => broken(&one_line(&other.to_string(), WORDS)),
    })
}

fn broken(reason: &str) -> ClientError {
    ClientError::Protocol {
        reason: reason.to_owned(),
    }
}

fn what(kind: &russh::AlgorithmKind) -> &'static str {
    match kind {
        russh::AlgorithmKind::Kex => "key exchange",
        russh::AlgorithmKind::Key => "host key algorithm",
        russh::AlgorithmKind::Cipher => "cipher",
        russh::AlgorithmKind::Compression => "compression",
        russh::AlgorithmKind::Mac => "MAC",
    }
}

fn algorithm_name(algorithm: &Algorithm) -> String {
    algorithm.as_str().to_owned()
}

fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::ABRT => "ABRT".to_owned(),
        Sig::ALRM => "ALRM".to_owned(),
        Sig::FPE => "FPE".to_owned(),
        Sig::HUP => "HUP".to_owned(),
        Sig::ILL => "ILL".to_owned(),
        Sig::INT => "INT".to_owned(),
        Sig::KILL => "KILL".to_owned(),
        Sig::PIPE => "PIPE".to_owned(),
        Sig::QUIT => "QUIT".to_owned(),
        Sig::SEGV => "SEGV".to_owned(),
        Sig::TERM => "TERM".to_owned(),
        Sig::USR1 => "USR1".to_owned(),
        Sig::Custom(name) => one_line(name, 64),
    }
}

/// RFC 4254 §5.2.
const SSH_EXTENDED_DATA_STDERR: u32 = 1;
