//! A session: its start, its end, what the server can do.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bytes::Bytes;
use longshore_sftp::limits::MAX_DATA_LEN;
use longshore_sftp::{ExtendedReply, ExtendedRequest, Limits, Reply, Request, Version, extension};
use tokio::sync::{OnceCell, Semaphore};

use super::file::File;
use super::handshake;
use super::limits::{
    CLOSE_TIMEOUT, MAX_OPEN_HANDLES, MIN_DATA_LEN, OPEN_HANDLES, PLAIN_DATA_LEN, PLAIN_REQUESTS,
};
use super::link::{Answering, Cost, FIRST_REQUEST, Failure, Link, ReplyFuture, SessionEnd};
use super::operations::take_handle;
use super::options::{OpenOptions, SftpOptions};
use super::pace::Pace;
use super::tasks;
use crate::channel::Channel;
use crate::error::{Error, ErrorKind, Result, Stage};

/// An SFTP session on one channel. Clones are the same session; it ends when the last one is dropped, or by
/// [`close`](Self::close).
///
/// Every request may be dropped midway, with the meaning that its outcome is unknown.
#[derive(Debug, Clone)]
pub struct Sftp {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) link: Link,
    pub(super) version: Version,
    pub(super) options: SftpOptions,
    pub(super) plain: Arc<Semaphore>,
    limits: OnceCell<ServerLimits>,
    /// The answer to LIMITS, asked for together with the first request that needs it.
    asked_limits: tokio::sync::Mutex<Option<ReplyFuture>>,
    /// The server takes the link's own path first in SYMLINK.
    pub(super) symlink_reversed: AtomicBool,
    round_trip: Duration,
}

/// What a session goes by: the server's limits where it has any, ours otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServerLimits {
    /// File bytes that one READ asks for at most.
    pub read_len: u32,
    /// File bytes that one WRITE carries at most.
    pub write_len: u32,
    /// Handles that we hold at a time.
    pub open_handles: usize,
    /// What the server announced, if it did.
    pub announced: Option<Limits>,
}

impl Sftp {
    /// Starts SFTP on a channel.
    ///
    /// # Errors
    /// The server speaks something else, nothing, or another version.
    pub async fn start(channel: Channel, options: SftpOptions) -> Result<Self> {
        Ok(Self::start_with(channel, options, None).await?.0)
    }

    /// Starts SFTP and opens a file in the same breath: what that costs is one round trip, not two.
    pub(crate) async fn start_and_open(
        channel: Channel,
        options: SftpOptions,
        path: &Bytes,
        open: &OpenOptions,
    ) -> Result<(Self, Result<File>)> {
        let request = Request::Open {
            path: path.clone(),
            flags: open.flags(),
            attrs: open.attrs().clone(),
        };
        let (sftp, reply) = Self::start_with(channel, options, Some(&request)).await?;
        let opened = match reply {
            Some(reply) => take_handle(reply, "open", path).await,
            None => Err(SessionEnd::closed().error()),
        };
        let file = opened.map(|handle| File::new(sftp.clone(), handle, path.clone()));
        Ok((sftp, file))
    }

    async fn start_with(
        mut channel: Channel,
        options: SftpOptions,
        first: Option<&Request>,
    ) -> Result<(Self, Option<ReplyFuture>)> {
        let packet = first
            .map(|request| request.to_packet(FIRST_REQUEST))
            .transpose()
            .map_err(|error| Failure::Encode(error).error("open", b""))?;
        let greeting = handshake::greet(&mut channel, options.idle_timeout, packet).await?;
        let (link, queue) = Link::new(options.idle_timeout, options.slow_timeout);
        // before anything is read
        let reply = first.map(|_| link.expect_first());
        let state = &link.state;
        tokio::spawn(tasks::transmit(channel.writer, queue, Arc::clone(state)));
        tokio::spawn(tasks::receive(
            channel.reader,
            greeting.decoder,
            greeting.rest,
            Arc::clone(state),
        ));
        options.pace.observe_round_trip(greeting.round_trip);
        // its answer comes in front of that of the first request: knowing the limits costs no round trip
        let asked_limits = greeting
            .version
            .supports(extension::LIMITS)
            .then(|| link.send(&Request::Extended(ExtendedRequest::Limits), Cost::default()));
        let sftp = Self {
            inner: Arc::new(Inner {
                link,
                version: greeting.version,
                options,
                plain: Arc::new(Semaphore::new(PLAIN_REQUESTS)),
                limits: OnceCell::new(),
                asked_limits: tokio::sync::Mutex::new(asked_limits),
                symlink_reversed: AtomicBool::new(false),
                round_trip: greeting.round_trip,
            }),
        };
        Ok((sftp, reply))
    }

