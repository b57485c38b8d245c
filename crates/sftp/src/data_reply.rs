//! DATA replies whose payload is read from storage straight behind the header.

use bytes::Bytes;

use crate::error::EncodeError;
use crate::limits::MAX_PACKET_LEN;
use crate::{PacketType, RequestId};

/// Builds a DATA reply without copying its payload: [`Self::begin`] makes a buffer that starts with the header,
/// storage appends the file's bytes, [`Self::finish`] fills in the lengths.
///
/// ```
/// use longshore_sftp::{DataReply, Reply, RequestId};
///
/// let mut buffer = DataReply::begin(RequestId(7), 5);
/// buffer.extend_from_slice(b"bytes");
/// assert_eq!(DataReply::payload_len(&buffer), 5);
/// let packet = DataReply::finish(buffer)?;
/// assert_eq!(Reply::decode(packet.slice(4..)).unwrap(), (RequestId(7), Reply::Data("bytes".into())));
/// # Ok::<_, longshore_sftp::EncodeError>(())
/// ```
#[derive(Debug)]
pub struct DataReply(());

impl DataReply {
    /// Bytes in front of the payload: length, type, id, and the payload's length.
    pub const HEADER_LEN: usize = 13;

    /// A buffer with the header of a reply to `id`, and room for `capacity` bytes of payload.
    #[must_use]
    pub fn begin(id: RequestId, capacity: usize) -> Vec<u8> {
        let mut buffer = Vec::with_capacity(Self::HEADER_LEN + capacity);
        buffer.extend_from_slice(&[0, 0, 0, 0, PacketType::DATA.0]);
        buffer.extend_from_slice(&id.0.to_be_bytes());
        buffer.extend_from_slice(&[0; 4]);
        buffer
    }

    /// Bytes of payload in a buffer made by [`Self::begin`]. Without any, READ is answered by STATUS with EOF.
    #[must_use]
    pub const fn payload_len(buffer: &[u8]) -> usize {
        buffer.len().saturating_sub(Self::HEADER_LEN)
    }

    /// Fills in the lengths. The buffer's memory becomes the packet's.
    ///
    /// # Errors
    /// A buffer that was not made by [`Self::begin`], or holds more than fits into a packet.
    pub fn finish(mut buffer: Vec<u8>) -> Result<Bytes, EncodeError> {
        let len = buffer.len();
        if len < Self::HEADER_LEN || buffer[4] != PacketType::DATA.0 {
            return Err(EncodeError::NoDataHeader { len });
        }
        let (packet_len, payload_len) = (len - 4, len - Self::HEADER_LEN);
        match (u32::try_from(packet_len), u32::try_from(payload_len)) {
            (Ok(packet), Ok(payload)) if packet_len <= MAX_PACKET_LEN => {
                buffer[..4].copy_from_slice(&packet.to_be_bytes());
                buffer[9..Self::HEADER_LEN].copy_from_slice(&payload.to_be_bytes());
                Ok(buffer.into())
            }
            _ => Err(EncodeError::TooLong {
                len: packet_len,
                max: MAX_PACKET_LEN,
            }),
        }
    }
}
