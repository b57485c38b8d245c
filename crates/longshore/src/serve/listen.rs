//! Addresses to listen on, and binding them.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use tokio::net::{TcpListener, TcpSocket};

use crate::error::CliError;
use crate::exit_code::ExitCode;
use crate::limits::LISTEN_BACKLOG;

/// Where to listen: one address, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenAddress {
    /// `*:PORT`: one socket for IPv6 and IPv4 where the machine has both, otherwise IPv4.
    Any(u16),
    /// `IP:PORT`.
    One(SocketAddr),
}

/// The text is neither `IP:PORT` nor `*:PORT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not IP:PORT or *:PORT")]
pub struct InvalidListenAddress;

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(port) = text.strip_prefix("*:") {
            return port.parse().map(Self::Any).map_err(|_| InvalidListenAddress);
        }
        let text = text
            .strip_prefix("localhost:")
            .map_or_else(|| text.to_owned(), |port| format!("127.0.0.1:{port}"));
        text.parse().map(Self::One).map_err(|_| InvalidListenAddress)
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any(port) => write!(f, "*:{port}"),
            Self::One(address) => address.fmt(f),
        }
    }
}

impl ListenAddress {
    /// Whether only this machine can connect.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        matches!(self, Self::One(address) if address.ip().is_loopback())
    }

    /// Binds and listens. Must run inside a runtime.
    ///
    /// # Errors
    /// [`ExitCode::Listen`], naming the address, with the next step for `setting`.
    pub fn bind(self, what: &str, setting: &str) -> Result<TcpListener, CliError> {
        self.try_bind().map_err(|error| {
            let hint = match error.kind() {
                io::ErrorKind::AddrInUse => format!(
                    "another program listens there (`ss -ltnp` names it); stop it or choose another address with {setting}"
                ),
                io::ErrorKind::PermissionDenied => format!(
                    "ports below 1024 need CAP_NET_BIND_SERVICE; grant it, or choose another port with {setting}"
                ),
                io::ErrorKind::AddrNotAvailable => {
                    format!("this machine does not have that address; choose another with {setting}")
                }
                _ => format!("choose another address with {setting}"),
            };
            CliError::new(ExitCode::Listen, format!("cannot listen for {what} on {self}")).because(error).hint(hint)
        })
    }

    fn try_bind(self) -> io::Result<TcpListener> {
        match self {
            Self::One(address) => listen(address, false),
            Self::Any(port) => match listen(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port), true) {
                Err(error) if no_ipv6(&error) => {
                    listen(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port), false)
                }
                other => other,
            },
        }
    }
}

/// An address at which this machine reaches a listener bound to `bound`: wildcards become loopback.
#[must_use]
pub(super) fn reachable(bound: SocketAddr) -> SocketAddr {
    match bound.ip() {
        // A dual-stack socket takes IPv4 as well, and 127.0.0.1 exists where ::1 may not.
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port()),
        _ => bound,
    }
}

fn listen(address: SocketAddr, dual_stack: bool) -> io::Result<TcpListener> {
    let socket = if address.is_ipv6() {
        TcpSocket::new_v6()?
    } else {
        TcpSocket::new_v4()?
    };
    // A restart must not wait for old connections in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    if dual_stack {
        // net.ipv6.bindv6only may say otherwise.
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
    }
    socket.bind(address)?;
    socket.listen(LISTEN_BACKLOG)
}

fn no_ipv6(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [
        Errno::AFNOSUPPORT,
        Errno::ADDRNOTAVAIL,
        Errno::NOPROTOOPT,
        Errno::PROTONOSUPPORT,
    ]
    .iter()
    .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for text in ["*:2022", "127.0.0.1:0", "[::1]:22", "[::]:2022"] {
            assert_eq!(
                text.parse::<ListenAddress>().map(|a| a.to_string()),
                Ok(text.to_owned())
            );
        }
        assert_eq!("localhost:1".parse(), "127.0.0.1:1".parse::<ListenAddress>());
        for bad in ["2022", ":2022", "*", "*:x", "*:70000", "::1:22", "host:22"] {
            assert_eq!(bad.parse::<ListenAddress>(), Err(InvalidListenAddress), "{bad}");
        }
    }

    #[tokio::test]
    async fn all_addresses_take_ipv4_connections() {
        let listener = ListenAddress::Any(0).bind("tests", "nothing").unwrap();
        let port = listener.local_addr().unwrap().port();
        std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    }

    #[tokio::test]
    async fn a_taken_port_is_an_error_that_names_the_address_and_the_setting() {
        let first = ListenAddress::Any(0).bind("tests", "nothing").unwrap();
        let port = first.local_addr().unwrap().port();
        let error = ListenAddress::Any(port).bind("SFTP", "sftp.listen").unwrap_err();
        assert_eq!(error.code(), ExitCode::Listen);
        let text = error.render();
        assert!(
            text.contains(&format!("*:{port}")) && text.contains("sftp.listen"),
            "{text}"
        );
    }
}
