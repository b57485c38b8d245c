//! Request ids and handles.

use std::fmt;

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::MAX_HANDLE_LEN;
use crate::wire::Reader;

/// Chosen by the client for each request, repeated in its reply (draft-ietf-secsh-filexfer-02 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RequestId(pub u32);

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An open file or directory: bytes chosen by the server, opaque to the client, at most
/// [`MAX_HANDLE_LEN`] of them (draft-ietf-secsh-filexfer-02 §6.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Handle(Bytes);

impl Handle {
    /// A handle of these bytes.
    ///
    /// # Errors
    /// [`WireError::HandleTooLong`]
    pub fn new(bytes: impl Into<Bytes>) -> Result<Self, WireError> {
        let bytes = bytes.into();
        if bytes.len() > MAX_HANDLE_LEN {
            return Err(WireError::HandleTooLong {
                len: bytes.len(),
                max: MAX_HANDLE_LEN,
            });
        }
        Ok(Self(bytes))
    }

    /// Its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// The number that [`From<u64>`](#impl-From<u64>-for-Handle) made this handle of; `None` for any other.
    #[must_use]
    pub fn to_u64(&self) -> Option<u64> {
        self.0.as_ref().try_into().ok().map(u64::from_be_bytes)
    }

    pub(crate) fn read(reader: &mut Reader) -> Result<Self, WireError> {
        Self::new(reader.string()?)
    }
}

impl From<u64> for Handle {
    /// Eight bytes, most significant first.
    fn from(number: u64) -> Self {
        Self(Bytes::copy_from_slice(&number.to_be_bytes()))
    }
}

impl AsRef<[u8]> for Handle {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
