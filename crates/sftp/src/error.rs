//! Errors: who broke which rule, and whether the session can go on.

use crate::{PacketType, RequestId, StatusCode};

/// A field of a packet that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WireError {
    /// The packet ends inside a field.
    #[error("a field needs {needed} bytes, {remaining} are left")]
    Truncated {
        /// Bytes the field needs.
        needed: usize,
        /// Bytes left in the packet.
        remaining: usize,
    },
    /// A count promises more elements than the packet can hold.
    #[error("a list of {count} elements does not fit in {remaining} bytes")]
    CountExceedsPacket {
        /// Elements promised.
        count: u32,
        /// Bytes left in the packet.
        remaining: usize,
    },
    /// A list is longer than we take.
    #[error("a list of {count} elements exceeds the limit of {max}")]
    TooManyElements {
        /// Elements promised or present.
        count: usize,
        /// The limit, from [`limits`](crate::limits).
        max: usize,
    },
    /// A handle is longer than the draft allows.
    #[error("a handle of {len} bytes exceeds the limit of {max}")]
    HandleTooLong {
        /// Its length in bytes.
        len: usize,
        /// [`MAX_HANDLE_LEN`](crate::limits::MAX_HANDLE_LEN).
        max: usize,
    },
    /// A list of fixed-size numbers has a broken last one.
    #[error("a list of {len} bytes is not a whole number of {element}-byte elements")]
    RaggedList {
        /// Bytes of the list.
        len: usize,
        /// Bytes of one element.
        element: usize,
    },
}

/// The byte stream is not a row of packets. Nothing after it can be understood: the session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// A packet without even a type byte.
    #[error("packet of 0 bytes")]
    Empty,
    /// A packet longer than we take.
    #[error("packet of {len} bytes exceeds the limit of {max}")]
    TooLong {
        /// Announced length in bytes, without the length field.
        len: u32,
        /// The limit in bytes.
        max: usize,
    },
}

/// A packet that cannot be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Too short to hold a type and a request id: no answer is possible, the session ends.
    #[error("packet of {len} bytes holds no request id")]
    NoRequestId {
        /// Its length in bytes.
        len: usize,
    },
    /// Another packet belongs here (INIT or VERSION first, and only first): the session ends.
    #[error("unexpected packet {got}, {expected} belongs here")]
    Unexpected {
        /// What came.
        got: PacketType,
        /// What belongs here.
        expected: &'static str,
    },
    /// INIT or VERSION, which have no id, is malformed: the session ends.
    #[error("malformed {packet_type} packet")]
    MalformedStart {
        /// INIT or VERSION.
        packet_type: PacketType,
        /// What is wrong.
        source: WireError,
    },
    /// A type that we do not know; the packet can be skipped.
    #[error("unknown packet {packet_type} in request {id}")]
    UnknownType {
        /// Its request id.
        id: RequestId,
        /// The type.
        packet_type: PacketType,
    },
    /// A known type with a body that breaks its rules; the packet can be skipped.
    #[error("malformed {packet_type} packet in request {id}")]
    Malformed {
        /// Its request id.
        id: RequestId,
        /// The type.
        packet_type: PacketType,
        /// What is wrong.
        source: WireError,
    },
}

impl DecodeError {
    /// The answer that a server owes for this packet; `None` when there is nobody to answer to and the session ends.
    #[must_use]
    pub const fn answer(&self) -> Option<(RequestId, StatusCode)> {
        match self {
            Self::UnknownType { id, .. } => Some((*id, StatusCode::OP_UNSUPPORTED)),
            Self::Malformed { id, .. } => Some((*id, StatusCode::BAD_MESSAGE)),
            Self::NoRequestId { .. } | Self::Unexpected { .. } | Self::MalformedStart { .. } => None,
        }
    }
}

/// A value that cannot become a packet: our caller's fault, or a path that a user made too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The packet would be longer than a peer takes.
    #[error("packet of {len} bytes exceeds the limit of {max}")]
    TooLong {
        /// Its length in bytes, without the length field; at least this much when a single field is over the limit.
        len: usize,
        /// [`MAX_PACKET_LEN`](crate::limits::MAX_PACKET_LEN).
        max: usize,
    },
    /// The buffer given to [`DataReply::finish`](crate::DataReply::finish) does not start with the header made by
    /// `begin`.
    #[error("buffer of {len} bytes does not start with a data header")]
    NoDataHeader {
        /// Its length in bytes.
        len: usize,
    },
}
