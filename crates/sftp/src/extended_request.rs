//! Bodies of EXTENDED requests (OpenSSH PROTOCOL §4).

use bytes::Bytes;

use crate::error::WireError;
use crate::limits::MAX_LOOKUP_IDS;
use crate::wire::{Reader, Writer};
use crate::{Attrs, CheckFile, Handle, VendorId, extension};

/// An extended request, by the name it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExtendedRequest {
    /// `posix-rename@openssh.com` (§4.3): replaces the new name; answered by STATUS.
    PosixRename {
        /// Old name.
        old_path: Bytes,
        /// New name.
        new_path: Bytes,
    },
    /// `statvfs@openssh.com` (§4.4); answered by [`StatVfs`](crate::StatVfs).
    StatVfs {
        /// Any path on the file system.
        path: Bytes,
    },
    /// `fstatvfs@openssh.com` (§4.4); answered by [`StatVfs`](crate::StatVfs).
    FStatVfs {
        /// An open file on the file system.
        handle: Handle,
    },
    /// `hardlink@openssh.com` (§4.5); answered by STATUS.
    HardLink {
        /// Existing file.
        old_path: Bytes,
        /// Its further name.
        new_path: Bytes,
    },
    /// `fsync@openssh.com` (§4.6); answered by STATUS.
    FSync {
        /// Open file.
        handle: Handle,
    },
    /// `lsetstat@openssh.com` (§4.7): SETSTAT that does not follow links; answered by STATUS.
    LSetStat {
        /// File or link.
        path: Bytes,
        /// Attributes to change.
        attrs: Attrs,
    },
    /// `limits@openssh.com` (§4.8); answered by [`Limits`](crate::Limits).
    Limits,
    /// `expand-path@openssh.com` (§4.9): REALPATH that knows `~`; answered by NAME with one entry.
    ExpandPath {
        /// Path, may start with `~`.
        path: Bytes,
    },
    /// `copy-data` (§4.10); answered by STATUS.
    CopyData {
        /// File to read.
        read_from: Handle,
        /// First byte to read.
        read_offset: u64,
        /// Bytes to copy; 0: all up to the end of the file.
        read_len: u64,
        /// File to write.
        write_to: Handle,
        /// Where the first byte goes.
        write_offset: u64,
    },
    /// `home-directory` (§4.11); answered by NAME with one entry.
    HomeDirectory {
        /// Name of a user; empty: the current one.
        username: Bytes,
    },
    /// `users-groups-by-id@openssh.com` (§4.12); answered by [`UsersGroups`](crate::UsersGroups).
    UsersGroupsById {
        /// User ids.
        uids: Vec<u32>,
        /// Group ids.
        gids: Vec<u32>,
    },
    /// `check-file-handle`, `check-file-name`; answered by [`FileHashes`](crate::FileHashes).
    CheckFile(CheckFile),
    /// `copy-file` (draft-ietf-secsh-filexfer-extensions-00 §6); answered by STATUS.
    CopyFile {
        /// File to read.
        source_path: Bytes,
        /// Its copy.
        target_path: Bytes,
        /// Whether a file that has the name is replaced.
        overwrite: bool,
    },
    /// `space-available` (draft-ietf-secsh-filexfer-extensions-00 §4); answered by
    /// [`SpaceAvailable`](crate::SpaceAvailable).
    SpaceAvailable {
        /// Any path on the device.
        path: Bytes,
    },
    /// `vendor-id` (draft-ietf-secsh-filexfer-13 §4.4): the client tells what it is; answered by STATUS.
    VendorId(VendorId),
    /// Any other name; a server answers OP_UNSUPPORTED (draft §8).
    Unknown {
        /// Name of the request.
        name: Bytes,
        /// What follows it.
        data: Bytes,
    },
}

