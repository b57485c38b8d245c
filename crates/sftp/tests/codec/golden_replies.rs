//! Every reply, byte by byte (draft-ietf-secsh-filexfer-02 §7, OpenSSH PROTOCOL §4).

use bytes::Bytes;
use longshore_sftp::{
    Attrs, ExtendedReply, FileHashes, Limits, NameEntry, Reply, SpaceAvailable, StatVfs, Status, StatusCode,
    UsersGroups,
};

use crate::golden::{body, bytes};
use crate::golden_requests::{ALL_ATTRS, ID, all_attrs, handle};

/// What each packet is called, its bytes, and what it means.
pub(crate) fn table() -> Vec<(&'static str, Bytes, Reply)> {
    vec![
        (
            "status ok",
            bytes("00000018 65 01020304 00000000 00000007 'Success' 00000000"),
            Reply::status(StatusCode::OK),
        ),
        (
            "status with a text and language of one's own",
            bytes("0000001b 65 01020304 00000004 00000008 'disk ful' 00000002 'en'"),
            Reply::Status(Status {
                code: StatusCode::FAILURE,
                message: Bytes::from_static(b"disk ful"),
                language: Bytes::from_static(b"en"),
            }),
        ),
        (
            "status with a code of a later version",
            bytes("00000011 65 01020304 0000000b 00000000 00000000"),
            Reply::Status(Status::new(StatusCode(11), "")),
        ),
        (
            "handle",
            bytes("0000000b 66 01020304 00000002 'h1'"),
            Reply::Handle(handle()),
        ),
        (
            "data",
            bytes("0000000c 67 01020304 00000003 00ff0a"),
            Reply::Data(Bytes::from_static(b"\x00\xff\n")),
        ),
        (
            "name of one path",
            bytes("0000001d 68 01020304 00000001 00000004 '/a/b' 00000004 '/a/b' 00000000"),
            Reply::path(Bytes::from_static(b"/a/b")),
        ),
        (
            "name of two entries",
            bytes(
                "00000031 68 01020304 00000002
                00000001 'a' 00000002 'la' 00000001 0000000000000007
                00000001 ff  00000000      00000004 000041ed",
            ),
            Reply::Name(vec![
                NameEntry {
                    filename: Bytes::from_static(b"a"),
                    longname: Bytes::from_static(b"la"),
                    attrs: Attrs {
                        size: Some(7),
                        ..Attrs::default()
                    },
                },
                NameEntry {
                    filename: Bytes::from_static(b"\xff"),
                    longname: Bytes::new(),
                    attrs: Attrs {
                        permissions: Some(0o40_755),
                        ..Attrs::default()
                    },
                },
            ]),
        ),
        (
            "attrs",
            bytes(&format!("00000036 69 01020304 {ALL_ATTRS}")),
            Reply::Attrs(all_attrs()),
        ),
        (
            "extended reply that is not interpreted",
            bytes("00000008 c9 01020304 010203"),
            Reply::Extended(ExtendedReply::Raw(Bytes::from_static(&[1, 2, 3]))),
        ),
    ]
}

#[test]
fn every_reply_encodes_to_its_golden_bytes() {
    for (name, packet, reply) in table() {
        assert_eq!(reply.to_packet(ID).unwrap(), packet, "{name}");
    }
}

#[test]
fn every_golden_reply_decodes_to_its_value() {
    for (name, packet, reply) in table() {
        assert_eq!(Reply::decode(body(&packet)), Ok((ID, reply)), "{name}");
    }
}

#[test]
fn the_table_holds_every_reply_of_version_3() {
    let types: std::collections::BTreeSet<u8> = table().iter().map(|(_, packet, _)| packet[4]).collect();
    assert_eq!(types, (101..=105).chain([201]).collect());
}

#[test]
fn every_status_code_has_its_number_and_text() {
    let codes = [
        (StatusCode::OK, 0, "Success"),
        (StatusCode::EOF, 1, "End of file"),
        (StatusCode::NO_SUCH_FILE, 2, "No such file"),
        (StatusCode::PERMISSION_DENIED, 3, "Permission denied"),
        (StatusCode::FAILURE, 4, "Failure"),
        (StatusCode::BAD_MESSAGE, 5, "Bad message"),
        (StatusCode::NO_CONNECTION, 6, "No connection"),
        (StatusCode::CONNECTION_LOST, 7, "Connection lost"),
        (StatusCode::OP_UNSUPPORTED, 8, "Operation unsupported"),
    ];
    for (code, number, text) in codes {
        assert_eq!(code, StatusCode(number));
        assert_eq!(Status::from(code).message, text);
    }
}

#[test]
fn a_status_without_message_or_language_is_understood() {
    let expected = |message: &'static [u8]| {
        Reply::Status(Status {
            code: StatusCode::EOF,
            message: Bytes::from_static(message),
            language: Bytes::new(),
        })
    };
    let bare = bytes("65 01020304 00000001");
    assert_eq!(Reply::decode(bare), Ok((ID, expected(b""))));
    let without_language = bytes("65 01020304 00000001 00000002 'no'");
    assert_eq!(Reply::decode(without_language), Ok((ID, expected(b"no"))));
}

