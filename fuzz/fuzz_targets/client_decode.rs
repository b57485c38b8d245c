//! What a client reads of files and of proxies, the first byte says as what: nothing panics, and places that are told
//! lie inside of what was read.

#![no_main]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use longshore_client::UserKey;
use longshore_client::route::{Proxy, parse_connect_reply};
use longshore_client::target::Target;
use longshore_client::trust::known_hosts::KnownHosts;

fuzz_target!(|input: &[u8]| {
    let Some((what, input)) = input.split_first() else {
        return;
    };
    match what % 4 {
        0 => connect_reply(input),
        1 => known_hosts(input),
        2 => names(input),
        // without a passphrase: deriving a key from one takes as long as the file demands
        _ => drop(UserKey::parse(input, None)),
    }
});

/// The header is found as soon as it is whole, and the same however much follows.
fn connect_reply(input: &[u8]) {
    let Ok(Some(reply)) = parse_connect_reply(input) else {
        return;
    };
    assert!((100..1000).contains(&reply.status) && reply.len <= input.len());
    let header = &input[..reply.len];
    assert_eq!(parse_connect_reply(header), Ok(Some(reply)));
    assert!(!matches!(
        parse_connect_reply(&header[..header.len() - 1]),
        Ok(Some(_))
    ));
}

/// Each line is an entry, is told to be malformed, or is nothing; a name that stands there is found.
fn known_hosts(input: &[u8]) {
    let mut known = KnownHosts::default();
    known.add(Path::new("known_hosts"), input);
    let lines = input.split(|byte| *byte == b'\n').count();
    assert!(known.entries().len() + known.malformed().len() <= lines);
    for entry in known.entries() {
        assert!((1..=lines).contains(&entry.line));
    }
    for name in ["host.example", "[host.example]:2222", "192.0.2.1"] {
        assert!(known.find(name).count() <= known.entries().len());
    }
}

fn names(input: &[u8]) {
    let _ = Target::parse(OsStr::from_bytes(input));
    if let Ok(text) = std::str::from_utf8(input) {
        let _ = Proxy::parse(text);
    }
}
