//! The decision on a server's host key: what is asked, and how it was answered.

use std::fmt;
use std::path::PathBuf;

use async_trait::async_trait;
pub use longshore_ssh::client::{HostCertificate, HostKey};

use crate::endpoint::Endpoint;
use crate::error::Result;

/// Decides whether a host key belongs to a host.
#[async_trait]
pub trait HostKeyVerifier: Send + Sync {
    /// Key algorithms (`ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, …; certificates as
    /// `ssh-ed25519-cert-v01@openssh.com`, …) that are known for `host`: offered first, so that the server shows a
    /// key that can be recognised. Empty if nothing is known.
    fn known_algorithms(&self, host: &Endpoint) -> Vec<String>;

    /// Accepts or refuses `key` for `host`, which is the name and port that the user gave (or the alias).
    ///
    /// # Errors
    /// [`Stage::HostKey`](crate::Stage) when it is refused.
    async fn verify(&self, host: &Endpoint, key: &HostKey) -> Result<Trusted>;
}

/// How a host key was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trusted {
    /// By what.
    pub by: TrustedBy,
    /// `SHA256:…` of the key that the server proved to hold.
    pub fingerprint: String,
    /// The file that names the key, or into which it was written.
    pub file: Option<PathBuf>,
    /// The line of that file, counted from 1.
    pub line: Option<usize>,
}

/// What made a host key acceptable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TrustedBy {
    /// A fingerprint that the caller gave.
    Pinned,
    /// A certificate of an authority that is trusted for this host.
    HostCertificate,
    /// An entry of a known-hosts file.
    KnownHosts,
    /// It was the first key seen of this host, and the caller wants such keys remembered.
    AcceptedNew,
    /// A person said yes.
    Asked,
    /// Nobody looked: the caller wants any key accepted.
    Unchecked,
}

impl Trusted {
    /// Accepted by `by`, without a file.
    #[must_use]
    pub fn new(by: TrustedBy, fingerprint: impl Into<String>) -> Self {
        Self {
            by,
            fingerprint: fingerprint.into(),
            file: None,
            line: None,
        }
    }

    /// Names the file and line.
    #[must_use]
    pub fn at(mut self, file: impl Into<PathBuf>, line: usize) -> Self {
        self.file = Some(file.into());
        self.line = Some(line);
        self
    }
}

impl fmt::Display for TrustedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pinned => "pinned",
            Self::HostCertificate => "host-certificate",
            Self::KnownHosts => "known-hosts",
            Self::AcceptedNew => "accepted-new",
            Self::Asked => "asked",
            Self::Unchecked => "unchecked",
        })
    }
}
