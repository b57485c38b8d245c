//! Bounds of an SFTP session: value, unit, origin, and what happens beyond.

use std::time::Duration;

/// File bytes of one READ or WRITE where the server announces no limit of its own, in bytes. The draft (§3) obliges
/// everybody to take packets of 34,000 bytes; OpenSSH's client uses 32 KiB as well.
pub(crate) const PLAIN_DATA_LEN: u32 = 32 * 1024;

/// The shortest READ or WRITE that we go down to, in bytes. A server that announces less gets this nevertheless: a
/// transfer by single bytes helps nobody.
pub(crate) const MIN_DATA_LEN: u32 = 512;

/// File bytes on their way over one connection, in bytes: requests for them and data that nobody has taken yet. Twice what a
/// gigabit line holds at 100 ms. More waits.
pub(crate) const IN_FLIGHT: usize = 24 << 20;

/// File bytes on their way at first, in bytes; the pace doubles it while that helps. What OpenSSH's client ends up with.
pub(crate) const FIRST_IN_FLIGHT: usize = 4 << 20;

/// The least that the pace goes down to, in bytes.
pub(crate) const MIN_IN_FLIGHT: usize = 2 << 20;

/// Requests without file bytes that callers may have under way on one channel. More wait.
pub(crate) const PLAIN_REQUESTS: usize = 1024;

/// Silence of the server, in the face of requests, that ends a session.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The same while the server hashes, copies or syncs a file: it may take long over large ones, and sends nothing meanwhile.
pub(crate) const SLOW_TIMEOUT: Duration = Duration::from_secs(30 * 60);

/// Bytes that count as progress, once they have arrived since the last progress: a server that sends one byte a minute makes
/// none.
pub(crate) const PROGRESS_LEN: u64 = 1024;

/// How long a session that is being closed waits for the server's end.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes handed to the channel at a time. Each hand-over that the channel takes counts as progress, so this divided by the
/// idle time is the slowest line that we put up with.
pub(crate) const BATCH_LEN: usize = 256 * 1024;

/// Packets handed to the channel at a time.
pub(crate) const BATCH_PACKETS: usize = 64;

/// READDIR requests under way for one directory: most directories need two, the second of which says that there is no more.
pub(crate) const READ_DIR_AHEAD: usize = 2;

/// Characters of a server's words that an error repeats.
pub(crate) const STATUS_MESSAGE_LEN: usize = 1024;

/// Handles that a server is trusted to hold where it announces no number, in pieces. OpenSSH's server before 8.5 had 200,
/// others 100; the next open waits.
pub(crate) const OPEN_HANDLES: usize = 96;

/// Most handles that we hold on one session whatever the server announces.
pub(crate) const MAX_OPEN_HANDLES: usize = 512;
