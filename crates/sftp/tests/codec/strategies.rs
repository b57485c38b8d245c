//! Generators of every value that has a packet.

use bytes::Bytes;
use longshore_sftp::{
    Attrs, CheckFile, CheckSubject, ExtendedReply, ExtendedRequest, Extension, Handle, Limits, NameEntry,
    OpenFlags, Reply, Request, StatVfs, Status, StatusCode, UsersGroups, VendorId, extension,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn bytes() -> impl Strategy<Value = Bytes> + Clone {
    vec(any::<u8>(), 0..40).prop_map(Bytes::from)
}

pub(crate) fn handle() -> impl Strategy<Value = Handle> + Clone {
    vec(any::<u8>(), 0..=256).prop_map(|bytes| Handle::new(bytes).unwrap())
}

pub(crate) fn attrs() -> impl Strategy<Value = Attrs> + Clone {
    (
        option::of(any::<u64>()),
        option::of(any::<(u32, u32)>()),
        option::of(any::<u32>()),
        option::of(any::<(u32, u32)>()),
        vec((bytes(), bytes()), 0..4),
    )
        .prop_map(|(size, owner, permissions, times, extended)| Attrs {
            size,
            owner,
            permissions,
            times,
            extended,
        })
}

pub(crate) fn extensions() -> impl Strategy<Value = Vec<Extension>> {
    vec((bytes(), bytes()), 0..8).prop_map(|pairs| {
        let extension = |(name, data)| Extension { name, data };
        pairs.into_iter().map(extension).collect()
    })
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let on_path = (0..7_u8, bytes()).prop_map(|(which, path)| match which {
        0 => Request::LStat { path },
        1 => Request::OpenDir { path },
        2 => Request::Remove { path },
        3 => Request::RmDir { path },
        4 => Request::RealPath { path },
        5 => Request::Stat { path },
        _ => Request::ReadLink { path },
    });
    let on_handle = (0..3_u8, handle()).prop_map(|(which, handle)| match which {
        0 => Request::Close { handle },
        1 => Request::FStat { handle },
        _ => Request::ReadDir { handle },
    });
    let with_attrs =
        (0..3_u8, bytes(), handle(), attrs()).prop_map(|(which, path, handle, attrs)| match which {
            0 => Request::SetStat { path, attrs },
            1 => Request::FSetStat { handle, attrs },
            _ => Request::MkDir { path, attrs },
        });
    prop_oneof![
        on_path,
        on_handle,
        with_attrs,
        (bytes(), any::<u32>(), attrs()).prop_map(|(path, flags, attrs)| Request::Open {
            path,
            flags: OpenFlags(flags),
            attrs
        }),
        (handle(), any::<u64>(), any::<u32>()).prop_map(|(handle, offset, len)| Request::Read {
            handle,
            offset,
            len
        }),
        (handle(), any::<u64>(), bytes()).prop_map(|(handle, offset, data)| Request::Write {
            handle,
            offset,
            data
        }),
        (bytes(), bytes()).prop_map(|(old_path, new_path)| Request::Rename { old_path, new_path }),
        (bytes(), bytes()).prop_map(|(target_path, link_path)| Request::SymLink {
            target_path,
            link_path
        }),
        extended_request().prop_map(Request::Extended),
    ]
}

fn extended_request() -> impl Strategy<Value = ExtendedRequest> {
    prop_oneof![
        (bytes(), bytes())
            .prop_map(|(old_path, new_path)| ExtendedRequest::PosixRename { old_path, new_path }),
        (bytes(), bytes()).prop_map(|(old_path, new_path)| ExtendedRequest::HardLink { old_path, new_path }),
        bytes().prop_map(|path| ExtendedRequest::StatVfs { path }),
        bytes().prop_map(|path| ExtendedRequest::ExpandPath { path }),
        bytes().prop_map(|username| ExtendedRequest::HomeDirectory { username }),
        handle().prop_map(|handle| ExtendedRequest::FStatVfs { handle }),
        handle().prop_map(|handle| ExtendedRequest::FSync { handle }),
        (bytes(), attrs()).prop_map(|(path, attrs)| ExtendedRequest::LSetStat { path, attrs }),
        Just(ExtendedRequest::Limits),
        (handle(), any::<u64>(), any::<u64>(), handle(), any::<u64>()).prop_map(
            |(read_from, read_offset, read_len, write_to, write_offset)| ExtendedRequest::CopyData {
                read_from,
                read_offset,
                read_len,
                write_to,
                write_offset
            }
        ),
        (vec(any::<u32>(), 0..20), vec(any::<u32>(), 0..20))
            .prop_map(|(uids, gids)| ExtendedRequest::UsersGroupsById { uids, gids }),
        (check_subject(), bytes(), any::<u64>(), any::<u64>(), any::<u32>()).prop_map(
            |(subject, algorithms, start, len, block_len)| ExtendedRequest::CheckFile(CheckFile {
                subject,
                algorithms,
                start,
                len,
                block_len
            })
        ),
        (bytes(), bytes(), any::<bool>()).prop_map(|(source_path, target_path, overwrite)| {
            ExtendedRequest::CopyFile {
                source_path,
                target_path,
                overwrite,
            }
        }),
        bytes().prop_map(|path| ExtendedRequest::SpaceAvailable { path }),
        (bytes(), bytes(), bytes(), any::<u64>()).prop_map(|(vendor, product, version, build)| {
            ExtendedRequest::VendorId(VendorId {
                vendor,
                product,
                version,
                build,
            })
        }),
        (bytes(), bytes())
            .prop_filter("an unknown name", |(name, _)| {
                name != extension::VENDOR_ID
                    && extension::ALL.iter().all(|(known, _)| name != known.as_bytes())
            })
            .prop_map(|(name, data)| ExtendedRequest::Unknown { name, data }),
    ]
}

fn check_subject() -> impl Strategy<Value = CheckSubject> {
    prop_oneof![
        handle().prop_map(CheckSubject::Handle),
        handle().prop_map(CheckSubject::OldHandle),
        bytes().prop_map(CheckSubject::Path),
    ]
}

/// Replies that decode to themselves: extended ones are raw.
pub(crate) fn reply() -> impl Strategy<Value = Reply> {
    let entry = (bytes(), bytes(), attrs()).prop_map(|(filename, longname, attrs)| NameEntry {
        filename,
        longname,
        attrs,
    });
    prop_oneof![
        (any::<u32>(), bytes(), bytes()).prop_map(|(code, message, language)| Reply::Status(Status {
            code: StatusCode(code),
            message,
            language
        })),
        handle().prop_map(Reply::Handle),
        bytes().prop_map(Reply::Data),
        vec(entry, 0..20).prop_map(Reply::Name),
        attrs().prop_map(Reply::Attrs),
        bytes().prop_map(|raw| Reply::Extended(ExtendedReply::Raw(raw))),
    ]
}

pub(crate) fn stat_vfs() -> impl Strategy<Value = StatVfs> {
    any::<[u64; 11]>().prop_map(|fields| StatVfs {
        block_size: fields[0],
        fragment_size: fields[1],
        blocks: fields[2],
        blocks_free: fields[3],
        blocks_available: fields[4],
        files: fields[5],
        files_free: fields[6],
        files_available: fields[7],
        filesystem_id: fields[8],
        flags: fields[9],
        name_max: fields[10],
    })
}

pub(crate) fn limits() -> impl Strategy<Value = Limits> {
    any::<[u64; 4]>().prop_map(|fields| Limits {
        max_packet_len: fields[0],
        max_read_len: fields[1],
        max_write_len: fields[2],
        max_open_handles: fields[3],
    })
}

pub(crate) fn users_groups() -> impl Strategy<Value = UsersGroups> {
    (vec(bytes(), 0..10), vec(bytes(), 0..10)).prop_map(|(users, groups)| UsersGroups { users, groups })
}
