//! The transport library's callbacks for one connection: logins go to [`Login`], data to the channels.
//!
//! No callback waits for a channel: while one runs, the session reads nothing, the peer's WINDOW_ADJUST included.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use russh::client::GexParams;
use russh::kex::dh::groups::{DH_GROUP14, DH_GROUP16, DhGroup};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, ChannelWriteHalf, Disconnect, Pty};
use tokio::sync::{mpsc, oneshot};

use crate::channel::{ChannelRequest, ChannelStart};
use crate::connection::Peer;
use crate::inbound::{Activity, Shared};
use crate::limits::{CHANNELS_PER_LIFE, Limits, REFUSED_CHANNELS};
use crate::login::Login;
use crate::service::Service;
use crate::session::ConnectionError;
use crate::stream::StreamControl;
use crate::window::{Backlog, Received, WindowPolicy};

/// What a login leads to.
pub(crate) struct LoggedIn<I> {
    pub(crate) identity: I,
    pub(crate) peer: Peer,
    pub(crate) channels: mpsc::Receiver<ChannelStart>,
}

/// One connection, in the hands of the transport library.
pub(crate) struct ConnectionHandler<S: Service> {
    login: Login<S>,
    /// Gone once used.
    logged_in: Option<oneshot::Sender<LoggedIn<S::Identity>>>,
    starts: Option<mpsc::Sender<ChannelStart>>,
    stream: Arc<StreamControl>,
    activity: Arc<Activity>,
    limits: Limits,
    windows: WindowPolicy,
    channels: HashMap<ChannelId, Open>,
    opened: usize,
    refused: usize,
}

/// A channel of this connection.
struct Open {
    shared: Arc<Shared>,
    /// Until the client asks to start something.
    outbound: Option<ChannelWriteHalf<Msg>>,
}

impl<S: Service> ConnectionHandler<S> {
    pub(crate) fn new(
        login: Login<S>,
        logged_in: oneshot::Sender<LoggedIn<S::Identity>>,
        stream: Arc<StreamControl>,
        activity: Arc<Activity>,
        limits: Limits,
    ) -> Self {
        Self {
            login,
            logged_in: Some(logged_in),
            starts: None,
            stream,
            activity,
            windows: WindowPolicy::new(&limits),
            limits,
            channels: HashMap::new(),
            opened: 0,
            refused: 0,
        }
    }

    /// Forgets channels that nobody holds any more. Those that we closed first are not reported by the library.
    fn forget_ended(&mut self) {
        let windows = &mut self.windows;
        self.channels.retain(|id, open| {
            let over = open.shared.is_over();
            if over {
                windows.closed(id.number());
            }
            !over
        });
    }

    /// Refuses to open a channel.
    async fn refuse_open(
        &mut self,
        reply: ChannelOpenHandle,
        reason: ChannelOpenFailure,
        session: &mut Session,
    ) -> Result<(), ConnectionError> {
        self.refused += 1;
        if self.refused > REFUSED_CHANNELS {
            session.disconnect(Disconnect::TooManyConnections, "too many refused channels", "")?;
        }
        reply.reject(reason).await;
        Ok(())
    }

    /// Hands a start request to the service; answers it with failure if this channel has been started already.
    fn start(
        &mut self,
        channel: ChannelId,
        request: ChannelRequest,
        session: &mut Session,
    ) -> Result<(), ConnectionError> {
        let open = self.channels.get_mut(&channel);
        let outbound = open.and_then(|open| Some((open.outbound.take()?, Arc::clone(&open.shared))));
        let (Some((outbound, shared)), Some(starts)) = (outbound, &self.starts) else {
            session.channel_failure(channel)?;
            return Ok(());
        };
        let start = ChannelStart::new(request, channel, session.handle(), outbound, shared);
        // There is room for every channel that may be open. If the service is gone, dropping `start` refuses.
        let _ = starts.try_send(start);
        Ok(())
    }

    /// Accounts for received data; false if the connection was ended because of it.
    fn account(
        &mut self,
        channel: ChannelId,
        len: usize,
        session: &mut Session,
    ) -> Result<bool, ConnectionError> {
        if len > self.limits.packet as usize {
            session.disconnect(
                Disconnect::ProtocolError,
                "channel data exceeds the maximum packet size",
                "",
            )?;
            return Ok(false);
        }
        match self.windows.received(channel.number(), len) {
            Ok(Received::Data) => Ok(true),
            Ok(Received::Trickle) => {
                self.stream.delay();
                Ok(true)
            }
            Err(error) => {
                tracing::info!(connection = self.login.peer().connection_id, %error, "the peer ignores its window");
                session.disconnect(Disconnect::ProtocolError, "channel data exceeds the window", "")?;
                Ok(false)
            }
        }
    }
}

impl<S: Service> Drop for ConnectionHandler<S> {
    /// The connection has ended, however that came about (a panic included).
    fn drop(&mut self) {
        for open in self.channels.values() {
            open.shared.close();
        }
    }
}

impl<S: Service> Handler for ConnectionHandler<S> {
    type Error = ConnectionError;

    async fn auth_none(&mut self, _user: &str) -> Result<Auth, Self::Error> {
        Ok(self.login.none())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        self.login.password(user, password).await
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _submethods: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        self.login.keyboard_interactive(user, response).await
    }

