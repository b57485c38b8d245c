//! Every number that bounds what a client can make this crate hold or wait for.

use std::time::Duration;

use longshore_sftp::DataReply;
use longshore_sftp::limits::MAX_DATA_LEN;

use crate::verdict::OnShort;

/// The longest reply there is, in bytes: a DATA reply with as much as one READ returns. Longer READs get this much
/// (a short read); longer WRITEs are taken as long as the packet fits. A packet beyond the codec's limit ends its
/// channel: the framing can no longer be trusted.
pub(crate) const WORST_REPLY: usize = MAX_DATA_LEN + DataReply::HEADER_LEN;

/// Entries asked from the store at once for READDIR (OpenSSH sends 100 in a reply).
pub(crate) const READDIR_PAGE_ENTRIES: usize = 128;

/// Open directories of a session, over all its channels; OPENDIR beyond it fails. Each holds what the kernel and the
/// store read ahead: some 70 KiB with a page of ordinary names, so these stay below 6 MiB. Clients walk trees with one
/// or a few. `limits@openssh.com` speaks of all handles and has no word for this.
pub(crate) const DIRECTORIES_PER_SESSION: usize = 64;

/// Bytes set aside for replies that carry one or two paths (REALPATH, READLINK: at most `PATH_MAX` each).
pub(crate) const PATH_REPLY: usize = 2 * 4096 + 256;

/// Bytes set aside for any other reply.
pub(crate) const SMALL_REPLY: usize = 512;

/// Bytes set aside for each id of `users-groups-by-id@openssh.com`: a length and a user name.
pub(crate) const MAX_LOOKUP_REPLY: usize = 4 + 60;

/// Bytes that the server copies or hashes at a time: enough that the disk and not the hand-over between threads counts.
pub(crate) const COPY_CHUNK: usize = 256 * 1024;

/// Zeros that a copy passes to the store at a time: digesting them takes some 20 ms.
pub(crate) const COPY_ZEROS: u64 = 16 * 1024 * 1024;

/// Copies and hashes of a session that run at the same time; others wait. Each holds one [`COPY_CHUNK`] and keeps a core
/// busy.
pub(crate) const HEAVY_WORK_PER_SESSION: usize = 2;

/// The same for all sessions of a user, who may have ten.
pub(crate) const HEAVY_WORK_PER_USER: usize = 4;

/// Bytes of the smallest block that `check-file-…` hashes (draft-ietf-secsh-filexfer-extensions-00 §3).
pub(crate) const MIN_HASH_BLOCK: u32 = 256;

/// Words of a command line. `md5sum` with more names than this fails; programs ask file by file.
pub(crate) const COMMAND_WORDS: usize = 1024;

/// Names that a pattern may stand for in a command; more of them fail.
pub(crate) const GLOB_MATCHES: usize = 10_000;

/// Bytes of all paths that a pattern may stand for: each repeats its directory, which may take 4 KiB. More of them fail.
pub(crate) const GLOB_BYTES: usize = 2 * 1024 * 1024;

/// Bytes of a pattern for one name (names have 255 at most). A longer one is taken as it stands: what matching costs
/// grows with it.
pub(crate) const GLOB_PATTERN: usize = 512;

/// Bytes of a line of the scp protocol: mode, size and a name of at most 255 bytes, or a message.
pub(crate) const SCP_LINE: usize = 4096;

/// Directories within each other that scp copies.
pub(crate) const SCP_DEPTH: usize = 60;

/// Pieces of at most [`COPY_CHUNK`] that a command may have written and the client not taken. Then it waits.
pub(crate) const EXEC_OUTPUT_QUEUE: usize = 2;

/// Most bytes of hashes in a reply to `check-file-…`. More of them: FAILURE, the client asks for larger blocks or a part.
pub(crate) const HASHES_LEN: usize = MAX_DATA_LEN - 256;

/// Replies up to this size are collected into one SSH packet while they wait for the channel.
pub(crate) const COALESCE_REPLY_LEN: usize = 1024;

/// Most bytes collected that way: one SSH packet of the usual maximum (RFC 4253 §6.1).
pub(crate) const COALESCE_BYTES: usize = 32 * 1024;

/// Bytes read from a stream at once (`longshore sftp-server`): a WRITE of 32 KiB, the usual one, with some neighbours.
pub(crate) const STREAM_READ_LEN: usize = 64 * 1024;

