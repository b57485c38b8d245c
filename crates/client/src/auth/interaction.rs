//! Questions to whoever is there to answer.

use async_trait::async_trait;
pub use longshore_ssh::client::{Prompt, Questions};
use secrecy::SecretString;

use crate::endpoint::Endpoint;

/// Answers what logging in asks. `None`: no answer, the method is given up.
#[async_trait]
pub trait Interaction: Send + Sync {
    /// The password of `user` on `host`.
    async fn password(&self, user: &str, host: &Endpoint) -> Option<SecretString>;

    /// The passphrase of the private key in the file `key`.
    async fn passphrase(&self, key: &str) -> Option<SecretString>;

    /// One round of keyboard-interactive, with at least one question: as many answers as there are questions.
    async fn answers(&self, host: &Endpoint, questions: &Questions) -> Option<Vec<SecretString>>;
}

/// Nobody is there: every question stays without an answer.
#[derive(Debug, Clone, Copy, Default)]
pub struct NonInteractive;

#[async_trait]
impl Interaction for NonInteractive {
    async fn password(&self, _user: &str, _host: &Endpoint) -> Option<SecretString> {
        None
    }

    async fn passphrase(&self, _key: &str) -> Option<SecretString> {
        None
    }

    async fn answers(&self, _host: &Endpoint, _questions: &Questions) -> Option<Vec<SecretString>> {
        None
    }
}
