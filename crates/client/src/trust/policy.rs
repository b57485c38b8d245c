//! What makes a host key acceptable, and the decision.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;

use super::known_hosts::{self, KnownHosts, Located};
use super::line::Marker;
use super::refusal;
use crate::endpoint::{Endpoint, SSH_PORT};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::host_key::{HostKey, HostKeyVerifier, Trusted, TrustedBy};

/// Asks a person about a key that is not known.
#[async_trait]
pub trait AskAboutHostKey: Send + Sync {
    /// Whether to trust it from now on; it is then added to the user's file.
    async fn trust(&self, question: &UnknownHostKey) -> bool;
}

/// What a person is asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnknownHostKey {
    /// The host as known-hosts files name it.
    pub name: String,
    /// The key's type.
    pub algorithm: String,
    /// `SHA256:…`.
    pub fingerprint: String,
    /// Other names under which the very same key is known: file, line.
    pub also_known_at: Vec<(PathBuf, usize)>,
}

/// Which host keys to trust. Strict unless told otherwise: only keys in the known-hosts files.
#[derive(Clone)]
pub struct TrustPolicy {
    pins: Vec<String>,
    authorities: Vec<HostKey>,
    user_files: Vec<PathBuf>,
    global_files: Vec<PathBuf>,
    revoked_file: Option<PathBuf>,
    alias: Option<String>,
    hash: bool,
    rsa_bits: u32,
    authority_algorithms: Option<Vec<String>>,
    unknown: Unknown,
}

/// What happens to a key that nothing speaks for or against.
#[derive(Clone)]
enum Unknown {
    Refuse,
    AcceptNew,
    Ask(Arc<dyn AskAboutHostKey>),
    AcceptAny,
}

impl TrustPolicy {
    /// Only what the user's and the machine's known-hosts files say.
    #[must_use]
    pub fn known_hosts(user_files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self {
            pins: Vec::new(),
            authorities: Vec::new(),
            user_files: user_files.into_iter().collect(),
            global_files: vec![
                "/etc/ssh/ssh_known_hosts".into(),
                "/etc/ssh/ssh_known_hosts2".into(),
            ],
            revoked_file: None,
            alias: None,
            hash: false,
            rsa_bits: 1024,
            authority_algorithms: None,
            unknown: Unknown::Refuse,
        }
    }

    /// The files of the user of this process and of the machine.
    #[must_use]
    pub fn standard(home: &Path) -> Self {
        let folder = home.join(".ssh");
        Self::known_hosts([folder.join("known_hosts"), folder.join("known_hosts2")])
    }

