//! Where a connection goes, and the bytes it runs over.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits::HOST_LEN;

/// The port of SSH.
pub const SSH_PORT: u16 = 22;

/// A host and a port. The host is a name or an IP literal without brackets; displayed as `host:port` or `[v6]:port`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Endpoint {
    host: String,
    port: u16,
}

impl Endpoint {
    /// A host name or an IP literal (IPv6 with or without brackets), and a port.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] for a host that is empty, too long or holds what no host name holds (white
    /// space, control characters, `/`, `@`), and for port 0.
    pub fn new(host: impl Into<String>, port: u16) -> Result<Self> {
        let host = host.into();
        let host = match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            Some(literal) => literal.to_owned(),
            None => host,
        };
        let unusable = |byte: u8| byte <= b' ' || byte == 0x7f || b"/@[]\\\"'`".contains(&byte);
        if host.is_empty() || host.len() > HOST_LEN || host.bytes().any(unusable) || host.starts_with('-') {
            return Err(invalid(format!("\"{}\" is not a host", host.escape_debug())));
        }
        if host.contains(':') && !is_ipv6(&host) {
            return Err(invalid(format!("\"{host}\" is not an IPv6 address"))
                .hint("give the port separately, or write [address]:port"));
        }
        if port == 0 {
            return Err(invalid(format!("{host} cannot be reached at port 0")));
        }
        Ok(Self { host, port })
    }

    /// Reads `host`, `host:port`, `[v6]:port`, `[v6]` or a bare IPv6 literal; `default_port` where none is given.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`], as [`Self::new`], and for what is no port.
    pub fn parse(text: &str, default_port: u16) -> Result<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, rest) = rest
                .split_once(']')
                .ok_or_else(|| invalid(format!("\"{}\" lacks a ]", text.escape_debug())))?;
            if !is_ipv6(host) {
                return Err(invalid(format!(
                    "\"{}\" is not an IPv6 address",
                    host.escape_debug()
                )));
            }
            match rest.strip_prefix(':') {
                Some(port) => (host, Some(port)),
                None if rest.is_empty() => (host, None),
                None => return Err(invalid(format!("\"{}\" is not a host", text.escape_debug()))),
            }
        } else if is_ipv6(text) {
            (text, None)
        } else {
            match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            }
        };
        let port = match port {
            None => default_port,
            Some(port) if port.bytes().all(|byte| byte.is_ascii_digit()) => port
                .parse()
                .map_err(|cause| invalid(format!("\"{port}\" is not a port")).caused_by(cause))?,
            Some(port) => return Err(invalid(format!("\"{}\" is not a port", port.escape_debug()))),
        };
        Self::new(host, port)
    }

    /// The host name or IP literal, without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address, if the host is an IPv4 or IPv6 literal without zone.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for Endpoint {
    type Err = Error;

    /// [`Endpoint::parse`] with [`SSH_PORT`].
    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text, SSH_PORT)
    }
}

/// What an SSH connection runs over: a socket, a proxy's tunnel, a program's pipes, a jump host's channel.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Any [`Stream`].
pub type BoxedStream = Box<dyn Stream>;

/// Whether `text` is an IPv6 literal, with or without a zone (`fe80::1%eth0`).
fn is_ipv6(text: &str) -> bool {
    let address = match text.split_once('%') {
        Some((address, zone)) if !zone.is_empty() => address,
        Some(_) => return false,
        None => text,
    };
    address.parse::<Ipv6Addr>().is_ok()
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidInput, Stage::Config, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read_and_shown_in_the_same_form() {
        for (text, host, port, shown) in [
            ("example.com", "example.com", 22, "example.com:22"),
            ("example.com:2022", "example.com", 2022, "example.com:2022"),
            ("192.0.2.7:22", "192.0.2.7", 22, "192.0.2.7:22"),
            ("::1", "::1", 22, "[::1]:22"),
            ("[::1]", "::1", 22, "[::1]:22"),
            ("[2001:db8::7]:2222", "2001:db8::7", 2222, "[2001:db8::7]:2222"),
            ("[fe80::1%eth0]:22", "fe80::1%eth0", 22, "[fe80::1%eth0]:22"),
            ("fe80::1%eth0", "fe80::1%eth0", 22, "[fe80::1%eth0]:22"),
        ] {
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!((endpoint.host(), endpoint.port()), (host, port), "{text}");
            assert_eq!(endpoint.to_string(), shown);
            assert_eq!(shown.parse::<Endpoint>().unwrap(), endpoint);
        }
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for text in [
            "",
            ":22",
            "host:",
            "host:0",
            "host:65536",
            "host:+22",
            "host:ssh",
            "[::1",
            "[::1]22",
            "[host]:22",
            "::1::2",
            "two words",
            "a/b",
            "user@host",
            "-oProxyCommand=x",
            "host\n",
            "fe80::1%",
        ] {
            // A lone colon at the end leaves an empty port.
            let refused = text.parse::<Endpoint>();
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidInput, "{text:?}");
        }
        assert!(Endpoint::new("a".repeat(HOST_LEN + 1), 22).is_err());
        assert!(Endpoint::new("a".repeat(HOST_LEN), 22).is_ok());
    }
}
