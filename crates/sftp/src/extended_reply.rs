//! Bodies of EXTENDED_REPLY (OpenSSH PROTOCOL §4).

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::{MAX_DATA_LEN, MAX_LOOKUP_IDS, MAX_PACKET_LEN};
use crate::wire::{Reader, Writer};
use crate::{FileHashes, SpaceAvailable};

/// Body of an EXTENDED_REPLY. The packet does not say which: [`Reply::decode`](crate::Reply::decode) returns
/// [`Self::Raw`], and the client, which knows what it asked, decodes that further.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtendedReply {
    /// To `statvfs@openssh.com` and `fstatvfs@openssh.com`.
    StatVfs(StatVfs),
    /// To `limits@openssh.com`.
    Limits(Limits),
    /// To `users-groups-by-id@openssh.com`.
    UsersGroups(UsersGroups),
    /// To `check-file-handle` and `check-file-name`.
    FileHashes(FileHashes),
    /// To `space-available`.
    SpaceAvailable(SpaceAvailable),
    /// Not interpreted.
    Raw(Bytes),
}

/// Space of a file system (PROTOCOL §4.4); the fields of statvfs(3) in wire order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatVfs {
    /// `f_bsize`: block size.
    pub block_size: u64,
    /// `f_frsize`: unit of the block counts.
    pub fragment_size: u64,
    /// `f_blocks`
    pub blocks: u64,
    /// `f_bfree`
    pub blocks_free: u64,
    /// `f_bavail`: free blocks for the unprivileged.
    pub blocks_available: u64,
    /// `f_files`
    pub files: u64,
    /// `f_ffree`
    pub files_free: u64,
    /// `f_favail`: free file nodes for the unprivileged.
    pub files_available: u64,
    /// `f_fsid`
    pub filesystem_id: u64,
    /// `f_flag`: [`Self::READ_ONLY`], [`Self::NO_SETUID`].
    pub flags: u64,
    /// `f_namemax`: longest name in bytes.
    pub name_max: u64,
}

/// Limits of a server (PROTOCOL §4.8); 0 means that a value is not limited by the server itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Longest packet in bytes.
    pub max_packet_len: u64,
    /// Most bytes that one READ returns.
    pub max_read_len: u64,
    /// Most bytes that one WRITE may carry.
    pub max_write_len: u64,
    /// Most handles open at a time.
    pub max_open_handles: u64,
}

/// Names for ids (PROTOCOL §4.12), in the order of the request; empty where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UsersGroups {
    /// Names of the user ids.
    pub users: Vec<Bytes>,
    /// Names of the group ids.
    pub groups: Vec<Bytes>,
}

impl ExtendedReply {
    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Self::StatVfs(reply) => reply.fields().into_iter().for_each(|field| writer.u64(field)),
            Self::Limits(reply) => {
                writer.u64(reply.max_packet_len);
                writer.u64(reply.max_read_len);
                writer.u64(reply.max_write_len);
                writer.u64(reply.max_open_handles);
            }
            Self::UsersGroups(reply) => {
                writer.string_with(|w| reply.users.iter().for_each(|name| w.string(name)));
                writer.string_with(|w| reply.groups.iter().for_each(|name| w.string(name)));
            }
            Self::FileHashes(reply) => reply.write(writer),
            Self::SpaceAvailable(reply) => reply.write(writer),
            Self::Raw(body) => writer.raw(body),
        }
    }
}

impl StatVfs {
    /// `SSH_FXE_STATVFS_ST_RDONLY`: mounted read-only.
    pub const READ_ONLY: u64 = 0x1;
    /// `SSH_FXE_STATVFS_ST_NOSUID`: set-user-id bits have no effect.
    pub const NO_SETUID: u64 = 0x2;

    /// Decodes the body of a raw extended reply; bytes behind it are ignored.
    ///
    /// # Errors
    /// [`WireError::Truncated`]
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        let r = &mut reader;
        Ok(Self {
            block_size: r.u64()?,
            fragment_size: r.u64()?,
            blocks: r.u64()?,
            blocks_free: r.u64()?,
            blocks_available: r.u64()?,
            files: r.u64()?,
            files_free: r.u64()?,
            files_available: r.u64()?,
            filesystem_id: r.u64()?,
            flags: r.u64()?,
            name_max: r.u64()?,
        })
    }

    const fn fields(&self) -> [u64; 11] {
        [
            self.block_size,
            self.fragment_size,
            self.blocks,
            self.blocks_free,
            self.blocks_available,
            self.files,
            self.files_free,
            self.files_available,
            self.filesystem_id,
            self.flags,
            self.name_max,
        ]
    }
}

impl Limits {
    /// Our own: packets of 256 KiB with 255 KiB of file bytes, as OpenSSH.
    #[must_use]
    pub const fn ours(max_open_handles: u64) -> Self {
        Self {
            max_packet_len: MAX_PACKET_LEN as u64,
            max_read_len: MAX_DATA_LEN as u64,
            max_write_len: MAX_DATA_LEN as u64,
            max_open_handles,
        }
    }

    /// Decodes the body of a raw extended reply; bytes behind it are ignored.
    ///
    /// # Errors
    /// [`WireError::Truncated`]
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            max_packet_len: reader.u64()?,
            max_read_len: reader.u64()?,
            max_write_len: reader.u64()?,
            max_open_handles: reader.u64()?,
        })
    }
}

impl UsersGroups {
    /// Decodes the body of a raw extended reply; bytes behind it are ignored.
    ///
    /// # Errors
    /// A list that is cut short, or has more names than one request may ask for.
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            users: read_names(reader.string()?)?,
            groups: read_names(reader.string()?)?,
        })
    }
}

fn read_names(list: Bytes) -> Result<Vec<Bytes>, WireError> {
    let mut reader = Reader::new(list);
    let mut names = Vec::new();
    while reader.remaining() > 0 {
        if names.len() == MAX_LOOKUP_IDS {
            return Err(WireError::TooManyElements {
                count: names.len() + 1,
                max: MAX_LOOKUP_IDS,
            });
        }
        names.push(reader.string()?);
    }
    Ok(names)
}
