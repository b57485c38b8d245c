//! Hashes that clients ask for: what each is called, and reading a file through one of them.
//!
//! MD5, SHA-1 and CRC-32 are spoken because clients compare with them; nothing here relies on them.

use aws_lc_rs::digest;
use md5::Digest as _;

/// A hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Md5,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Crc32,
}

impl Algorithm {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Md5,
        Self::Sha1,
        Self::Sha224,
        Self::Sha256,
        Self::Sha384,
        Self::Sha512,
        Self::Crc32,
    ];

    /// The name in draft-ietf-secsh-filexfer-extensions-00 §3.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha224 => "sha224",
            Self::Sha256 => "sha256",
            Self::Sha384 => "sha384",
            Self::Sha512 => "sha512",
            Self::Crc32 => "crc32",
        }
    }

    /// The first of a client's list, which stands in its order of preference, that we speak.
    pub(crate) fn choose(list: &[u8]) -> Option<Self> {
        list.split(|byte| *byte == b',').find_map(|name| {
            Self::ALL
                .into_iter()
                .find(|known| known.name().as_bytes() == name)
        })
    }

    /// Bytes of its result.
    pub(crate) const fn len(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha224 => 28,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
            Self::Sha512 => 64,
            Self::Crc32 => 4,
        }
    }
}

/// A hash being computed.
pub(crate) enum Hasher {
    Md5(md5::Md5),
    Sha(digest::Context),
    Crc32(u32),
}

impl Hasher {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let sha = |algorithm| Self::Sha(digest::Context::new(algorithm));
        match algorithm {
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
            Algorithm::Sha224 => sha(&digest::SHA224),
            Algorithm::Sha256 => sha(&digest::SHA256),
            Algorithm::Sha384 => sha(&digest::SHA384),
            Algorithm::Sha512 => sha(&digest::SHA512),
            Algorithm::Crc32 => Self::Crc32(u32::MAX),
        }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha(state) => state.update(bytes),
            Self::Crc32(state) => {
                *state = bytes.iter().fold(*state, |crc, byte| {
                    (crc >> 8) ^ CRC32_TABLE[usize::from(crc.to_le_bytes()[0] ^ byte)]
                });
            }
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Self::Md5(state) => state.finalize().to_vec(),
            Self::Sha(state) => state.finish().as_ref().to_vec(),
            Self::Crc32(state) => (!state).to_be_bytes().to_vec(),
        }
    }
}

/// CRC-32 of ITU-T V.42, bit by bit for each byte: the one of zip, Ethernet and cksum -a crc32b.
const CRC32_TABLE: [u32; 256] = {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut byte: u32 = 0;
    while byte < 256 {
        let mut crc = byte;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 {
                (crc >> 1) ^ POLYNOMIAL
            } else {
                crc >> 1
            };
            bit += 1;
        }
        table[byte as usize] = crc;
        byte += 1;
    }
    table
};

/// A result as people write it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from(DIGITS[usize::from(digit)]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_hash_of_abc_is_the_known_one() {
        // FIPS 180-4 examples, RFC 1321 A.5, and zlib's crc32.
        let table = [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha224,
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7",
            ),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            ),
            (Algorithm::Crc32, "352441c2"),
        ];
        for (algorithm, expected) in table {
            let mut hasher = Hasher::new(algorithm);
            hasher.update(b"a");
            hasher.update(b"bc");
            let result = hasher.finish();
            assert_eq!(hex(&result), expected, "{algorithm:?}");
            assert_eq!(result.len(), algorithm.len());
        }
    }

    #[test]
    fn the_first_known_name_of_a_list_is_taken() {
        assert_eq!(Algorithm::choose(b"sha3,sha256,md5"), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::choose(b"crc32"), Some(Algorithm::Crc32));
        for none in ["", "sha3", "MD5", ",", "md"] {
            assert_eq!(Algorithm::choose(none.as_bytes()), None, "{none:?}");
        }
    }
}
