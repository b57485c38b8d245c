//! A TCP socket: all addresses of a name, one a little after the other, the first to answer wins (RFC 8305).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, sleep_until, timeout};

use super::RouteTimeouts;
use crate::endpoint::Endpoint;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::limits;

/// How to open a socket.
#[derive(Debug, Clone, Default)]
pub struct Direct {
    /// Which addresses to use (`AddressFamily`).
    pub family: Family,
    /// The address to connect from (`BindAddress`): a literal or a name of this machine.
    pub bind_address: Option<String>,
    /// The interface to connect from (`BindInterface`).
    pub bind_interface: Option<String>,
    /// Whether the kernel does without probes of a silent peer (`TCPKeepAlive no`).
    pub without_tcp_keep_alive: bool,
}

/// Kinds of addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Family {
    /// Both.
    #[default]
    Any,
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    fn takes(self, address: IpAddr) -> bool {
        match self {
            Self::Any => true,
            Self::V4 => address.is_ipv4(),
            Self::V6 => address.is_ipv6(),
        }
    }
}

impl Direct {
    /// Connects, with `TCP_NODELAY`.
    ///
    /// # Errors
    /// [`Stage::Resolve`], or [`Stage::Connect`] with what each address answered.
    pub async fn connect(&self, target: &Endpoint, timeouts: &RouteTimeouts) -> Result<TcpStream> {
        let addresses = resolve(target, self.family, timeouts.resolve).await?;
        let from = self.bind_addresses(timeouts.resolve).await?;
        let race = self.race(target, &addresses, &from);
        timeout(timeouts.connect, race).await.unwrap_or_else(|_| {
            let message = format!("{target} did not answer within {:?}", timeouts.connect);
            Err(Error::new(ErrorKind::TimedOut, Stage::Connect, message)
                .hint("check host and port, and whether a firewall drops the packets; a proxy may be needed"))
        })
    }

    async fn race(&self, target: &Endpoint, addresses: &[SocketAddr], from: &[IpAddr]) -> Result<TcpStream> {
        let mut attempts = FuturesUnordered::new();
        let mut waiting = addresses.iter().copied();
        let mut failures: Vec<(SocketAddr, io::Error)> = Vec::new();
        loop {
            if let Some(address) = waiting.next() {
                attempts.push(async move { (address, self.attempt(address, from).await) });
            } else if attempts.is_empty() {
                return Err(unreachable(target, failures));
            }
            let next = Instant::now() + limits::NEXT_ADDRESS_AFTER;
            // with none left to start, only the running ones are waited for
            let patience = async {
                if waiting.len() == 0 {
                    std::future::pending::<()>().await;
                }
                sleep_until(next).await;
            };
            tokio::select! {
                Some((address, outcome)) = attempts.next() => match outcome {
                    Ok(stream) => return Ok(stream),
                    Err(error) => failures.push((address, error)),
                },
                () = patience => {}
            }
        }
    }

    async fn attempt(&self, address: SocketAddr, from: &[IpAddr]) -> io::Result<TcpStream> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // keystrokes and small requests are not to wait for each other (RFC 896)
        socket.set_nodelay(true)?;
        socket.set_keepalive(!self.without_tcp_keep_alive)?;
        if let Some(interface) = &self.bind_interface {
            socket.bind_device(Some(interface.as_bytes()))?;
        }
        if self.bind_address.is_some() {
            let same = from.iter().find(|from| from.is_ipv4() == address.is_ipv4());
            let same = same.ok_or_else(|| {
                io::Error::new(
                    io::ErrorKind::AddrNotAvailable,
                    "the bind address is of the other family",
                )
            })?;
            socket.bind(SocketAddr::new(*same, 0))?;
        }
        socket.connect(address).await
    }

    async fn bind_addresses(&self, within: Duration) -> Result<Vec<IpAddr>> {
        let Some(name) = &self.bind_address else {
            return Ok(Vec::new());
        };
        let from = resolve(&Endpoint::new(name, 1)?, Family::Any, within).await?;
        Ok(from.iter().map(SocketAddr::ip).collect())
    }
}

/// The addresses of a host, both families in turns, at most [`limits::ADDRESSES`].
///
/// # Errors
/// [`Stage::Resolve`].
pub(super) async fn resolve(target: &Endpoint, family: Family, within: Duration) -> Result<Vec<SocketAddr>> {
    let host = target.host();
    let failed = |kind, message: String| Error::new(kind, Stage::Resolve, message);
    let found = match target.ip() {
        Some(address) => vec![SocketAddr::new(address, target.port())],
        None => timeout(within, tokio::net::lookup_host((host, target.port())))
            .await
            .map_err(|_| {
                failed(
                    ErrorKind::TimedOut,
                    format!("{host} was not found within {within:?}"),
                )
            })?
            .map_err(|error| {
                failed(ErrorKind::NameNotFound, format!("{host} has no address: {error}"))
                    .caused_by(error)
                    .hint("check the name; behind a proxy let the proxy resolve it")
            })?
            .collect(),
    };
    let (first, second): (Vec<_>, Vec<_>) = found
        .iter()
        .copied()
        .filter(|address| family.takes(address.ip()))
        .partition(|address| address.is_ipv4() == found[0].is_ipv4());
    let mut turns = Vec::new();
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => break,
            (one, other) => turns.extend(one.into_iter().chain(other)),
        }
    }
    turns.truncate(limits::ADDRESSES);
    if turns.is_empty() {
        let kind = if family == Family::V4 { "IPv4" } else { "IPv6" };
        let message = format!("{host} has no {kind} address");
        return Err(failed(ErrorKind::NameNotFound, message)
            .hint("change AddressFamily, or use the name of another host"));
    }
    Ok(turns)
}

fn unreachable(target: &Endpoint, mut failures: Vec<(SocketAddr, io::Error)>) -> Error {
    let reasons: Vec<String> = failures
        .iter()
        .map(|(address, error)| format!("{address}: {error}"))
        .collect();
    let message = format!("cannot connect to {target} ({})", reasons.join("; "));
    let error = Error::new(ErrorKind::Unreachable, Stage::Connect, message)
        .hint("check host and port, and that the server is up");
    match failures.pop() {
        Some((_, cause)) => error.caused_by(cause),
        None => error,
    }
}
