//! Values that pass through the storage trait.

use std::time::SystemTime;

/// Who may see an unfinished upload: the SFTP user that started it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OwnerId(pub i64);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileType {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A FIFO, socket or device that stands in the bucket; listed, never opened.
    Other,
}

/// SHA-256 of a whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sha256(pub [u8; 32]);

/// What is known of the digest of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// It is this.
    Known(Sha256),
    /// It is still being made: not published yet, or bytes that came out of order are being read.
    Pending,
    /// There is none, and there will be none: switched off, changed since, or too much work.
    Absent,
}

/// Which version of a file: changes with each publish and each edit that the store can notice.
/// Opaque; equal values mean the same bytes as far as the store can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub Box<[u8]>);

/// Attributes of a file, directory or link.
#[derive(Debug, Clone)]
pub struct Stat {
    /// What it is.
    pub file_type: FileType,
    /// Size in bytes.
    pub size: u64,
    /// Permission bits only (`0o7777`), without the type bits.
    pub mode: u32,
    /// Owner as the store knows it (local disk: the uid of the file).
    pub uid: u32,
    /// Group as the store knows it.
    pub gid: u32,
    /// Number of hard links; 1 where the store has none.
    pub links: u64,
    /// Last change of the content.
    pub modified: SystemTime,
    /// Last reading, as far as the store keeps it.
    pub accessed: SystemTime,
    /// SHA-256 of the content when the store knows it to be current. Only an open file tells it
    /// ([`ReadFile::stat`](crate::ReadFile::stat)): listings and look-ups by name stay cheap.
    pub digest: Option<Sha256>,
}

/// Attributes to change; `None` leaves one as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetStat {
    /// Truncate or extend (with zeros) to this size.
    pub size: Option<u64>,
    /// Permission bits (`0o7777`).
    pub mode: Option<u32>,
    /// Times as (accessed, modified).
    pub times: Option<(SystemTime, SystemTime)>,
    /// Owner and group. Stores accept it quietly when it changes nothing.
    pub owner: Option<(u32, u32)>,
}

/// One entry of a directory.
#[derive(Debug, Clone)]
pub struct DirEntry {
    /// The last part of the path; bytes, never empty, no `/`, not `.` or `..`.
    pub name: Vec<u8>,
    /// Attributes of the entry itself (a link is not followed).
    pub stat: Stat,
}

/// Space of the file system that a path lies on (statvfs(3)).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpaceInfo {
    /// File system block size.
    pub block_size: u64,
    /// Fundamental block size.
    pub fragment_size: u64,
    /// Blocks in units of `fragment_size`.
    pub blocks: u64,
    /// Free blocks.
    pub blocks_free: u64,
    /// Free blocks for the unprivileged.
    pub blocks_available: u64,
    /// File nodes.
    pub files: u64,
    /// Free file nodes.
    pub files_free: u64,
    /// Free file nodes for the unprivileged.
    pub files_available: u64,
    /// File system id.
    pub filesystem_id: u64,
    /// Mount flags: bit 0 read-only, bit 1 no setuid.
    pub flags: u64,
    /// Longest name in bytes.
    pub name_max: u64,
}

/// What a store can do; the SFTP VERSION reply advertises by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Capabilities {
    /// Rename that replaces the target in one step.
    pub atomic_replace: bool,
    /// Hard links.
    pub hard_links: bool,
    /// Symbolic links.
    pub symlinks: bool,
    /// Free space is known.
    pub space: bool,
    /// [`Upload::sync`](crate::Upload::sync) makes data durable before publishing.
    pub sync: bool,
    /// Files can be changed in place ([`Home::edit`](crate::Home::edit)).
    pub edit: bool,
    /// Modes and times are kept.
    pub attributes: bool,
}

/// What must hold of the name when an upload begins (and, for `Absent`, until it is published).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing: create or replace (`CREAT`).
    None,
    /// The name must be free; it is reserved across sessions at once (`CREAT` + `EXCL`).
    Absent,
    /// The file must exist (no `CREAT`).
    Present,
}

/// What a staged upload starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UploadBase {
    /// Empty (`TRUNC`, `EXCL`).
    Empty,
    /// The published version, if there is one: ranges that are never written are carried over at publish. The way to
    /// ask for `CREAT` without `TRUNC`: an unfinished upload of the same owner is joined instead of replaced.
    Published,
}

/// How an upload begins; the table of `design.md` §4 decides which.
#[derive(Debug, Clone)]
pub struct UploadOptions {
    /// What must hold of the name.
    pub precondition: Precondition,
    /// What unwritten ranges read as.
    pub base: UploadBase,
    /// Permission bits for a new file; a replaced file keeps its own. `None`: 0o644.
    pub mode: Option<u32>,
    /// The handle may read as well (`READ` beside `WRITE`).
    pub readable: bool,
}

/// How a file is changed in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EditMode {
    /// READ+WRITE without TRUNC: offsets are honoured, reading allowed.
    ReadWrite,
    /// APPEND: each write goes to the end; `readable` when READ was set as well.
    Append {
        /// Reading allowed too.
        readable: bool,
    },
}

/// When an acknowledged CLOSE, rename or mkdir is on stable storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Before the answer: data synced, renamed, directory synced.
    #[default]
    Close,
    /// When the operating system writes it back.
    None,
}
