//! Names, passwords and ids from the system's random source.

use zeroize::Zeroizing;

use crate::error::{CatalogError, Result};

/// A–Z and 0–9: user names.
pub(crate) const UPPER_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
/// a–z and 0–9: what people have to read aloud or type.
pub(crate) const LOWER_DIGITS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";
/// A–Z, a–z and 0–9: passwords and secrets.
pub(crate) const LETTERS_DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>> {
    let mut bytes = Zeroizing::new([0; N]);
    aws_lc_rs::rand::fill(bytes.as_mut()).map_err(|error| CatalogError::Unavailable(Box::new(error)))?;
    Ok(bytes)
}

/// `len` characters, each as likely as any other of the alphabet.
pub(crate) fn text(alphabet: &[u8], len: usize) -> Result<String> {
    // Bytes from here on would favour the first characters: draw again instead.
    let fair = 256 - 256 % alphabet.len();
    // The exact capacity: growing would leave copies of a secret behind.
    let mut text = String::with_capacity(len);
    while text.len() < len {
        let drawn = bytes::<64>()?;
        let chars = drawn.iter().map(|b| usize::from(*b)).filter(|b| *b < fair);
        text.extend(
            chars
                .map(|b| char::from(alphabet[b % alphabet.len()]))
                .take(len - text.len()),
        );
    }
    Ok(text)
}

/// A random UUID (version 4, RFC 9562) in lower case.
pub(crate) fn uuid() -> Result<String> {
    let mut b = bytes::<16>()?;
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let hex = |part: &[u8]| part.iter().map(|b| format!("{b:02x}")).collect::<String>();
    Ok(format!(
        "{}-{}-{}-{}-{}",
        hex(&b[..4]),
        hex(&b[4..6]),
        hex(&b[6..8]),
        hex(&b[8..10]),
        hex(&b[10..])
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_character_is_equally_likely() {
        for alphabet in [UPPER_DIGITS, LOWER_DIGITS, LETTERS_DIGITS] {
            let mut counts = HashMap::new();
            let per_char = 4000;
            let drawn = text(alphabet, per_char * alphabet.len()).expect("random");
            for c in drawn.bytes() {
                *counts.entry(c).or_insert(0_usize) += 1;
            }
            assert_eq!(counts.len(), alphabet.len());
            // Deviation of a fair count is 63; plain `% 62` would give the first 8 characters 25 % more.
            for (c, count) in counts {
                assert!(alphabet.contains(&c));
                assert!(
                    count.abs_diff(per_char) < 450,
                    "{} came {count} times",
                    char::from(c)
                );
            }
        }
    }

    #[test]
    fn text_has_exactly_the_wanted_length() {
        for len in [0, 1, 8, 16, 63, 64, 65, 128] {
            assert_eq!(text(LETTERS_DIGITS, len).expect("random").len(), len);
        }
    }

    #[test]
    fn a_uuid_is_lower_case_and_of_version_4() {
        let uuid = uuid().expect("random");
        let parts: Vec<&str> = uuid.split('-').collect();
        assert_eq!(
            parts.iter().map(|p| p.len()).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        assert!(
            parts
                .concat()
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        );
        assert!(parts[2].starts_with('4'));
        assert!(parts[3].starts_with(['8', '9', 'a', 'b']));
    }
}
