//! Paths as bytes, on the server and here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A path below another one, unless it is absolute. An empty one is the other itself.
pub(crate) fn below(dir: &[u8], path: &[u8]) -> Vec<u8> {
    if path.starts_with(b"/") || dir.is_empty() {
        return path.to_vec();
    }
    let mut out = dir.to_vec();
    if !out.ends_with(b"/") {
        out.push(b'/');
    }
    out.extend_from_slice(path);
    out
}

/// The last part of a path; that of `..` and of nothing is `.`: the directory itself.
pub(crate) fn name_of(path: &[u8]) -> &[u8] {
    let mut end = path.len();
    while end > 0 && path[end - 1] == b'/' {
        end -= 1;
    }
    let name = path[..end]
        .rsplit(|byte| *byte == b'/')
        .next()
        .unwrap_or_default();
    match name {
        b"" | b".." => b".",
        name => name,
    }
}

/// The path that bytes name.
pub(crate) fn as_path(path: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_below_directories() {
        for (dir, path, expected) in [
            ("", "a", "a"),
            ("d", "a", "d/a"),
            ("d/", "a", "d/a"),
            ("/", "a", "/a"),
            ("d", "/a", "/a"),
        ] {
            assert_eq!(below(dir.as_bytes(), path.as_bytes()), expected.as_bytes());
        }
    }

    #[test]
    fn the_name_of_what_is_above_is_here() {
        for (path, name) in [
            ("a/b", "b"),
            ("a/b/", "b"),
            ("b", "b"),
            ("..", "."),
            ("a/..", "."),
            ("/", "."),
            ("", "."),
        ] {
            assert_eq!(name_of(path.as_bytes()), name.as_bytes(), "{path}");
        }
    }
}
