//! What a peer may make us hold or do: each number with its unit, its origin, and what happens beyond it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Limits that an operator may set.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once, logged in or not. Beyond it a new one is told so in a line of text and closed.
    /// 1000: one file descriptor each, and the usual soft limit is 1024.
    pub connections: usize,
    /// Connections at once that have not logged in (OpenSSH `MaxStartups`, 100). Beyond it: as above.
    pub unauthenticated: usize,
    /// The same from one source address (one /64 for IPv6), so that one host cannot lock out the others.
    pub unauthenticated_per_address: usize,
    /// Failed logins on one connection (OpenSSH `MaxAuthTries`, 6); the connection is then closed.
    pub auth_attempts: usize,
    /// Public keys a connection may ask about without signing. Further ones count as failed logins.
    pub key_probes: usize,
    /// Channels open at once on one connection (OpenSSH `MaxSessions`, 10).
    /// Beyond it: `SSH_OPEN_RESOURCE_SHORTAGE`.
    pub channels: usize,
    /// Received bytes that one connection may have us hold over all its channels: what was granted to the peer
    /// plus what the service has not given back as consumed. Beyond it the peer gets no more credit. A newly
    /// opened channel brings its `initial_window` in any case.
    pub connection_budget: usize,
    /// The same for what was received and not given back over all connections. Beyond it only channels whose service keeps
    /// up get more credit.
    pub received_total: ReceivedTotal,
    /// Bytes that the peer may send on a channel at first (`initial_window_size`, RFC 4254 §5.1).
    ///
    /// OpenSSH takes 2 MiB. Ours is 4 MiB because the transport library breaks a connection that receives more than
    /// twice this number between its own KEXINIT and the peer's: [`Limits::window`] may not be more.
    pub initial_window: u32,
    /// To how much a channel's window may grow while its data is consumed as fast as it comes.
    /// 8 MiB fill 1.3 Gbit/s at 50 ms round trip.
    pub window: u32,
    /// Largest CHANNEL_DATA payload that we take (`maximum_packet_size`). Larger ones end the connection.
    pub packet: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1000,
            unauthenticated: 100,
            unauthenticated_per_address: 32,
            auth_attempts: 6,
            key_probes: 16,
            channels: 10,
            connection_budget: 16 * MIB,
            received_total: ReceivedTotal::default(),
            initial_window: 4 << 20,
            window: 8 << 20,
            packet: 65_535,
        }
    }
}

/// Received bytes that all connections together may have us hold, and those that they do. Clones count together.
#[derive(Clone)]
pub struct ReceivedTotal {
    limit: usize,
    pub(crate) held: Arc<AtomicUsize>,
}

impl ReceivedTotal {
    /// At most `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            held: Arc::default(),
        }
    }

    /// Whether nobody should send more.
    pub(crate) fn is_full(&self) -> bool {
        self.held.load(Ordering::Relaxed) >= self.limit
    }
}

/// 512 MiB: what 32 connections hold whose uploads the disk does not keep up with.
impl Default for ReceivedTotal {
    fn default() -> Self {
        Self::new(512 * MIB)
    }
}

impl std::fmt::Debug for ReceivedTotal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ReceivedTotal").field(&self.limit).finish()
    }
}

/// Bytes in one MiB.
const MIB: usize = 1 << 20;

/// Bytes of a user name (the longest that Linux and common directories have). Longer ones are refused unseen.
pub(crate) const MAX_USER_NAME: usize = 255;

/// Bytes of a password. Longer ones are refused unseen, so that nobody can have us hash a packet full.
pub(crate) const MAX_PASSWORD: usize = 1024;

/// Bytes that a peer may send before it has logged in: two dozen times what a login with a password takes, and enough
/// for sixteen offers of large RSA keys. Beyond it the connection is cut. Key exchanges cost us far more than the
/// peer, and it may ask for them again and again until the grace time ends.
pub(crate) const MAX_BEFORE_LOGIN: usize = 64 * 1024;

/// Bits of the smallest RSA user key that is looked at (NIST SP 800-57: 112-bit strength).
pub(crate) const MIN_RSA_BITS: u32 = 2048;

/// Channels that one connection may open in its life. The transport library keeps some 3 KiB for each channel
/// that we closed first, until the connection ends.
pub(crate) const CHANNELS_PER_LIFE: usize = 4096;

/// Channel opens that may be refused on one connection before it is closed: while a key exchange that the peer
/// delays is under way, the transport library queues each refusal (some 4 KiB) without bound.
pub(crate) const REFUSED_CHANNELS: usize = 512;

/// Messages from channel writers that may wait for the transport. Each is one packet at most (32 KiB with OpenSSH),
/// and one flush takes at most 64, so this bounds memory and sets how many packets share a system call.
pub(crate) const TRANSPORT_QUEUE: usize = 16;

/// Bytes that are read ahead of the packet being received: enough to find the next length in the same system
/// call, or 60 small requests, or the WRITE of a 4 KiB file; not so much that copying it costs more than the call.
pub(crate) const READ_AHEAD: usize = 4608;

/// Bytes of one allocation for received bulk data: a 255 KiB write and its header.
pub(crate) const SEGMENT: usize = 264 * 1024;

/// Packets of at least this many bytes are taken for bulk data and get a [`SEGMENT`].
pub(crate) const BULK_PACKET: usize = 16 * 1024;

/// Bytes of an identification string (RFC 4253 §4.2).
pub(crate) const MAX_IDENTIFICATION: usize = 255;
