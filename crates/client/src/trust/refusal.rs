//! Why a host key was refused, and what to do about it.

use std::path::Path;

use super::known_hosts::Located;
use crate::error::{Error, ErrorKind, Stage};
use crate::host_key::{HostCertificate, HostKey};

/// Fingerprints and places that one message names.
const NAMED: usize = 4;

pub(super) fn unknown(name: &str, key: &HostKey) -> Error {
    let message = format!("the host key of {name} is not known: {key}");
    let hint = format!(
        "compare the fingerprint with one from the server's operator, then run: longshore trust add {name}"
    );
    Error::new(ErrorKind::HostKeyUnknown, Stage::HostKey, message).hint(hint)
}

pub(super) fn changed(name: &str, key: &HostKey, known: &[&Located]) -> Error {
    let places: Vec<String> = known
        .iter()
        .take(NAMED)
        .map(|located| {
            let fingerprint = HostKey::from_blob(&located.entry.key)
                .map_or_else(|_| located.entry.key_type.clone(), |key| key.to_string());
            format!("{}:{} has {fingerprint}", located.file.display(), located.line)
        })
        .collect();
    let message = format!(
        "the host key of {name} has changed: it shows {key}, but {}",
        places.join(", ")
    );
    let hint = format!(
        "somebody may be in between; if the operator confirms the new fingerprint, run: longshore trust remove {name} && longshore trust add {name}"
    );
    Error::new(ErrorKind::HostKeyChanged, Stage::HostKey, message).hint(hint)
}

pub(super) fn not_pinned(name: &str, key: &HostKey, pins: &[String]) -> Error {
    let pins: Vec<&str> = pins.iter().take(NAMED).map(String::as_str).collect();
    let message = format!(
        "the host key of {name} is not the pinned one: it shows {key}, pinned is {}",
        pins.join(", ")
    );
    let hint = "somebody may be in between; if the operator confirms the new fingerprint, pin that one";
    Error::new(ErrorKind::HostKeyChanged, Stage::HostKey, message).hint(hint)
}

pub(super) fn revoked(name: &str, key: &HostKey, file: &Path, line: usize) -> Error {
    let message = format!(
        "the host key of {name} is revoked: {key}, by {}:{line}",
        file.display()
    );
    Error::new(ErrorKind::HostKeyRevoked, Stage::HostKey, message)
        .hint("do not connect; the server needs a new key, which its operator can tell you")
}

pub(super) fn certificate(name: &str, certificate: &HostCertificate, why: &str) -> Error {
    let message = format!(
        "the certificate \"{}\" (serial {}) of {name} is refused: {why}",
        certificate.key_id.escape_debug(),
        certificate.serial
    );
    Error::new(ErrorKind::HostKeyUnknown, Stage::HostKey, message)
        .hint("the server's operator has to get a new certificate from the authority")
}

pub(super) fn short(name: &str, key: &HostKey, bits: u32, needed: u32) -> Error {
    let message = format!("the host key of {name} has {bits} bits, {needed} are needed: {key}");
    Error::new(ErrorKind::HostKeyUnknown, Stage::HostKey, message)
        .hint("the server needs a longer RSA key, or better an Ed25519 key")
}
