//! Keys that an agent holds (draft-ietf-sshm-ssh-agent).

use std::fmt;
use std::path::Path;
use std::time::Duration;

use russh::keys::HashAlg;
use russh::keys::agent::AgentIdentity as Identity;
use russh::keys::agent::client::AgentClient;
use tokio::net::UnixStream;

use super::error::ClientError;
use super::limits::{IDENTITIES, WORDS};
use super::words::one_line;

/// A connection to an agent.
pub struct Agent {
    pub(super) client: AgentClient<UnixStream>,
}

/// A key of an agent.
#[derive(Clone)]
pub struct AgentIdentity {
    pub(super) identity: Identity,
}

impl Agent {
    /// Connects to the agent's socket.
    ///
    /// # Errors
    /// [`ClientError::Agent`] if nobody listens there.
    pub async fn connect(socket: &Path) -> Result<Self, ClientError> {
        let stream = limited(UnixStream::connect(socket))
            .await?
            .map_err(|error| failed(&error))?;
        Ok(Self {
            client: AgentClient::connect(stream),
        })
    }

    /// All its keys, plain ones and certificates.
    ///
    /// # Errors
    /// [`ClientError::Agent`] if it does not answer, or not sensibly.
    pub async fn identities(&mut self) -> Result<Vec<AgentIdentity>, ClientError> {
        let identities = limited(self.client.request_identities())
            .await?
            .map_err(|error| failed(&error))?;
        Ok(identities
            .into_iter()
            .take(IDENTITIES)
            .map(|identity| AgentIdentity { identity })
            .collect())
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Agent").finish_non_exhaustive()
    }
}

impl AgentIdentity {
    /// `SHA256:…` of the key.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.identity
            .public_key()
            .fingerprint(HashAlg::Sha256)
            .to_string()
    }

    /// What the agent calls it, control characters removed.
    #[must_use]
    pub fn comment(&self) -> String {
        one_line(self.identity.comment(), WORDS)
    }

    /// Whether it is a certificate.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        matches!(self.identity, Identity::Certificate { .. })
    }
}

impl fmt::Debug for AgentIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgentIdentity")
            .field("fingerprint", &self.fingerprint())
            .field("comment", &self.comment())
            .finish_non_exhaustive()
    }
}

/// An agent that does not even list its keys within this time will not sign either. (A signature may wait for a person
/// who touches a token, and is not limited here.)
const PATIENCE: Duration = Duration::from_secs(10);

async fn limited<T>(answer: impl Future<Output = T>) -> Result<T, ClientError> {
    tokio::time::timeout(PATIENCE, answer)
        .await
        .map_err(|_| ClientError::Agent {
            reason: "it does not answer".to_owned(),
        })
}

fn failed(error: &dyn fmt::Display) -> ClientError {
    ClientError::Agent {
        reason: one_line(&error.to_string(), WORDS),
    }
}
