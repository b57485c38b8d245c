//! Every number that bounds what a caller can make the API do.

use std::time::Duration;

/// Bytes of a request body. A Create with every field at its maximum is below 3 KiB; beyond it: 413.
pub(crate) const MAX_BODY: usize = 64 * 1024;

/// Time for a whole request body to arrive, as long as hyper gives a request head; beyond it: 408.
pub(crate) const BODY_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Requests at work at once. They are short; more than this means that storage or catalog stalls: 503.
pub(crate) const MAX_REQUESTS: usize = 256;

/// What a refused caller is told to wait. Long enough to calm a burst, short beside the 20 s cap of the
/// published SDK's own back-off.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(2);

/// Connections at once on one listener; beyond it the new connection gets a 503 and is closed.
pub(crate) const MAX_CONNECTIONS: usize = 1024;

/// Refusals being written at once; beyond it a new connection is closed without a word.
pub(crate) const MAX_REFUSALS: usize = 64;

/// Time for a request head to arrive, and for a kept connection to stay idle (hyper's default).
pub(crate) const HEAD_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Time a peer may leave our answer unread before the connection is dropped.
pub(crate) const WRITE_STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of request head and read buffer (node's own server takes 16 KiB of head); beyond it: 431.
/// So do more than 100 header lines, hyper's own limit.
pub(crate) const MAX_HEAD: usize = 64 * 1024;

/// Time that requests at work get when the listener stops.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(10);

/// After an answer that ended a connection: how long and how much is still read and thrown away, so that
/// the peer reads the answer instead of a reset (RFC 9112 §9.6).
pub(crate) const LINGER: Duration = Duration::from_secs(2);
/// See [`LINGER`].
pub(crate) const LINGER_BYTES: usize = 8 * 1024 * 1024;

/// Characters of `homeDirectory`: the longest S3 key, so that a home fits into any later store.
pub(crate) const MAX_HOME_DIRECTORY: usize = 1024;

/// Characters of `description` (`reference/stedi.md` §1).
pub(crate) const MAX_DESCRIPTION: usize = 256;

/// Characters of a generated password (`reference/stedi.md` §1).
pub(crate) const PASSWORD_LENGTH: std::ops::RangeInclusive<i64> = 16..=128;
/// Length of a password when the caller does not say.
pub(crate) const DEFAULT_PASSWORD_LENGTH: u32 = 16;

/// Users on one page (`reference/stedi.md` §2.2).
pub(crate) const PAGE_SIZE: std::ops::RangeInclusive<i64> = 1..=50;
/// Page size when the caller does not say.
pub(crate) const DEFAULT_PAGE_SIZE: u32 = 25;

/// Bytes of `amz-sdk-invocation-id` (the SDK sends a UUID of 36).
pub(crate) const MAX_INVOCATION_ID: usize = 128;

/// Characters of an API key's name.
pub(crate) const MAX_KEY_NAME: usize = 256;

/// Bytes of a presented API key that are looked at; a longer one is wrong.
pub(crate) const MAX_PRESENTED_KEY: usize = 512;

/// Longest username repeated in a message; real ones have 8 characters.
pub(crate) const MAX_ECHOED_NAME: usize = 64;