    /// Only these fingerprints; no file is read.
    ///
    /// # Errors
    /// As [`TrustPolicy::pin`].
    pub fn pinned(fingerprints: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Self> {
        let mut policy = Self::known_hosts([]).global_files([]);
        for fingerprint in fingerprints {
            policy = policy.pin(fingerprint.as_ref())?;
        }
        Ok(policy)
    }

    /// Takes whatever key the server shows, without looking: anybody in between can read and change everything. Each
    /// connection warns of it. For tests of one's own only.
    #[must_use]
    pub fn accept_any_host_key_and_trust_whoever_answers() -> Self {
        Self {
            unknown: Unknown::AcceptAny,
            ..Self::known_hosts([]).global_files([])
        }
    }

    /// Trusts the key with this fingerprint (`SHA256:` and base64, padding or not). With a pin only pinned keys are
    /// trusted; the files can still revoke one.
    ///
    /// # Errors
    /// What is no SHA-256 fingerprint.
    pub fn pin(mut self, fingerprint: &str) -> Result<Self> {
        self.pins.push(normal_fingerprint(fingerprint)?);
        Ok(self)
    }

    /// Trusts the certificates of this authority for every host that they name.
    #[must_use]
    pub fn authority(mut self, key: HostKey) -> Self {
        self.authorities.push(key);
        self
    }

    /// Other files of the machine, which are only read.
    #[must_use]
    pub fn global_files(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.global_files = files.into_iter().collect();
        self
    }

    /// A file of public keys, one a line, that are never trusted (`RevokedHostKeys`).
    #[must_use]
    pub fn revoked_file(mut self, file: Option<PathBuf>) -> Self {
        self.revoked_file = file;
        self
    }

    /// Looks the host up under this name, whatever its name and port (`HostKeyAlias`).
    #[must_use]
    pub fn alias(mut self, alias: Option<String>) -> Self {
        self.alias = alias.map(|alias| alias.to_ascii_lowercase());
        self
    }

    /// Whether names in added lines are hashed.
    #[must_use]
    pub fn hash_names(mut self, hash: bool) -> Self {
        self.hash = hash;
        self
    }

    /// RSA keys with fewer bits are never trusted (`RequiredRSASize`); by default 1024, as in OpenSSH.
    #[must_use]
    pub fn minimum_rsa_bits(mut self, bits: u32) -> Self {
        self.rsa_bits = bits;
        self
    }

    /// Authorities may sign with these algorithms only (`CASignatureAlgorithms`). The signature is not seen here: RSA
    /// needs both `rsa-sha2-512` and `rsa-sha2-256` in the list.
    #[must_use]
    pub fn authority_algorithms(mut self, names: Vec<String>) -> Self {
        self.authority_algorithms = Some(names);
        self
    }

    /// Adds the first key of an unknown host to the user's file without asking; a changed key is still refused.
    #[must_use]
    pub fn accept_new(mut self) -> Self {
        self.unknown = Unknown::AcceptNew;
        self
    }

    /// Asks about unknown keys.
    #[must_use]
    pub fn ask(mut self, who: Arc<dyn AskAboutHostKey>) -> Self {
        self.unknown = Unknown::Ask(who);
        self
    }

    /// The names under which a host is looked up: with its port, then as a last resort without.
    fn names(&self, host: &Endpoint) -> (String, Option<String>) {
        match &self.alias {
            Some(alias) => (alias.clone(), None),
            None if host.port() == SSH_PORT => (known_hosts::name_of(host), None),
            None => (known_hosts::name_of(host), Some(host.host().to_ascii_lowercase())),
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        [self.user_files.clone(), self.global_files.clone()].concat()
    }

    /// The decision as far as the files and pins make it; `None` when nothing speaks for or against.
    fn decide(&self, host: &Endpoint, key: &HostKey, known: &KnownHosts) -> Result<Option<Trusted>> {
        let (name, bare) = self.names(host);
        self.check_strength(&name, key)?;
        self.check_revoked(&name, bare.as_deref(), key, known)?;
        if !self.pins.is_empty() {
            return if self.pins.iter().any(|pin| pin == key.fingerprint()) {
                Ok(Some(Trusted::new(TrustedBy::Pinned, key.fingerprint())))
            } else {
                Err(refusal::not_pinned(&name, key, &self.pins))
            };
        }
        if let Some(trusted) = self.by_certificate(host, &name, bare.as_deref(), key, known)? {
            return Ok(Some(trusted));
        }
        let own = |located: &&Located| located.entry.marker == Marker::None;
        let same = |located: &&Located| located.entry.key == key.blob().as_ref();
        if let Some(located) = known.find(&name).filter(own).find(same) {
            return Ok(Some(by_entry(TrustedBy::KnownHosts, key, located)));
        }
        let others: Vec<&Located> = known.find(&name).filter(own).collect();
        if !others.is_empty() {
            return Err(refusal::changed(&name, key, &others));
        }
        // OpenSSH too takes an entry without port for any port, but only when it says yes
        let found = bare
            .as_ref()
            .and_then(|bare| known.find(bare).filter(own).find(same));
        Ok(found.map(|located| by_entry(TrustedBy::KnownHosts, key, located)))
    }

    fn check_strength(&self, name: &str, key: &HostKey) -> Result<()> {
        let authority = key
            .certificate()
            .map(|certificate| certificate.authority.as_ref());
        for key in [Some(key), authority].into_iter().flatten() {
            if let Some(bits) = super::rsa::bits(key.blob()).filter(|bits| *bits < self.rsa_bits) {
                return Err(refusal::short(name, key, bits, self.rsa_bits));
            }
        }
        Ok(())
    }

    /// Whether an authority of this type may be trusted at all.
    fn may_sign(&self, key_type: &str) -> bool {
        let Some(names) = &self.authority_algorithms else {
            return true;
        };
        let has = |wanted: &str| names.iter().any(|name| name == wanted);
        match key_type {
            "ssh-rsa" => has("rsa-sha2-512") && has("rsa-sha2-256"),
            other => has(other),
        }
    }

    fn check_revoked(&self, name: &str, bare: Option<&str>, key: &HostKey, known: &KnownHosts) -> Result<()> {
        let authority = key.certificate().map(|certificate| certificate.authority.blob());
        let is = |blob: &[u8]| blob == key.blob().as_ref() || authority.is_some_and(|ca| ca.as_ref() == blob);
        let entries = [Some(name), bare]
            .into_iter()
            .flatten()
            .flat_map(|name| known.find(name));
        let mut revoked = entries.filter(|located| located.entry.marker == Marker::Revoked);
        if let Some(located) = revoked.find(|located| is(&located.entry.key)) {
            return Err(refusal::revoked(name, key, &located.file, located.line));
        }
        let Some(file) = &self.revoked_file else {
            return Ok(());
        };
        match super::revoked::line_of(file, is)? {
            Some(line) => Err(refusal::revoked(name, key, file, line)),
            None => Ok(()),
        }
    }

    fn by_certificate(
        &self,
        host: &Endpoint,
        name: &str,
        bare: Option<&str>,
        key: &HostKey,
        known: &KnownHosts,
    ) -> Result<Option<Trusted>> {
        let Some(certificate) = key.certificate() else {
            return Ok(None);
        };
        let signs = |located: &&Located| {
            located.entry.marker == Marker::CertAuthority
                && located.entry.key == certificate.authority.blob().as_ref()
        };
        let entry = [Some(name), bare]
            .into_iter()
            .flatten()
            .find_map(|name| known.find(name).find(signs));
        let given = self
            .authorities
            .iter()
            .any(|authority| authority.blob() == certificate.authority.blob());
        if entry.is_none() && !given {
            return Ok(None);
        }
        if !self.may_sign(certificate.authority.algorithm()) {
            return Err(refusal::certificate(
                name,
                certificate,
                "its authority signs with an algorithm that is not allowed",
            ));
        }
        let now = SystemTime::now();
        if now < certificate.valid_after || certificate.valid_before.is_some_and(|end| now >= end) {
            return Err(refusal::certificate(name, certificate, "it is not valid now"));
        }
        // certificates name hosts without port
        let plain = self
            .alias
            .clone()
            .unwrap_or_else(|| host.host().to_ascii_lowercase());
        // as a whole: OpenSSH takes no patterns here
        if !certificate
            .principals
            .iter()
            .any(|principal| principal.eq_ignore_ascii_case(&plain))
        {
            return Err(refusal::certificate(
                name,
                certificate,
                "it does not name this host",
            ));
        }
        let trusted = Trusted::new(TrustedBy::HostCertificate, key.fingerprint());
        Ok(Some(match entry {
            Some(located) => trusted.at(&located.file, located.line),
            None => trusted,
        }))
    }

    fn add(&self, by: TrustedBy, host: &Endpoint, key: &HostKey) -> Result<Trusted> {
        let trusted = Trusted::new(by, key.fingerprint());
        let Some(file) = self.user_files.first() else {
            return Ok(trusted);
        };
        let (name, _) = self.names(host);
        let line = known_hosts::append(file, &name, key.algorithm(), key.blob(), self.hash)?;
        Ok(trusted.at(file, line))
    }

    fn unknown_key(&self, host: &Endpoint, key: &HostKey, known: &KnownHosts) -> UnknownHostKey {
        let same = known.entries().iter().filter(|located| {
            located.entry.marker == Marker::None && located.entry.key == key.blob().as_ref()
        });
        UnknownHostKey {
            name: self.names(host).0,
            algorithm: key.algorithm().to_owned(),
            fingerprint: key.fingerprint().to_owned(),
            also_known_at: same
                .map(|located| (located.file.clone(), located.line))
                .take(3)
                .collect(),
        }
    }
}

#[async_trait]
impl HostKeyVerifier for TrustPolicy {
    fn known_algorithms(&self, host: &Endpoint) -> Vec<String> {
        // what cannot be read is reported when the key is there
        let known = KnownHosts::load(&self.files()).unwrap_or_default();
        let (name, bare) = self.names(host);
        let mut out: Vec<String> = Vec::new();
        let mut add = |algorithm: &str| {
            if !out.iter().any(|known| known == algorithm) {
                out.push(algorithm.to_owned());
            }
        };
        let types: Vec<(&str, Marker)> = [Some(&name), bare.as_ref()]
            .into_iter()
            .flatten()
            .flat_map(|name| known_hosts::key_types(&known, name))
            .collect();
        if !self.authorities.is_empty() || types.iter().any(|(_, marker)| *marker == Marker::CertAuthority) {
            CERTIFICATES.into_iter().for_each(&mut add);
        }
        for (key_type, _) in types.iter().filter(|(_, marker)| *marker == Marker::None) {
            add(key_type);
        }
        out
    }

    async fn verify(&self, host: &Endpoint, key: &HostKey) -> Result<Trusted> {
        if matches!(self.unknown, Unknown::AcceptAny) {
            tracing::warn!(
                host = %host, fingerprint = key.fingerprint(),
                "the host key is not checked: anybody between here and the server can read and change everything"
            );
            return Ok(Trusted::new(TrustedBy::Unchecked, key.fingerprint()));
        }
        let files = self.files();
        let known = tokio::task::spawn_blocking(move || KnownHosts::load(&files))
            .await
            .map_err(|error| {
                Error::new(ErrorKind::Io, Stage::HostKey, "reading known hosts failed").caused_by(error)
            })??;
        if let Some(trusted) = self.decide(host, key, &known)? {
            return Ok(trusted);
        }
        let (name, _) = self.names(host);
        match &self.unknown {
            Unknown::AcceptNew => self.add(TrustedBy::AcceptedNew, host, key),
            Unknown::Ask(who) => {
                if who.trust(&self.unknown_key(host, key, &known)).await {
                    self.add(TrustedBy::Asked, host, key)
                } else {
                    Err(refusal::unknown(&name, key))
                }
            }
            Unknown::Refuse | Unknown::AcceptAny => Err(refusal::unknown(&name, key)),
        }
    }
}

impl fmt::Debug for TrustPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = match self.unknown {
            Unknown::Refuse => "refuse",
            Unknown::AcceptNew => "accept new",
            Unknown::Ask(_) => "ask",
            Unknown::AcceptAny => "accept any",
        };
        f.debug_struct("TrustPolicy")
            .field("pins", &self.pins)
            .field("user_files", &self.user_files)
            .field("global_files", &self.global_files)
            .field("alias", &self.alias)
            .field("unknown", &unknown)
            .finish_non_exhaustive()
    }
}

