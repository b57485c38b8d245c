//! What a [`crate::Server`] is started with.

use std::sync::Arc;
use std::time::Duration;

use crate::algorithms;
use crate::host_keys::HostKeys;
use crate::limits::{Limits, TRANSPORT_QUEUE};
use crate::workers::Workers;

/// Settings of a server.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// The keys that prove who we are.
    pub host_keys: HostKeys,
    /// What a peer may make us hold or do.
    pub limits: Limits,
    /// `softwareversion` of the identification string (RFC 4253 §4.2): printable ASCII without spaces and `-`.
    pub software: String,
    /// Time from accept to a finished login, identification and key exchange included (OpenSSH `LoginGraceTime`).
    pub login_grace: Duration,
    /// Shortest time that a refused login takes, so that its length tells nothing.
    pub auth_rejection_time: Duration,
    /// After this long without a word from the peer it is asked for one.
    pub keepalive_interval: Duration,
    /// A peer that leaves so many questions unanswered is taken for dead.
    pub keepalive_max: usize,
    /// A logged-in connection that moves no channel data for so long is closed. `None`: never.
    pub idle_timeout: Option<Duration>,
    /// Bytes in one direction after which we ask for new keys. 16 GiB stays far below what AES stands (RFC 4344
    /// §3.2: 64 GiB) and below 2^32 packets of the smallest size; clients may ask earlier.
    pub rekey_after_bytes: u64,
    /// Time after which we ask for new keys. `None`, as in OpenSSH: never because of time alone.
    pub rekey_after_time: Option<Duration>,
    /// The threads that connections live on. `None`: the runtime that the server runs on.
    pub workers: Option<Workers>,
}

impl ServerConfig {
    /// Default settings with these host keys.
    #[must_use]
    pub fn new(host_keys: HostKeys) -> Self {
        Self {
            host_keys,
            limits: Limits::default(),
            software: format!("Longshore_{}", env!("CARGO_PKG_VERSION")),
            login_grace: Duration::from_secs(60),
            auth_rejection_time: Duration::from_millis(100),
            keepalive_interval: Duration::from_secs(60),
            keepalive_max: 3,
            idle_timeout: None,
            rekey_after_bytes: 16 << 30,
            rekey_after_time: None,
            workers: None,
        }
    }

    /// The same in the words of the transport library.
    pub(crate) fn transport(&self, methods: russh::MethodSet) -> Arc<russh::server::Config> {
        let rekey_bytes = usize::try_from(self.rekey_after_bytes).unwrap_or(usize::MAX);
        Arc::new(russh::server::Config {
            server_id: russh::SshId::Standard(format!("SSH-2.0-{}", self.software).into()),
            methods,
            auth_rejection_time: self.auth_rejection_time,
            // The first request of most clients is `none`, only to learn the methods.
            auth_rejection_time_initial: Some(Duration::ZERO),
            keys: self.host_keys.private_keys(),
            certificates: Vec::new(),
            limits: russh::Limits {
                rekey_write_limit: rekey_bytes,
                rekey_read_limit: rekey_bytes,
                rekey_time_limit: self.rekey_after_time.unwrap_or(Duration::MAX),
            },
            window_size: self.limits.initial_window,
            maximum_packet_size: self.limits.packet,
            // Nobody reads the library's own channel queues.
            channel_buffer_size: 1,
            event_buffer_size: TRANSPORT_QUEUE,
            preferred: algorithms::preferred(),
            // The `none` request that most clients start with counts there.
            max_auth_attempts: self.limits.auth_attempts + 1,
            // With keepalives this is only reached by a peer that takes nothing from us any more.
            inactivity_timeout: Some(
                self.keepalive_interval * u32::try_from(self.keepalive_max + 2).unwrap_or(u32::MAX),
            ),
            keepalive_interval: Some(self.keepalive_interval),
            keepalive_max: self.keepalive_max,
            nodelay: true,
        })
    }
}
