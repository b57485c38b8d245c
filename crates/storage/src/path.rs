//! Paths and bucket names: parsed once at the edge, nothing else reaches a store.

use std::fmt;

/// An absolute, normalised path inside a home: bytes; no empty part, no `.` or `..`, no NUL. `/` is the root.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RemotePath(Box<[u8]>);

/// Why bytes are not a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// A NUL byte stands in it.
    #[error("path contains a NUL byte")]
    Nul,
    /// Longer than [`RemotePath::MAX_LEN`].
    #[error("path of {len} bytes exceeds the limit of {max}", max = RemotePath::MAX_LEN)]
    TooLong {
        /// Length in bytes.
        len: usize,
    },
}

impl RemotePath {
    /// Longest path in bytes (Linux `PATH_MAX` less its NUL).
    pub const MAX_LEN: usize = 4095;

    /// The root, `/`.
    #[must_use]
    pub fn root() -> Self {
        Self(Box::from(*b"/"))
    }

    /// Parses what a client sent. A relative path starts at `/`; `.` and empty parts vanish; `..` goes up
    /// and stays at the root, as a shell's `cd` in a jail would.
    ///
    /// # Errors
    /// [`PathError`] for NUL bytes and for paths beyond [`Self::MAX_LEN`].
    pub fn parse(bytes: &[u8]) -> Result<Self, PathError> {
        if bytes.contains(&0) {
            return Err(PathError::Nul);
        }
        if bytes.len() > Self::MAX_LEN {
            return Err(PathError::TooLong { len: bytes.len() });
        }
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in bytes.split(|b| *b == b'/') {
            match part {
                b"" | b"." => {}
                b".." => {
                    parts.pop();
                }
                name => parts.push(name),
            }
        }
        let mut out = Vec::with_capacity(bytes.len() + 1);
        for part in parts {
            out.push(b'/');
            out.extend_from_slice(part);
        }
        if out.is_empty() {
            out.push(b'/');
        }
        Ok(Self(out.into_boxed_slice()))
    }

    /// The bytes, beginning with `/`.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Whether this is `/`.
    #[must_use]
    pub fn is_root(&self) -> bool {
        &*self.0 == b"/"
    }

    /// The parts from the root down; none for `/`.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0[1..].split(|b| *b == b'/').filter(|part| !part.is_empty())
    }

    /// The last part; `None` for `/`.
    #[must_use]
    pub fn file_name(&self) -> Option<&[u8]> {
        self.components().next_back()
    }

    /// The path above; `None` for `/`.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let name = self.file_name()?;
        let cut = self.0.len() - name.len() - 1;
        Some(if cut == 0 {
            Self::root()
        } else {
            Self(self.0[..cut].into())
        })
    }

    /// Whether `self` is `other` or lies below it, comparing whole components: `/alice2` is not below `/alice`.
    #[must_use]
    pub fn starts_with(&self, other: &Self) -> bool {
        other.is_root()
            || (self.0.starts_with(&other.0)
                && (self.0.len() == other.0.len() || self.0[other.0.len()] == b'/'))
    }
}

impl fmt::Debug for RemotePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(&self.0))
    }
}

/// Name of a bucket: 4–62 characters, `^[a-z0-9][a-z0-9-]{2,60}[a-z0-9]$` (`reference/stedi.md` §5.2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BucketName(String);

/// The text is not a bucket name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("bucket name must be 4 to 62 of a-z, 0-9 and '-', and begin and end with a letter or digit")]
pub struct InvalidBucketName;