impl ExtendedRequest {
    /// The name it carries.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        match self {
            Self::PosixRename { .. } => extension::POSIX_RENAME.as_bytes(),
            Self::StatVfs { .. } => extension::STATVFS.as_bytes(),
            Self::FStatVfs { .. } => extension::FSTATVFS.as_bytes(),
            Self::HardLink { .. } => extension::HARDLINK.as_bytes(),
            Self::FSync { .. } => extension::FSYNC.as_bytes(),
            Self::LSetStat { .. } => extension::LSETSTAT.as_bytes(),
            Self::Limits => extension::LIMITS.as_bytes(),
            Self::ExpandPath { .. } => extension::EXPAND_PATH.as_bytes(),
            Self::CopyData { .. } => extension::COPY_DATA.as_bytes(),
            Self::HomeDirectory { .. } => extension::HOME_DIRECTORY.as_bytes(),
            Self::UsersGroupsById { .. } => extension::USERS_GROUPS_BY_ID.as_bytes(),
            Self::CheckFile(check) => check.subject.name().as_bytes(),
            Self::CopyFile { .. } => extension::COPY_FILE.as_bytes(),
            Self::SpaceAvailable { .. } => extension::SPACE_AVAILABLE.as_bytes(),
            Self::VendorId(_) => extension::VENDOR_ID.as_bytes(),
            Self::Unknown { name, .. } => name,
        }
    }

    pub(crate) fn read(mut reader: Reader) -> Result<Self, WireError> {
        let name = reader.string()?;
        let r = &mut reader;
        // a name that is not UTF-8 is none of ours
        Ok(match std::str::from_utf8(&name).unwrap_or_default() {
            extension::POSIX_RENAME => Self::PosixRename {
                old_path: r.string()?,
                new_path: r.string()?,
            },
            extension::STATVFS => Self::StatVfs { path: r.string()? },
            extension::FSTATVFS => Self::FStatVfs {
                handle: Handle::read(r)?,
            },
            extension::HARDLINK => Self::HardLink {
                old_path: r.string()?,
                new_path: r.string()?,
            },
            extension::FSYNC => Self::FSync {
                handle: Handle::read(r)?,
            },
            extension::LSETSTAT => Self::LSetStat {
                path: r.string()?,
                attrs: Attrs::read(r)?,
            },
            extension::LIMITS => Self::Limits,
            extension::EXPAND_PATH => Self::ExpandPath { path: r.string()? },
            extension::COPY_DATA => Self::CopyData {
                read_from: Handle::read(r)?,
                read_offset: r.u64()?,
                read_len: r.u64()?,
                write_to: Handle::read(r)?,
                write_offset: r.u64()?,
            },
            extension::HOME_DIRECTORY => Self::HomeDirectory {
                username: r.string()?,
            },
            extension::USERS_GROUPS_BY_ID => read_ids(r)?,
            name @ (extension::CHECK_FILE | extension::CHECK_FILE_HANDLE | extension::CHECK_FILE_NAME) => {
                Self::CheckFile(CheckFile::read(name, r)?)
            }
            extension::COPY_FILE => Self::CopyFile {
                source_path: r.string()?,
                target_path: r.string()?,
                overwrite: r.boolean()?,
            },
            extension::SPACE_AVAILABLE => Self::SpaceAvailable { path: r.string()? },
            extension::VENDOR_ID => Self::VendorId(VendorId::read(reader.into_rest())?),
            _ => Self::Unknown {
                name,
                data: reader.into_rest(),
            },
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer<'_>) {
        writer.string(self.name());
        match self {
            Self::PosixRename { old_path, new_path } | Self::HardLink { old_path, new_path } => {
                writer.string(old_path);
                writer.string(new_path);
            }
            Self::StatVfs { path } | Self::ExpandPath { path } | Self::SpaceAvailable { path } => {
                writer.string(path);
            }
            Self::FStatVfs { handle } | Self::FSync { handle } => writer.string(handle.as_ref()),
            Self::LSetStat { path, attrs } => {
                writer.string(path);
                attrs.write(writer);
            }
            Self::Limits => {}
            Self::CopyData {
                read_from,
                read_offset,
                read_len,
                write_to,
                write_offset,
            } => {
                writer.string(read_from.as_ref());
                writer.u64(*read_offset);
                writer.u64(*read_len);
                writer.string(write_to.as_ref());
                writer.u64(*write_offset);
            }
            Self::HomeDirectory { username } => writer.string(username),
            Self::UsersGroupsById { uids, gids } => {
                writer.string_with(|w| uids.iter().for_each(|id| w.u32(*id)));
                writer.string_with(|w| gids.iter().for_each(|id| w.u32(*id)));
            }
            Self::CheckFile(check) => check.write(writer),
            Self::CopyFile {
                source_path,
                target_path,
                overwrite,
            } => {
                writer.string(source_path);
                writer.string(target_path);
                writer.boolean(*overwrite);
            }
            Self::VendorId(vendor) => vendor.write(writer),
            Self::Unknown { data, .. } => writer.raw(data),
        }
    }
}

/// Two strings, each a row of 32-bit ids.
fn read_ids(reader: &mut Reader) -> Result<ExtendedRequest, WireError> {
    const ID_LEN: usize = 4;
    let (uids, gids) = (reader.string()?, reader.string()?);
    for list in [&uids, &gids] {
        if list.len() % ID_LEN != 0 {
            return Err(WireError::RaggedList {
                len: list.len(),
                element: ID_LEN,
            });
        }
    }
    let count = (uids.len() + gids.len()) / ID_LEN;
    if count > MAX_LOOKUP_IDS {
        return Err(WireError::TooManyElements {
            count,
            max: MAX_LOOKUP_IDS,
        });
    }
    let numbers = |list: &[u8]| {
        let (ids, _) = list.as_chunks::<ID_LEN>();
        ids.iter().map(|id| u32::from_be_bytes(*id)).collect()
    };
    Ok(ExtendedRequest::UsersGroupsById {
        uids: numbers(&uids),
        gids: numbers(&gids),
    })
}
