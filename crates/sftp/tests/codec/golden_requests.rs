//! Every request, byte by byte (draft-ietf-secsh-filexfer-02 §6, OpenSSH PROTOCOL §4).

use bytes::Bytes;
use longshore_sftp::{
    Attrs, CheckFile, CheckSubject, ExtendedRequest, Handle, OpenFlags, Request, RequestId, VendorId,
};

use crate::golden::{body, bytes};

/// The id of every golden packet.
pub(crate) const ID: RequestId = RequestId(0x0102_0304);

pub(crate) fn handle() -> Handle {
    Handle::new(&b"h1"[..]).unwrap()
}

pub(crate) fn all_attrs() -> Attrs {
    Attrs {
        size: Some(0x1_0000_0002),
        owner: Some((1000, 1001)),
        permissions: Some(0o100_644),
        times: Some((0x6000_0000, 0x6000_0001)),
        extended: vec![(Bytes::from_static(b"a@b"), Bytes::from_static(b"\xff\x00"))],
    }
}

/// [`all_attrs`] on the wire.
pub(crate) const ALL_ATTRS: &str = "8000000f 0000000100000002 000003e8000003e9 000081a4 6000000060000001
     00000001 00000003 'a@b' 00000002 ff00";

/// What each packet is called, its bytes, and what it means.
pub(crate) fn table() -> Vec<(&'static str, Bytes, Request)> {
    let mut table = plain_table();
    table.extend(extended_table());
    table
}

fn plain_table() -> Vec<(&'static str, Bytes, Request)> {
    let path = || Bytes::from_static(b"/a");
    let with_attrs = |prefix: &str| bytes(&format!("{prefix} {ALL_ATTRS}"));
    vec![
        (
            "open for reading",
            bytes("00000013 03 01020304 00000002 '/a' 00000001 00000000"),
            Request::Open {
                path: path(),
                flags: OpenFlags::READ,
                attrs: Attrs::default(),
            },
        ),
        (
            "open to create, with a mode",
            bytes("00000017 03 01020304 00000002 '/a' 0000003a 00000004 000001a4"),
            Request::Open {
                path: path(),
                flags: OpenFlags::WRITE | OpenFlags::CREAT | OpenFlags::TRUNC | OpenFlags::EXCL,
                attrs: Attrs {
                    permissions: Some(0o644),
                    ..Attrs::default()
                },
            },
        ),
        (
            "close",
            bytes("0000000b 04 01020304 00000002 'h1'"),
            Request::Close { handle: handle() },
        ),
        (
            "read",
            bytes("00000017 05 01020304 00000002 'h1' 0000000100000000 0003fc00"),
            Request::Read {
                handle: handle(),
                offset: 1 << 32,
                len: 255 * 1024,
            },
        ),
        (
            "write",
            bytes("0000001c 06 01020304 00000002 'h1' ffffffffffffffff 00000005 68656c6c6f"),
            Request::Write {
                handle: handle(),
                offset: u64::MAX,
                data: Bytes::from_static(b"hello"),
            },
        ),
        (
            "lstat",
            bytes("0000000b 07 01020304 00000002 '/a'"),
            Request::LStat { path: path() },
        ),
        (
            "fstat",
            bytes("0000000b 08 01020304 00000002 'h1'"),
            Request::FStat { handle: handle() },
        ),
        (
            "setstat of everything",
            with_attrs("0000003c 09 01020304 00000002 '/a'"),
            Request::SetStat {
                path: path(),
                attrs: all_attrs(),
            },
        ),
        (
            "fsetstat of times",
            bytes("00000017 0a 01020304 00000002 'h1' 00000008 00000001 00000002"),
            Request::FSetStat {
                handle: handle(),
                attrs: Attrs {
                    times: Some((1, 2)),
                    ..Attrs::default()
                },
            },
        ),
        (
            "opendir",
            bytes("0000000b 0b 01020304 00000002 '/a'"),
            Request::OpenDir { path: path() },
        ),
        (
            "readdir",
            bytes("0000000b 0c 01020304 00000002 'h1'"),
            Request::ReadDir { handle: handle() },
        ),
        (
            "remove a name that is not UTF-8",
            bytes("0000000b 0d 01020304 00000002 fffe"),
            Request::Remove {
                path: Bytes::from_static(b"\xff\xfe"),
            },
        ),
        (
            "mkdir",
            bytes("00000013 0e 01020304 00000002 '/a' 00000004 000001ff"),
            Request::MkDir {
                path: path(),
                attrs: Attrs {
                    permissions: Some(0o777),
                    ..Attrs::default()
                },
            },
        ),
        (
            "rmdir",
            bytes("0000000b 0f 01020304 00000002 '/a'"),
            Request::RmDir { path: path() },
        ),
        (
            "realpath of nothing",
            bytes("00000009 10 01020304 00000000"),
            Request::RealPath { path: Bytes::new() },
        ),
        (
            "stat",
            bytes("0000000b 11 01020304 00000002 '/a'"),
            Request::Stat { path: path() },
        ),
        (
            "rename",
            bytes("00000010 12 01020304 00000002 '/a' 00000001 'b'"),
            Request::Rename {
                old_path: path(),
                new_path: Bytes::from_static(b"b"),
            },
        ),
        (
            "readlink",
            bytes("0000000b 13 01020304 00000002 '/a'"),
            Request::ReadLink { path: path() },
        ),
        (
            "symlink, target first as OpenSSH has it",
            bytes("00000017 14 01020304 00000006 'target' 00000004 'link'"),
            Request::SymLink {
                target_path: Bytes::from_static(b"target"),
                link_path: Bytes::from_static(b"link"),
            },
        ),
    ]
}

