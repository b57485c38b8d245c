//! What is stored in place of a secret, and how a presented secret is checked against it.
//!
//! Two schemes, both written in the manner of PHC strings:
//!
//! - `$hmac-sha256$v=1$<salt>$<tag>` for secrets that we generate. They hold at least 95 bits, so guessing is
//!   hopeless anyway, and a login costs microseconds. The pepper keeps a stolen database useless.
//! - `$argon2id$v=19$m=…,t=…,p=…$<salt>$<hash>` (RFC 9106) for passwords that people chose.

use std::sync::{Arc, LazyLock};

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::error::{CatalogError, Result};
use crate::limits::{ARGON2_COST, ARGON2_MAX_COST, ARGON2_PARALLEL};
use crate::random;
use crate::secrets::Secrets;

/// Makes and checks the stored form of secrets.
pub struct Verifiers {
    pepper: hmac::Key,
    /// Checked when there is nothing to check, so that this costs the same.
    nobody: String,
}

impl Verifiers {
    /// Verifiers under the pepper of this installation.
    ///
    /// # Errors
    /// `Unavailable` when the system has no random bytes.
    pub fn new(secrets: &Secrets) -> Result<Self> {
        let pepper = hmac::Key::new(hmac::HMAC_SHA256, secrets.pepper());
        let nobody = hash_generated(&pepper, &random::text(random::LETTERS_DIGITS, 32)?)?;
        Ok(Self { pepper, nobody })
    }

    /// The stored form of a secret that was generated at random.
    pub(crate) fn hash_generated(&self, secret: &SecretString) -> Result<String> {
        hash_generated(&self.pepper, secret.expose_secret())
    }

    /// The stored form of a password that a person chose: argon2id, on the blocking pool, two at a time.
    ///
    /// # Errors
    /// `Unavailable` when memory or random bytes are missing.
    pub async fn hash_chosen(&self, password: &SecretString) -> Result<String> {
        let (memory, passes, lanes) = ARGON2_COST;
        let salt = *random::bytes::<SALT_LEN>()?;
        let stored = Argon2id {
            memory,
            passes,
            lanes,
            salt: salt.to_vec(),
            hash: vec![0; TAG_LEN],
        };
        let hash = stored.compute(password.clone()).await?;
        let (salt, hash) = (STANDARD_NO_PAD.encode(salt), STANDARD_NO_PAD.encode(hash));
        Ok(format!(
            "$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${hash}"
        ))
    }

    /// Whether `presented` is the secret behind `stored`. Compares in constant time; without `stored` the
    /// answer is no after the same work.
    ///
    /// # Errors
    /// `Corrupt` when `stored` is in none of the two schemes.
    pub async fn verify(&self, stored: Option<&str>, presented: &SecretString) -> Result<bool> {
        let known = stored.is_some();
        let equal = match Scheme::parse(stored.unwrap_or(&self.nobody))? {
            Scheme::HmacSha256 { salt, tag } => {
                let computed = keyed_hash(&self.pepper, &salt, presented.expose_secret());
                constant_time::verify_slices_are_equal(computed.as_ref(), &tag).is_ok()
            }
            Scheme::Argon2id(stored) => {
                let computed = stored.compute(presented.clone()).await?;
                constant_time::verify_slices_are_equal(&computed, &stored.hash).is_ok()
            }
        };
        Ok(known & equal)
    }
}

fn hash_generated(pepper: &hmac::Key, secret: &str) -> Result<String> {
    let salt = *random::bytes::<SALT_LEN>()?;
    let tag = keyed_hash(pepper, &salt, secret);
    Ok(format!(
        "$hmac-sha256$v=1${}${}",
        STANDARD_NO_PAD.encode(salt),
        STANDARD_NO_PAD.encode(tag)
    ))
}

/// HMAC over salt and secret; the salt's length is fixed, so nothing can move between the two.
fn keyed_hash(pepper: &hmac::Key, salt: &[u8; SALT_LEN], secret: &str) -> hmac::Tag {
    let mut context = hmac::Context::with_key(pepper);
    context.update(salt);
    context.update(secret.as_bytes());
    context.sign()
}

enum Scheme {
    HmacSha256 { salt: [u8; SALT_LEN], tag: Vec<u8> },
    Argon2id(Argon2id),
}

impl Scheme {
    fn parse(stored: &str) -> Result<Self> {
        let corrupt = || CatalogError::Corrupt {
            what: "password verifier",
            source: None,
        };
        let parts: Vec<&str> = stored.split('$').collect();
        match parts[..] {
            ["", "hmac-sha256", "v=1", salt, tag] => {
                let salt = decode(salt)?.try_into().map_err(|_| corrupt())?;
                let tag = decode(tag)?;
                if tag.len() != TAG_LEN {
                    return Err(corrupt());
                }
                Ok(Self::HmacSha256 { salt, tag })
            }
            ["", "argon2id", "v=19", cost, salt, hash] => {
                let (memory, passes, lanes) = cost_of(cost).ok_or_else(corrupt)?;
                let (salt, hash) = (decode(salt)?, decode(hash)?);
                Ok(Self::Argon2id(Argon2id {
                    memory,
                    passes,
                    lanes,
                    salt,
                    hash,
                }))
            }
            _ => Err(corrupt()),
        }
    }
}

