use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use proptest::prelude::*;

use super::{Remote, Target};

fn parse(text: &str) -> Target {
    Target::parse(OsStr::new(text)).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn remote(host: &str, user: Option<&str>, port: Option<u16>, path: &[u8]) -> Target {
    Target::Remote(Remote {
        host: host.to_owned(),
        user: user.map(str::to_owned),
        port,
        path: path.to_vec(),
    })
}

#[test]
fn targets_are_read_as_scp_reads_them() {
    assert_eq!(parse("alias:"), remote("alias", None, None, b""));
    assert_eq!(parse("alias:a/b:c"), remote("alias", None, None, b"a/b:c"));
    assert_eq!(parse("me@host:/a b"), remote("host", Some("me"), None, b"/a b"));
    assert_eq!(
        parse("me@corp@host:x"),
        remote("host", Some("me@corp"), None, b"x")
    );
    assert_eq!(parse("[::1]:x"), remote("::1", None, None, b"x"));
    assert_eq!(
        parse("me@[fe80::1%eth0]:x"),
        remote("fe80::1%eth0", Some("me"), None, b"x")
    );
    for local in ["a", "./a:b", "/a:b", "a/b:c", ":a", "..", "-", "[a]b", "[x"] {
        assert_eq!(parse(local), Target::Local(local.into()), "{local}");
    }
}

#[test]
fn urls_are_decoded_to_bytes() {
    assert_eq!(parse("sftp://host"), remote("host", None, None, b""));
    assert_eq!(
        parse("SFTP://me@host:2022/a%20b"),
        remote("host", Some("me"), Some(2022), b"/a b")
    );
    assert_eq!(
        parse("sftp://me%40corp@h/%ff%00x"),
        remote("h", Some("me@corp"), None, b"/\xff\0x")
    );
    assert_eq!(parse("sftp://[::1]:22/x"), remote("::1", None, Some(22), b"/x"));
    assert_eq!(parse("sftp://[::1]/x"), remote("::1", None, None, b"/x"));
    assert_eq!(parse("sftp://h/~/x"), remote("h", None, None, b"x"));
    assert_eq!(parse("sftp://h/~"), remote("h", None, None, b""));
    assert_eq!(
        parse("sftp://me;fingerprint=x@h/"),
        remote("h", Some("me"), None, b"/")
    );
}

#[test]
fn names_of_servers_alone_are_taken_where_only_servers_are() {
    let read = |text: &str| Target::parse_remote(OsStr::new(text)).map(Target::Remote);
    assert_eq!(read("host").unwrap(), remote("host", None, None, b""));
    assert_eq!(read("me@host").unwrap(), remote("host", Some("me"), None, b""));
    assert!(read("./file").is_err());
}

#[test]
fn what_could_be_taken_for_something_else_is_refused() {
    for bad in [
        "",
        "@host:x",
        "-oProxyCommand=x:y",
        "-l@host:x",
        "sftp://",
        "sftp://u:p@h/",
        "sftp://h:0/",
        "sftp://h:99999/",
        "sftp://h/%zz",
        "sftp://-x/",
        "me@:x",
        "sftp://h%2fx/",
    ] {
        assert!(Target::parse(OsStr::new(bad)).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn no_target_upsets_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..60), url in any::<bool>()) {
        let text = if url { [b"sftp://", bytes.as_slice()].concat() } else { bytes };
        if let Ok(Target::Remote(remote)) = Target::parse(OsStr::from_bytes(&text)) {
            prop_assert!(!remote.host.is_empty() && !remote.host.starts_with('-'));
        }
    }

    #[test]
    fn what_follows_the_colon_is_the_path_byte_by_byte(path in proptest::collection::vec(1u8.., 0..40)) {
        let text = [b"me@host:", path.as_slice()].concat();
        let expected = remote("host", Some("me"), None, &path);
        prop_assert_eq!(Target::parse(OsStr::from_bytes(&text)).unwrap(), expected);
    }
}