fn extended_table() -> Vec<(&'static str, Bytes, Request)> {
    let path = || Bytes::from_static(b"/a");
    let new_path = || Bytes::from_static(b"b");
    let table = [
        (
            "posix-rename",
            bytes("0000002c c8 01020304 00000018 'posix-rename@openssh.com' 00000002 '/a' 00000001 'b'"),
            ExtendedRequest::PosixRename {
                old_path: path(),
                new_path: new_path(),
            },
        ),
        (
            "statvfs",
            bytes("00000022 c8 01020304 00000013 'statvfs@openssh.com' 00000002 '/a'"),
            ExtendedRequest::StatVfs { path: path() },
        ),
        (
            "fstatvfs",
            bytes("00000023 c8 01020304 00000014 'fstatvfs@openssh.com' 00000002 'h1'"),
            ExtendedRequest::FStatVfs { handle: handle() },
        ),
        (
            "hardlink",
            bytes("00000028 c8 01020304 00000014 'hardlink@openssh.com' 00000002 '/a' 00000001 'b'"),
            ExtendedRequest::HardLink {
                old_path: path(),
                new_path: new_path(),
            },
        ),
        (
            "fsync",
            bytes("00000020 c8 01020304 00000011 'fsync@openssh.com' 00000002 'h1'"),
            ExtendedRequest::FSync { handle: handle() },
        ),
        (
            "lsetstat",
            bytes(
                "0000002f c8 01020304 00000014 'lsetstat@openssh.com' 00000002 '/a' 00000002 00000001 00000002",
            ),
            ExtendedRequest::LSetStat {
                path: path(),
                attrs: Attrs {
                    owner: Some((1, 2)),
                    ..Attrs::default()
                },
            },
        ),
        (
            "limits",
            bytes("0000001b c8 01020304 00000012 'limits@openssh.com'"),
            ExtendedRequest::Limits,
        ),
        (
            "expand-path",
            bytes("00000027 c8 01020304 00000017 'expand-path@openssh.com' 00000003 '~/a'"),
            ExtendedRequest::ExpandPath {
                path: Bytes::from_static(b"~/a"),
            },
        ),
        (
            "copy-data",
            bytes(
                "00000036 c8 01020304 00000009 'copy-data' 00000002 'h1' 0000000000000001 0000000000000002 00000002 'h2' 0000000000000003",
            ),
            ExtendedRequest::CopyData {
                read_from: handle(),
                read_offset: 1,
                read_len: 2,
                write_to: Handle::new(&b"h2"[..]).unwrap(),
                write_offset: 3,
            },
        ),
        (
            "home-directory",
            bytes("00000020 c8 01020304 0000000e 'home-directory' 00000005 'alice'"),
            ExtendedRequest::HomeDirectory {
                username: Bytes::from_static(b"alice"),
            },
        ),
        (
            "users-groups-by-id",
            bytes(
                "0000003b c8 01020304 0000001e 'users-groups-by-id@openssh.com' 00000008 00000000 000003e8 00000004 ffffffff",
            ),
            ExtendedRequest::UsersGroupsById {
                uids: vec![0, 1000],
                gids: vec![u32::MAX],
            },
        ),
        (
            "check-file-handle",
            bytes(
                "00000040 c8 01020304 00000011 'check-file-handle' 00000002 'h1' 00000008 'md5,sha1' 0000000000000001 0000000000000002 00000100",
            ),
            check_file(CheckSubject::Handle(handle())),
        ),
        (
            "check-file-name",
            bytes(
                "0000003e c8 01020304 0000000f 'check-file-name' 00000002 '/f' 00000008 'md5,sha1' 0000000000000001 0000000000000002 00000100",
            ),
            check_file(CheckSubject::Path(Bytes::from_static(b"/f"))),
        ),
        (
            "check-file",
            bytes(
                "00000039 c8 01020304 0000000a 'check-file' 00000002 'h1' 00000008 'md5,sha1' 0000000000000001 0000000000000002 00000100",
            ),
            check_file(CheckSubject::OldHandle(handle())),
        ),
        (
            "copy-file",
            bytes("0000001f c8 01020304 00000009 'copy-file' 00000002 '/a' 00000002 '/b' 01"),
            ExtendedRequest::CopyFile {
                source_path: Bytes::from_static(b"/a"),
                target_path: Bytes::from_static(b"/b"),
                overwrite: true,
            },
        ),
        (
            "space-available",
            bytes("0000001d c8 01020304 0000000f 'space-available' 00000001 '/'"),
            ExtendedRequest::SpaceAvailable {
                path: Bytes::from_static(b"/"),
            },
        ),
        (
            "vendor-id",
            bytes(
                "0000002c c8 01020304 00000009 'vendor-id' 00000002 'Me' 00000003 'App' 00000001 '7' 0000000000000009",
            ),
            ExtendedRequest::VendorId(vendor()),
        ),
        (
            "an unknown extension",
            bytes("0000001e c8 01020304 00000012 'vendor@example.com' 00 ff 'x'"),
            ExtendedRequest::Unknown {
                name: Bytes::from_static(b"vendor@example.com"),
                data: Bytes::from_static(b"\x00\xffx"),
            },
        ),
    ];
    let wrapped = |(name, bytes, request)| (name, bytes, Request::Extended(request));
    table.into_iter().map(wrapped).collect()
}

