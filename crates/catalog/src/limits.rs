//! Every number that bounds something in this crate.

use std::time::Duration;

/// Length of a generated user name in characters of A–Z and 0–9 (`reference/stedi.md` §1): 41 bits.
pub const USERNAME_LEN: usize = 8;

/// How often a new name is drawn when the drawn one was used before. One draw in a thousand millions
/// collides with 2,000 names given out, so the second draw practically never fails.
pub const USERNAME_ATTEMPTS: usize = 16;

/// Characters of a generated password: the shortest holds 95 bits, which the cheap way to store it needs; the
/// longest is the reference's (`reference/stedi.md` §1). Callers check; the store goes to the nearer end.
pub const PASSWORD_LEN: std::ops::RangeInclusive<u32> = 16..=128;

/// Characters after `lsk_` in the visible part of an API key: 62 bits, unique in the table.
pub const KEY_PREFIX_LEN: usize = 12;

/// Characters of `[A-Za-z0-9]` in the secret part of an API key: 190 bits.
pub const KEY_SECRET_LEN: usize = 32;

/// Users on one page at most; larger requests get this many. The HTTP API asks for 50 at most
/// (`reference/stedi.md` §2.2); commands on the same machine may ask for more.
pub const MAX_PAGE_SIZE: u32 = 1000;

/// How long an answer is kept to be given once more. The SDK gives up after 3 attempts with 20 s between
/// them at most; ten minutes cover clients that retry by hand (`reference/stedi.md` §3.5).
pub const REPLAY_WINDOW: Duration = Duration::from_secs(10 * 60);

/// How often answers past their window are deleted while nothing else is written.
pub const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Writes that wait for the writer; further callers wait in their own task.
pub const WRITE_QUEUE: usize = 256;

/// Writes committed together at most, so that the first of them does not wait too long.
pub const WRITE_BATCH: usize = 64;

/// Records of uploads written by one statement; each takes 16 parameters of the 32,766 that SQLite has.
pub(crate) const RECORD_ROWS: usize = 64;

/// Old records deleted in one transaction.
pub(crate) const FORGET_BATCH: i64 = 1000;

/// Reading connections. Reads take microseconds: this is for the odd slow page beside logins.
pub const READERS: u32 = 4;

/// How long SQLite waits for a lock of another process, a backup tool for example.
pub const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a read waits for a free reading connection.
pub const READER_WAIT: Duration = Duration::from_secs(10);

/// Changes that a receiver may fall behind before it has to read its users again.
pub const CHANGE_BACKLOG: usize = 1024;

/// argon2id: memory in KiB, passes and lanes for human-chosen passwords (RFC 9106 with the OWASP minimum
/// of 19 MiB, 2, 1; about 24 ms of one core).
pub const ARGON2_COST: (u32, u32, u32) = (19_456, 2, 1);

/// argon2id costs above these are refused when read from the database: memory in KiB, passes, lanes.
pub const ARGON2_MAX_COST: (u32, u32, u32) = (1_048_576, 16, 16);

/// argon2id computations at the same time: each takes its memory and a core.
pub const ARGON2_PARALLEL: usize = 2;
