//! A packet from a hostile server: decoding never panics, keeps the request id, and what it accepts survives the wire.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use longshore_sftp::{
    DecodeError, ExtendedReply, Limits, PacketType, Reply, RequestId, StatVfs, UsersGroups, Version,
};

fuzz_target!(|input: &[u8]| {
    let packet = Bytes::copy_from_slice(input);
    if let Ok(version) = Version::decode(packet.clone())
        && let Ok(again) = version.to_packet()
    {
        assert_eq!(Version::decode(again.slice(4..)), Ok(version));
    }
    match Reply::decode(packet) {
        Ok((id, reply)) => {
            if let Reply::Extended(ExtendedReply::Raw(raw)) = &reply {
                extended(raw);
            }
            // a STATUS that left its texts out gets two empty ones
            let again = reply.to_packet(id).unwrap();
            assert!(again.len() - 4 <= input.len() + 8);
            assert_eq!(Reply::decode(again.slice(4..)), Ok((id, reply)));
        }
        Err(DecodeError::Unexpected { got, .. }) => assert_eq!(got, PacketType::VERSION),
        Err(DecodeError::NoRequestId { len }) => assert!(len < 5),
        Err(error) => {
            let id_on_wire = u32::from_be_bytes(input[1..5].try_into().unwrap());
            assert_eq!(error.answer().map(|(id, _)| id.0), Some(id_on_wire));
        }
    }
});

/// The client knows what it asked and decodes the raw body accordingly; here it is tried as everything.
fn extended(raw: &Bytes) {
    let again = |reply: ExtendedReply| Reply::Extended(reply).to_packet(RequestId(0)).unwrap().slice(9..);
    if let Ok(reply) = StatVfs::decode(raw.clone()) {
        assert_eq!(again(ExtendedReply::StatVfs(reply)), raw[..88]);
    }
    if let Ok(reply) = Limits::decode(raw.clone()) {
        assert_eq!(again(ExtendedReply::Limits(reply)), raw[..32]);
    }
    if let Ok(reply) = UsersGroups::decode(raw.clone()) {
        let bytes = again(ExtendedReply::UsersGroups(reply));
        assert_eq!(bytes, raw[..bytes.len()]);
    }
}