fn check_file(subject: CheckSubject) -> ExtendedRequest {
    ExtendedRequest::CheckFile(CheckFile {
        subject,
        algorithms: Bytes::from_static(b"md5,sha1"),
        start: 1,
        len: 2,
        block_len: 256,
    })
}

fn vendor() -> VendorId {
    VendorId {
        vendor: Bytes::from_static(b"Me"),
        product: Bytes::from_static(b"App"),
        version: Bytes::from_static(b"7"),
        build: 9,
    }
}

#[test]
fn a_vendor_id_is_read_in_one_string_more_too() {
    let packet = bytes(
        "00000030 c8 01020304 00000009 'vendor-id' 0000001a 00000002 'Me' 00000003 'App' 00000001 '7' 0000000000000009",
    );
    let request = Request::Extended(ExtendedRequest::VendorId(vendor()));
    assert_eq!(Request::decode(body(&packet)), Ok((ID, request)));
}

#[test]
fn every_request_encodes_to_its_golden_bytes() {
    for (name, packet, request) in table() {
        assert_eq!(request.to_packet(ID).unwrap(), packet, "{name}");
    }
}

#[test]
fn every_golden_request_decodes_to_its_value() {
    for (name, packet, request) in table() {
        assert_eq!(Request::decode(body(&packet)), Ok((ID, request)), "{name}");
    }
}

#[test]
fn bytes_behind_a_known_body_are_ignored() {
    for (name, packet, request) in table() {
        if matches!(request, Request::Extended(ExtendedRequest::Unknown { .. })) {
            continue; // all of it is data
        }
        let mut longer = body(&packet).to_vec();
        longer.extend_from_slice(b"more");
        assert_eq!(Request::decode(longer.into()), Ok((ID, request)), "{name}");
    }
}

#[test]
fn the_table_holds_every_request_of_version_3_and_every_extension() {
    let types: std::collections::BTreeSet<u8> = table().iter().map(|(_, packet, _)| packet[4]).collect();
    assert_eq!(types, (3..=20).chain([200]).collect());
    for (extension, _) in longshore_sftp::extension::ALL {
        assert!(
            table().iter().any(
                |(_, _, request)| matches!(request, Request::Extended(e) if e.name() == extension.as_bytes())
            ),
            "{extension}"
        );
    }
}

#[test]
fn encoding_appends_behind_what_is_there() {
    let mut out = b"before".to_vec();
    Request::Close { handle: handle() }.encode(ID, &mut out).unwrap();
    assert_eq!(out[..6], *b"before");
    assert_eq!(
        Request::decode(body(&Bytes::copy_from_slice(&out[6..]))),
        Ok((ID, Request::Close { handle: handle() }))
    );
}
