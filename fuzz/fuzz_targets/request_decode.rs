//! A packet from a hostile client: decoding never panics, keeps the request id, and what it accepts survives the wire.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use longshore_sftp::{DecodeError, Init, PacketType, Request};

fuzz_target!(|input: &[u8]| {
    let packet = Bytes::copy_from_slice(input);
    if let Ok(init) = Init::decode(packet.clone())
        && let Ok(again) = init.to_packet()
    {
        assert_eq!(Init::decode(again.slice(4..)), Ok(init));
    }
    let id_on_wire = input
        .get(1..5)
        .map(|id| u32::from_be_bytes(id.try_into().unwrap()));
    match Request::decode(packet) {
        Ok((id, request)) => {
            assert_eq!(Some(id.0), id_on_wire);
            // only a packet over the limit cannot be built again, and libFuzzer's inputs are shorter
            let again = request.to_packet(id).unwrap();
            assert!(again.len() - 4 <= input.len());
            assert_eq!(Request::decode(again.slice(4..)), Ok((id, request)));
        }
        Err(DecodeError::Unexpected { got, .. }) => assert_eq!(got, PacketType::INIT),
        Err(DecodeError::NoRequestId { len }) => assert!(len < 5),
        Err(error) => assert_eq!(error.answer().map(|(id, _)| id.0), id_on_wire),
    }
});
