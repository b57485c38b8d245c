//! Every limit of this crate: value, unit, origin, and what happens beyond it.

use std::time::Duration;

/// Symbolic links followed in one resolution; beyond it `LinkLoop`. Linux follows 40 (path_resolution(7)).
pub(crate) const LINKS: usize = 40;

/// Lookups of one resolution by the fallback walker; beyond it `LinkLoop`. A path of 4095 bytes has at most
/// 2048 parts; the rest is for links whose targets climb with `..`, each of which walks again from the root.
pub(crate) const WALK_LOOKUPS: usize = 16_384;

/// Fresh starts of the fallback walker after somebody moved a directory under its feet; then `Busy`.
pub(crate) const WALK_RESTARTS: usize = 64;

/// Tries of `openat2`, which answers `EAGAIN` when a rename runs beside a lookup of `..` (openat2(2)); then the
/// walker takes over.
pub(crate) const OPENAT2_TRIES: usize = 32;

/// Fresh lookups after a name changed its kind between the look and the open; then `Busy`.
pub(crate) const CHANGED_TRIES: usize = 64;

/// Directories climbed when a publish checks that its target still lies in the home; a path cannot be deeper.
pub(crate) const DEPTH: usize = 4096;

/// Dirty bytes of an upload that start a flush (`design.md` §4: CLOSE never has more than that to do).
pub(crate) const FLUSH_BYTES: u64 = 64 << 20;

/// Dirty bytes of an upload at which writers wait for the running flush.
pub(crate) const FLUSH_WAIT_BYTES: u64 = 2 * FLUSH_BYTES;

/// How long a flush waits at most for uploads that are on their way to it (never longer than the last one took): each of
/// them would have to wait for the next one otherwise.
pub(crate) const FLUSH_PATIENCE: Duration = Duration::from_millis(20);

/// Separate written ranges remembered for one upload (16 bytes each, so that the thousand uploads that a session may
/// have open cost 16 MiB). Clients that write many blocks at once make some dozens. Beyond it the published version is
/// carried over at once, and no ranges are needed any more.
pub(crate) const WRITTEN_RANGES: usize = 1024;

/// Bytes moved at a time where the kernel cannot copy between files itself.
pub(crate) const COPY_CHUNK: usize = 1 << 20;

/// Spare bytes that a read may fill beyond what was asked, to save clearing the buffer first; see `read_into`.
pub(crate) const READ_SLACK: usize = 4096;

/// Entries of one listing page whatever the caller asks, so that a page stays some hundred KiB.
pub(crate) const PAGE_ENTRIES: usize = 1024;

/// Longest target of a symbolic link (Linux `PATH_MAX` less its NUL).
pub(crate) const LINK_TARGET: usize = 4095;

/// Bytes of a name in a directory (Linux `NAME_MAX`).
pub(crate) const NAME_BYTES: usize = 255;

/// Locks that serialise removing a directory with beginning an upload in it, and as many that serialise those who change
/// a file in place when they make its digest void.
pub(crate) const DIR_LOCKS: usize = 64;

/// Jobs of one owner on the blocking pool at a time, over all the owner's homes; the others wait without a thread. The
/// pool has 512 threads (tokio's default): one owner's slow disk work leaves nearly all of them to everybody else.
pub(crate) const JOBS_PER_OWNER: usize = 16;

/// Longest read that an async thread serves itself from memory: one full SFTP READ (OpenSSH's limit of 255 KiB) takes
/// some 30 µs to copy. Longer ones go to the blocking pool.
pub(crate) const READ_AT_ONCE: usize = 256 << 10;

/// Ended uploads remembered for those who ask what became of one; some 300 bytes each.
pub(crate) const ENDED_UPLOADS: usize = 1024;

/// Parked uploads of one owner: more than any client leaves behind in a week. Each takes some 2 KiB of memory and as
/// much in the journal. Beyond it the oldest that was not acknowledged goes, or nothing new begins.
pub(crate) const PARKED_UPLOADS: usize = 256;

/// Bytes in them: several of the largest transfers that break off.
pub(crate) const PARKED_BYTES: u64 = 256 << 30;

/// Bytes that the caller of CLOSE may have kept with the record of an upload: evidence for a verdict, some names.
pub(crate) const NOTE_BYTES: usize = 4096;

/// Bytes that a bucket's journal of uploads grows by before it is written anew: some thousand entries, a write of
/// some milliseconds.
pub(crate) const JOURNAL_BYTES: u64 = 1 << 20;

/// Room behind that for the last entry, which is the largest when it lists [`WRITTEN_RANGES`] ranges.
pub(crate) const JOURNAL_SPARE: u64 = 64 << 10;

/// Published uploads that may wait for their record; beyond it the oldest is given up, for nobody keeps records.
pub(crate) const UNRECORDED: usize = 65_536;

/// Bytes that were written ahead of the gap-free front, or before an upload was taken up again, and are read back for
/// the digest with one later write: some 2 ms of work. A resumed upload so catches up many times faster than it grows.
pub(crate) const DIGEST_CATCH_UP: u64 = 4 << 20;

/// Bytes that CLOSE reads at most to finish a digest (some 40 ms); with more left it is finished after the answer.
pub(crate) const DIGEST_AT_CLOSE: u64 = FLUSH_BYTES;

/// Bytes read at a time for a digest; what is read stays in the processor's cache.
pub(crate) const DIGEST_CHUNK: usize = 256 << 10;

/// Digests that wait to be finished after publishing (each holds a file open); files beyond it have none.
pub(crate) const LATE_DIGESTS: usize = 64;

/// Bytes of holes in a file whose digest is still finished after publishing. A file of many terabytes of nothing is made
/// with one write; reading it would keep a processor busy for hours.
pub(crate) const DIGEST_HOLES: u64 = 32 << 30;

/// Bytes without a gap from which on an unfinished upload is worth mentioning in the journal, so that a killed process
/// leaves it parked; smaller ones are sent again faster than they are found.
pub(crate) const KEPT_FROM: u64 = 1 << 20;

/// Front of an upload that an async thread writes itself where files lie in memory: to copy and digest it takes less than
/// to wake a thread and to be woken. What is longer goes to the blocking pool, which works beside the decryption.
pub(crate) const WRITE_AT_ONCE: u64 = 64 << 10;

/// Bytes from which on a file that has no name any more is closed on the blocking pool: freeing a GiB takes a file
/// system some milliseconds.
pub(crate) const LARGE_FILE: i64 = 16 << 20;

/// Quarters of the process's descriptors that open files may take; the rest is for connections, the catalog and what is
/// opened for a moment.
pub(crate) const DESCRIPTOR_QUARTERS: usize = 3;

/// Former names in the bucket by which a parked upload is looked for, when directories above it were renamed.
pub(crate) const NAMES_OF_PARKED: usize = 4;

/// Descriptors of an upload: the staged file and the directory that it goes to.
pub(crate) const UPLOAD_DESCRIPTORS: u32 = 2;
