//! Bounds of the binary itself. Those of sessions, requests and storage are with their crates.

use std::time::Duration;

/// Pending connections per listener. The kernel caps it at `net.core.somaxconn` (4096 on current kernels).
pub(crate) const LISTEN_BACKLOG: u32 = 1024;

/// Threads for blocking work (disk, hashing). Enough to keep several disks busy, few enough that their stacks
/// stay small; work beyond it waits in order.
pub(crate) const BLOCKING_THREADS: usize = 64;

/// Longest body that a client command takes from a server, bytes. A page of 50 users is below 64 KiB.
pub(crate) const CLIENT_BODY_MAX: usize = 8 * 1024 * 1024;

/// How long a client command waits for a connection.
pub(crate) const CLIENT_CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client command waits for an answer once connected.
pub(crate) const CLIENT_ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// Largest `longshore.toml`, bytes; a mistyped `--config /dev/sda` must not fill memory.
pub(crate) const CONFIG_FILE_MAX: u64 = 1024 * 1024;

/// Threads of `sftp-server` that wait for the disk: one client reads ahead or writes behind on this many files at most.
pub(crate) const SFTP_SERVER_THREADS: usize = 8;

/// Largest API key file, bytes.
pub(crate) const KEY_FILE_MAX: u64 = 4096;

/// Longest password or passphrase in a file or on standard input, bytes; the line end not counted.
pub(crate) const SECRET_LINE_MAX: usize = 16 * 1024;

/// `sun_path` of sockaddr_un(7) including the final NUL, bytes.
pub(crate) const SOCKET_PATH_MAX: usize = 108;

/// The clock is taken as not set when it shows a time before 2024-01-01T00:00:00Z, seconds since 1970: no
/// release of this program is older, and records with such times would be wrong for ever.
pub(crate) const CLOCK_MIN_UNIX_SECS: u64 = 1_704_067_200;

/// Words of one line of a batch file (OpenSSH: `MAXARGS`). More is an error.
pub(crate) const BATCH_WORDS: usize = 128;

/// Bytes of one line of a batch file (OpenSSH: 2047). A longer one is an error.
pub(crate) const BATCH_LINE_LEN: usize = 64 << 10;

/// Names that one pattern may match, here or on a server. More is an error.
pub(crate) const PATTERN_MATCHES: usize = 1_000_000;

/// Warnings and failures that a command keeps for its JSON document and its end. The rest is counted.
pub(crate) const KEPT_WARNINGS: usize = 1000;

/// Lines of the shell's history that are kept.
pub(crate) const SHELL_HISTORY: usize = 1000;

/// Directories that are listed at a time in a tree on a server; servers allow some hundred open handles.
pub(crate) const WALK_DIRECTORIES: usize = 32;

/// Levels that are entered in a tree on a server: paths of 4096 bytes (`PATH_MAX`) have no more, and a server that makes up
/// directories without end does not fill memory.
pub(crate) const WALK_DEPTH: usize = 2048;

/// Requests that a command has under way at a time where it has many of one kind.
pub(crate) const REQUESTS_AHEAD: usize = 64;

/// What `cat`, `cp` and `hash` ask for at a time, bytes.
pub(crate) const READ_CHUNK: usize = 1 << 20;

/// How many of these are under way: a long line is kept full, and memory stays below 16 MiB.
pub(crate) const READ_CHUNKS: usize = 8;

/// What `run` reads from standard input at a time, bytes.
pub(crate) const RUN_CHUNK: usize = 64 * 1024;

/// Requests that `doctor` sends at once to see whether a server stands it; clients that are in a hurry send as many.
pub(crate) const DOCTOR_REQUESTS: u64 = 256;

/// The file that `doctor` reads and writes, bytes: longer than any packet, short enough for a slow line.
pub(crate) const DOCTOR_FILE: usize = 1 << 20;
