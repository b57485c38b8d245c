//! Replies (draft-ietf-secsh-filexfer-02 §7): encoded by servers, decoded by clients.

use bytes::{Buf, Bytes};

use crate::error::{DecodeError, EncodeError, WireError};
use crate::name_list::{self, NameEntry};
use crate::wire::{self, Reader, Writer};
use crate::{Attrs, ExtendedReply, Handle, PacketType, RequestId, Status};

/// What a server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// `SSH_FXP_STATUS`: success without a result, or a failure.
    Status(Status),
    /// `SSH_FXP_HANDLE`: to OPEN and OPENDIR.
    Handle(Handle),
    /// `SSH_FXP_DATA`: to READ. Servers build it with [`DataReply`](crate::DataReply), without a copy.
    Data(Bytes),
    /// `SSH_FXP_NAME`: to READDIR, REALPATH, READLINK. Servers build pages of a directory with
    /// [`NameListBuilder`](crate::NameListBuilder).
    Name(Vec<NameEntry>),
    /// `SSH_FXP_ATTRS`: to STAT, LSTAT, FSTAT.
    Attrs(Attrs),
    /// `SSH_FXP_EXTENDED_REPLY`: to EXTENDED.
    Extended(ExtendedReply),
}

impl Reply {
    /// A STATUS reply with OpenSSH's text for a code, or a [`Status`] of one's own.
    pub fn status(status: impl Into<Status>) -> Self {
        Self::Status(status.into())
    }

    /// The reply to REALPATH, READLINK, `expand-path@openssh.com` and `home-directory`: one name without attributes
    /// (§6.10, §6.11: "dummy attribute values"), also as long name, as OpenSSH sends it.
    #[must_use]
    pub fn path(path: Bytes) -> Self {
        Self::Name(vec![NameEntry {
            filename: path.clone(),
            longname: path,
            attrs: Attrs::default(),
        }])
    }

    /// Decodes a packet (type byte and body). Bytes behind a complete body are ignored, as OpenSSH's client does.
    ///
    /// # Errors
    /// [`DecodeError`]; where it names a request, only that request has failed.
    pub fn decode(mut packet: Bytes) -> Result<(RequestId, Self), DecodeError> {
        let len = packet.len();
        if packet.is_empty() {
            return Err(DecodeError::NoRequestId { len });
        }
        let packet_type = PacketType(packet.get_u8());
        if packet_type == PacketType::VERSION {
            // the four bytes behind it are a version, not a request id
            return Err(DecodeError::Unexpected {
                got: packet_type,
                expected: "a reply",
            });
        }
        let mut reader = Reader::new(packet);
        let Ok(id) = reader.u32().map(RequestId) else {
            return Err(DecodeError::NoRequestId { len });
        };
        match Self::read(packet_type, reader) {
            Ok(Some(reply)) => Ok((id, reply)),
            Ok(None) => Err(DecodeError::UnknownType { id, packet_type }),
            Err(source) => Err(DecodeError::Malformed {
                id,
                packet_type,
                source,
            }),
        }
    }

    /// Appends the packet with its length to `out`.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`]; `out` is as before then.
    pub fn encode(&self, id: RequestId, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut writer = Writer::begin(out, self.packet_type(), id);
        match self {
            Self::Status(status) => status.write(&mut writer),
            Self::Handle(handle) => writer.string(handle.as_ref()),
            Self::Data(data) => writer.string(data),
            Self::Name(entries) => name_list::write(entries, &mut writer),
            Self::Attrs(attrs) => attrs.write(&mut writer),
            Self::Extended(reply) => reply.write(&mut writer),
        }
        writer.finish()
    }

    /// The packet with its length, in a buffer of its own.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`]
    pub fn to_packet(&self, id: RequestId) -> Result<Bytes, EncodeError> {
        wire::packet(|out| self.encode(id, out))
    }

    /// The packet's type.
    #[must_use]
    pub const fn packet_type(&self) -> PacketType {
        match self {
            Self::Status(_) => PacketType::STATUS,
            Self::Handle(_) => PacketType::HANDLE,
            Self::Data(_) => PacketType::DATA,
            Self::Name(_) => PacketType::NAME,
            Self::Attrs(_) => PacketType::ATTRS,
            Self::Extended(_) => PacketType::EXTENDED_REPLY,
        }
    }

    /// The body behind the id; `None` for a type that is no reply.
    fn read(packet_type: PacketType, mut reader: Reader) -> Result<Option<Self>, WireError> {
        Ok(Some(match packet_type {
            PacketType::STATUS => Self::Status(Status::read(&mut reader)?),
            PacketType::HANDLE => Self::Handle(Handle::read(&mut reader)?),
            PacketType::DATA => Self::Data(reader.string()?),
            PacketType::NAME => Self::Name(name_list::read(&mut reader)?),
            PacketType::ATTRS => Self::Attrs(Attrs::read(&mut reader)?),
            PacketType::EXTENDED_REPLY => Self::Extended(ExtendedReply::Raw(reader.into_rest())),
            _ => return Ok(None),
        }))
    }
}
