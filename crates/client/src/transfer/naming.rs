//! Temporary names, here and on the server.
//!
//! The first choice is always the same, so that a later transfer finds what an interrupted one has left; when that name is
//! taken, others with chance in them follow.
//!
//! They end as no file of a user does: in a tree a temporary name that is a file's own as well would be overwritten, and
//! published as something else. Trees leave such files out for the same reason.

use super::limits::NAME_LEN;
use crate::error::{Error, ErrorKind, Result, Stage};

/// What temporary names end with.
const MARK: &str = ".longshore.part";

/// Whether a transfer has left this name, or is writing it now.
pub(crate) fn is_temporary(name: &[u8]) -> bool {
    name.starts_with(b".") && name.ends_with(MARK.as_bytes())
}

/// The temporary name for `name`: the one to continue from with attempt 0, another one with each later attempt.
pub(crate) fn temporary_name(name: &[u8], attempt: usize) -> Result<Vec<u8>> {
    let suffix = if attempt == 0 {
        MARK.to_owned()
    } else {
        format!(".{:08x}{MARK}", chance()?)
    };
    Ok(decorated(name, suffix.as_bytes()))
}

/// A name for what is put aside while another file takes its place.
pub(crate) fn aside_name(name: &[u8]) -> Result<Vec<u8>> {
    Ok(decorated(name, format!(".{:08x}.old", chance()?).as_bytes()))
}

/// Splits a remote path into its directory, with the slash, and its name.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => path.split_at(slash + 1),
        None => (b"", path),
    }
}

/// A path below a directory; `""` is where the session starts.
pub(crate) fn join(dir: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(dir.len() + 1 + name.len());
    path.extend_from_slice(dir);
    if !dir.is_empty() && !dir.ends_with(b"/") {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// Hidden, and never longer than a name may be. What is cut off a long name is replaced by a checksum of all of it.
fn decorated(name: &[u8], suffix: &[u8]) -> Vec<u8> {
    let room = NAME_LEN - 1 - suffix.len();
    let mut out = vec![b'.'];
    if name.len() <= room {
        out.extend_from_slice(name);
    } else {
        let mut keep = room - 17;
        // not in the middle of a character
        while keep > 0 && name[keep] & 0xc0 == 0x80 {
            keep -= 1;
        }
        out.extend_from_slice(&name[..keep]);
        out.extend_from_slice(format!("~{:016x}", fnv(name)).as_bytes());
    }
    out.extend_from_slice(suffix);
    out
}

/// FNV-1a: the same name always gets the same number.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn chance() -> Result<u32> {
    getrandom::u32().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Local, "the system has no random numbers").caused_by(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temporary_names_are_names() {
        for name in [b"a".to_vec(), vec![b'x'; 255], "ö".repeat(127).into_bytes()] {
            let first = temporary_name(&name, 0).expect("name");
            assert_eq!(first, temporary_name(&name, 0).expect("name"));
            let second = temporary_name(&name, 1).expect("name");
            assert_ne!(first, second);
            assert_ne!(second, temporary_name(&name, 1).expect("name"));
            for made in [first, second] {
                assert!(made.len() <= NAME_LEN && made != name, "{made:?}");
                assert!(is_temporary(&made) && !is_temporary(&name), "{made:?}");
                assert!(std::str::from_utf8(&made).is_ok());
            }
        }
    }

    #[test]
    fn long_names_that_begin_alike_get_different_names() {
        let (mut one, mut two) = (vec![b'x'; 254], vec![b'x'; 254]);
        one.push(b'1');
        two.push(b'2');
        assert_ne!(
            temporary_name(&one, 0).expect("name"),
            temporary_name(&two, 0).expect("name")
        );
    }

    #[test]
    fn paths_are_split_and_joined() {
        assert_eq!(split(b"a"), (&b""[..], &b"a"[..]));
        assert_eq!(split(b"/a"), (&b"/"[..], &b"a"[..]));
        assert_eq!(split(b"d/e/a"), (&b"d/e/"[..], &b"a"[..]));
        assert_eq!(join(b"", b"a"), b"a");
        assert_eq!(join(b"/", b"a"), b"/a");
        assert_eq!(join(b"d", b"a"), b"d/a");
    }
}
