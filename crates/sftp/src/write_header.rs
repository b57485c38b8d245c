//! WRITE requests whose payload stays where it is.

use bytes::Bytes;

use crate::error::EncodeError;
use crate::limits::MAX_PACKET_LEN;
use crate::{Handle, PacketType, RequestId};

/// Everything of a WRITE packet in front of its `data_len` bytes of data, which the caller sends next: header and
/// payload stay apart until the socket.
///
/// # Errors
/// [`EncodeError::TooLong`]
pub fn write_header(
    id: RequestId,
    handle: &Handle,
    offset: u64,
    data_len: usize,
) -> Result<Bytes, EncodeError> {
    let handle = handle.as_ref();
    // type, id, handle, offset, length of the data
    let header_len = 1 + 4 + 4 + handle.len() + 8 + 4;
    let len = header_len.saturating_add(data_len);
    let too_long = EncodeError::TooLong {
        len,
        max: MAX_PACKET_LEN,
    };
    if len > MAX_PACKET_LEN {
        return Err(too_long);
    }
    let number = |value: usize| u32::try_from(value).map_err(|_| too_long);
    let mut out = Vec::with_capacity(4 + header_len);
    out.extend_from_slice(&number(len)?.to_be_bytes());
    out.push(PacketType::WRITE.0);
    out.extend_from_slice(&id.0.to_be_bytes());
    out.extend_from_slice(&number(handle.len())?.to_be_bytes());
    out.extend_from_slice(handle);
    out.extend_from_slice(&offset.to_be_bytes());
    out.extend_from_slice(&number(data_len)?.to_be_bytes());
    Ok(out.into())
}
