//! The algorithms that a client offers, most wanted first.

use std::borrow::Cow;
use std::str::FromStr as _;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, compression, kex, mac};

use super::error::ClientError;

/// What is offered, by the names of the SSH registries; the first that the server knows too is taken (RFC 4253 §7.1).
///
/// The defaults have no SHA-1, no CBC and no compression. AES-GCM comes before ChaCha20-Poly1305: with the
/// instructions that servers' processors have it costs less than half.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Algorithms {
    /// Key exchange.
    pub kex: Vec<String>,
    /// Host keys; `…-cert-v01@openssh.com` asks for a certificate.
    pub host_keys: Vec<String>,
    /// Ciphers, both ways.
    pub ciphers: Vec<String>,
    /// MACs, both ways, for ciphers that need one.
    pub macs: Vec<String>,
}

impl Default for Algorithms {
    fn default() -> Self {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self {
            kex: owned(KEX),
            host_keys: owned(HOST_KEYS),
            ciphers: owned(CIPHERS),
            macs: owned(MACS),
        }
    }
}

impl Algorithms {
    /// Every name that can be asked for, the old and weak ones that some servers need included.
    #[must_use]
    pub fn supported() -> Self {
        let mut all = Self::default();
        let more = |names: &mut Vec<String>, further: &[&str]| {
            names.extend(further.iter().map(|name| (*name).to_owned()));
        };
        more(&mut all.kex, WEAK_KEX);
        more(&mut all.host_keys, WEAK_HOST_KEYS);
        let certificates: Vec<String> = HOST_KEYS.iter().map(|name| certificate_name(name)).collect();
        all.host_keys.extend(certificates);
        more(&mut all.ciphers, WEAK_CIPHERS);
        more(&mut all.macs, WEAK_MACS);
        all
    }

    /// Moves the host key algorithms that are `known` for a host to the front, certificates before plain keys, so that
    /// the server shows what can be recognised. Names of key types stand for their signature algorithms as well (`ssh-rsa`).
    pub fn prefer_host_keys(&mut self, known: &[String]) {
        let known: Vec<String> = known.iter().map(|name| key_type(name)).collect();
        for name in HOST_KEYS {
            let name = certificate_name(name);
            if known.contains(&key_type(&name)) && !self.host_keys.contains(&name) {
                self.host_keys.push(name);
            }
        }
        // Stable: what is equally wanted keeps its order.
        self.host_keys
            .sort_by_key(|name| (!known.contains(&key_type(name)), !name.ends_with(CERTIFICATE)));
    }

    /// For the transport library.
    pub(super) fn preferred(&self) -> Result<Preferred, ClientError> {
        let mut kex = known("key exchange", &self.kex, |name| {
            // `none` would be no key exchange at all.
            kex::Name::try_from(name).ok().filter(|kex| *kex != kex::NONE)
        })?;
        // Not key exchanges but markers: RFC 8308 (server-sig-algs) and OpenSSH's strict order against
        // prefix truncation (CVE-2023-48795).
        kex.push(kex::EXTENSION_SUPPORT_AS_CLIENT);
        kex.push(kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT);
        let (certificates, plain): (Vec<_>, Vec<_>) = self
            .host_keys
            .iter()
            .partition(|name| name.ends_with(CERTIFICATE));
        let plain: Vec<String> = plain.into_iter().cloned().collect();
        let certificates: Vec<String> = certificates
            .into_iter()
            .map(|name| name.replacen(CERTIFICATE, "", 1))
            .collect();
        Ok(Preferred {
            kex: Cow::Owned(kex),
            key: Cow::Owned(known("host key", &plain, host_key)?),
            host_key_certificates: Cow::Owned(known("host key", &certificates, host_key)?),
            cipher: Cow::Owned(known("cipher", &self.ciphers, |name| {
                cipher::Name::try_from(name)
                    .ok()
                    .filter(|cipher| ![cipher::NONE, cipher::CLEAR].contains(cipher))
            })?),
            mac: Cow::Owned(known("MAC", &self.macs, |name| {
                mac::Name::try_from(name).ok().filter(|mac| *mac != mac::NONE)
            })?),
            compression: Cow::Borrowed(&[compression::NONE]),
        })
    }
}

