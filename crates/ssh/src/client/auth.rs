//! Logging in (RFC 4252, RFC 4256): one attempt a call, partial success told.

use russh::client::{AuthResult, KeyboardInteractiveAuthResponse as Response};
use russh::keys::agent::AgentIdentity as Identity;
use russh::keys::signature::Signer as _;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::ssh_key::{self, Signature};
use russh::keys::{Algorithm, HashAlg, PrivateKeyWithHashAlg};
use russh::{MethodSet, Signer};
use zeroize::Zeroizing;

use super::agent::{Agent, AgentIdentity};
use super::error::ClientError;
use super::keys::UserKey;
use super::limits::{PROMPT, PROMPTS, WORDS};
use super::session::Session;
use super::words::{lines, one_line};

/// What the server answered to an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthReply {
    /// Logged in.
    Success,
    /// Not yet.
    Failure {
        /// Methods that can continue: `publickey`, `password`, `keyboard-interactive`, `hostbased`, `gssapi-with-mic`; others
        /// are not listed.
        remaining: Vec<&'static str>,
        /// The attempt itself succeeded, and the server wants another method besides.
        partial: bool,
    },
}

/// What the server answered to a step of keyboard-interactive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InteractiveReply {
    /// It has questions; answer each, in order. There may be none, which is answered as well.
    Questions(Questions),
    /// It is done.
    Done(AuthReply),
}

/// One round of keyboard-interactive, in the server's words: control characters removed, bounded.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Questions {
    /// A title; often empty.
    pub name: String,
    /// What to do; often empty.
    pub instruction: String,
    /// What is asked.
    pub prompts: Vec<Prompt>,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Prompt {
    /// `Password: `
    pub text: String,
    /// Whether the answer may be shown while it is typed.
    pub echo: bool,
}

