//! A server's host key, as far as a decision about it needs.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use russh::keys::PublicKeyOrCertificate;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey};

use super::error::ClientError;

/// A key that the server has proved to hold: it signed this key exchange with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey {
    algorithm: String,
    blob: Bytes,
    fingerprint: String,
    certificate: Option<HostCertificate>,
}

/// What an authority says about a host key (OpenSSH PROTOCOL.certkeys). The authority's signature is genuine, the
/// certificate is one for hosts, and it has no critical options; whether the authority is trusted for this host, whether a principal
/// matches and whether the time is right is for the caller to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HostCertificate {
    /// The authority's key: algorithm, wire form, fingerprint.
    pub authority: Box<HostKey>,
    /// Host names; empty means that none is named.
    pub principals: Vec<String>,
    /// Not before.
    pub valid_after: SystemTime,
    /// Not from then on; `None` for ever.
    pub valid_before: Option<SystemTime>,
    /// The authority's number for it.
    pub serial: u64,
    /// The authority's name for it.
    pub key_id: String,
}

impl HostKey {
    /// A plain key from its wire form (RFC 4253 §6.6), as in the second column of a known-hosts line.
    ///
    /// # Errors
    /// [`ClientError::InvalidKey`] when it is none that is known here.
    pub fn from_blob(blob: &[u8]) -> Result<Self, ClientError> {
        let key = PublicKey::from_bytes(blob).map_err(|error| ClientError::InvalidKey {
            reason: error.to_string(),
        })?;
        Self::plain(&key)
    }

    /// Type of the key: `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa`, ….
    #[must_use]
    pub fn algorithm(&self) -> &str {
        &self.algorithm
    }

    /// Wire form of the plain key (without certificate).
    #[must_use]
    pub fn blob(&self) -> &Bytes {
        &self.blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The certificate, if the server showed one.
    #[must_use]
    pub fn certificate(&self) -> Option<&HostCertificate> {
        self.certificate.as_ref()
    }

    /// What the transport library got from the server.
    pub(crate) fn from_offer(offer: &PublicKeyOrCertificate) -> Result<Self, ClientError> {
        let mut key = Self::plain(&offer.public_key())?;
        if let Some(certificate) = offer.certificate() {
            key.certificate = Some(HostCertificate::checked(certificate)?);
        }
        Ok(key)
    }

    fn plain(key: &PublicKey) -> Result<Self, ClientError> {
        let blob = key.to_bytes().map_err(|error| ClientError::InvalidKey {
            reason: error.to_string(),
        })?;
        Ok(Self {
            algorithm: key.algorithm().as_str().to_owned(),
            blob: Bytes::from(blob),
            fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
            certificate: None,
        })
    }
}

impl HostCertificate {
    fn checked(certificate: &Certificate) -> Result<Self, ClientError> {
        let refused = |reason: &str| ClientError::HostCertificate {
            reason: reason.to_owned(),
        };
        if certificate.cert_type() != CertType::Host {
            return Err(refused("it is one for users"));
        }
        if !certificate.critical_options().is_empty() {
            // None is defined for hosts, and what is critical may not be overlooked.
            return Err(refused("it has critical options"));
        }
        certificate
            .verify_signature()
            .map_err(|_| refused("the authority's signature is wrong"))?;
        let authority = PublicKey::new(certificate.signature_key().clone(), "");
        Ok(Self {
            authority: Box::new(HostKey::plain(&authority)?),
            principals: certificate.valid_principals().to_vec(),
            valid_after: time(certificate.valid_after()).unwrap_or(UNIX_EPOCH),
            valid_before: time(certificate.valid_before()),
            serial: certificate.serial(),
            key_id: certificate.key_id().to_owned(),
        })
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint)
    }
}

/// `None` beyond what a clock can say, which means "for ever" (OpenSSH writes `u64::MAX`).
fn time(seconds: u64) -> Option<SystemTime> {
    if seconds > i64::MAX as u64 {
        return None;
    }
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
