//! Packets written down byte by byte.

use bytes::Bytes;

/// Bytes from text: hexadecimal digits, or characters between single quotes; blanks and line breaks are skipped.
///
/// `"00000004 'file'"` is four bytes of length and four of text.
pub(crate) fn bytes(text: &str) -> Bytes {
    let mut out = Vec::new();
    for (index, part) in text.split('\'').enumerate() {
        if index % 2 == 1 {
            out.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
        assert_eq!(digits.len() % 2, 0, "odd number of digits in {part:?}");
        for pair in digits.chunks(2) {
            let pair = std::str::from_utf8(pair).unwrap();
            out.push(u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("not hexadecimal: {pair:?}")));
        }
    }
    out.into()
}

/// The packet without its length field, after checking that field.
pub(crate) fn body(packet: &Bytes) -> Bytes {
    let length = u32::from_be_bytes(packet[..4].try_into().unwrap());
    assert_eq!(length as usize, packet.len() - 4, "length field");
    packet.slice(4..)
}
