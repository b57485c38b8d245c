//! Packets out of a byte stream.

use bytes::Bytes;
use longshore_sftp::{FrameDecoder, FrameError, limits};
use proptest::prelude::*;

fn frame(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// All packets of a stream that arrives in these chunks.
fn packets(
    decoder: &mut FrameDecoder,
    chunks: impl IntoIterator<Item = Bytes>,
) -> Result<Vec<Bytes>, FrameError> {
    let mut packets = Vec::new();
    for mut chunk in chunks {
        while let Some(packet) = decoder.next_packet(&mut chunk)? {
            packets.push(packet);
        }
        assert!(
            chunk.is_empty(),
            "a chunk is used up when no packet comes any more"
        );
    }
    Ok(packets)
}

#[test]
fn packets_inside_one_chunk_share_its_memory() {
    let stream = Bytes::from([frame(b"one"), frame(b"two")].concat());
    let mut decoder = FrameDecoder::default();
    let got = packets(&mut decoder, [stream.clone()]).unwrap();
    assert_eq!(got, ["one", "two"]);
    assert_eq!(got[0].as_ptr(), stream[4..].as_ptr());
    assert_eq!(got[1].as_ptr(), stream[11..].as_ptr());
    assert_eq!((decoder.buffered(), decoder.allocated()), (0, 0));
}

#[test]
fn a_body_in_one_chunk_is_shared_even_if_its_length_came_before() {
    let body = Bytes::from_static(b"body");
    let mut decoder = FrameDecoder::default();
    let length = Bytes::from_static(&[0, 0, 0, 4]);
    let got = packets(&mut decoder, [length, body.clone()]).unwrap();
    assert_eq!(got[0].as_ptr(), body.as_ptr());
}

#[test]
fn an_unfinished_packet_is_reported() {
    let stream = Bytes::from(frame(b"0123456789"));
    let mut decoder = FrameDecoder::default();
    for cut in 0..stream.len() {
        assert_eq!(decoder.buffered(), cut);
        let got = packets(&mut decoder, [stream.slice(cut..=cut)]).unwrap();
        assert_eq!(got.is_empty(), cut + 1 < stream.len());
    }
    assert_eq!((decoder.buffered(), decoder.allocated()), (0, 0));
}

#[test]
fn a_large_write_in_pieces_takes_its_memory_once() {
    let body = vec![6; limits::MAX_DATA_LEN + 29];
    let stream = Bytes::from(frame(&body));
    let mut decoder = FrameDecoder::default();
    let mut capacities = Vec::new();
    let mut got = Vec::new();
    for start in (0..stream.len()).step_by(32 * 1024) {
        let end = stream.len().min(start + 32 * 1024);
        got.extend(packets(&mut decoder, [stream.slice(start..end)]).unwrap());
        capacities.push(decoder.allocated());
    }
    assert_eq!(got, [Bytes::from(body.clone())]);
    assert_eq!(capacities.pop(), Some(0), "handed out");
    // the first piece is just short of an eighth
    assert!(capacities[1..].iter().all(|c| *c == body.len()), "{capacities:?}");
}

#[test]
fn an_announced_length_takes_no_memory() {
    let mut decoder = FrameDecoder::default();
    let header = u32::try_from(limits::MAX_INPUT_PACKET_LEN).unwrap().to_be_bytes();
    packets(&mut decoder, [Bytes::copy_from_slice(&header)]).unwrap();
    assert_eq!(decoder.allocated(), 0);
    for sent in 1..=1000 {
        packets(&mut decoder, [Bytes::from_static(b"x")]).unwrap();
        assert!(
            decoder.allocated() <= 8 * sent,
            "{} bytes for {sent}",
            decoder.allocated()
        );
    }
}

#[test]
fn a_packet_is_taken_up_to_the_limit() {
    let mut decoder = FrameDecoder::new(5);
    assert_eq!(
        packets(&mut decoder, [Bytes::from(frame(b"12345"))]).unwrap(),
        ["12345"]
    );
    let error = FrameError::TooLong { len: 6, max: 5 };
    assert_eq!(packets(&mut decoder, [Bytes::from(frame(b"123456"))]), Err(error));
    assert_eq!(
        packets(&mut decoder, [Bytes::from(frame(b"1"))]),
        Err(error),
        "the stream stays broken"
    );
}

#[test]
fn the_usual_limit_leaves_room_for_a_write_of_256_kib() {
    let header = |len: usize| Bytes::copy_from_slice(&u32::try_from(len).unwrap().to_be_bytes());
    packets(&mut FrameDecoder::default(), [header(256 * 1024 + 1024)]).unwrap();
    packets(&mut FrameDecoder::default(), [header(256 * 1024 + 1025)]).unwrap_err();
    packets(&mut FrameDecoder::default(), [Bytes::from_static(&[0xff; 4])]).unwrap_err();
}

#[test]
fn an_empty_packet_is_malformed() {
    let mut decoder = FrameDecoder::default();
    assert_eq!(
        packets(&mut decoder, [Bytes::from_static(&[0; 4])]),
        Err(FrameError::Empty)
    );
    assert_eq!(decoder.allocated(), 0);
}

proptest! {
    #[test]
    fn the_packets_do_not_depend_on_the_chunks(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 0..10),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let stream = Bytes::from(bodies.iter().flat_map(|body| frame(body)).collect::<Vec<_>>());
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(stream.len() + 1)).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let chunks = cuts.windows(2).map(|pair| stream.slice(pair[0]..pair[1]));
        let got = packets(&mut FrameDecoder::default(), chunks).unwrap();
        prop_assert_eq!(got, bodies);
    }
}
