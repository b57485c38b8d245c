//! The SFTP protocol, version 3 (draft-ietf-secsh-filexfer-02), with the extensions of OpenSSH's PROTOCOL file:
//! packets to values and values to packets, for both ends. Bytes only: no I/O, no runtime, no clock.
//!
//! A server feeds channel data to a [`FrameDecoder`], reads the first packet with [`Init::decode`] and every later
//! one with [`Request::decode`], and answers with [`Version::to_packet`], [`Reply::to_packet`], [`DataReply`] (file
//! bytes read straight behind the header) and [`NameListBuilder`] (pages of a directory). A client uses the
//! opposite direction of the same types: [`Init::to_packet`], [`Request::encode`], [`write_header`],
//! [`Version::decode`] and [`Reply::decode`].
//!
//! Names, paths and handles are bytes. Payloads are [`bytes::Bytes`] that share the packet's memory.

mod attrs;
mod check_file;
mod data_reply;
mod error;
mod extended_reply;
mod extended_request;
pub mod extension;
mod frame;
mod handle;
mod init;
pub mod limits;
mod long_name;
mod name_list;
mod open_flags;
mod packet_type;
mod reply;
mod request;
mod space_available;
mod status;
mod vendor_id;
mod wire;
mod write_header;

pub use attrs::{Attrs, FileKind};
pub use check_file::{CheckFile, CheckSubject, FileHashes};
pub use data_reply::DataReply;
pub use error::{DecodeError, EncodeError, FrameError, WireError};
pub use extended_reply::{ExtendedReply, Limits, StatVfs, UsersGroups};
pub use extended_request::ExtendedRequest;
pub use frame::FrameDecoder;
pub use handle::{Handle, RequestId};
pub use init::{Extension, Init, Version};
pub use long_name::write_long_name;
pub use name_list::{NameEntry, NameListBuilder};
pub use open_flags::OpenFlags;
pub use packet_type::PacketType;
pub use reply::Reply;
pub use request::Request;
pub use space_available::SpaceAvailable;
pub use status::{Status, StatusCode};
pub use vendor_id::VendorId;
pub use write_header::write_header;
