//! Host keys: made at the first start, kept in OpenSSH's format, shown in the forms that clients check.

use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use zeroize::Zeroizing;

/// The private keys of a server. `Debug` shows fingerprints only.
#[derive(Clone)]
pub struct HostKeys {
    keys: Vec<PrivateKey>,
}

/// Why host keys cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostKeyError {
    /// The file system said no.
    #[error("cannot {action} host key {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Others than the owner can read the key.
    #[error("host key {} has mode {mode:04o}, so others can read it; set it to 0600 (chmod 600)", path.display())]
    Readable {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is larger than any key.
    #[error("host key {} is {len} bytes long, the limit is {max}", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its length in bytes.
        len: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// The file holds no key that we can use.
    #[error("host key {} cannot be used: {reason}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A new key could not be made.
    #[error("cannot make a host key: {reason}")]
    Generate {
        /// Why not.
        reason: String,
    },
}

impl HostKeys {
    /// Reads `ssh_host_ed25519_key` and `ssh_host_ecdsa_key` from `dir` and makes those that are missing (mode 0600,
    /// whole or not at all, on disk before this returns). `ssh_host_rsa_key` is taken as well if it is there.
    ///
    /// # Errors
    /// [`HostKeyError`], with the file concerned.
    pub fn load_or_generate(dir: &Path) -> Result<Self, HostKeyError> {
        let mut keys = Vec::with_capacity(3);
        for (name, algorithm) in GENERATED {
            let path = dir.join(name);
            let key = match load(&path)? {
                Some(key) => key,
                None => generate(dir, &path, algorithm.clone())?,
            };
            keys.push(check_algorithm(key, &path, |found| *found == algorithm)?);
        }
        let path = dir.join(RSA);
        if let Some(key) = load(&path)? {
            keys.push(check_algorithm(key, &path, |found| {
                matches!(found, Algorithm::Rsa { .. })
            })?);
        }
        Ok(Self { keys })
    }

    /// SHA-256 fingerprint of the Ed25519 key, as `ssh-keygen -l` prints it: `SHA256:…`.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.fingerprints().swap_remove(0).1
    }

    /// The algorithm and SHA-256 fingerprint of every key, the Ed25519 key first.
    #[must_use]
    pub fn fingerprints(&self) -> Vec<(String, String)> {
        let show = |key: &PrivateKey| {
            (
                key.algorithm().as_str().to_owned(),
                key.public_key().fingerprint(HashAlg::Sha256).to_string(),
            )
        };
        self.keys.iter().map(show).collect()
    }

    /// The Ed25519 key as a line of `known_hosts`; with `[host]:port` unless the port is 22 (sshd(8)).
    #[must_use]
    pub fn known_hosts_line(&self, host: &str, port: u16) -> String {
        self.known_hosts_lines(host, port).swap_remove(0)
    }

    /// Every key as a line of `known_hosts`, the Ed25519 key first.
    #[must_use]
    pub fn known_hosts_lines(&self, host: &str, port: u16) -> Vec<String> {
        let pattern = if port == 22 {
            host.to_owned()
        } else {
            format!("[{host}]:{port}")
        };
        let blob = |key: &PrivateKey| russh::keys::PublicKeyBase64::public_key_base64(key.public_key());
        self.keys
            .iter()
            .map(|key| format!("{pattern} {} {}", key.algorithm().as_str(), blob(key)))
            .collect()
    }

    /// SSHFP records for `host` (RFC 4255; algorithm numbers of RFC 6594 and 7479; fingerprint type 2, SHA-256),
    /// one for each key, in the order of [`Self::fingerprints`].
    #[must_use]
    pub fn sshfp(&self, host: &str) -> Vec<String> {
        self.keys.iter().map(|key| sshfp_record(host, key)).collect()
    }

    /// The keys for the transport library.
    pub(crate) fn private_keys(&self) -> Vec<PrivateKey> {
        self.keys.clone()
    }
}

impl std::fmt::Debug for HostKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.fingerprints()).finish()
    }
}