fn by_entry(by: TrustedBy, key: &HostKey, located: &Located) -> Trusted {
    Trusted::new(by, key.fingerprint()).at(&located.file, located.line)
}

/// `SHA256:` and 43 characters of base64.
fn normal_fingerprint(text: &str) -> Result<String> {
    let trimmed = text.trim().trim_end_matches('=');
    let digest = trimmed.strip_prefix("SHA256:");
    let plausible = |digest: &&str| {
        digest.len() == 43
            && digest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte))
    };
    digest
        .filter(plausible)
        .map(|digest| format!("SHA256:{digest}"))
        .ok_or_else(|| {
            let message = format!("\"{}\" is no fingerprint", text.escape_debug());
            Error::new(ErrorKind::InvalidInput, Stage::Config, message)
                .hint("write it as ssh-keygen -l shows it: SHA256: and 43 characters")
        })
}

/// What a host with an authority is offered first.
const CERTIFICATES: [&str; 6] = [
    "ssh-ed25519-cert-v01@openssh.com",
    "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    "ecdsa-sha2-nistp384-cert-v01@openssh.com",
    "ecdsa-sha2-nistp521-cert-v01@openssh.com",
    "rsa-sha2-512-cert-v01@openssh.com",
    "rsa-sha2-256-cert-v01@openssh.com",
];
