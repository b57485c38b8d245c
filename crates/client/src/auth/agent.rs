//! Keys of an agent: the named ones first, as many as the server's patience lasts.

use std::path::PathBuf;

use longshore_ssh::client::{Agent, AgentIdentity, ClientError};

use super::method::AgentKeys;
use super::{Attempt, Outcome, within};
use crate::connect::explain;
use crate::error::{ErrorKind, Result, Stage};

impl Attempt<'_> {
    pub(super) async fn agent(&mut self, keys: &AgentKeys, later: usize) -> Result<Outcome> {
        let (mut agent, identities) = match open(keys).await {
            Ok(opened) => opened,
            Err(error) if keys.optional => return Ok(self.skip(format!("agent: {error}"))),
            Err(error) => return Err(explain(error, Stage::Auth, &self.host)),
        };
        let identities = ordered(identities, keys);
        if identities.is_empty() {
            return Ok(self.skip("agent: it holds no such key"));
        }
        self.info.agent_identities = identities.iter().map(show).collect();
        for identity in &identities {
            // A place is kept for each method that comes behind.
            if self.info.refused.len() + later >= self.options.auth_attempts {
                self.skipped.push("further keys of the agent".to_owned());
                break;
            }
            let limit = self.limit();
            let sent = self.session.auth_agent(&self.options.user, &mut agent, identity);
            let reply = match within(limit, &self.host, sent).await {
                Ok(reply) => reply,
                // The agent did not sign (a token that is not plugged in, a person who said no): the next key may do.
                Err(error) if error.kind() == ErrorKind::AuthFailed && !self.session.is_closed() => {
                    self.skipped.push(format!("agent: {}", show(identity)));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let outcome = self.note(format!("publickey {} (agent)", identity.fingerprint()), reply)?;
            if outcome != Outcome::Failure {
                return Ok(outcome);
            }
        }
        Ok(Outcome::Failure)
    }
}

async fn open(keys: &AgentKeys) -> Result<(Agent, Vec<AgentIdentity>), ClientError> {
    let given = || std::env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty());
    let socket = keys.socket.clone().or_else(|| given().map(PathBuf::from));
    let Some(socket) = socket else {
        return Err(ClientError::Agent {
            reason: "none is running (SSH_AUTH_SOCK is not set)".to_owned(),
        });
    };
    let mut agent = Agent::connect(&socket).await?;
    let identities = agent.identities().await?;
    Ok((agent, identities))
}

/// The named ones first, in the order in which they were named; a certificate before its plain key.
fn ordered(identities: Vec<AgentIdentity>, keys: &AgentKeys) -> Vec<AgentIdentity> {
    let place = |identity: &AgentIdentity| {
        let fingerprint = identity.fingerprint();
        keys.first.iter().position(|first| *first == fingerprint)
    };
    let mut identities: Vec<(Option<usize>, AgentIdentity)> = identities
        .into_iter()
        .map(|identity| (place(&identity), identity))
        .filter(|(place, _)| place.is_some() || !keys.only_first)
        .collect();
    identities.sort_by_key(|(place, identity)| {
        let certificate_first = place.is_some() && !identity.is_certificate();
        (place.unwrap_or(usize::MAX), certificate_first)
    });
    identities.into_iter().map(|(_, identity)| identity).collect()
}

fn show(identity: &AgentIdentity) -> String {
    format!("{} {}", identity.fingerprint(), identity.comment())
        .trim_end()
        .to_owned()
}