struct Argon2id {
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2id {
    /// The hash of `password` with this salt and cost. Takes tens of milliseconds of a core and its
    /// memory, so only a few run at once and none on the threads that serve sockets.
    async fn compute(&self, password: SecretString) -> Result<Vec<u8>> {
        static TURN: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(ARGON2_PARALLEL)));
        let corrupt = |error: argon2::Error| CatalogError::Corrupt {
            what: "password verifier",
            source: Some(error.into()),
        };
        let params =
            Params::new(self.memory, self.passes, self.lanes, Some(self.hash.len())).map_err(corrupt)?;
        let (salt, mut out) = (self.salt.clone(), vec![0; self.hash.len()]);
        let turn = TURN
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| CatalogError::Unavailable(Box::new(error)))?;
        let work = tokio::task::spawn_blocking(move || {
            // Held until the work is done, also when the caller has gone away.
            let _turn = turn;
            Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
                .hash_password_into(password.expose_secret().as_bytes(), &salt, &mut out)
                .map(|()| out)
        });
        work.await
            .map_err(|error| CatalogError::Unavailable(Box::new(error)))?
            .map_err(corrupt)
    }
}

/// `m=…,t=…,p=…` within what we are ready to spend.
fn cost_of(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.split(',');
    let mut number = |name: &str, max: u32| {
        let value: u32 = parts
            .next()?
            .strip_prefix(name)?
            .strip_prefix('=')?
            .parse()
            .ok()?;
        (value <= max).then_some(value)
    };
    let cost = (
        number("m", ARGON2_MAX_COST.0)?,
        number("t", ARGON2_MAX_COST.1)?,
        number("p", ARGON2_MAX_COST.2)?,
    );
    parts.next().is_none().then_some(cost)
}

fn decode(text: &str) -> Result<Vec<u8>> {
    STANDARD_NO_PAD
        .decode(text)
        .map_err(|error| CatalogError::Corrupt {
            what: "password verifier",
            source: Some(error.into()),
        })
}

const SALT_LEN: usize = 16;
const TAG_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    fn verifiers() -> Verifiers {
        let dir = tempfile::tempdir().expect("tempdir");
        Verifiers::new(&Secrets::load_or_create(dir.path()).expect("secrets")).expect("verifiers")
    }

    #[tokio::test]
    async fn a_generated_secret_verifies_and_others_do_not() {
        let verifiers = verifiers();
        let stored = verifiers.hash_generated(&"s3cret".into()).expect("hash");
        assert!(stored.starts_with("$hmac-sha256$v=1$") && !stored.contains("s3cret"));
        assert!(
            verifiers
                .verify(Some(&stored), &"s3cret".into())
                .await
                .expect("verify")
        );
        for wrong in ["", "s3cre", "s3cret ", "S3cret"] {
            assert!(
                !verifiers
                    .verify(Some(&stored), &wrong.into())
                    .await
                    .expect("verify"),
                "{wrong}"
            );
        }
    }

    #[tokio::test]
    async fn equal_secrets_are_stored_differently() {
        let verifiers = verifiers();
        let hash = || verifiers.hash_generated(&"same".into()).expect("hash");
        assert_ne!(hash(), hash());
    }

    #[tokio::test]
    async fn without_the_pepper_the_right_secret_fails() {
        let stored = verifiers().hash_generated(&"s3cret".into()).expect("hash");
        assert!(
            !verifiers()
                .verify(Some(&stored), &"s3cret".into())
                .await
                .expect("verify")
        );
    }

    #[tokio::test]
    async fn nobody_cannot_log_in() {
        let verifiers = verifiers();
        assert!(!verifiers.verify(None, &"".into()).await.expect("verify"));
        assert!(
            !verifiers
                .verify(None, &verifiers.nobody.clone().into())
                .await
                .expect("verify")
        );
    }

    #[tokio::test]
    async fn a_chosen_password_verifies_by_argon2id() {
        let verifiers = verifiers();
        let stored = verifiers
            .hash_chosen(&"correct horse".into())
            .await
            .expect("hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(
            verifiers
                .verify(Some(&stored), &"correct horse".into())
                .await
                .expect("verify")
        );
        assert!(
            !verifiers
                .verify(Some(&stored), &"correct hors".into())
                .await
                .expect("verify")
        );
    }

    /// A vector of the reference implementation (phc-winner-argon2): `password`, `somesalt`, 64 MiB, 2 passes.
    #[tokio::test]
    async fn a_hash_of_the_reference_implementation_verifies() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(
            verifiers()
                .verify(Some(stored), &"password".into())
                .await
                .expect("verify")
        );
        assert!(
            !verifiers()
                .verify(Some(stored), &"passwore".into())
                .await
                .expect("verify")
        );
    }

    #[tokio::test]
    async fn unreadable_verifiers_are_reported_not_accepted() {
        let verifiers = verifiers();
        let unreadable = [
            "",
            "plain",
            "$",
            "$md5$v=1$AAAA$AAAA",
            "$hmac-sha256$v=2$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "$hmac-sha256$v=1$AAAAAAAAAAAAAAAAAAAAAA$",
            "$hmac-sha256$v=1$AAAA$AAAA",
            "$hmac-sha256$v=1$****$AAAA",
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
        ];
        for stored in unreadable {
            let verdict = verifiers.verify(Some(stored), &"".into()).await;
            assert!(matches!(verdict, Err(CatalogError::Corrupt { .. })), "{stored}");
        }
    }
}
