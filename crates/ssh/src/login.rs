//! Logins (RFC 4252): what is offered, what is counted, and how an identity gets from the check to the connection.

use std::net::SocketAddr;
use std::sync::Arc;

use russh::keys::PublicKeyBase64 as _;
use russh::server::Auth;
use russh::{MethodKind, MethodSet};
use tokio::time::{Instant, timeout_at};

use crate::algorithms;
use crate::connection::Peer;
use crate::limits::{Limits, MAX_PASSWORD, MAX_USER_NAME, MIN_RSA_BITS};
use crate::service::{AuthAnswer, Password, PublicKey, Service, VerifiedKey};
use crate::session::ConnectionError;
use crate::stream::StreamControl;

/// The methods that are offered, most wanted first.
pub(crate) fn methods<S: Service>(service: &S) -> MethodSet {
    let mut methods = MethodSet::empty();
    if service.offers_public_keys() {
        methods.push(MethodKind::PublicKey);
    }
    methods.push(MethodKind::Password);
    methods.push(MethodKind::KeyboardInteractive);
    methods
}

/// The login phase of one connection.
pub(crate) struct Login<S: Service> {
    service: Arc<S>,
    methods: MethodSet,
    limits: Limits,
    address: SocketAddr,
    connection_id: u64,
    stream: Arc<StreamControl>,
    deadline: Instant,
    failures: usize,
    probes: usize,
    prompts: usize,
    /// Set by the call that accepts, taken by the success that follows it; any other call clears it.
    accepted: Option<S::Identity>,
}

impl<S: Service> Login<S> {
    pub(crate) fn new(
        service: Arc<S>,
        limits: Limits,
        (address, connection_id): (SocketAddr, u64),
        stream: Arc<StreamControl>,
        deadline: Instant,
    ) -> Self {
        let methods = methods(service.as_ref());
        Self {
            service,
            methods,
            limits,
            address,
            connection_id,
            stream,
            deadline,
            failures: 0,
            probes: 0,
            prompts: 0,
            accepted: None,
        }
    }

    /// The other end, with what is known of it so far.
    pub(crate) fn peer(&self) -> Peer {
        Peer {
            address: self.address,
            connection_id: self.connection_id,
            software: self.stream.identification(),
        }
    }

    /// The identity that the last call accepted.
    pub(crate) fn take_accepted(&mut self) -> Option<S::Identity> {
        self.accepted.take()
    }

    /// `none`: only tells which methods there are.
    pub(crate) fn none(&mut self) -> Auth {
        self.accepted = None;
        self.reject()
    }

    /// `password`, and the answer in `keyboard-interactive`.
    pub(crate) async fn password(&mut self, user: &str, password: &str) -> Result<Auth, ConnectionError> {
        self.accepted = None;
        if self.failures >= self.limits.auth_attempts
            || user.len() > MAX_USER_NAME
            || password.len() > MAX_PASSWORD
        {
            return Ok(self.failed(user, "password"));
        }
        let (service, peer) = (Arc::clone(&self.service), self.peer());
        let check = service.password(&peer, user, Password::new(password.to_owned()));
        let answer = timeout_at(self.deadline, check)
            .await
            .map_err(|_| ConnectionError::LoginTooSlow)?;
        Ok(self.answered(user, "password", answer))
    }

    /// `keyboard-interactive` (RFC 4256): one question, the password. `response` is the answer to it.
    pub(crate) async fn keyboard_interactive(
        &mut self,
        user: &str,
        response: Option<russh::server::Response<'_>>,
    ) -> Result<Auth, ConnectionError> {
        self.accepted = None;
        let Some(response) = response else {
            // Asking costs the client nothing and does not count as a failure, so it has a bound of its own.
            self.prompts += 1;
            if self.prompts > self.limits.auth_attempts {
                return Ok(self.failed(user, "keyboard-interactive"));
            }
            return Ok(Auth::Partial {
                name: "".into(),
                instructions: "".into(),
                prompts: vec![("Password: ".into(), false)].into(),
            });
        };
        let answers: Vec<_> = response.take(2).collect();
        match answers.as_slice() {
            [answer] => match std::str::from_utf8(answer) {
                Ok(password) => self.password(user, password).await,
                Err(_) => Ok(self.failed(user, "keyboard-interactive")),
            },
            _ => Ok(self.failed(user, "keyboard-interactive")),
        }
    }

