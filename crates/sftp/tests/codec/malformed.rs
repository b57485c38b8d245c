//! Packets that break the rules: cut, with impossible counts, over a limit, or arbitrary.

use bytes::Bytes;
use longshore_sftp::{
    Attrs, DecodeError, EncodeError, ExtendedRequest, Handle, Init, PacketType, Reply, Request, RequestId,
    StatusCode, UsersGroups, Version, WireError, limits,
};
use proptest::prelude::*;

use crate::golden::{body, bytes};
use crate::golden_requests::ID;
use crate::{golden_replies, golden_requests};

#[test]
fn a_request_cut_at_any_byte_is_refused_with_its_id() {
    for (name, packet, request) in golden_requests::table() {
        let packet = body(&packet);
        let complete_from = match &request {
            // the data behind an unknown name may have any length
            Request::Extended(ExtendedRequest::Unknown { data, .. }) => packet.len() - data.len(),
            _ => packet.len(),
        };
        for cut in 0..complete_from {
            let error = Request::decode(packet.slice(..cut)).expect_err(name);
            assert_eq!(
                error.answer(),
                answer_to_cut(cut, StatusCode::BAD_MESSAGE),
                "{name} cut at {cut}"
            );
        }
    }
}

#[test]
fn a_reply_cut_at_any_byte_is_refused_with_its_id() {
    for (name, packet, reply) in golden_replies::table() {
        let packet = body(&packet);
        let whole_at: Vec<usize> = match &reply {
            // message and language may be missing
            Reply::Status(status) => vec![9, 9 + 4 + status.message.len()],
            Reply::Extended(_) => (5..packet.len()).collect(),
            _ => Vec::new(),
        };
        for cut in (0..packet.len()).filter(|cut| !whole_at.contains(cut)) {
            let error = Reply::decode(packet.slice(..cut)).expect_err(name);
            assert_eq!(
                error.answer(),
                answer_to_cut(cut, StatusCode::BAD_MESSAGE),
                "{name} cut at {cut}"
            );
        }
    }
}

/// Type and id are the first five bytes; without them there is nobody to answer.
fn answer_to_cut(cut: usize, code: StatusCode) -> Option<(RequestId, StatusCode)> {
    (cut >= 5).then_some((ID, code))
}

#[test]
fn an_unknown_request_is_answered_as_unsupported() {
    let known = (3..=20).chain([1, 200]);
    let unknown: Vec<u8> = (0..=255).filter(|t| !known.clone().any(|k| k == *t)).collect();
    assert_eq!(unknown.len(), 236);
    for packet_type in unknown {
        let packet = [packet_type, 1, 2, 3, 4, 9, 9];
        let error = Request::decode(Bytes::copy_from_slice(&packet)).unwrap_err();
        assert_eq!(
            error,
            DecodeError::UnknownType {
                id: ID,
                packet_type: PacketType(packet_type)
            }
        );
        assert_eq!(error.answer(), Some((ID, StatusCode::OP_UNSUPPORTED)));
    }
}

#[test]
fn a_request_is_no_reply_and_a_reply_no_request() {
    for (name, packet, _) in golden_requests::table() {
        let error = Reply::decode(body(&packet)).unwrap_err();
        assert!(
            matches!(error, DecodeError::UnknownType { .. }),
            "{name}: {error:?}"
        );
    }
    for (name, packet, _) in golden_replies::table() {
        let error = Request::decode(body(&packet)).unwrap_err();
        assert!(
            matches!(error, DecodeError::UnknownType { .. }),
            "{name}: {error:?}"
        );
    }
}

#[test]
fn a_count_beyond_the_packet_is_refused() {
    // each takes no memory for the four billion elements it promises
    let name = Reply::decode(bytes("68 00000001 ffffffff 00000000 00000000 00000000"));
    assert_eq!(
        source(name),
        WireError::CountExceedsPacket {
            count: u32::MAX,
            remaining: 12
        }
    );
    let attrs = Reply::decode(bytes("69 00000001 80000000 ffffffff 00000000 00000000"));
    assert_eq!(
        source(attrs),
        WireError::CountExceedsPacket {
            count: u32::MAX,
            remaining: 8
        }
    );
    let string = Request::decode(bytes("11 00000001 ffffffff 'x'"));
    assert_eq!(
        source(string),
        WireError::Truncated {
            needed: u32::MAX as usize,
            remaining: 1
        }
    );
}

#[test]
fn extended_attributes_are_taken_up_to_the_limit() {
    let stat = |count: usize| Request::FSetStat {
        handle: Handle::from(1),
        attrs: Attrs {
            extended: vec![(Bytes::from_static(b"k"), Bytes::from_static(b"v")); count],
            ..Attrs::default()
        },
    };
    let at_limit = stat(limits::MAX_EXTENDED_ATTRS);
    assert_eq!(
        Request::decode(body(&at_limit.to_packet(ID).unwrap())),
        Ok((ID, at_limit))
    );
    let beyond = stat(limits::MAX_EXTENDED_ATTRS + 1);
    assert_eq!(
        source(Request::decode(body(&beyond.to_packet(ID).unwrap()))),
        WireError::TooManyElements {
            count: limits::MAX_EXTENDED_ATTRS + 1,
            max: limits::MAX_EXTENDED_ATTRS
        }
    );
}

