//! A hostile byte stream: the packets do not depend on how it is split into chunks, and memory follows what was sent.
//!
//! The first byte says how many chunk lengths follow; behind them comes the stream, whose last chunk is what is left.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use longshore_sftp::{FrameDecoder, FrameError};

/// Small, so that the fuzzer meets it.
const MAX_PACKET_LEN: usize = 1000;

fuzz_target!(|input: &[u8]| {
    let Some((&cuts, rest)) = input.split_first() else {
        return;
    };
    let (chunk_lens, stream) = rest.split_at(rest.len().min(cuts.into()));
    let (expected, end) = reference(stream);
    assert_eq!(in_chunks(chunk_lens, stream), (expected.clone(), end));
    assert_eq!(in_chunks(&[], stream), (expected, end));
});

/// How a stream ends: bytes of an unfinished packet, or the error.
type End = Result<usize, FrameError>;

/// The packets by the definition, on the whole stream at once.
fn reference(mut stream: &[u8]) -> (Vec<Bytes>, End) {
    let mut packets = Vec::new();
    loop {
        let Some((header, rest)) = stream.split_first_chunk::<4>() else {
            return (packets, Ok(stream.len()));
        };
        let len = u32::from_be_bytes(*header);
        if len == 0 {
            return (packets, Err(FrameError::Empty));
        }
        if len as usize > MAX_PACKET_LEN {
            let max = MAX_PACKET_LEN;
            return (packets, Err(FrameError::TooLong { len, max }));
        }
        let Some((packet, rest)) = rest.split_at_checked(len as usize) else {
            return (packets, Ok(stream.len()));
        };
        packets.push(Bytes::copy_from_slice(packet));
        stream = rest;
    }
}

fn in_chunks(chunk_lens: &[u8], stream: &[u8]) -> (Vec<Bytes>, End) {
    let mut stream = Bytes::copy_from_slice(stream);
    let mut decoder = FrameDecoder::new(MAX_PACKET_LEN);
    let mut packets = Vec::new();
    for len in chunk_lens.iter().map(|len| usize::from(*len)).chain([usize::MAX]) {
        let mut chunk = stream.split_to(len.min(stream.len()));
        loop {
            match decoder.next_packet(&mut chunk) {
                Ok(Some(packet)) => packets.push(packet),
                Ok(None) => break,
                Err(error) => return (packets, Err(error)),
            }
        }
        assert!(chunk.is_empty());
        assert!(decoder.allocated() <= 8 * decoder.buffered());
    }
    (packets, Ok(decoder.buffered()))
}
