//! Packet types (draft-ietf-secsh-filexfer-02 §3).

use std::fmt;

/// The first byte of a packet; unknown values are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketType(pub u8);

impl PacketType {
    /// `SSH_FXP_INIT`
    pub const INIT: Self = Self(1);
    /// `SSH_FXP_VERSION`
    pub const VERSION: Self = Self(2);
    /// `SSH_FXP_OPEN`
    pub const OPEN: Self = Self(3);
    /// `SSH_FXP_CLOSE`
    pub const CLOSE: Self = Self(4);
    /// `SSH_FXP_READ`
    pub const READ: Self = Self(5);
    /// `SSH_FXP_WRITE`
    pub const WRITE: Self = Self(6);
    /// `SSH_FXP_LSTAT`
    pub const LSTAT: Self = Self(7);
    /// `SSH_FXP_FSTAT`
    pub const FSTAT: Self = Self(8);
    /// `SSH_FXP_SETSTAT`
    pub const SETSTAT: Self = Self(9);
    /// `SSH_FXP_FSETSTAT`
    pub const FSETSTAT: Self = Self(10);
    /// `SSH_FXP_OPENDIR`
    pub const OPENDIR: Self = Self(11);
    /// `SSH_FXP_READDIR`
    pub const READDIR: Self = Self(12);
    /// `SSH_FXP_REMOVE`
    pub const REMOVE: Self = Self(13);
    /// `SSH_FXP_MKDIR`
    pub const MKDIR: Self = Self(14);
    /// `SSH_FXP_RMDIR`
    pub const RMDIR: Self = Self(15);
    /// `SSH_FXP_REALPATH`
    pub const REALPATH: Self = Self(16);
    /// `SSH_FXP_STAT`
    pub const STAT: Self = Self(17);
    /// `SSH_FXP_RENAME`
    pub const RENAME: Self = Self(18);
    /// `SSH_FXP_READLINK`
    pub const READLINK: Self = Self(19);
    /// `SSH_FXP_SYMLINK`
    pub const SYMLINK: Self = Self(20);
    /// `SSH_FXP_STATUS`
    pub const STATUS: Self = Self(101);
    /// `SSH_FXP_HANDLE`
    pub const HANDLE: Self = Self(102);
    /// `SSH_FXP_DATA`
    pub const DATA: Self = Self(103);
    /// `SSH_FXP_NAME`
    pub const NAME: Self = Self(104);
    /// `SSH_FXP_ATTRS`
    pub const ATTRS: Self = Self(105);
    /// `SSH_FXP_EXTENDED`
    pub const EXTENDED: Self = Self(200);
    /// `SSH_FXP_EXTENDED_REPLY`
    pub const EXTENDED_REPLY: Self = Self(201);

    /// The name in the draft without its prefix, `None` for an unknown type.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::INIT => "INIT",
            Self::VERSION => "VERSION",
            Self::OPEN => "OPEN",
            Self::CLOSE => "CLOSE",
            Self::READ => "READ",
            Self::WRITE => "WRITE",
            Self::LSTAT => "LSTAT",
            Self::FSTAT => "FSTAT",
            Self::SETSTAT => "SETSTAT",
            Self::FSETSTAT => "FSETSTAT",
            Self::OPENDIR => "OPENDIR",
            Self::READDIR => "READDIR",
            Self::REMOVE => "REMOVE",
            Self::MKDIR => "MKDIR",
            Self::RMDIR => "RMDIR",
            Self::REALPATH => "REALPATH",
            Self::STAT => "STAT",
            Self::RENAME => "RENAME",
            Self::READLINK => "READLINK",
            Self::SYMLINK => "SYMLINK",
            Self::STATUS => "STATUS",
            Self::HANDLE => "HANDLE",
            Self::DATA => "DATA",
            Self::NAME => "NAME",
            Self::ATTRS => "ATTRS",
            Self::EXTENDED => "EXTENDED",
            Self::EXTENDED_REPLY => "EXTENDED_REPLY",
            _ => return None,
        })
    }
}

impl fmt::Display for PacketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "type {}", self.0),
        }
    }
}
