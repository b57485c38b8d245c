//! STATUS and its codes (draft-ietf-secsh-filexfer-02 §7).

use std::fmt;

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::MAX_STATUS_MESSAGE_LEN;
use crate::wire::{Reader, Writer};

/// Error code of a STATUS reply; codes that version 3 does not define are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusCode(pub u32);

impl StatusCode {
    /// `SSH_FX_OK`
    pub const OK: Self = Self(0);
    /// `SSH_FX_EOF`: end of file, or no more entries in a directory.
    pub const EOF: Self = Self(1);
    /// `SSH_FX_NO_SUCH_FILE`
    pub const NO_SUCH_FILE: Self = Self(2);
    /// `SSH_FX_PERMISSION_DENIED`
    pub const PERMISSION_DENIED: Self = Self(3);
    /// `SSH_FX_FAILURE`: any other failure.
    pub const FAILURE: Self = Self(4);
    /// `SSH_FX_BAD_MESSAGE`: the packet breaks the protocol.
    pub const BAD_MESSAGE: Self = Self(5);
    /// `SSH_FX_NO_CONNECTION`: made by clients only, never sent.
    pub const NO_CONNECTION: Self = Self(6);
    /// `SSH_FX_CONNECTION_LOST`: made by clients only, never sent.
    pub const CONNECTION_LOST: Self = Self(7);
    /// `SSH_FX_OP_UNSUPPORTED`
    pub const OP_UNSUPPORTED: Self = Self(8);

    /// What OpenSSH says for this code.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::OK => "Success",
            Self::EOF => "End of file",
            Self::NO_SUCH_FILE => "No such file",
            Self::PERMISSION_DENIED => "Permission denied",
            Self::FAILURE => "Failure",
            Self::BAD_MESSAGE => "Bad message",
            Self::NO_CONNECTION => "No connection",
            Self::CONNECTION_LOST => "Connection lost",
            Self::OP_UNSUPPORTED => "Operation unsupported",
            _ => "Unknown error",
        }
    }
}

impl fmt::Display for StatusCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message(), self.0)
    }
}

/// Body of a STATUS reply.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Status {
    /// What happened.
    pub code: StatusCode,
    /// Text for people; UTF-8 by the draft, any bytes in practice.
    pub message: Bytes,
    /// Language tag of the message (RFC 1766), usually empty.
    pub language: Bytes,
}

impl Status {
    /// A status with text of our own, cut off at [`MAX_STATUS_MESSAGE_LEN`].
    #[must_use]
    pub fn new(code: StatusCode, message: &str) -> Self {
        let end = message.floor_char_boundary(MAX_STATUS_MESSAGE_LEN);
        Self {
            code,
            message: Bytes::copy_from_slice(&message.as_bytes()[..end]),
            language: Bytes::new(),
        }
    }

    /// Servers of older drafts leave message and language out; both are empty then, as in OpenSSH's client.
    pub(crate) fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let code = StatusCode(reader.u32()?);
        let mut optional = || {
            if reader.remaining() == 0 {
                Ok(Bytes::new())
            } else {
                reader.string()
            }
        };
        Ok(Self {
            code,
            message: optional()?,
            language: optional()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u32(self.code.0);
        writer.string(&self.message);
        writer.string(&self.language);
    }
}

impl From<StatusCode> for Status {
    /// With OpenSSH's text for the code.
    fn from(code: StatusCode) -> Self {
        Self {
            code,
            message: Bytes::from_static(code.message().as_bytes()),
            language: Bytes::new(),
        }
    }
}
