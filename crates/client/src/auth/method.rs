//! The ways to log in.

use std::fmt;
use std::path::PathBuf;

pub use longshore_ssh::client::UserKey;
use secrecy::SecretString;

/// A way to log in. `Debug` shows no secrets.
#[derive(Clone)]
#[non_exhaustive]
pub enum AuthMethod {
    /// A password. Where the server takes none but asks one hidden question by keyboard-interactive, it is the answer.
    Password(SecretString),
    /// A password that is asked for when it is needed.
    AskPassword,
    /// A private key in memory.
    Key(UserKey),
    /// A private key in a file, read when it is needed.
    KeyFile(KeyFile),
    /// The keys of an agent.
    Agent(AgentKeys),
    /// The server asks questions, a person or a list answers.
    KeyboardInteractive(Answers),
    /// Without proof: for servers that let everybody in.
    None,
}

/// A private key in a file: OpenSSH's format, PEM, PKCS#8 or PuTTY's.
#[derive(Clone)]
#[non_exhaustive]
pub struct KeyFile {
    /// The file.
    pub path: PathBuf,
    /// Its passphrase; asked for if it needs one and none is given.
    pub passphrase: Option<SecretString>,
    /// A certificate; without, `<path>-cert.pub` is taken if it is there.
    pub certificate: Option<PathBuf>,
    /// Whether a file that is not there is skipped (the standard places) instead of being an error.
    pub optional: bool,
}

/// An agent's keys.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct AgentKeys {
    /// The agent's socket; `SSH_AUTH_SOCK` if none is given.
    pub socket: Option<PathBuf>,
    /// Fingerprints (`SHA256:…`) of the keys to try first.
    pub first: Vec<String>,
    /// Whether only those are tried (`IdentitiesOnly`).
    pub only_first: bool,
    /// Whether an agent that is not there is skipped instead of being an error.
    pub optional: bool,
}

/// Who answers keyboard-interactive.
#[derive(Clone)]
pub enum Answers {
    /// Whoever is there.
    Ask,
    /// This list, one for each question, over all rounds. When it is used up, the method is given up.
    Given(Vec<SecretString>),
}

impl AuthMethod {
    /// A password.
    pub fn password(password: impl Into<String>) -> Self {
        Self::Password(SecretString::from(password.into()))
    }

    /// A private key in a file.
    pub fn key_file(path: impl Into<PathBuf>) -> Self {
        Self::KeyFile(KeyFile::new(path))
    }

    /// All keys of the agent that `SSH_AUTH_SOCK` names.
    #[must_use]
    pub fn agent() -> Self {
        Self::Agent(AgentKeys::default())
    }

    /// The wire's name of the method (RFC 4252, RFC 4256).
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Password(_) | Self::AskPassword => "password",
            Self::Key(_) | Self::KeyFile(_) | Self::Agent(_) => "publickey",
            Self::KeyboardInteractive(_) => "keyboard-interactive",
            Self::None => "none",
        }
    }
}

impl KeyFile {
    /// A key file without passphrase, its certificate beside it if it has one.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            passphrase: None,
            certificate: None,
            optional: false,
        }
    }

    /// Opens it with this passphrase.
    #[must_use]
    pub fn passphrase(mut self, passphrase: SecretString) -> Self {
        self.passphrase = Some(passphrase);
        self
    }

    /// Logs in under this certificate.
    #[must_use]
    pub fn certificate(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(path.into());
        self
    }

    /// Skips it if it is not there.
    #[must_use]
    pub fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }
}

impl AgentKeys {
    /// The agent at this socket.
    pub fn at(socket: impl Into<PathBuf>) -> Self {
        Self {
            socket: Some(socket.into()),
            ..Self::default()
        }
    }

    /// Tries the key with this fingerprint before those that were not named.
    #[must_use]
    pub fn first(mut self, fingerprint: impl Into<String>) -> Self {
        self.first.push(fingerprint.into());
        self
    }

    /// Tries named keys only.
    #[must_use]
    pub fn only_first(mut self, only: bool) -> Self {
        self.only_first = only;
        self
    }

    /// Skips the agent if it is not there.
    #[must_use]
    pub fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }
}

impl fmt::Debug for AuthMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password(_) => f.write_str("Password"),
            Self::AskPassword => f.write_str("AskPassword"),
            Self::Key(key) => f.debug_tuple("Key").field(key).finish(),
            Self::KeyFile(file) => f.debug_tuple("KeyFile").field(&file.path).finish(),
            Self::Agent(agent) => f.debug_tuple("Agent").field(agent).finish(),
            Self::KeyboardInteractive(_) => f.write_str("KeyboardInteractive"),
            Self::None => f.write_str("None"),
        }
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("path", &self.path)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ask => f.write_str("Ask"),
            Self::Given(answers) => write!(f, "Given({})", answers.len()),
        }
    }
}
