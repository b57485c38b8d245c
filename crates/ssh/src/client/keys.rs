//! Private keys and certificates of users: from memory, in every format that is in use.

use std::fmt;
use std::str::FromStr as _;
use std::sync::Arc;

use russh::keys::{Algorithm, Certificate, HashAlg, PrivateKey, PublicKey};

use super::error::ClientError;
use super::limits::KEY_FILE;

/// A private key that is ready to sign, perhaps with a certificate. `Debug` shows the fingerprint only; the secret is wiped when
/// the last copy is dropped.
#[derive(Clone)]
pub struct UserKey {
    pub(super) key: Arc<PrivateKey>,
    pub(super) certificate: Option<Box<Certificate>>,
}

impl UserKey {
    /// Reads OpenSSH's format, PEM (PKCS#1, SEC1), PKCS#8 and PuTTY's (PPK 2 and 3).
    ///
    /// # Errors
    /// [`ClientError::PassphraseNeeded`], [`ClientError::WrongPassphrase`], [`ClientError::InvalidKey`].
    pub fn parse(text: &[u8], passphrase: Option<&str>) -> Result<Self, ClientError> {
        if text.len() > KEY_FILE {
            return Err(invalid(format!(
                "it is {} bytes long, the limit is {KEY_FILE}",
                text.len()
            )));
        }
        let text = std::str::from_utf8(text).map_err(|_| invalid("it is not text"))?;
        if text.trim_start().starts_with("ssh-") || text.trim_start().starts_with("ecdsa-") {
            return Err(invalid("it is a public key"));
        }
        let protected = is_protected(text);
        if has_unknown_encryption(text) {
            return Err(invalid(
                "its encryption is an old one that is known for RSA keys with AES-128-CBC only; \
                 ssh-keygen -p -f FILE writes it anew",
            ));
        }
        if protected && passphrase.is_none() {
            return Err(ClientError::PassphraseNeeded);
        }
        let key =
            russh::keys::decode_secret_key(text, passphrase.filter(|_| protected)).map_err(|error| {
                if protected {
                    // A wrong passphrase shows as any of many errors, depending on what the garbage looks like.
                    ClientError::WrongPassphrase
                } else {
                    invalid(error.to_string())
                }
            })?;
        if key.is_encrypted() {
            return Err(ClientError::PassphraseNeeded);
        }
        match key.algorithm() {
            Algorithm::Ed25519 | Algorithm::Ecdsa { .. } | Algorithm::Rsa { .. } => Ok(Self {
                key: Arc::new(key),
                certificate: None,
            }),
            other => Err(invalid(format!(
                "keys of type {} are not supported",
                other.as_str()
            ))),
        }
    }

    /// Adds a certificate (one line, as in `id_ed25519-cert.pub`).
    ///
    /// # Errors
    /// [`ClientError::InvalidKey`] if it is none, or belongs to another key.
    pub fn with_certificate(mut self, line: &str) -> Result<Self, ClientError> {
        if line.len() > KEY_FILE {
            return Err(invalid("the certificate is too long"));
        }
        let certificate = Certificate::from_str(line.trim())
            .map_err(|error| invalid(format!("the certificate is unusable: {error}")))?;
        if certificate.public_key() != self.key.public_key().key_data() {
            return Err(invalid("the certificate belongs to another key"));
        }
        self.certificate = Some(Box::new(certificate));
        Ok(self)
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.key.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// `ssh-ed25519`, `ssh-rsa`, ….
    #[must_use]
    pub fn algorithm(&self) -> String {
        self.key.algorithm().as_str().to_owned()
    }

    /// Whether it comes with a certificate.
    #[must_use]
    pub fn has_certificate(&self) -> bool {
        self.certificate.is_some()
    }
}

impl fmt::Debug for UserKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserKey")
            .field("fingerprint", &self.fingerprint())
            .field("certificate", &self.has_certificate())
            .finish_non_exhaustive()
    }
}

/// The fingerprint of a public key file's first line: `ssh-ed25519 AAAA… comment`.
///
/// # Errors
/// [`ClientError::InvalidKey`] if it is none.
pub fn public_key_fingerprint(line: &str) -> Result<String, ClientError> {
    let key = PublicKey::from_openssh(line.trim()).map_err(|error| invalid(error.to_string()))?;
    Ok(key.fingerprint(HashAlg::Sha256).to_string())
}

/// Whether the text says that a passphrase is needed.
fn is_protected(text: &str) -> bool {
    let has = |start: &str| text.lines().any(|line| line.trim().starts_with(start));
    if text.trim_start().starts_with("PuTTY-User-Key-File-") {
        return !has("Encryption: none");
    }
    if has("-----BEGIN OPENSSH PRIVATE KEY-----") {
        return PrivateKey::from_openssh(text.trim()).is_ok_and(|key| key.is_encrypted());
    }
    has("-----BEGIN ENCRYPTED PRIVATE KEY-----") || has("Proc-Type: 4,ENCRYPTED") || has("DEK-Info:")
}

/// Traditional PEM that the transport library cannot decrypt, which would look like a wrong passphrase.
fn has_unknown_encryption(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    let Some(encryption) = lines.find_map(|line| line.strip_prefix("DEK-Info:")) else {
        return false;
    };
    let is_rsa = text.contains("-----BEGIN RSA PRIVATE KEY-----");
    !is_rsa || !encryption.trim().starts_with("AES-128-CBC,")
}

fn invalid(reason: impl Into<String>) -> ClientError {
    ClientError::InvalidKey {
        reason: reason.into(),
    }
}