fn sshfp_record(host: &str, key: &PrivateKey) -> String {
    let number = match key.algorithm() {
        Algorithm::Rsa { .. } => 1,
        Algorithm::Ecdsa { .. } => 3,
        // load_or_generate lets nothing else in.
        _ => 4,
    };
    let mut record = format!("{host} IN SSHFP {number} 2 ");
    for byte in key.public_key().fingerprint(HashAlg::Sha256).as_bytes() {
        // Writing to a String cannot fail.
        let _ = write!(record, "{byte:02x}");
    }
    record
}

/// The key in `path`; `None` if there is no such file.
fn load(path: &Path) -> Result<Option<PrivateKey>, HostKeyError> {
    let io = |source| HostKeyError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    // Of the open file, so that it cannot be exchanged between check and use.
    let metadata = file.metadata().map_err(io)?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(HostKeyError::Readable {
            path: path.to_owned(),
            mode,
        });
    }
    if metadata.len() > MAX_KEY_FILE {
        return Err(HostKeyError::TooLarge {
            path: path.to_owned(),
            len: metadata.len(),
            max: MAX_KEY_FILE,
        });
    }
    let mut text = Zeroizing::new(Vec::new());
    (&mut file)
        .take(MAX_KEY_FILE)
        .read_to_end(&mut text)
        .map_err(io)?;
    let invalid = |reason: String| HostKeyError::Invalid {
        path: path.to_owned(),
        reason,
    };
    let key = PrivateKey::from_openssh(text.as_slice()).map_err(|error| invalid(error.to_string()))?;
    if key.is_encrypted() {
        return Err(invalid("it is protected by a passphrase".to_owned()));
    }
    Ok(Some(key))
}

fn check_algorithm(
    key: PrivateKey,
    path: &Path,
    wanted: impl FnOnce(&Algorithm) -> bool,
) -> Result<PrivateKey, HostKeyError> {
    let found = key.algorithm();
    if wanted(&found) {
        return Ok(key);
    }
    let reason = format!(
        "it is of type {}, which does not belong under this name",
        found.as_str()
    );
    Err(HostKeyError::Invalid {
        path: path.to_owned(),
        reason,
    })
}

fn generate(dir: &Path, path: &Path, algorithm: Algorithm) -> Result<PrivateKey, HostKeyError> {
    let failed = |error: russh::keys::ssh_key::Error| HostKeyError::Generate {
        reason: error.to_string(),
    };
    let mut rng = russh::keys::key::safe_rng();
    let key = PrivateKey::random(&mut rng, algorithm).map_err(failed)?;
    let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
    write_whole(dir, path, text.as_bytes())?;
    Ok(key)
}

/// Writes `text` under `path` so that after a power cut there is either the whole file or none.
fn write_whole(dir: &Path, path: &Path, text: &[u8]) -> Result<(), HostKeyError> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(".new");
    let temporary = PathBuf::from(temporary);
    let io = |action, path: &Path| {
        let path = path.to_owned();
        move |source| HostKeyError::Io { action, path, source }
    };
    // Left by a start that was cut off; never in use.
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io("remove the unfinished", &temporary)(error));
        }
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(io("create", &temporary))?;
    file.write_all(text).map_err(io("write", &temporary))?;
    file.sync_all().map_err(io("sync", &temporary))?;
    fs::rename(&temporary, path).map_err(io("rename", path))?;
    let directory = File::open(dir).map_err(io("open the directory of", dir))?;
    directory.sync_all().map_err(io("sync the directory of", dir))
}

/// File names as in sshd(8), and what is generated under them. The Ed25519 key comes first everywhere.
const GENERATED: [(&str, Algorithm); 2] = [
    ("ssh_host_ed25519_key", Algorithm::Ed25519),
    (
        "ssh_host_ecdsa_key",
        Algorithm::Ecdsa {
            curve: EcdsaCurve::NistP256,
        },
    ),
];

/// Only used if the operator put it there: for clients that know nothing else.
const RSA: &str = "ssh_host_rsa_key";

/// Bytes of a key file; RSA with 16384 bits needs 13 KiB.
const MAX_KEY_FILE: u64 = 64 * 1024;