#[test]
fn a_handle_is_taken_up_to_the_limit() {
    let close = |len: usize| {
        let mut packet = bytes("04 01020304").to_vec();
        packet.extend_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
        packet.resize(packet.len() + len, b'h');
        Request::decode(packet.into())
    };
    let handle = Handle::new(vec![b'h'; limits::MAX_HANDLE_LEN]).unwrap();
    assert_eq!(close(limits::MAX_HANDLE_LEN), Ok((ID, Request::Close { handle })));
    let too_long = WireError::HandleTooLong { len: 257, max: 256 };
    assert_eq!(source(close(limits::MAX_HANDLE_LEN + 1)), too_long);
    assert_eq!(Handle::new(vec![b'h'; limits::MAX_HANDLE_LEN + 1]), Err(too_long));
}

#[test]
fn ids_to_look_up_are_taken_up_to_the_limit() {
    let lookup = |users: usize, groups: usize| {
        Request::Extended(ExtendedRequest::UsersGroupsById {
            uids: vec![7; users],
            gids: vec![8; groups],
        })
    };
    let at_limit = lookup(limits::MAX_LOOKUP_IDS - 1, 1);
    assert_eq!(
        Request::decode(body(&at_limit.to_packet(ID).unwrap())),
        Ok((ID, at_limit))
    );
    let beyond = lookup(limits::MAX_LOOKUP_IDS, 1);
    assert_eq!(
        source(Request::decode(body(&beyond.to_packet(ID).unwrap()))),
        WireError::TooManyElements {
            count: limits::MAX_LOOKUP_IDS + 1,
            max: limits::MAX_LOOKUP_IDS
        }
    );
    let ragged = bytes("c8 01020304 0000001e 'users-groups-by-id@openssh.com' 00000000 00000003 010203");
    assert_eq!(
        source(Request::decode(ragged)),
        WireError::RaggedList { len: 3, element: 4 }
    );
}

#[test]
fn names_looked_up_are_taken_up_to_the_limit() {
    let reply = |count: usize| {
        let names = vec![0; 4 * count]; // empty strings
        let mut body = u32::try_from(names.len()).unwrap().to_be_bytes().to_vec();
        body.extend_from_slice(&names);
        body.extend_from_slice(&[0; 4]);
        UsersGroups::decode(body.into())
    };
    assert_eq!(
        reply(limits::MAX_LOOKUP_IDS).unwrap().users.len(),
        limits::MAX_LOOKUP_IDS
    );
    assert!(matches!(
        reply(limits::MAX_LOOKUP_IDS + 1),
        Err(WireError::TooManyElements { .. })
    ));
}

#[test]
fn a_packet_is_built_up_to_the_limit() {
    let stat = |path_len: usize| Request::Stat {
        path: vec![b'p'; path_len].into(),
    };
    // type, id, length of the path
    let most = limits::MAX_PACKET_LEN - 9;
    assert_eq!(
        stat(most).to_packet(ID).unwrap().len(),
        4 + limits::MAX_PACKET_LEN
    );
    for len in [most + 1, most + 9, most + 10, 10 * most] {
        let mut out = b"before".to_vec();
        let error = stat(len).encode(ID, &mut out).unwrap_err();
        assert!(
            matches!(
                error,
                EncodeError::TooLong {
                    max: limits::MAX_PACKET_LEN,
                    ..
                }
            ),
            "{error:?}"
        );
        assert_eq!(out, b"before");
    }
}

#[test]
fn a_raw_body_is_built_up_to_the_limit() {
    let reply = |len: usize| Reply::Extended(longshore_sftp::ExtendedReply::Raw(vec![0; len].into()));
    let most = limits::MAX_PACKET_LEN - 5;
    assert_eq!(
        reply(most).to_packet(ID).unwrap().len(),
        4 + limits::MAX_PACKET_LEN
    );
    for len in [most + 1, most + 6, 10 * most] {
        reply(len).to_packet(ID).unwrap_err();
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..300)) {
        let packet = Bytes::from(input);
        let _ = Init::decode(packet.clone());
        let _ = Version::decode(packet.clone());
        let _ = Request::decode(packet.clone());
        let _ = Reply::decode(packet);
    }

    #[test]
    fn arbitrary_bodies_of_known_requests_never_panic_and_keep_their_id(
        index in 0..golden_requests::table().len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packet = body(&golden_requests::table()[index].1).to_vec();
        for (at, value) in flips {
            let at = 5 + at.index(packet.len() - 5);
            packet[at] = value;
        }
        match Request::decode(packet.into()) {
            Ok((id, _)) => prop_assert_eq!(id, ID),
            Err(error) => prop_assert_eq!(error.answer(), Some((ID, StatusCode::BAD_MESSAGE))),
        }
    }

    #[test]
    fn arbitrary_bodies_of_known_replies_never_panic_and_keep_their_id(
        index in 0..golden_replies::table().len(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut packet = body(&golden_replies::table()[index].1).to_vec();
        for (at, value) in flips {
            let at = 5 + at.index(packet.len() - 5);
            packet[at] = value;
        }
        match Reply::decode(packet.into()) {
            Ok((id, _)) => prop_assert_eq!(id, ID),
            Err(error) => prop_assert_eq!(error.answer(), Some((ID, StatusCode::BAD_MESSAGE))),
        }
    }
}

/// Why a body was refused.
fn source<T: std::fmt::Debug>(result: Result<T, DecodeError>) -> WireError {
    match result {
        Err(DecodeError::Malformed { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}
