//! The way to a server: straight, through proxies one behind the other, or over a program's pipes.
//!
//! [`Route::dial`] opens a stream to an [`Endpoint`]; what an SSH jump host forwards is not of this module. Names are
//! resolved by the last proxy unless its kind cannot (SOCKS4). Every stage has a deadline, an error names the stage,
//! what the peer said and the next step, and dropping the future ends all it has begun.

mod command;
mod connect_reply;
mod direct;
mod error;
mod http;
mod proxy;
mod socks;
mod socks4;
mod socks5;
mod tls;

use std::time::Duration;

pub use connect_reply::{ConnectReply, parse as parse_connect_reply};
pub use direct::{Direct, Family};
pub use error::HttpRefusal;
pub use proxy::{Login, Proxy, ProxyKind};
pub use tls::ProxyTls;

use crate::endpoint::{BoxedStream, Endpoint};
use crate::error::Result;
use crate::limits;

/// How to reach a server.
#[derive(Debug, Clone, Default)]
pub struct Route {
    /// The first step: a socket, or a program.
    pub first: FirstStep,
    /// Proxies, the nearest first.
    pub proxies: Vec<Proxy>,
}

/// What the first bytes travel over.
#[derive(Debug, Clone)]
pub enum FirstStep {
    /// A TCP socket.
    Direct(Direct),
    /// A shell command whose standard input and output are the stream (`ProxyCommand`), tokens already replaced.
    Command(String),
}

/// How long each stage may take.
#[derive(Debug, Clone, Copy)]
pub struct RouteTimeouts {
    /// Looking up a name.
    pub resolve: Duration,
    /// Connecting a socket, over all addresses of a name.
    pub connect: Duration,
    /// Each proxy's handshake.
    pub proxy: Duration,
}

impl Default for FirstStep {
    fn default() -> Self {
        Self::Direct(Direct::default())
    }
}

impl Default for RouteTimeouts {
    fn default() -> Self {
        Self {
            resolve: Duration::from_secs(10),
            connect: Duration::from_secs(15),
            proxy: Duration::from_secs(15),
        }
    }
}

impl Route {
    /// Straight to the server.
    #[must_use]
    pub fn direct() -> Self {
        Self::default()
    }

    /// Through these proxies, the nearest first.
    #[must_use]
    pub fn through(proxies: impl IntoIterator<Item = Proxy>) -> Self {
        Self {
            first: FirstStep::default(),
            proxies: proxies.into_iter().collect(),
        }
    }

    /// Over the standard input and output of a shell command.
    #[must_use]
    pub fn command(command: impl Into<String>) -> Self {
        Self {
            first: FirstStep::Command(command.into()),
            proxies: Vec::new(),
        }
    }

    /// Opens a stream to `target`. Cancelled, it closes what it opened and ends the program it started.
    ///
    /// # Errors
    /// By stage: [`Resolve`](crate::Stage::Resolve), [`Connect`](crate::Stage::Connect),
    /// [`Proxy`](crate::Stage::Proxy).
    pub async fn dial(&self, target: &Endpoint, timeouts: &RouteTimeouts) -> Result<BoxedStream> {
        if self.proxies.len() > limits::PROXY_CHAIN {
            return Err(error::too_many_proxies(self.proxies.len()));
        }
        let first = self.proxies.first().map_or(target, Proxy::endpoint);
        let mut stream = match &self.first {
            FirstStep::Direct(direct) => Box::new(direct.connect(first, timeouts).await?),
            FirstStep::Command(command) => command::start(command)?,
        };
        for (at, proxy) in self.proxies.iter().enumerate() {
            let next = self.proxies.get(at + 1).map_or(target, Proxy::endpoint);
            let tunnel = proxy.tunnel(stream, next, timeouts);
            stream = tokio::time::timeout(timeouts.proxy, tunnel)
                .await
                .map_err(|_| error::stalled(proxy, timeouts.proxy))??;
        }
        Ok(stream)
    }
}