/// A read buffer with less room than this is replaced: many small reads cost more than the memory.
pub(crate) const STREAM_READ_ROOM: usize = 4 * 1024;

/// How long requests and handles of an ended session may take to finish, park or discard.
pub(crate) const CLOSING_TIME: Duration = Duration::from_secs(30);

/// How long a channel of a session that we end is kept open for the message that says why.
pub(crate) const GOODBYE_TIME: Duration = Duration::from_secs(5);

/// Time between the last answer and the goodbye of a draining server. OpenSSH's client throws away what it has not yet
/// handed on when it reads DISCONNECT: without a pause it would lose the OK to the CLOSE that the drain waited for. It
/// also lets a client leave by itself.
pub(crate) const LAST_WORD: Duration = Duration::from_millis(500);

/// Pause before the catalog is asked again after it failed while sessions had to be checked.
pub(crate) const RECHECK_PAUSE: Duration = Duration::from_secs(1);

/// Records of uploads that wait for the task that writes them; a CLOSE beyond it waits for a place.
pub(crate) const RECORD_QUEUE: usize = 1024;

/// Records written together at most.
pub(crate) const RECORD_BATCH: usize = 256;

/// How long the first record of a batch waits for others where nobody waits for it.
pub(crate) const RECORD_LINGER: Duration = Duration::from_millis(200);

/// Pause before records that could not be written are tried again.
pub(crate) const RECORD_RETRY: Duration = Duration::from_secs(5);

/// Records that wait for a failing catalog (some 500 bytes each); older ones are left to the store's journal, from which
/// the next start writes them.
pub(crate) const UNWRITTEN_RECORDS: usize = 4096;

/// How often old records are deleted.
pub(crate) const FORGET_INTERVAL: Duration = Duration::from_secs(60 * 60);

/// How long an upload may be published and not on record before the recorder takes it from the store's journal: whoever
/// published it went away in between.
pub(crate) const OVERLOOKED_AFTER: Duration = Duration::from_secs(10 * 60);

/// What a server allows. The defaults suit a public server on a small machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Sessions that one user may have open. One more is told so and ended. File managers open up to 10.
    pub sessions_per_user: usize,
    /// Open handles (files and directories) of a session. OPEN beyond it fails; `limits@openssh.com` names it.
    pub handles_per_session: usize,
    /// Requests of a channel that run or wait for others. Beyond it nothing is read from the channel.
    pub requests_in_flight: usize,
    /// Bytes of replies that a session may hold, over all its channels. Beyond it nothing is read.
    pub reply_bytes_per_session: usize,
    /// The same over all sessions. Beyond it each channel still has room for one reply at a time, so that everybody is
    /// served, slowly.
    pub reply_bytes_total: usize,
    /// How long a new SFTP channel may take to send INIT.
    pub init_timeout: Duration,
    /// How long a session may go without a request or an answer being taken. Keepalives do not count; running
    /// requests do.
    pub idle_timeout: Duration,
    /// Time from accept to a finished login (OpenSSH `LoginGraceTime`: 120 s).
    pub login_grace: Duration,
    /// What becomes of uploads that lack bytes of the size that their client announced.
    pub on_short: OnShort,
    /// Whether CLOSE waits until the upload is on record; otherwise the record is written soon after the answer.
    pub record_before_answer: bool,
    /// How long records of uploads are kept; `None`: for ever.
    pub keep_records: Option<Duration>,
    /// What a peer may do below SFTP: connections, login attempts, channels, windows.
    pub ssh: longshore_ssh::Limits,
    /// The threads that sessions live on. `None`: the runtime that the server is started in.
    pub workers: Option<longshore_ssh::Workers>,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            sessions_per_user: 10,
            handles_per_session: 1024,
            requests_in_flight: 64,
            reply_bytes_per_session: 12 * 1024 * 1024,
            reply_bytes_total: 256 * 1024 * 1024,
            init_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(30 * 60),
            login_grace: Duration::from_secs(60),
            on_short: OnShort::default(),
            record_before_answer: true,
            keep_records: Some(Duration::from_secs(400 * 24 * 60 * 60)),
            ssh: longshore_ssh::Limits::default(),
            workers: None,
        }
    }
}
