//! What a server does with logins and connections: the [`Service`] trait.

use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::connection::{Connection, Peer};

/// A password as the client sent it. Wiped when dropped; never shown by `Debug`.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, for the check alone.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A public key in wire form (RFC 4253 §6.6), its algorithm named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Algorithm of the key (`ssh-ed25519`, `rsa-sha2-512`, …) as named in the request.
    pub algorithm: String,
    /// The key blob.
    pub blob: Vec<u8>,
}

/// A public key whose owner proved to hold it: the signature over this session was checked.
/// Only this crate makes values of it.
#[derive(Debug, Clone)]
pub struct VerifiedKey(pub(crate) PublicKey);

impl VerifiedKey {
    /// The key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.0
    }
}

/// Answer to a login attempt. The identity is a value returned by the check, never state left by an offer.
#[derive(Debug)]
pub enum AuthAnswer<I> {
    /// Accepted: this is who it is.
    Accept(I),
    /// Refused; the client may try again.
    Reject,
}

/// A server's side of logins and sessions.
#[async_trait]
pub trait Service: Send + Sync + 'static {
    /// Who a login turned out to be.
    type Identity: Send + Sync + 'static;

    /// Checks a password, from `password` (RFC 4252 §8) or `keyboard-interactive` (RFC 4256) alike.
    /// Must cost the same time for unknown users.
    async fn password(&self, peer: &Peer, user: &str, password: Password) -> AuthAnswer<Self::Identity>;

    /// Whether the `publickey` method is offered at all.
    fn offers_public_keys(&self) -> bool {
        false
    }

    /// Whether a signature with this key would be looked at (RFC 4252 §7 probe). Grants nothing.
    async fn public_key_acceptable(&self, _peer: &Peer, _user: &str, _key: &PublicKey) -> bool {
        false
    }

    /// Checks a key whose signature was verified.
    async fn public_key(&self, _peer: &Peer, _user: &str, _key: VerifiedKey) -> AuthAnswer<Self::Identity> {
        AuthAnswer::Reject
    }

    /// Runs an authenticated connection; it is closed when this returns. A panic in here ends only this
    /// connection.
    async fn serve(&self, connection: Connection<Self::Identity>);
}
