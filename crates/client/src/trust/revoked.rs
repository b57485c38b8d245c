//! `RevokedHostKeys`: a file of public keys that are never trusted.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::known_hosts::{failed, read};
use crate::error::{Error, ErrorKind, Result, Stage};

/// The line that holds a key which `is` recognises.
///
/// # Errors
/// A file that is not there or holds anything but public keys (such as OpenSSH's binary lists): what cannot be understood
/// might forbid the key.
pub(super) fn line_of(file: &Path, is: impl Fn(&[u8]) -> bool) -> Result<Option<usize>> {
    let text = read(file).map_err(|error| failed("read", file, error))?;
    let unusable = |why: &str| {
        let message = format!("the list of revoked keys {} {why}", file.display());
        Error::new(ErrorKind::InvalidInput, Stage::HostKey, message)
            .hint("RevokedHostKeys has to name a file of public keys, one a line")
    };
    let text = text.ok_or_else(|| unusable("is not there"))?;
    let mut found = None;
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let mut words = line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty());
        let key = words.nth(1).and_then(|word| BASE64.decode(word).ok());
        let key = key.ok_or_else(|| unusable(&format!("holds no public key in line {}", at + 1)))?;
        if is(&key) {
            found.get_or_insert(at + 1);
        }
    }
    Ok(found)
}
