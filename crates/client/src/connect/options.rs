//! Where to connect, over what, whom to trust, how to log in, and how long each stage may take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use longshore_ssh::client::Algorithms;

use crate::auth::AuthMethod;
use crate::endpoint::Endpoint;
use crate::host_key::HostKeyVerifier;
use crate::route::{Route, RouteTimeouts};

/// Everything that a connection needs to know before it is made. Cheap to clone.
///
/// ```
/// use longshore_client::trust::TrustPolicy;
/// use longshore_client::{AuthMethod, ConnectOptions, Endpoint};
///
/// # fn main() -> longshore_client::Result<()> {
/// let trust = TrustPolicy::pinned(["SHA256:/mnVuEzVTEaqq7dyXH8aBwZsxGIDYFSWfSyqnIV4Buw"])?;
/// let options = ConnectOptions::new(Endpoint::parse("sftp.example.com:2022", 22)?, "alice", trust)
///     .auth(AuthMethod::password("correct horse battery staple"));
/// # let _ = options;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// The server, as the user named it: what its host key is looked up by.
    pub endpoint: Endpoint,
    /// Another host to connect to under that name (`HostName` of an alias).
    pub address: Option<Endpoint>,
    /// Who logs in.
    pub user: String,
    /// The way there.
    pub via: Via,
    /// Decides on the server's host key.
    pub trust: Arc<dyn HostKeyVerifier>,
    /// Tried in this order, each as far as the server takes it.
    pub auth: Vec<AuthMethod>,
    /// What is offered.
    pub algorithms: Algorithms,
    /// How long each stage may take.
    pub timeouts: Timeouts,
    /// How a silent server is noticed.
    pub keepalive: Keepalive,
    /// How SFTP is started.
    pub sftp: SftpStart,
    /// Failed attempts to log in before giving up. Servers have limits of their own (OpenSSH: 6) and end the connection; an
    /// agent with many keys is asked for as many as leave room for the methods behind it.
    pub auth_attempts: usize,
}

/// The way to a server.
#[derive(Debug, Clone)]
pub enum Via {
    /// A socket, proxies, a program.
    Route(Route),
    /// Another SSH server, which is connected to first. Any number one behind the other; the last one's own way may
    /// be a [`Route`] through proxies.
    Jump(Box<ConnectOptions>),
}

/// How SFTP is started on a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SftpStart {
    /// A subsystem, `sftp` as a rule.
    Subsystem(String),
    /// A command, such as `/usr/lib/sftp-server` or `sudo /usr/lib/openssh/sftp-server`.
    Command(Vec<u8>),
}

/// How long each stage may take. Time that a person takes to answer a question does not count.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Timeouts {
    /// Resolving, connecting, proxies.
    pub route: RouteTimeouts,
    /// Versions and key exchange.
    pub handshake: Duration,
    /// Each attempt to log in, up to the server's answer. Servers delay refusals.
    pub auth: Duration,
    /// Opening a channel, starting what runs on it.
    pub channel: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            route: RouteTimeouts::default(),
            handshake: Duration::from_secs(30),
            auth: Duration::from_secs(60),
            channel: Duration::from_secs(30),
        }
    }
}

/// After how much silence a server is asked whether it is still there (`ServerAliveInterval`), and how many questions may stay
/// without an answer (`ServerAliveCountMax`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keepalive {
    /// `None`: never.
    pub interval: Option<Duration>,
    /// Beyond it the connection ends.
    pub count: usize,
}

impl Default for Keepalive {
    fn default() -> Self {
        Self {
            interval: Some(Duration::from_secs(30)),
            count: 3,
        }
    }
}

impl ConnectOptions {
    /// Straight to `endpoint`, without any way to log in yet.
    pub fn new(endpoint: Endpoint, user: impl Into<String>, trust: impl HostKeyVerifier + 'static) -> Self {
        Self {
            endpoint,
            address: None,
            user: user.into(),
            via: Via::Route(Route::direct()),
            trust: Arc::new(trust),
            auth: Vec::new(),
            algorithms: Algorithms::default(),
            timeouts: Timeouts::default(),
            keepalive: Keepalive::default(),
            sftp: SftpStart::Subsystem("sftp".to_owned()),
            auth_attempts: 6,
        }
    }

    /// Adds a way to log in, behind those that are there.
    #[must_use]
    pub fn auth(mut self, method: AuthMethod) -> Self {
        self.auth.push(method);
        self
    }

    /// Goes this way.
    #[must_use]
    pub fn route(mut self, route: Route) -> Self {
        self.via = Via::Route(route);
        self
    }

    /// Goes over another SSH server.
    #[must_use]
    pub fn jump(mut self, over: Self) -> Self {
        self.via = Via::Jump(Box::new(over));
        self
    }

    /// Connects to this host and port, keeping the name for the host key.
    #[must_use]
    pub fn address(mut self, address: Endpoint) -> Self {
        self.address = Some(address);
        self
    }

    /// Sets how long each stage may take.
    #[must_use]
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets what is offered.
    #[must_use]
    pub fn algorithms(mut self, algorithms: Algorithms) -> Self {
        self.algorithms = algorithms;
        self
    }

    /// Sets how a silent server is noticed.
    #[must_use]
    pub fn keepalive(mut self, keepalive: Keepalive) -> Self {
        self.keepalive = keepalive;
        self
    }

    /// Sets how SFTP is started.
    #[must_use]
    pub fn sftp(mut self, start: SftpStart) -> Self {
        self.sftp = start;
        self
    }

    /// The host and port that are connected to.
    #[must_use]
    pub fn target(&self) -> &Endpoint {
        self.address.as_ref().unwrap_or(&self.endpoint)
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions")
            .field("endpoint", &self.endpoint)
            .field("address", &self.address)
            .field("user", &self.user)
            .field("via", &self.via)
            .field("auth", &self.auth)
            .finish_non_exhaustive()
    }
}
