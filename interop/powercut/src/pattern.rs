//! Patterns of paths: `?` is one byte of a name, `*` any part of a name, `**` any part of a path.

/// Whether the whole of `path` matches.
pub(crate) fn matches(pattern: &[u8], path: &[u8]) -> bool {
    match pattern {
        [] => path.is_empty(),
        [b'*', b'*', rest @ ..] => (0..=path.len()).any(|from| matches(rest, &path[from..])),
        [b'*', rest @ ..] => {
            let name = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
            (0..=name).any(|from| matches(rest, &path[from..]))
        }
        [b'?', rest @ ..] => !matches!(path, [] | [b'/', ..]) && matches(rest, &path[1..]),
        [byte, rest @ ..] => path.first() == Some(byte) && matches(rest, &path[1..]),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn one_star_stays_in_a_name_and_two_cross() {
        for (pattern, path, wanted) in [
            ("/data/catalog.db-wal", "/data/catalog.db-wal", true),
            ("/data/catalog.db-wal", "/data/catalog.db", false),
            ("/data/*", "/data/catalog.db", true),
            ("/data/*", "/data/buckets/x", false),
            ("/data/**", "/data/buckets/x", true),
            ("**/staging/*", "/data/buckets/main/staging/0a1b", true),
            ("**/staging/*", "/data/buckets/main/staging", false),
            ("/a/??", "/a/bc", true),
            ("/a/??", "/a/b", false),
            ("/a?b", "/a/b", false),
            ("**", "/", true),
            ("*", "", true),
            ("", "x", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), path.as_bytes()),
                wanted,
                "{pattern} {path}"
            );
        }
    }
}