impl BucketName {
    /// Checks and takes a name.
    ///
    /// # Errors
    /// [`InvalidBucketName`] when it does not match the pattern.
    pub fn parse(name: &str) -> Result<Self, InvalidBucketName> {
        let ok = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let bytes = name.as_bytes();
        let valid = (4..=62).contains(&bytes.len())
            && bytes.iter().all(|b| ok(*b) || *b == b'-')
            && ok(bytes[0])
            && ok(bytes[bytes.len() - 1]);
        if valid {
            Ok(Self(name.to_owned()))
        } else {
            Err(InvalidBucketName)
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn path(text: &str) -> RemotePath {
        RemotePath::parse(text.as_bytes()).unwrap()
    }

    #[test]
    fn paths_are_normalised_inside_the_root() {
        for (raw, expected) in [
            ("", "/"),
            (".", "/"),
            ("/", "/"),
            ("..", "/"),
            ("a", "/a"),
            ("/a/", "/a"),
            ("//a///b//", "/a/b"),
            ("/a/./b/../c", "/a/c"),
            ("/../../a", "/a"),
            ("a/../../../b", "/b"),
            ("...", "/..."),
            ("..a/.b", "/..a/.b"),
        ] {
            assert_eq!(path(raw).as_bytes(), expected.as_bytes(), "{raw}");
        }
    }

    #[test]
    fn nul_and_excess_length_are_refused() {
        assert_eq!(RemotePath::parse(b"/a\0b"), Err(PathError::Nul));
        let longest = vec![b'x'; RemotePath::MAX_LEN];
        assert!(RemotePath::parse(&longest).is_ok());
        let longer = vec![b'x'; RemotePath::MAX_LEN + 1];
        assert_eq!(RemotePath::parse(&longer), Err(PathError::TooLong { len: 4096 }));
    }

    #[test]
    fn prefixes_are_compared_by_whole_components() {
        assert!(path("/alice/x").starts_with(&path("/alice")));
        assert!(path("/alice").starts_with(&path("/alice")));
        assert!(path("/alice").starts_with(&path("/")));
        assert!(!path("/alice2").starts_with(&path("/alice")));
        assert!(!path("/alice").starts_with(&path("/alice/x")));
    }

    #[test]
    fn bucket_names_follow_the_pattern() {
        for good in ["abcd", "a-b9", "0--0", &"x".repeat(62)] {
            assert_eq!(BucketName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "abc",
            "-abc",
            "abc-",
            "Abcd",
            "a.bc",
            "a/bc",
            "..",
            "abcд",
            &"x".repeat(63),
        ] {
            assert_eq!(BucketName::parse(bad), Err(InvalidBucketName), "{bad}");
        }
    }

    fn raw() -> impl Strategy<Value = Vec<u8>> {
        let part = prop_oneof![
            Just(b"..".to_vec()),
            Just(b".".to_vec()),
            Just(Vec::new()),
            prop::collection::vec(1..=255_u8, 1..4),
        ];
        prop::collection::vec(part, 0..12).prop_map(|parts| parts.join(&b'/'))
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_absolute_and_normal(raw in raw()) {
            let parsed = RemotePath::parse(&raw).unwrap();
            let bytes = parsed.as_bytes();
            prop_assert_eq!(bytes[0], b'/');
            prop_assert!(parsed.is_root() || !bytes.ends_with(b"/"));
            for part in parsed.components() {
                prop_assert!(!matches!(part, b"" | b"." | b".."));
                prop_assert!(!part.contains(&b'/') && !part.contains(&0));
            }
            prop_assert_eq!(&RemotePath::parse(bytes).unwrap(), &parsed, "parsing again changes nothing");
        }

        #[test]
        fn parent_and_name_make_the_path_again(raw in raw()) {
            let parsed = RemotePath::parse(&raw).unwrap();
            match (parsed.parent(), parsed.file_name()) {
                (None, None) => prop_assert!(parsed.is_root()),
                (Some(parent), Some(name)) => {
                    let joined = [parent.as_bytes(), b"/", name].concat();
                    prop_assert_eq!(&RemotePath::parse(&joined).unwrap(), &parsed);
                    prop_assert!(parsed.starts_with(&parent));
                    prop_assert!(!parent.starts_with(&parsed));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}
