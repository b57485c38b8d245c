//! Bounds of transfers: value, unit, origin, and what happens beyond.

use std::time::Duration;

/// Files that go in one piece, in bytes: what one block of OpenSSH's limits holds. Longer ones are streamed.
pub(crate) const SMALL_FILE_LEN: u64 = 255 * 1024;

/// What is asked for of a file whose size is not known yet, in bytes.
pub(crate) const FIRST_READ_LEN: u32 = 32 * 1024;

/// File bytes read from or written to the local disk at a time, in bytes: long enough that handing the work over costs
/// nothing, short enough for the processor's cache.
pub(crate) const DISK_CHUNK_LEN: usize = 1 << 20;

/// SFTP channels on one connection. OpenSSH allows ten sessions by default (`MaxSessions`); the rest is left to others.
pub(crate) const CHANNELS: usize = 8;

/// Bytes that a further channel must have to move before it is opened.
pub(crate) const BYTES_PER_CHANNEL: u64 = 4 << 20;

/// The same for downloads, whose windows are our own and long.
pub(crate) const READ_BYTES_PER_CHANNEL: u64 = 64 << 20;

/// Round trip from which further channels are opened: below, the windows of one channel (2 MiB with OpenSSH) carry a gigabyte
/// a second.
pub(crate) const FAR_ROUND_TRIP: Duration = Duration::from_millis(4);

/// Files on their way at a time.
pub(crate) const FILES_IN_FLIGHT: usize = 64;

/// Time between two progress events of one file.
pub(crate) const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// A partial file shorter than this is not kept: sending it again costs less than proving it. In bytes.
pub(crate) const KEEP_PARTIAL_LEN: u64 = 256 * 1024;

/// Names tried for a temporary file before giving up.
pub(crate) const TEMPORARY_NAMES: usize = 8;

/// Longest file name in bytes on the file systems in use.
pub(crate) const NAME_LEN: usize = 255;

/// Failed files that a report of many files keeps with their errors; the rest is counted.
pub(crate) const KEPT_FAILURES: usize = 1000;

/// Directories listed at a time.
pub(crate) const LISTINGS: usize = 8;

/// Entries found and not yet worked on, across all directories; listing pauses beyond.
pub(crate) const QUEUED_ENTRIES: usize = 4096;

/// How deep a tree may nest.
pub(crate) const TREE_DEPTH: usize = 256;

/// Attempts at an open that fails while other handles are held: servers say no more than "failure" when they have no handle
/// left.
pub(crate) const OPEN_ATTEMPTS: usize = 6;
