//! File attributes (draft-ietf-secsh-filexfer-02 §5).

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::MAX_EXTENDED_ATTRS;
use crate::wire::{Reader, Writer};

/// Attributes of a file: those that are there. Unknown bits of the flag word are ignored when reading, as OpenSSH
/// does, since nothing tells what they would bring along.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Attrs {
    /// Size in bytes (`SSH_FILEXFER_ATTR_SIZE`).
    pub size: Option<u64>,
    /// User and group id (`SSH_FILEXFER_ATTR_UIDGID`).
    pub owner: Option<(u32, u32)>,
    /// Type and permission bits as in `st_mode` (`SSH_FILEXFER_ATTR_PERMISSIONS`).
    pub permissions: Option<u32>,
    /// Last access and last modification, in seconds since 1970 UTC (`SSH_FILEXFER_ATTR_ACMODTIME`).
    pub times: Option<(u32, u32)>,
    /// Pairs of type and data (`SSH_FILEXFER_ATTR_EXTENDED`); sent only if there are any, at most
    /// [`MAX_EXTENDED_ATTRS`].
    pub extended: Vec<(Bytes, Bytes)>,
}

/// What a file is, by the type bits of [`Attrs::permissions`] (`S_IFMT` of POSIX).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileKind {
    /// `S_IFREG`
    Regular,
    /// `S_IFDIR`
    Directory,
    /// `S_IFLNK`
    SymLink,
    /// `S_IFIFO`
    Fifo,
    /// `S_IFSOCK`
    Socket,
    /// `S_IFCHR`
    CharacterDevice,
    /// `S_IFBLK`
    BlockDevice,
}

impl Attrs {
    /// `SSH_FILEXFER_ATTR_SIZE`
    pub const SIZE: u32 = 0x0000_0001;
    /// `SSH_FILEXFER_ATTR_UIDGID`
    pub const UIDGID: u32 = 0x0000_0002;
    /// `SSH_FILEXFER_ATTR_PERMISSIONS`
    pub const PERMISSIONS: u32 = 0x0000_0004;
    /// `SSH_FILEXFER_ATTR_ACMODTIME`
    pub const ACMODTIME: u32 = 0x0000_0008;
    /// `SSH_FILEXFER_ATTR_EXTENDED`
    pub const EXTENDED: u32 = 0x8000_0000;

    /// The flag word that goes with these attributes.
    #[must_use]
    pub const fn flags(&self) -> u32 {
        let mut flags = 0;
        if self.size.is_some() {
            flags |= Self::SIZE;
        }
        if self.owner.is_some() {
            flags |= Self::UIDGID;
        }
        if self.permissions.is_some() {
            flags |= Self::PERMISSIONS;
        }
        if self.times.is_some() {
            flags |= Self::ACMODTIME;
        }
        if !self.extended.is_empty() {
            flags |= Self::EXTENDED;
        }
        flags
    }

    /// What the file is; `None` without permissions or with type bits that POSIX does not name (a server may leave
    /// them out).
    #[must_use]
    pub const fn kind(&self) -> Option<FileKind> {
        match self.permissions {
            Some(mode) => FileKind::from_mode(mode),
            None => None,
        }
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let flags = reader.u32()?;
        let mut attrs = Self::default();
        if flags & Self::SIZE != 0 {
            attrs.size = Some(reader.u64()?);
        }
        if flags & Self::UIDGID != 0 {
            attrs.owner = Some((reader.u32()?, reader.u32()?));
        }
        if flags & Self::PERMISSIONS != 0 {
            attrs.permissions = Some(reader.u32()?);
        }
        if flags & Self::ACMODTIME != 0 {
            attrs.times = Some((reader.u32()?, reader.u32()?));
        }
        if flags & Self::EXTENDED != 0 {
            // each pair is two strings: eight bytes at least
            let count = reader.count(8, MAX_EXTENDED_ATTRS)?;
            attrs.extended.reserve_exact(count);
            for _ in 0..count {
                attrs.extended.push((reader.string()?, reader.string()?));
            }
        }
        Ok(attrs)
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.flags());
        if let Some(size) = self.size {
            writer.u64(size);
        }
        if let Some((uid, gid)) = self.owner {
            writer.u32(uid);
            writer.u32(gid);
        }
        if let Some(permissions) = self.permissions {
            writer.u32(permissions);
        }
        if let Some((atime, mtime)) = self.times {
            writer.u32(atime);
            writer.u32(mtime);
        }
        if !self.extended.is_empty() {
            writer.count(self.extended.len());
            for (kind, data) in &self.extended {
                writer.string(kind);
                writer.string(data);
            }
        }
    }
}

impl FileKind {
    /// The type bits of POSIX (`S_IFMT`), to be joined with permission bits.
    #[must_use]
    pub const fn mode_bits(self) -> u32 {
        match self {
            Self::Fifo => 0o010_000,
            Self::CharacterDevice => 0o020_000,
            Self::Directory => 0o040_000,
            Self::BlockDevice => 0o060_000,
            Self::Regular => 0o100_000,
            Self::SymLink => 0o120_000,
            Self::Socket => 0o140_000,
        }
    }

    /// The kind that the type bits of `mode` name.
    #[must_use]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & 0o170_000 {
            0o010_000 => Self::Fifo,
            0o020_000 => Self::CharacterDevice,
            0o040_000 => Self::Directory,
            0o060_000 => Self::BlockDevice,
            0o100_000 => Self::Regular,
            0o120_000 => Self::SymLink,
            0o140_000 => Self::Socket,
            _ => return None,
        })
    }
}
