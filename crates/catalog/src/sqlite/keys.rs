//! API keys in SQLite.

use async_trait::async_trait;
use futures::FutureExt;
use secrecy::{ExposeSecret, SecretString};

use super::SqliteCatalog;
use crate::error::{CatalogError, Result};
use crate::limits::{KEY_PREFIX_LEN, KEY_SECRET_LEN};
use crate::model::{ApiKey, ApiKeyId, CreatedApiKey};
use crate::random;
use crate::sql::keys;
use crate::store::KeyStore;

#[async_trait]
impl KeyStore for SqliteCatalog {
    async fn create_key(&self, name: &str) -> Result<CreatedApiKey> {
        loop {
            let prefix = format!("{MARK}{}", random::text(random::LOWER_DIGITS, KEY_PREFIX_LEN)?);
            let secret = SecretString::from(random::text(random::LETTERS_DIGITS, KEY_SECRET_LEN)?);
            let verifier = self.verifiers.hash_generated(&secret)?;
            let whole = joined(&prefix, &secret);
            let (account, now) = (self.account.id, self.clock.now());
            let mut key = ApiKey {
                id: ApiKeyId(0),
                prefix,
                name: name.to_owned(),
                created: now,
                revoked: None,
            };
            let (prefix, name) = (key.prefix.clone(), key.name.clone());
            let inserted = self
                .writer
                .write(move |tx| {
                    async move { keys::insert(&mut tx.conn, account, &prefix, &verifier, &name, now).await }
                        .boxed()
                })
                .await?;
            // A prefix of 62 bits that is taken: draw again.
            if let Some(id) = inserted {
                key.id = id;
                return Ok(CreatedApiKey { key, secret: whole });
            }
        }
    }

    async fn list_keys(&self) -> Result<Vec<ApiKey>> {
        let mut conn = self.reader().await?;
        keys::all(&mut conn, self.account.id).await
    }

    async fn revoke_key(&self, prefix: &str) -> Result<ApiKey> {
        let (account, prefix, now) = (self.account.id, prefix.to_owned(), self.clock.now());
        let revoked = self
            .writer
            .write(move |tx| async move { keys::revoke(&mut tx.conn, account, &prefix, now).await }.boxed())
            .await?;
        revoked.ok_or(CatalogError::NotFound { what: "api key" })
    }

    async fn check_key(&self, presented: &SecretString) -> Result<Option<ApiKeyId>> {
        // Malformed keys take the same way: no key has the empty prefix.
        let (prefix, secret) = presented.expose_secret().split_once('.').unwrap_or_default();
        let stored = {
            let mut conn = self.reader().await?;
            keys::by_prefix(&mut conn, self.account.id, prefix).await?
        };
        let verifier = stored.as_ref().map(|key| key.verifier.as_str());
        let right = self
            .verifiers
            .verify(verifier, &SecretString::from(secret))
            .await?;
        Ok(stored.filter(|key| right && !key.revoked).map(|key| key.id))
    }
}

fn joined(prefix: &str, secret: &SecretString) -> SecretString {
    let secret = secret.expose_secret();
    // The exact capacity: growing would leave a copy of the secret behind.
    let mut whole = String::with_capacity(prefix.len() + 1 + secret.len());
    whole.extend([prefix, ".", secret]);
    SecretString::from(whole)
}

/// What every API key begins with, so that scanners for leaked secrets can tell.
const MARK: &str = "lsk_";