    /// `publickey` without a signature, or before it is checked. Grants nothing.
    pub(crate) async fn public_key_offered(
        &mut self,
        user: &str,
        offer: &russh::server::PublicKeyOffer<'_>,
    ) -> Result<Auth, ConnectionError> {
        self.accepted = None;
        self.probes += 1;
        let too_many = self.probes > self.limits.key_probes || user.len() > MAX_USER_NAME;
        if too_many || !self.service.offers_public_keys() || !acceptable(offer.public_key, offer.algorithm) {
            return Ok(self.failed(user, "publickey"));
        }
        let key = public_key(offer.public_key, offer.algorithm);
        let (service, peer) = (Arc::clone(&self.service), self.peer());
        let check = service.public_key_acceptable(&peer, user, &key);
        let wanted = timeout_at(self.deadline, check)
            .await
            .map_err(|_| ConnectionError::LoginTooSlow)?;
        Ok(if wanted {
            Auth::Accept
        } else {
            self.failed(user, "publickey")
        })
    }

    /// `publickey` with a signature that was verified.
    pub(crate) async fn public_key(
        &mut self,
        user: &str,
        verified: &russh::server::VerifiedPublicKey<'_>,
    ) -> Result<Auth, ConnectionError> {
        self.accepted = None;
        let refused = self.failures >= self.limits.auth_attempts || user.len() > MAX_USER_NAME;
        if refused
            || !self.service.offers_public_keys()
            || !acceptable(verified.public_key, verified.algorithm)
        {
            return Ok(self.failed(user, "publickey"));
        }
        let key = VerifiedKey(public_key(verified.public_key, verified.algorithm));
        let (service, peer) = (Arc::clone(&self.service), self.peer());
        let check = service.public_key(&peer, user, key);
        let answer = timeout_at(self.deadline, check)
            .await
            .map_err(|_| ConnectionError::LoginTooSlow)?;
        Ok(self.answered(user, "publickey", answer))
    }

    fn answered(&mut self, user: &str, method: &str, answer: AuthAnswer<S::Identity>) -> Auth {
        match answer {
            AuthAnswer::Accept(identity) => {
                self.accepted = Some(identity);
                tracing::info!(connection = self.connection_id, address = %self.address, ?user, method, "logged in");
                Auth::Accept
            }
            AuthAnswer::Reject => self.failed(user, method),
        }
    }

    fn failed(&mut self, user: &str, method: &str) -> Auth {
        self.failures += 1;
        let end = user
            .char_indices()
            .nth(LOGGED_USER_CHARS)
            .map_or(user.len(), |(index, _)| index);
        // Debug form: whatever the name holds, the log stays one line.
        let user = &user[..end];
        tracing::info!(
            connection = self.connection_id, address = %self.address, ?user, method, failures = self.failures,
            "login refused"
        );
        self.reject()
    }

    /// A refusal that leaves all methods open. Without the list the library would strike the method that failed, and
    /// the client could not try again.
    fn reject(&self) -> Auth {
        Auth::Reject {
            proceed_with_methods: Some(self.methods.clone()),
            partial_success: false,
        }
    }
}

/// Whether a key is strong enough to be looked at.
fn acceptable(key: &russh::keys::PublicKey, algorithm: &russh::keys::Algorithm) -> bool {
    let long_enough = key
        .key_data()
        .rsa()
        .is_none_or(|rsa| rsa.key_size() >= MIN_RSA_BITS);
    algorithms::accepts_user_key(algorithm) && long_enough
}

fn public_key(key: &russh::keys::PublicKey, algorithm: &russh::keys::Algorithm) -> PublicKey {
    PublicKey {
        algorithm: algorithm.as_str().to_owned(),
        blob: key.public_key_bytes(),
    }
}

/// Characters of a user name in a log line.
const LOGGED_USER_CHARS: usize = 64;
