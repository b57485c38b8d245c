//! INIT and VERSION (draft-ietf-secsh-filexfer-02 §4): the only packets without a request id.

use bytes::{Buf, Bytes};

use crate::error::{DecodeError, EncodeError, WireError};
use crate::limits::MAX_EXTENSIONS;
use crate::wire::{self, Reader, Writer};
use crate::{PacketType, extension};

/// The protocol version of this crate.
const SFTP_VERSION: u32 = 3;

/// An announced extension: name and data (OpenSSH: the version as decimal text).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Extension {
    /// `name` or `name@domain`
    pub name: Bytes,
    /// Meaning depends on the name.
    pub data: Bytes,
}

/// The client's first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// Highest version that the client speaks.
    pub version: u32,
    /// Extensions of the client.
    pub extensions: Vec<Extension>,
}

/// The server's first packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// The version to speak: the lower of both sides' highest.
    pub version: u32,
    /// Extensions of the server.
    pub extensions: Vec<Extension>,
}

impl Extension {
    /// An extension of [`extension`](crate::extension), with the version that this crate speaks; for other names the
    /// version is "1".
    #[must_use]
    pub fn known(name: &'static str) -> Self {
        Self {
            name: Bytes::from_static(name.as_bytes()),
            data: Bytes::from_static(extension::version(name).unwrap_or("1").as_bytes()),
        }
    }
}

impl Init {
    /// Version 3 without extensions: what every client in use sends.
    #[must_use]
    pub const fn v3() -> Self {
        Self {
            version: SFTP_VERSION,
            extensions: Vec::new(),
        }
    }

    /// Decodes a packet (type byte and body). Extensions that cannot be read are ignored together with what follows
    /// them: INIT has no id to answer to, and OpenSSH's server does not look at them at all.
    ///
    /// # Errors
    /// Another type of packet, or one without a version. Each ends the session.
    pub fn decode(packet: Bytes) -> Result<Self, DecodeError> {
        let (version, mut reader) = start(packet, PacketType::INIT, "INIT")?;
        let mut extensions = Vec::new();
        while extensions.len() < MAX_EXTENSIONS {
            let Ok(Some(extension)) = next_extension(&mut reader) else {
                break;
            };
            extensions.push(extension);
        }
        Ok(Self { version, extensions })
    }

    /// The packet with its length.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`]
    pub fn to_packet(&self) -> Result<Bytes, EncodeError> {
        wire::packet(|out| write(out, PacketType::INIT, self.version, &self.extensions))
    }
}

impl Version {
    /// Version 3 with these extensions, all out of [`extension`](crate::extension).
    pub fn v3(extensions: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            version: SFTP_VERSION,
            extensions: extensions.into_iter().map(Extension::known).collect(),
        }
    }

    /// The same with one extension more, whose data is no version.
    #[must_use]
    pub fn with(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Whether the server announced `name` in the version that this crate speaks. That of
    /// [`CHECK_FILE`](extension::CHECK_FILE) is the list of its hashes and may be any.
    #[must_use]
    pub fn supports(&self, name: &str) -> bool {
        let version = extension::version(name).unwrap_or("1");
        self.extensions
            .iter()
            .any(|e| e.name == name && (e.data == version || name == extension::CHECK_FILE))
    }

    /// Decodes a packet (type byte and body).
    ///
    /// # Errors
    /// Another type of packet, or a malformed one. Each ends the session.
    pub fn decode(packet: Bytes) -> Result<Self, DecodeError> {
        let (version, mut reader) = start(packet, PacketType::VERSION, "VERSION")?;
        let mut extensions = Vec::new();
        while let Some(extension) =
            next_extension(&mut reader).map_err(|source| DecodeError::MalformedStart {
                packet_type: PacketType::VERSION,
                source,
            })?
        {
            if extensions.len() < MAX_EXTENSIONS {
                extensions.push(extension);
            }
        }
        Ok(Self { version, extensions })
    }

    /// The packet with its length.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`]
    pub fn to_packet(&self) -> Result<Bytes, EncodeError> {
        wire::packet(|out| write(out, PacketType::VERSION, self.version, &self.extensions))
    }
}

fn start(mut packet: Bytes, expected: PacketType, name: &'static str) -> Result<(u32, Reader), DecodeError> {
    if packet.is_empty() {
        return Err(DecodeError::NoRequestId { len: 0 });
    }
    let got = PacketType(packet.get_u8());
    if got != expected {
        return Err(DecodeError::Unexpected { got, expected: name });
    }
    let mut reader = Reader::new(packet);
    let version = reader.u32().map_err(|source| DecodeError::MalformedStart {
        packet_type: expected,
        source,
    })?;
    Ok((version, reader))
}

fn next_extension(reader: &mut Reader) -> Result<Option<Extension>, WireError> {
    if reader.remaining() == 0 {
        return Ok(None);
    }
    Ok(Some(Extension {
        name: reader.string()?,
        data: reader.string()?,
    }))
}

fn write(
    out: &mut Vec<u8>,
    packet_type: PacketType,
    version: u32,
    extensions: &[Extension],
) -> Result<(), EncodeError> {
    let mut writer = Writer::begin_without_id(out, packet_type);
    writer.u32(version);
    for extension in extensions {
        writer.string(&extension.name);
        writer.string(&extension.data);
    }
    writer.finish()
}