    /// What the server announced: name and data of each extension, as it sent them.
    pub fn extensions(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.inner
            .version
            .extensions
            .iter()
            .map(|extension| (&extension.name[..], &extension.data[..]))
    }

    /// Whether the server announced this extension in the version that we speak.
    #[must_use]
    pub fn supports(&self, name: &str) -> bool {
        self.inner.version.supports(name)
    }

    /// How long the server took to answer the first packet.
    #[must_use]
    pub fn round_trip(&self) -> Duration {
        self.inner.round_trip
    }

    /// The byte budget, shared by the sessions of a connection.
    #[must_use]
    pub fn pace(&self) -> &Pace {
        &self.inner.options.pace
    }

    /// Whether the session has ended, with the reason.
    #[must_use]
    pub fn end_reason(&self) -> Option<Error> {
        self.inner.link.end().map(|end| end.error())
    }

    /// The limits that the session goes by.
    ///
    /// # Errors
    /// The session has ended. A server that cannot answer the question has no limits of its own.
    pub async fn limits(&self) -> Result<ServerLimits> {
        self.inner
            .limits
            .get_or_try_init(|| self.ask_limits())
            .await
            .copied()
    }

    async fn ask_limits(&self) -> Result<ServerLimits> {
        let mut asked = self.inner.asked_limits.lock().await;
        let Some(answer) = asked.as_mut() else {
            return Ok(self.clamp(None));
        };
        // stays where it is when this future is dropped, so that the next caller finds it
        let outcome = answer.await;
        *asked = None;
        let announced = match outcome {
            Ok(answered) => match answered.reply {
                Answering::Other(Reply::Extended(ExtendedReply::Raw(body))) => Limits::decode(body).ok(),
                Answering::Other(_) | Answering::Handle(_) => None,
            },
            Err(failure @ Failure::Session(_)) => return Err(failure.error("limits", b"")),
            Err(_) => None,
        };
        Ok(self.clamp(announced))
    }

    fn clamp(&self, announced: Option<Limits>) -> ServerLimits {
        let options = &self.inner.options;
        let most = options
            .max_data_len
            .unwrap_or(u32::MAX)
            .clamp(MIN_DATA_LEN, u32::try_from(MAX_DATA_LEN).unwrap_or(u32::MAX));
        let data_len = |announced: Option<u64>, packet: u64| {
            let len = match announced {
                None => u64::from(PLAIN_DATA_LEN),
                // no limit of its own: what a packet of its length can hold
                Some(0) if packet == 0 => u64::from(PLAIN_DATA_LEN),
                Some(0) => packet.saturating_sub(1024),
                Some(len) if packet == 0 => len,
                Some(len) => len.min(packet.saturating_sub(64)),
            };
            u32::try_from(len).unwrap_or(u32::MAX).clamp(MIN_DATA_LEN, most)
        };
        let packet = announced.map_or(0, |limits| limits.max_packet_len);
        let handles = match announced.map(|limits| limits.max_open_handles) {
            None | Some(0) => OPEN_HANDLES,
            // some for others who use this session
            Some(handles) => usize::try_from(handles)
                .unwrap_or(usize::MAX)
                .saturating_sub(4)
                .max(1),
        };
        ServerLimits {
            read_len: data_len(announced.map(|limits| limits.max_read_len), packet),
            write_len: data_len(announced.map(|limits| limits.max_write_len), packet),
            open_handles: handles
                .min(options.max_open_handles.unwrap_or(usize::MAX))
                .clamp(1, MAX_OPEN_HANDLES),
            announced,
        }
    }

    /// Ends the session: what was asked for goes out, then the channel is closed. Other clones fail from then on.
    ///
    /// # Errors
    /// The session had ended before, by the server or by a fault.
    pub async fn close(self) -> Result<()> {
        if let Some(end) = self.inner.link.end() {
            return Err(end.error().operation("close"));
        }
        self.inner.link.finish();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.inner.link.ended())
            .await
            .is_err()
        {
            self.inner.link.abort(SessionEnd::closed());
        }
        Ok(())
    }

    /// Waits for a place among the plain requests.
    pub(super) async fn place(&self) -> Cost {
        let place = Arc::clone(&self.inner.plain)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        Cost {
            bytes: None,
            _place: Some(place),
        }
    }
}

/// An answer of another type than the request has.
pub(super) fn unexpected(got: &Answering, operation: &'static str, path: &[u8]) -> Error {
    let got = match got {
        Answering::Handle(_) => "HANDLE".to_owned(),
        Answering::Other(reply) => reply.packet_type().to_string(),
    };
    Error::new(
        ErrorKind::Protocol,
        Stage::Sftp,
        format!("the server answered with {got}, which does not belong to this request"),
    )
    .operation(operation)
    .path(path)
}
