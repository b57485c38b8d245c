//! One line of a known-hosts file (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::ssh_config::pattern;

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// Nothing: empty, or a comment.
    Empty,
    /// A key for some hosts.
    Entry(Entry),
    /// Nobody can tell; the reason is a short sentence.
    Malformed(&'static str),
}

/// A key and the hosts that it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What the key is good for.
    pub marker: Marker,
    /// For which hosts.
    pub hosts: Hosts,
    /// The type as written, which is also the one inside the key.
    pub key_type: String,
    /// The key's wire form.
    pub key: Vec<u8>,
    /// What follows the key.
    pub comment: String,
}

/// What a key is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Marker {
    /// It is the host's own.
    None,
    /// `@cert-authority`: it signs the host's certificates.
    CertAuthority,
    /// `@revoked`: never accept it.
    Revoked,
}

/// The first column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// `|1|salt|hash`: one name, not to be read.
    Hashed {
        /// The key of the HMAC.
        salt: Vec<u8>,
        /// HMAC-SHA-1 of the name.
        hash: Vec<u8>,
    },
    /// Patterns, separated by commas.
    Patterns(Vec<u8>),
}

impl Hosts {
    /// Whether this is about `name` (in small letters, `[host]:port` where the port is not 22).
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        match self {
            Self::Hashed { salt, hash } => {
                let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
                hmac::verify(&key, name.as_bytes(), hash).is_ok()
            }
            Self::Patterns(list) => pattern::host_list_matches(name.as_bytes(), list),
        }
    }
}

/// The hashed form of a name.
///
/// # Errors
/// When there is no randomness for the salt.
pub fn hashed(name: &str) -> Result<String, getrandom::Error> {
    let mut salt = [0; HASH_LEN];
    getrandom::fill(&mut salt)?;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &salt);
    let hash = hmac::sign(&key, name.as_bytes());
    Ok(format!("|1|{}|{}", BASE64.encode(salt), BASE64.encode(hash)))
}

/// Reads one line, without its line feed.
#[must_use]
pub fn parse(line: &[u8]) -> Line {
    read(line).unwrap_or_else(Line::Malformed)
}

fn read(line: &[u8]) -> Result<Line, &'static str> {
    let mut rest = trim_start(line.trim_ascii_end());
    if rest.is_empty() || rest.starts_with(b"#") {
        return Ok(Line::Empty);
    }
    // OpenSSH 9 wants a space behind a marker and drops the line otherwise; a tab means the same here, so that what was
    // meant to be revoked is
    let marker = match rest.first() {
        Some(b'@') => marker(word(&mut rest))?,
        _ => Marker::None,
    };
    if rest.starts_with(b"@") {
        return Err("more than one marker");
    }
    let hosts = hosts(word(&mut rest))?;
    let key_type = str::from_utf8(word(&mut rest)).map_err(|_| "the key type is no text")?;
    let key = BASE64
        .decode(word(&mut rest))
        .map_err(|_| "the key is no base64")?;
    if key_type.is_empty() || inner_type(&key) != Some(key_type.as_bytes()) {
        return Err("the key is not of the type in front of it");
    }
    Ok(Line::Entry(Entry {
        marker,
        hosts,
        key_type: key_type.to_owned(),
        key,
        comment: String::from_utf8_lossy(rest).into_owned(),
    }))
}

fn marker(word: &[u8]) -> Result<Marker, &'static str> {
    match word {
        b"@cert-authority" => Ok(Marker::CertAuthority),
        b"@revoked" => Ok(Marker::Revoked),
        _ => Err("an unknown marker"),
    }
}

fn hosts(word: &[u8]) -> Result<Hosts, &'static str> {
    let Some(hashed) = word.strip_prefix(b"|") else {
        return if word.is_empty() {
            Err("no hosts")
        } else {
            Ok(Hosts::Patterns(word.to_vec()))
        };
    };
    let mut parts = hashed.split(|byte| *byte == b'|');
    let parts = [parts.next(), parts.next(), parts.next(), parts.next()];
    let [Some(b"1"), Some(salt), Some(hash), None] = parts else {
        return Err("an unknown way of hashing");
    };
    let decode = |text| BASE64.decode(text).ok().filter(|bytes| bytes.len() == HASH_LEN);
    match (decode(salt), decode(hash)) {
        (Some(salt), Some(hash)) => Ok(Hosts::Hashed { salt, hash }),
        _ => Err("a broken hash"),
    }
}

/// The string that a key's wire form begins with.
fn inner_type(key: &[u8]) -> Option<&[u8]> {
    let (len, rest) = key.split_first_chunk::<4>()?;
    rest.get(..usize::try_from(u32::from_be_bytes(*len)).ok()?)
}

fn word<'a>(rest: &mut &'a [u8]) -> &'a [u8] {
    let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t'));
    let (word, tail) = rest.split_at(end.unwrap_or(rest.len()));
    *rest = trim_start(tail);
    word
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    while let Some(tail) = text.strip_prefix(b" ").or_else(|| text.strip_prefix(b"\t")) {
        text = tail;
    }
    text
}

/// Bytes of a salt and of a hash: SHA-1's.
const HASH_LEN: usize = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB";

    fn entry(line: &str) -> Entry {
        match parse(line.as_bytes()) {
            Line::Entry(entry) => entry,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn lines_are_read_with_markers_comments_and_carriage_returns() {
        let read = entry(&format!(
            " @cert-authority  *.x,!b.x\tssh-ed25519 {KEY} of the  house\r"
        ));
        assert_eq!(read.marker, Marker::CertAuthority);
        assert_eq!(read.comment, "of the  house");
        assert!(read.hosts.matches("a.x") && !read.hosts.matches("b.x"));
        assert_eq!(parse(b"  # comment"), Line::Empty);
        assert_eq!(parse(b"\r"), Line::Empty);
        for bad in [
            "host".to_owned(),
            "host ssh-ed25519".to_owned(),
            format!("host ssh-rsa {KEY}"),
            "host ssh-ed25519 ????".to_owned(),
            format!("@new host ssh-ed25519 {KEY}"),
            format!("@revoked @cert-authority host ssh-ed25519 {KEY}"),
            format!("|2|a|b ssh-ed25519 {KEY}"),
            format!("|1|a ssh-ed25519 {KEY}"),
        ] {
            assert!(matches!(parse(bad.as_bytes()), Line::Malformed(_)), "{bad}");
        }
    }

    #[test]
    fn a_hashed_name_matches_itself_alone() {
        let read = entry(&format!("{} ssh-ed25519 {KEY}", hashed("[host]:2022").unwrap()));
        assert!(read.hosts.matches("[host]:2022"));
        assert!(!read.hosts.matches("host"));
    }

    proptest! {
        #[test]
        fn no_line_upsets_the_reader(line in proptest::collection::vec(any::<u8>(), 0..200), name in "[a-z.]{0,9}") {
            if let Line::Entry(entry) = parse(&line) {
                let _ = entry.hosts.matches(&name);
            }
        }
    }
}