impl Session {
    /// Asks to be let in without proof, which tells the methods that the server takes.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn auth_none(&mut self, user: &str) -> Result<AuthReply, ClientError> {
        let answer = self.handle.authenticate_none(user).await;
        self.reply(answer)
    }

    /// Sends a password.
    ///
    /// A server that wants another password first (SSH_MSG_USERAUTH_PASSWD_CHANGEREQ) is never heard of again: the
    /// transport library overlooks the message. Limit the time.
    ///
    /// # Errors
    /// Why the connection ended.
    pub async fn auth_password(&mut self, user: &str, password: &str) -> Result<AuthReply, ClientError> {
        let answer = self.handle.authenticate_password(user, password).await;
        self.reply(answer)
    }

    /// Signs with a key, under its certificate if it has one.
    ///
    /// # Errors
    /// Why the connection ended; [`ClientError::InvalidKey`] if the key cannot sign.
    pub async fn auth_key(&mut self, user: &str, key: &UserKey) -> Result<AuthReply, ClientError> {
        let hash = self.rsa_hash(&key.key.algorithm()).await?;
        let answer = match &key.certificate {
            None => {
                let key = PrivateKeyWithHashAlg::new(std::sync::Arc::clone(&key.key), hash);
                self.handle.authenticate_publickey(user, key).await
            }
            Some(certificate) => {
                let mut signer = CertificateSigner { key };
                self.handle
                    .authenticate_certificate_with(user, (**certificate).clone(), hash, &mut signer)
                    .await
                    .map_err(|error| match error {
                        SignError::Key(reason) => ClientError::InvalidKey { reason },
                        SignError::Send => self.end(),
                    })
                    .map(Ok)?
            }
        };
        self.reply(answer)
    }

    /// Has an agent sign. It is asked only if the server takes the key.
    ///
    /// # Errors
    /// Why the connection ended; [`ClientError::Agent`] if the agent does not sign: further attempts may follow.
    pub async fn auth_agent(
        &mut self,
        user: &str,
        agent: &mut Agent,
        identity: &AgentIdentity,
    ) -> Result<AuthReply, ClientError> {
        let key = identity.identity.public_key().into_owned();
        let hash = self.rsa_hash(&key.algorithm()).await?;
        let answer = match &identity.identity {
            Identity::PublicKey { .. } => {
                self.handle
                    .authenticate_publickey_with(user, key, hash, &mut agent.client)
                    .await
            }
            Identity::Certificate { certificate, .. } => {
                self.handle
                    .authenticate_certificate_with(user, certificate.clone(), hash, &mut agent.client)
                    .await
            }
        };
        let answer = answer.map_err(|error| match error {
            russh::AgentAuthError::Send(_) => self.end(),
            other @ russh::AgentAuthError::Key(_) => ClientError::Agent {
                reason: one_line(&other.to_string(), WORDS),
            },
        })?;
        self.reply(Ok(answer))
    }

    /// Starts keyboard-interactive.
    ///
    /// # Errors
    /// Why the connection ended; [`ClientError::Protocol`] for a server that asks too much.
    pub async fn interactive_start(&mut self, user: &str) -> Result<InteractiveReply, ClientError> {
        let answer = self
            .handle
            .authenticate_keyboard_interactive_start(user, None::<String>)
            .await;
        self.interactive(answer)
    }

    /// Answers one round: as many answers as there were questions.
    ///
    /// # Errors
    /// As [`Self::interactive_start`].
    pub async fn interactive_answer(
        &mut self,
        answers: Vec<Zeroizing<String>>,
    ) -> Result<InteractiveReply, ClientError> {
        let answers = answers.iter().map(|answer| answer.to_string()).collect();
        let answer = self
            .handle
            .authenticate_keyboard_interactive_respond(answers)
            .await;
        self.interactive(answer)
    }

    /// How an RSA key signs: never with SHA-1. With SHA-512 unless the server says that it takes SHA-256 only (RFC 8308
    /// §3.1; servers before that take neither or both).
    async fn rsa_hash(&self, algorithm: &Algorithm) -> Result<Option<HashAlg>, ClientError> {
        if !matches!(algorithm, Algorithm::Rsa { .. }) {
            return Ok(None);
        }
        let best = self
            .handle
            .best_supported_rsa_hash()
            .await
            .map_err(|_| self.end())?;
        Ok(Some(best.flatten().unwrap_or(HashAlg::Sha512)))
    }

    fn reply(&self, answer: Result<AuthResult, russh::Error>) -> Result<AuthReply, ClientError> {
        match answer {
            Ok(AuthResult::Success) => Ok(AuthReply::Success),
            // The library takes the end of the connection for a failure without remaining methods.
            Ok(AuthResult::Failure {
                remaining_methods, ..
            }) if remaining_methods.is_empty() && self.is_closed() => Err(self.end()),
            Ok(AuthResult::Failure {
                remaining_methods,
                partial_success,
            }) => Ok(failure(&remaining_methods, partial_success)),
            Err(russh::Error::Keys(error)) => Err(unusable(&error)),
            Err(russh::Error::SshKey(error)) => Err(unusable(&error)),
            Err(_) => Err(self.end()),
        }
    }

    fn interactive(&self, answer: Result<Response, russh::Error>) -> Result<InteractiveReply, ClientError> {
        match answer.map_err(|_| self.end())? {
            Response::Success => Ok(InteractiveReply::Done(AuthReply::Success)),
            Response::Failure {
                remaining_methods,
                partial_success,
            } => Ok(InteractiveReply::Done(failure(
                &remaining_methods,
                partial_success,
            ))),
            Response::InfoRequest {
                name,
                instructions,
                prompts,
            } => {
                if prompts.len() > PROMPTS {
                    return Err(ClientError::Protocol {
                        reason: format!("{} prompts at once, the limit is {PROMPTS}", prompts.len()),
                    });
                }
                let prompts = prompts.iter().map(|prompt| Prompt {
                    text: lines(&prompt.prompt, PROMPT),
                    echo: prompt.echo,
                });
                Ok(InteractiveReply::Questions(Questions {
                    name: one_line(&name, PROMPT),
                    instruction: lines(&instructions, PROMPT),
                    prompts: prompts.collect(),
                }))
            }
        }
    }
}

fn failure(remaining: &MethodSet, partial: bool) -> AuthReply {
    AuthReply::Failure {
        remaining: remaining.iter().map(<&'static str>::from).collect(),
        partial,
    }
}

fn unusable(error: &dyn std::fmt::Display) -> ClientError {
    ClientError::InvalidKey {
        reason: one_line(&error.to_string(), WORDS),
    }
}

/// Signs under a certificate. The library's own way cannot choose the hash of an RSA signature.
struct CertificateSigner<'a> {
    key: &'a UserKey,
}

enum SignError {
    Key(String),
    Send,
}

impl From<russh::SendError> for SignError {
    fn from(_: russh::SendError) -> Self {
        Self::Send
    }
}

impl Signer for CertificateSigner<'_> {
    type Error = SignError;

    async fn auth_sign(
        &mut self,
        _identity: &Identity,
        hash: Option<HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Self::Error> {
        let signature = sign(self.key, hash, &to_sign).map_err(|error| SignError::Key(error.to_string()))?;
        // What the library expects: the data, and behind it the signature as a string (RFC 4251 §5).
        let len = u32::try_from(signature.len()).map_err(|error| SignError::Key(error.to_string()))?;
        to_sign.extend_from_slice(&len.to_be_bytes());
        to_sign.extend_from_slice(&signature);
        Ok(to_sign)
    }
}

fn sign(key: &UserKey, hash: Option<HashAlg>, data: &[u8]) -> Result<Vec<u8>, ssh_key::Error> {
    let signature: Signature = match key.key.key_data() {
        KeypairData::Rsa(pair) => (pair, hash).try_sign(data)?,
        pair => pair.try_sign(data)?,
    };
    Vec::try_from(signature)
}
