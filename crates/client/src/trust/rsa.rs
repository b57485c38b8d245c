//! The length of an RSA key.

/// Bits of the modulus in a key's wire form (RFC 4253 §6.6); `None` for other types of keys.
pub(super) fn bits(blob: &[u8]) -> Option<u32> {
    let mut rest = blob;
    if string(&mut rest)? != b"ssh-rsa" {
        return None;
    }
    let _exponent = string(&mut rest)?;
    let modulus = string(&mut rest)?;
    let significant = modulus
        .iter()
        .position(|byte| *byte != 0)
        .map_or(&[][..], |at| &modulus[at..]);
    let first = significant.first().map_or(0, |byte| byte.leading_zeros());
    let all = u32::try_from(significant.len()).ok()?.checked_mul(8)?;
    Some(all - first)
}

fn string<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (len, tail) = rest.split_first_chunk::<4>()?;
    let (string, tail) = tail.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)?;
    *rest = tail;
    Some(string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_zeros_are_no_bits() {
        let blob = |modulus: &[u8]| {
            let mut blob = b"\0\0\0\x07ssh-rsa\0\0\0\x01\x03".to_vec();
            blob.extend(u32::try_from(modulus.len()).unwrap().to_be_bytes());
            blob.extend(modulus);
            blob
        };
        assert_eq!(bits(&blob(&[0, 0x80, 0])), Some(16));
        assert_eq!(bits(&blob(&[1, 0])), Some(9));
        assert_eq!(bits(&blob(&[])), Some(0));
        assert_eq!(bits(b"\0\0\0\x0bssh-ed25519\0\0\0\0"), None);
    }
}