/// The type of key that a host key algorithm shows: both `rsa-sha2-512` and `rsa-sha2-256` show an `ssh-rsa` key.
fn key_type(algorithm: &str) -> String {
    for hash in ["rsa-sha2-512", "rsa-sha2-256"] {
        if let Some(rest) = algorithm.strip_prefix(hash) {
            return format!("ssh-rsa{rest}");
        }
    }
    algorithm.to_owned()
}

fn certificate_name(algorithm: &str) -> String {
    format!("{algorithm}{CERTIFICATE}")
}

fn host_key(name: &str) -> Option<Algorithm> {
    match name {
        "rsa-sha2-512" => Some(Algorithm::Rsa {
            hash: Some(HashAlg::Sha512),
        }),
        "rsa-sha2-256" => Some(Algorithm::Rsa {
            hash: Some(HashAlg::Sha256),
        }),
        "ssh-rsa" => Some(Algorithm::Rsa { hash: None }),
        "ssh-ed25519" => Some(Algorithm::Ed25519),
        "ecdsa-sha2-nistp256" => Some(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        }),
        "ecdsa-sha2-nistp384" => Some(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP384,
        }),
        "ecdsa-sha2-nistp521" => Some(Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP521,
        }),
        _ => Algorithm::from_str(name)
            .ok()
            .filter(|algorithm| matches!(algorithm, Algorithm::SkEd25519 | Algorithm::SkEcdsaSha2NistP256)),
    }
}

/// Each name as the transport library knows it.
fn known<T>(
    what: &'static str,
    names: &[String],
    find: impl Fn(&str) -> Option<T>,
) -> Result<Vec<T>, ClientError> {
    let unknown = |name: &String| ClientError::UnknownAlgorithm {
        what,
        name: name.clone(),
    };
    names
        .iter()
        .map(|name| find(name).ok_or_else(|| unknown(name)))
        .collect()
}

/// What a host key algorithm that shows a certificate ends in (OpenSSH PROTOCOL.certkeys).
const CERTIFICATE: &str = "-cert-v01@openssh.com";

const KEX: &[&str] = &[
    "mlkem768x25519-sha256",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
];

const WEAK_KEX: &[&str] = &[
    "diffie-hellman-group14-sha1",
    "diffie-hellman-group-exchange-sha1",
    "diffie-hellman-group1-sha1",
];

const HOST_KEYS: &[&str] = &[
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

const WEAK_HOST_KEYS: &[&str] = &["ssh-rsa"];

const CIPHERS: &[&str] = &[
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
];

const WEAK_CIPHERS: &[&str] = &["aes256-cbc", "aes192-cbc", "aes128-cbc"];

const MACS: &[&str] = &[
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
];

const WEAK_MACS: &[&str] = &["hmac-sha1-etm@openssh.com", "hmac-sha1"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_supported_name_is_known_to_the_transport() {
        let supported = Algorithms::supported().preferred().unwrap();
        assert_eq!(supported.kex.len(), KEX.len() + WEAK_KEX.len() + 2);
        assert_eq!(supported.key.len(), HOST_KEYS.len() + WEAK_HOST_KEYS.len());
        assert_eq!(supported.host_key_certificates.len(), HOST_KEYS.len());
    }

    #[test]
    fn nothing_that_protects_nothing_can_be_asked_for() {
        for change in [
            |all: &mut Algorithms| all.kex.push("none".into()),
            |all: &mut Algorithms| all.ciphers.push("none".into()),
            |all: &mut Algorithms| all.ciphers.push("clear".into()),
            |all: &mut Algorithms| all.macs.push("none".into()),
            |all: &mut Algorithms| all.host_keys.push("ssh-dss".into()),
        ] {
            let mut algorithms = Algorithms::default();
            change(&mut algorithms);
            let refused = algorithms.preferred();
            assert!(
                matches!(refused, Err(ClientError::UnknownAlgorithm { .. })),
                "{algorithms:?}"
            );
        }
    }

    #[test]
    fn known_host_keys_come_first() {
        let mut algorithms = Algorithms::default();
        algorithms.prefer_host_keys(&["ssh-rsa".into()]);
        assert_eq!(
            algorithms.host_keys[..3],
            ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]
        );
        algorithms.prefer_host_keys(&["ssh-ed25519-cert-v01@openssh.com".into(), "ssh-ed25519".into()]);
        assert_eq!(
            algorithms.host_keys[..2],
            ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"]
        );
        algorithms.preferred().unwrap();
    }
}
