//! Requests (draft-ietf-secsh-filexfer-02 §6): decoded by servers, encoded by clients.

use bytes::{Buf, Bytes};

use crate::error::{DecodeError, EncodeError, WireError};
use crate::wire::{self, Reader, Writer};
use crate::{Attrs, ExtendedRequest, Handle, OpenFlags, PacketType, RequestId};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `SSH_FXP_OPEN` (§6.3); answered by HANDLE.
    Open {
        /// File to open.
        path: Bytes,
        /// How to open it.
        flags: OpenFlags,
        /// Attributes for a new file.
        attrs: Attrs,
    },
    /// `SSH_FXP_CLOSE` (§6.3); answered by STATUS.
    Close {
        /// File or directory.
        handle: Handle,
    },
    /// `SSH_FXP_READ` (§6.4); answered by DATA, or STATUS with EOF.
    Read {
        /// File to read.
        handle: Handle,
        /// First byte.
        offset: u64,
        /// Most bytes to return.
        len: u32,
    },
    /// `SSH_FXP_WRITE` (§6.4); answered by STATUS.
    Write {
        /// File to write.
        handle: Handle,
        /// Where the first byte goes.
        offset: u64,
        /// The bytes; they share the packet's memory.
        data: Bytes,
    },
    /// `SSH_FXP_LSTAT` (§6.8), links are not followed; answered by ATTRS.
    LStat {
        /// File.
        path: Bytes,
    },
    /// `SSH_FXP_FSTAT` (§6.8); answered by ATTRS.
    FStat {
        /// File.
        handle: Handle,
    },
    /// `SSH_FXP_SETSTAT` (§6.9); answered by STATUS.
    SetStat {
        /// File.
        path: Bytes,
        /// Attributes to change.
        attrs: Attrs,
    },
    /// `SSH_FXP_FSETSTAT` (§6.9); answered by STATUS.
    FSetStat {
        /// File.
        handle: Handle,
        /// Attributes to change.
        attrs: Attrs,
    },
    /// `SSH_FXP_OPENDIR` (§6.7); answered by HANDLE.
    OpenDir {
        /// Directory to list.
        path: Bytes,
    },
    /// `SSH_FXP_READDIR` (§6.7); answered by NAME, or STATUS with EOF.
    ReadDir {
        /// Directory.
        handle: Handle,
    },
    /// `SSH_FXP_REMOVE` (§6.5), files and links; answered by STATUS.
    Remove {
        /// File.
        path: Bytes,
    },
    /// `SSH_FXP_MKDIR` (§6.6); answered by STATUS.
    MkDir {
        /// New directory.
        path: Bytes,
        /// Its attributes.
        attrs: Attrs,
    },
    /// `SSH_FXP_RMDIR` (§6.6); answered by STATUS.
    RmDir {
        /// Directory.
        path: Bytes,
    },
    /// `SSH_FXP_REALPATH` (§6.11); answered by NAME with one entry.
    RealPath {
        /// Any path.
        path: Bytes,
    },
    /// `SSH_FXP_STAT` (§6.8), links are followed; answered by ATTRS.
    Stat {
        /// File.
        path: Bytes,
    },
    /// `SSH_FXP_RENAME` (§6.5), the new name must be free; answered by STATUS.
    Rename {
        /// Old name.
        old_path: Bytes,
        /// New name.
        new_path: Bytes,
    },
    /// `SSH_FXP_READLINK` (§6.10); answered by NAME with one entry.
    ReadLink {
        /// Link.
        path: Bytes,
    },
    /// `SSH_FXP_SYMLINK` (§6.10); answered by STATUS. The draft sends the link's own path first; OpenSSH's server and
    /// every client made for it send the **target first** (PROTOCOL §4.1), and so do we: the fields stand in wire order.
    SymLink {
        /// What the link points to, first on the wire.
        target_path: Bytes,
        /// Name of the new link, second on the wire.
        link_path: Bytes,
    },
    /// `SSH_FXP_EXTENDED` (§8).
    Extended(ExtendedRequest),
}

impl Request {
    /// Decodes a packet (type byte and body). Bytes behind a complete body are ignored, as OpenSSH's server does:
    /// `sftp-server.c` discards "the remaining bytes from the current packet".
    ///
    /// # Errors
    /// [`DecodeError`]; its [`answer`](DecodeError::answer) tells what to reply, or that the session must end.
    pub fn decode(mut packet: Bytes) -> Result<(RequestId, Self), DecodeError> {
        let len = packet.len();
        if packet.is_empty() {
            return Err(DecodeError::NoRequestId { len });
        }
        let packet_type = PacketType(packet.get_u8());
        if packet_type == PacketType::INIT {
            // the four bytes behind it are a version, not a request id
            return Err(DecodeError::Unexpected {
                got: packet_type,
                expected: "a request",
            });
        }
        let mut reader = Reader::new(packet);
        let Ok(id) = reader.u32().map(RequestId) else {
            return Err(DecodeError::NoRequestId { len });
        };
        match Self::read(packet_type, reader) {
            Ok(Some(request)) => Ok((id, request)),
            Ok(None) => Err(DecodeError::UnknownType { id, packet_type }),
            Err(source) => Err(DecodeError::Malformed {
                id,
                packet_type,
                source,
            }),
        }
    }

