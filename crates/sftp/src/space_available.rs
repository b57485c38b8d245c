//! Space of a device (draft-ietf-secsh-filexfer-extensions-00 §4).

use bytes::Bytes;

use crate::error::WireError;
use crate::wire::{Reader, Writer};

/// The reply to `space-available`. 0 stands for what the server does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpaceAvailable {
    /// `bytes-on-device`
    pub bytes_on_device: u64,
    /// `unused-bytes-on-device`
    pub unused_bytes_on_device: u64,
    /// `bytes-available-to-user`: used and unused.
    pub bytes_available_to_user: u64,
    /// `unused-bytes-available-to-user`
    pub unused_bytes_available_to_user: u64,
    /// `bytes-per-allocation-unit`
    pub bytes_per_allocation_unit: u32,
}

impl SpaceAvailable {
    /// Decodes the body of a raw extended reply; bytes behind it are ignored.
    ///
    /// # Errors
    /// [`WireError::Truncated`]
    pub fn decode(body: Bytes) -> Result<Self, WireError> {
        let mut reader = Reader::new(body);
        Ok(Self {
            bytes_on_device: reader.u64()?,
            unused_bytes_on_device: reader.u64()?,
            bytes_available_to_user: reader.u64()?,
            unused_bytes_available_to_user: reader.u64()?,
            bytes_per_allocation_unit: reader.u32()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.u64(self.bytes_on_device);
        writer.u64(self.unused_bytes_on_device);
        writer.u64(self.bytes_available_to_user);
        writer.u64(self.unused_bytes_available_to_user);
        writer.u32(self.bytes_per_allocation_unit);
    }
}