#[test]
fn a_long_message_is_cut_at_a_character() {
    let text = format!(
        "{}é",
        "x".repeat(longshore_sftp::limits::MAX_STATUS_MESSAGE_LEN - 1)
    );
    let status = Status::new(StatusCode::FAILURE, &text);
    assert_eq!(
        status.message.len(),
        longshore_sftp::limits::MAX_STATUS_MESSAGE_LEN - 1
    );
    assert!(status.message.iter().all(|b| *b == b'x'));
}

#[test]
fn statvfs_has_its_eleven_fields_in_wire_order() {
    let value = StatVfs {
        block_size: 1,
        fragment_size: 2,
        blocks: 3,
        blocks_free: 4,
        blocks_available: 5,
        files: 6,
        files_free: 7,
        files_available: 8,
        filesystem_id: 9,
        flags: StatVfs::READ_ONLY | StatVfs::NO_SETUID,
        name_max: 255,
    };
    let packet = bytes(
        "0000005d c9 01020304 0000000000000001 0000000000000002 0000000000000003 0000000000000004
         0000000000000005 0000000000000006 0000000000000007 0000000000000008 0000000000000009
         0000000000000003 00000000000000ff",
    );
    let reply = Reply::Extended(ExtendedReply::StatVfs(value));
    assert_eq!(reply.to_packet(ID).unwrap(), packet);
    assert_eq!(StatVfs::decode(raw_body(&packet)), Ok(value));
    for cut in 0..raw_body(&packet).len() {
        StatVfs::decode(raw_body(&packet).slice(..cut)).unwrap_err();
    }
}

#[test]
fn limits_announce_what_openssh_announces() {
    let packet =
        bytes("00000025 c9 01020304 0000000000040000 000000000003fc00 000000000003fc00 0000000000000064");
    let reply = Reply::Extended(ExtendedReply::Limits(Limits::ours(100)));
    assert_eq!(reply.to_packet(ID).unwrap(), packet);
    assert_eq!(Limits::decode(raw_body(&packet)), Ok(Limits::ours(100)));
    for cut in 0..raw_body(&packet).len() {
        Limits::decode(raw_body(&packet).slice(..cut)).unwrap_err();
    }
}

#[test]
fn users_and_groups_are_two_strings_of_names() {
    let value = UsersGroups {
        users: vec![Bytes::from_static(b"root"), Bytes::new()],
        groups: vec![Bytes::from_static(b"www")],
    };
    let packet = bytes("00000020 c9 01020304 0000000c 00000004 'root' 00000000 00000007 00000003 'www'");
    let reply = Reply::Extended(ExtendedReply::UsersGroups(value.clone()));
    assert_eq!(reply.to_packet(ID).unwrap(), packet);
    assert_eq!(UsersGroups::decode(raw_body(&packet)), Ok(value));
    for cut in 0..raw_body(&packet).len() {
        UsersGroups::decode(raw_body(&packet).slice(..cut)).unwrap_err();
    }
}

#[test]
fn hashes_follow_the_name_of_their_algorithm() {
    let value = |old| FileHashes {
        old,
        algorithm: Bytes::from_static(b"md5"),
        hashes: Bytes::from_static(b"\x01\x02"),
    };
    let table = [
        (false, bytes("0000000e c9 01020304 00000003 'md5' 0102")),
        (
            true,
            bytes("0000001c c9 01020304 0000000a 'check-file' 00000003 'md5' 0102"),
        ),
    ];
    for (old, packet) in table {
        let reply = Reply::Extended(ExtendedReply::FileHashes(value(old)));
        assert_eq!(reply.to_packet(ID).unwrap(), packet);
        assert_eq!(FileHashes::decode(raw_body(&packet), old), Ok(value(old)));
        for cut in 0..raw_body(&packet).len() - 2 {
            FileHashes::decode(raw_body(&packet).slice(..cut), old).unwrap_err();
        }
    }
}

#[test]
fn available_space_is_four_long_numbers_and_a_short_one() {
    let packet = bytes(
        "00000029 c9 01020304 0000000000000001 0000000000000002 0000000000000003 0000000000000004 00000005",
    );
    let value = SpaceAvailable {
        bytes_on_device: 1,
        unused_bytes_on_device: 2,
        bytes_available_to_user: 3,
        unused_bytes_available_to_user: 4,
        bytes_per_allocation_unit: 5,
    };
    let reply = Reply::Extended(ExtendedReply::SpaceAvailable(value));
    assert_eq!(reply.to_packet(ID).unwrap(), packet);
    assert_eq!(SpaceAvailable::decode(raw_body(&packet)), Ok(value));
    for cut in 0..raw_body(&packet).len() {
        SpaceAvailable::decode(raw_body(&packet).slice(..cut)).unwrap_err();
    }
}

/// What a client hands to the decoder of the answer it expects.
fn raw_body(packet: &Bytes) -> Bytes {
    match Reply::decode(body(packet)) {
        Ok((ID, Reply::Extended(ExtendedReply::Raw(raw)))) => raw,
        other => panic!("{other:?}"),
    }
}