    /// Appends the packet with its length to `out`. For large WRITEs see [`write_header`](crate::write_header).
    ///
    /// # Errors
    /// [`EncodeError::TooLong`]; `out` is as before then.
    pub fn encode(&self, id: RequestId, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        let mut writer = Writer::begin(out, self.packet_type(), id);
        self.write(&mut writer);
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
            Self::Open { .. } => PacketType::OPEN,
            Self::Close { .. } => PacketType::CLOSE,
            Self::Read { .. } => PacketType::READ,
            Self::Write { .. } => PacketType::WRITE,
            Self::LStat { .. } => PacketType::LSTAT,
            Self::FStat { .. } => PacketType::FSTAT,
            Self::SetStat { .. } => PacketType::SETSTAT,
            Self::FSetStat { .. } => PacketType::FSETSTAT,
            Self::OpenDir { .. } => PacketType::OPENDIR,
            Self::ReadDir { .. } => PacketType::READDIR,
            Self::Remove { .. } => PacketType::REMOVE,
            Self::MkDir { .. } => PacketType::MKDIR,
            Self::RmDir { .. } => PacketType::RMDIR,
            Self::RealPath { .. } => PacketType::REALPATH,
            Self::Stat { .. } => PacketType::STAT,
            Self::Rename { .. } => PacketType::RENAME,
            Self::ReadLink { .. } => PacketType::READLINK,
            Self::SymLink { .. } => PacketType::SYMLINK,
            Self::Extended(_) => PacketType::EXTENDED,
        }
    }

    /// The body behind the id; `None` for a type that is no request.
    fn read(packet_type: PacketType, mut reader: Reader) -> Result<Option<Self>, WireError> {
        let r = &mut reader;
        Ok(Some(match packet_type {
            PacketType::OPEN => Self::Open {
                path: r.string()?,
                flags: OpenFlags(r.u32()?),
                attrs: Attrs::read(r)?,
            },
            PacketType::CLOSE => Self::Close {
                handle: Handle::read(r)?,
            },
            PacketType::READ => Self::Read {
                handle: Handle::read(r)?,
                offset: r.u64()?,
                len: r.u32()?,
            },
            PacketType::WRITE => Self::Write {
                handle: Handle::read(r)?,
                offset: r.u64()?,
                data: r.string()?,
            },
            PacketType::LSTAT => Self::LStat { path: r.string()? },
            PacketType::FSTAT => Self::FStat {
                handle: Handle::read(r)?,
            },
            PacketType::SETSTAT => Self::SetStat {
                path: r.string()?,
                attrs: Attrs::read(r)?,
            },
            PacketType::FSETSTAT => Self::FSetStat {
                handle: Handle::read(r)?,
                attrs: Attrs::read(r)?,
            },
            PacketType::OPENDIR => Self::OpenDir { path: r.string()? },
            PacketType::READDIR => Self::ReadDir {
                handle: Handle::read(r)?,
            },
            PacketType::REMOVE => Self::Remove { path: r.string()? },
            PacketType::MKDIR => Self::MkDir {
                path: r.string()?,
                attrs: Attrs::read(r)?,
            },
            PacketType::RMDIR => Self::RmDir { path: r.string()? },
            PacketType::REALPATH => Self::RealPath { path: r.string()? },
            PacketType::STAT => Self::Stat { path: r.string()? },
            PacketType::RENAME => Self::Rename {
                old_path: r.string()?,
                new_path: r.string()?,
            },
            PacketType::READLINK => Self::ReadLink { path: r.string()? },
            PacketType::SYMLINK => Self::SymLink {
                target_path: r.string()?,
                link_path: r.string()?,
            },
            PacketType::EXTENDED => Self::Extended(ExtendedRequest::read(reader)?),
            _ => return Ok(None),
        }))
    }

    fn write(&self, writer: &mut Writer<'_>) {
        match self {
            Self::Open { path, flags, attrs } => {
                writer.string(path);
                writer.u32(flags.0);
                attrs.write(writer);
            }
            Self::Read { handle, offset, len } => {
                writer.string(handle.as_ref());
                writer.u64(*offset);
                writer.u32(*len);
            }
            Self::Write { handle, offset, data } => {
                writer.string(handle.as_ref());
                writer.u64(*offset);
                writer.string(data);
            }
            Self::SetStat { path, attrs } | Self::MkDir { path, attrs } => {
                writer.string(path);
                attrs.write(writer);
            }
            Self::FSetStat { handle, attrs } => {
                writer.string(handle.as_ref());
                attrs.write(writer);
            }
            Self::Close { handle } | Self::FStat { handle } | Self::ReadDir { handle } => {
                writer.string(handle.as_ref());
            }
            Self::LStat { path }
            | Self::OpenDir { path }
            | Self::Remove { path }
            | Self::RmDir { path }
            | Self::RealPath { path }
            | Self::Stat { path }
            | Self::ReadLink { path } => writer.string(path),
            Self::Rename { old_path, new_path } => {
                writer.string(old_path);
                writer.string(new_path);
            }
            Self::SymLink {
                target_path,
                link_path,
            } => {
                writer.string(target_path);
                writer.string(link_path);
            }
            Self::Extended(request) => request.write(writer),
        }
    }
}
