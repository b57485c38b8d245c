//! The `pflags` of OPEN.

use std::ops::BitOr;

/// How a file is opened (draft-ietf-secsh-filexfer-02 §6.3); unknown bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct OpenFlags(pub u32);

impl OpenFlags {
    /// `SSH_FXF_READ`: open for reading.
    pub const READ: Self = Self(0x01);
    /// `SSH_FXF_WRITE`: open for writing.
    pub const WRITE: Self = Self(0x02);
    /// `SSH_FXF_APPEND`: writes go to the end.
    pub const APPEND: Self = Self(0x04);
    /// `SSH_FXF_CREAT`: make the file if it is not there.
    pub const CREAT: Self = Self(0x08);
    /// `SSH_FXF_TRUNC`: empty an existing file.
    pub const TRUNC: Self = Self(0x10);
    /// `SSH_FXF_EXCL`: with `CREAT`, fail if the file is there.
    pub const EXCL: Self = Self(0x20);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits that the draft does not define.
    #[must_use]
    pub const fn unknown_bits(self) -> u32 {
        self.0 & !0x3f
    }
}

impl BitOr for OpenFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
