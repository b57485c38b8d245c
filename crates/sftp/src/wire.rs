//! Reading and writing the data types of RFC 4251 §5, each length checked before it is used.

use bytes::{Buf, Bytes};

use crate::error::{EncodeError, WireError};
use crate::limits::MAX_PACKET_LEN;
use crate::{PacketType, RequestId};

/// Takes fields off the front of a packet; strings share the packet's memory.
pub(crate) struct Reader {
    rest: Bytes,
}

impl Reader {
    pub(crate) const fn new(rest: Bytes) -> Self {
        Self { rest }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn into_rest(self) -> Bytes {
        self.rest
    }

    /// RFC 4251 §5: all that is not 0 is true.
    pub(crate) fn boolean(&mut self) -> Result<bool, WireError> {
        self.need(1)?;
        Ok(self.rest.get_u8() != 0)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, WireError> {
        self.need(4)?;
        Ok(self.rest.get_u32())
    }

    pub(crate) fn u64(&mut self) -> Result<u64, WireError> {
        self.need(8)?;
        Ok(self.rest.get_u64())
    }

    pub(crate) fn string(&mut self) -> Result<Bytes, WireError> {
        let len = self.u32()? as usize;
        self.need(len)?;
        Ok(self.rest.split_to(len))
    }

    /// A list's count, checked against the bytes that its elements take at least and against `max`, so that the
    /// caller may reserve memory for it.
    pub(crate) fn count(&mut self, min_element_len: usize, max: usize) -> Result<usize, WireError> {
        let count = self.u32()?;
        let remaining = self.remaining();
        if count as usize > remaining / min_element_len {
            return Err(WireError::CountExceedsPacket { count, remaining });
        }
        let count = count as usize;
        if count > max {
            return Err(WireError::TooManyElements { count, max });
        }
        Ok(count)
    }

    fn need(&self, needed: usize) -> Result<(), WireError> {
        let remaining = self.rest.len();
        if needed > remaining {
            return Err(WireError::Truncated { needed, remaining });
        }
        Ok(())
    }
}

/// Appends one length-prefixed packet to a buffer; [`Self::finish`] fills in the length, or takes everything back
/// when the packet became too long.
pub(crate) struct Writer<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    /// Length of a field that was left out because the packet is too long with it.
    excess: usize,
}

impl<'a> Writer<'a> {
    /// A packet with a request id.
    pub(crate) fn begin(out: &'a mut Vec<u8>, packet_type: PacketType, id: RequestId) -> Self {
        let mut writer = Self::begin_without_id(out, packet_type);
        writer.u32(id.0);
        writer
    }

    /// INIT or VERSION.
    pub(crate) fn begin_without_id(out: &'a mut Vec<u8>, packet_type: PacketType) -> Self {
        let start = out.len();
        out.extend_from_slice(&[0, 0, 0, 0, packet_type.0]);
        Self {
            out,
            start,
            excess: 0,
        }
    }

    /// Appends fields to a packet that somebody else began and finishes; ask [`Self::is_complete`] afterwards.
    pub(crate) const fn append(out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        Self {
            out,
            start,
            excess: 0,
        }
    }

    /// Whether no field had to be left out for its length.
    pub(crate) const fn is_complete(&self) -> bool {
        self.excess == 0
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.out.push(u8::from(value));
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn u64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    pub(crate) fn string(&mut self, value: &[u8]) {
        match u32::try_from(value.len()) {
            Ok(len) if value.len() <= MAX_PACKET_LEN => {
                self.u32(len);
                self.raw(value);
            }
            _ => self.excess = self.excess.saturating_add(value.len()),
        }
    }

    /// The count of a list. A list too long for 32 bits is too long for a packet as well.
    pub(crate) fn count(&mut self, count: usize) {
        match u32::try_from(count) {
            Ok(count) => self.u32(count),
            Err(_) => self.excess = self.excess.saturating_add(count),
        }
    }

    pub(crate) fn raw(&mut self, value: &[u8]) {
        if value.len() > MAX_PACKET_LEN {
            self.excess = self.excess.saturating_add(value.len());
        } else {
            self.out.extend_from_slice(value);
        }
    }

    /// A string whose content `fill` writes; its length is filled in afterwards.
    pub(crate) fn string_with(&mut self, fill: impl FnOnce(&mut Self)) {
        let at = self.out.len();
        self.u32(0);
        fill(self);
        // a string over 4 GiB is refused by `finish`
        let len = u32::try_from(self.out.len() - at - 4).unwrap_or(u32::MAX);
        self.out[at..at + 4].copy_from_slice(&len.to_be_bytes());
    }

    pub(crate) fn finish(self) -> Result<(), EncodeError> {
        let len = (self.out.len() - self.start - 4).saturating_add(self.excess);
        match u32::try_from(len) {
            Ok(prefix) if len <= MAX_PACKET_LEN => {
                self.out[self.start..self.start + 4].copy_from_slice(&prefix.to_be_bytes());
                Ok(())
            }
            _ => {
                self.out.truncate(self.start);
                Err(EncodeError::TooLong {
                    len,
                    max: MAX_PACKET_LEN,
                })
            }
        }
    }
}

/// One packet in a buffer of its own.
pub(crate) fn packet(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), EncodeError>,
) -> Result<Bytes, EncodeError> {
    let mut out = Vec::with_capacity(64);
    encode(&mut out)?;
    Ok(out.into())
}