    async fn auth_publickey_offered(
        &mut self,
        user: &str,
        offer: PublicKeyOffer<'_>,
    ) -> Result<Auth, Self::Error> {
        self.login.public_key_offered(user, &offer).await
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        self.login.public_key(user, &key).await
    }

    async fn auth_succeeded(&mut self, _session: &mut Session) -> Result<(), Self::Error> {
        let (Some(identity), Some(logged_in)) = (self.login.take_accepted(), self.logged_in.take()) else {
            return Err(ConnectionError::NoIdentity);
        };
        self.stream.logged_in();
        let (starts, channels) = mpsc::channel(self.limits.channels.max(1));
        self.starts = Some(starts);
        let peer = self.login.peer();
        logged_in
            .send(LoggedIn {
                identity,
                peer,
                channels,
            })
            .map_err(|_| ConnectionError::Ending)
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.forget_ended();
        if self.channels.len() >= self.limits.channels || self.opened >= CHANNELS_PER_LIFE {
            return self
                .refuse_open(reply, ChannelOpenFailure::ResourceShortage, session)
                .await;
        }
        self.opened += 1;
        let id = channel.id();
        // The reading half is dropped: nothing is copied into a queue that nobody reads.
        let (_, outbound) = channel.split();
        let backlog = Backlog::counted_in(self.limits.received_total.clone());
        let shared = Shared::new(Arc::clone(&self.stream), Arc::clone(&self.activity), backlog);
        let shared = Arc::new(shared);
        self.windows.opened(id.number(), Arc::clone(&shared.backlog));
        self.channels.insert(
            id,
            Open {
                shared,
                outbound: Some(outbound),
            },
        );
        reply.accept().await;
        Ok(())
    }

    async fn channel_open_x11(
        &mut self,
        _channel: Channel<Msg>,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refuse_open(reply, ChannelOpenFailure::AdministrativelyProhibited, session)
            .await
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refuse_open(reply, ChannelOpenFailure::AdministrativelyProhibited, session)
            .await
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _channel: Channel<Msg>,
        _host_to_connect: &str,
        _port_to_connect: u32,
        _originator_address: &str,
        _originator_port: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refuse_open(reply, ChannelOpenFailure::AdministrativelyProhibited, session)
            .await
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _channel: Channel<Msg>,
        _socket_path: &str,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.refuse_open(reply, ChannelOpenFailure::AdministrativelyProhibited, session)
            .await
    }

    async fn data(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.account(channel, data.len(), session)?
            && let Some(open) = self.channels.get(&channel)
        {
            open.shared.push(data);
        }
        Ok(())
    }

    /// Clients have no use for it; what comes is dropped, and thereby consumed.
    async fn extended_data(
        &mut self,
        channel: ChannelId,
        _code: u32,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.account(channel, data.len(), session).map(drop)
    }

    fn adjust_window(&mut self, channel: ChannelId, _target: u32) -> u32 {
        // What nobody uses any more must not make the windows of others smaller.
        self.forget_ended();
        self.windows.topped_up(channel.number())
    }

    async fn channel_eof(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = self.channels.get(&channel) {
            open.shared.end_of_input();
        }
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _session: &mut Session) -> Result<(), Self::Error> {
        if let Some(open) = self.channels.get(&channel) {
            open.shared.close();
            if open.outbound.is_some() {
                // Never started: there are no halves that could be dropped.
                open.shared.reader_gone();
                open.shared.writer_gone();
            }
        }
        self.forget_ended();
        Ok(())
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _term: &str,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        _modes: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(session.channel_failure(channel)?)
    }

    async fn x11_request(
        &mut self,
        channel: ChannelId,
        _single_connection: bool,
        _x11_auth_protocol: &str,
        _x11_auth_cookie: &str,
        _x11_screen_number: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(session.channel_failure(channel)?)
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        _variable_name: &str,
        _variable_value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(session.channel_failure(channel)?)
    }

    async fn window_change_request(
        &mut self,
        channel: ChannelId,
        _col_width: u32,
        _row_height: u32,
        _pix_width: u32,
        _pix_height: u32,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        Ok(session.channel_failure(channel)?)
    }

    async fn agent_request(
        &mut self,
        channel: ChannelId,
        session: &mut Session,
    ) -> Result<bool, Self::Error> {
        session.channel_failure(channel)?;
        Ok(false)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.start(channel, ChannelRequest::Shell, session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(
            channel,
            ChannelRequest::Exec(Bytes::copy_from_slice(data)),
            session,
        )
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(channel, ChannelRequest::Subsystem(name.to_owned()), session)
    }

    /// RFC 4419 §3. The client states a range; the larger of two well-known safe groups that fits (RFC 3526). Larger
    /// ones would let anybody spend our time before logging in.
    async fn lookup_dh_gex_group(&mut self, wanted: &GexParams) -> Result<Option<DhGroup>, Self::Error> {
        let fits =
            |group: &DhGroup| (wanted.min_group_size()..=wanted.max_group_size()).contains(&group.bit_size());
        Ok([DH_GROUP16, DH_GROUP14].into_iter().find(fits))
    }
}
