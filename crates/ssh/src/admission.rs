//! Who may come in: counts connections, those not logged in, and those by source address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::connection::{ConnectionHandle, DisconnectReason};
use crate::limits::Limits;

/// The connections of a server.
#[derive(Debug)]
pub(crate) struct Admission {
    limits: Limits,
    state: Mutex<State>,
    /// A connection has ended.
    left: Notify,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    connections: HashMap<u64, ConnectionHandle>,
    unauthenticated: usize,
    /// Those not logged in, by [`source`].
    by_source: HashMap<IpAddr, usize>,
}

/// Why a connection may not come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("too many connections")]
    Connections,
    #[error("too many connections that have not logged in")]
    Unauthenticated,
    #[error("too many connections from this address that have not logged in")]
    Address,
}

impl Admission {
    pub(crate) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
            left: Notify::new(),
        })
    }

    /// Takes a place for a connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Place, Refused> {
        let source = source(address);
        let mut state = self.lock();
        if state.connections.len() >= self.limits.connections {
            return Err(Refused::Connections);
        }
        if state.unauthenticated >= self.limits.unauthenticated {
            return Err(Refused::Unauthenticated);
        }
        let from_source = state.by_source.entry(source).or_default();
        if *from_source >= self.limits.unauthenticated_per_address {
            return Err(Refused::Address);
        }
        *from_source += 1;
        state.unauthenticated += 1;
        state.last_id += 1;
        let id = state.last_id;
        let handle = ConnectionHandle::default();
        state.connections.insert(id, handle.clone());
        drop(state);
        Ok(Place {
            admission: Arc::clone(self),
            id,
            handle,
            unauthenticated_from: Some(source),
        })
    }

    /// How many connections there are.
    pub(crate) fn connections(&self) -> usize {
        self.lock().connections.len()
    }

    /// Ends them all.
    pub(crate) fn disconnect_all(&self, message: &str) {
        for handle in self.lock().connections.values() {
            handle.disconnect(DisconnectReason::ByApplication, message);
        }
    }

    /// Returns when there are no connections.
    pub(crate) async fn empty(&self) {
        loop {
            let left = self.left.notified();
            let mut left = std::pin::pin!(left);
            // From here on no end of a connection is missed.
            left.as_mut().enable();
            if self.connections() == 0 {
                return;
            }
            left.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of one connection, freed when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    admission: Arc<Admission>,
    /// Number of the connection.
    pub(crate) id: u64,
    /// Ends the connection.
    pub(crate) handle: ConnectionHandle,
    unauthenticated_from: Option<IpAddr>,
}

impl Place {
    /// The connection has logged in: it no longer counts among those that have not.
    pub(crate) fn authenticated(&mut self) {
        if let Some(source) = self.unauthenticated_from.take() {
            self.admission.lock().forget_unauthenticated(source);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        if let Some(source) = self.unauthenticated_from.take() {
            state.forget_unauthenticated(source);
        }
        state.connections.remove(&self.id);
        drop(state);
        self.admission.left.notify_waiters();
    }
}

impl State {
    fn forget_unauthenticated(&mut self, source: IpAddr) {
        self.unauthenticated -= 1;
        if let Some(count) = self.by_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.by_source.remove(&source);
            }
        }
    }
}

/// What counts as one source: an IPv4 address, or the /64 that one IPv6 customer has.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            connections: 3,
            unauthenticated: 2,
            unauthenticated_per_address: 1,
            ..Limits::default()
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_refuses_and_frees() {
        let admission = Admission::new(limits());
        let mut first = admission.admit(address("192.0.2.1")).unwrap();
        assert_eq!(
            admission.admit(address("192.0.2.1")).unwrap_err(),
            Refused::Address
        );
        let second = admission.admit(address("192.0.2.2")).unwrap();
        assert_eq!(
            admission.admit(address("192.0.2.3")).unwrap_err(),
            Refused::Unauthenticated
        );
        first.authenticated();
        let third = admission.admit(address("192.0.2.1")).unwrap();
        assert_eq!(
            admission.admit(address("192.0.2.4")).unwrap_err(),
            Refused::Connections
        );
        drop((first, second, third));
        assert_eq!(admission.connections(), 0);
        assert!(admission.lock().by_source.is_empty());
        assert_eq!(admission.lock().unauthenticated, 0);
    }

    #[test]
    fn one_ipv6_network_and_one_mapped_address_are_one_source() {
        let admission = Admission::new(limits());
        let _v6 = admission.admit(address("2001:db8::1")).unwrap();
        assert_eq!(
            admission.admit(address("2001:db8::2")).unwrap_err(),
            Refused::Address
        );
        let _v4 = admission.admit(address("::ffff:192.0.2.1")).unwrap();
        assert_eq!(source(address("::ffff:192.0.2.1")), address("192.0.2.1"));
    }
}
