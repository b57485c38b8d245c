//! Errors of the way to a server: stage, the peer's words, the next step.

use std::io;
use std::time::Duration;

use super::proxy::Proxy;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Stage};
use crate::limits;

pub(super) fn too_many_proxies(count: usize) -> Error {
    let message = format!("{count} proxies exceed the limit of {}", limits::PROXY_CHAIN);
    Error::new(ErrorKind::InvalidInput, Stage::Config, message)
}

pub(super) fn stalled(proxy: &Proxy, after: Duration) -> Error {
    let message = format!("{proxy} did not finish its handshake within {after:?}");
    Error::new(ErrorKind::TimedOut, Stage::Proxy, message).hint("check that this is a proxy of that kind")
}

pub(super) fn refused(proxy: &Proxy, target: &Endpoint, words: &str) -> Error {
    let message = format!("{proxy} refused to connect to {target}: {words}");
    Error::new(ErrorKind::ProxyRefused, Stage::Proxy, message)
        .hint("check that the proxy's rules allow this host and port, and that the server is up")
}

pub(super) fn wants_login(proxy: &Proxy, words: &str) -> Error {
    let message = format!("{proxy} wants a login: {words}");
    Error::new(ErrorKind::ProxyAuth, Stage::Proxy, message).hint("give the proxy's user name and password")
}

pub(super) fn login_refused(proxy: &Proxy, words: &str) -> Error {
    let message = format!("{proxy} did not accept the login: {words}");
    Error::new(ErrorKind::ProxyAuth, Stage::Proxy, message).hint("check the proxy's user name and password")
}

pub(super) fn protocol(proxy: &Proxy, what: &str) -> Error {
    let message = format!("{proxy} broke the protocol: {what}");
    Error::new(ErrorKind::Protocol, Stage::Proxy, message).hint("check that this is a proxy of that kind")
}

pub(super) fn unusable(proxy: &Proxy, what: &str) -> Error {
    Error::new(ErrorKind::InvalidInput, Stage::Proxy, format!("{proxy}: {what}"))
}

/// The status with which an HTTP proxy refused; the [`source`](std::error::Error::source) of the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("HTTP status {status}")]
pub struct HttpRefusal {
    /// As in its status line.
    pub status: u16,
}

/// The connection to the proxy broke while it was talked to.
pub(super) fn lost(proxy: &Proxy, error: io::Error) -> Error {
    let message = if error.kind() == io::ErrorKind::UnexpectedEof {
        format!("{proxy} closed the connection without an answer")
    } else {
        format!("the connection to {proxy} broke: {error}")
    };
    Error::new(ErrorKind::ConnectionLost, Stage::Proxy, message)
        .caused_by(error)
        .hint("check that this is a proxy of that kind, and its log")
}

/// What a peer said, fit for a terminal: bounded, without control characters.
pub(super) fn words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(limits::PEER_WORDS_LEN)]);
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.collect::<String>().trim().to_owned()
}
