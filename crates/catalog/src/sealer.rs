//! Encryption of the few secrets that must be given out once more.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::error::{CatalogError, Result};
use crate::secrets::Secrets;

/// Seals passwords for the replay window: AES-256-GCM, the nonce is random and stands in front.
///
/// With random nonces of 96 bits one key is good for 2³² messages (NIST SP 800-38D §8.3): years of a
/// hundred new users a second.
pub(crate) struct Sealer {
    key: RandomizedNonceKey,
}

impl Sealer {
    pub(crate) fn new(secrets: &Secrets) -> Result<Self> {
        let key = secrets.derive("password replay")?;
        let key = RandomizedNonceKey::new(&AES_256_GCM, key.as_ref())
            .map_err(|error| CatalogError::Unavailable(Box::new(error)))?;
        Ok(Self { key })
    }

    /// Encrypts `secret` for the place that `context` names: elsewhere it cannot be opened.
    pub(crate) fn seal(&self, context: &[u8], secret: &SecretString) -> Result<Vec<u8>> {
        // Encrypted in place; wiped if that fails.
        let mut text = Zeroizing::new(secret.expose_secret().as_bytes().to_vec());
        let (nonce, tag) = self
            .key
            .seal_in_place_separate_tag(Aad::from(context), &mut text)
            .map_err(|error| CatalogError::Unavailable(Box::new(error)))?;
        Ok([nonce.as_ref().as_slice(), text.as_slice(), tag.as_ref()].concat())
    }

    /// Decrypts what `seal` made for the same context.
    pub(crate) fn open(&self, context: &[u8], sealed: &[u8]) -> Result<SecretString> {
        let corrupt = |source| CatalogError::Corrupt {
            what: "sealed password",
            source,
        };
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN).ok_or_else(|| corrupt(None))?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|error| corrupt(Some(error.into())))?;
        let mut text = Zeroizing::new(rest.to_vec());
        let text = self
            .key
            .open_in_place(nonce, Aad::from(context), &mut text)
            .map_err(|error| corrupt(Some(error.into())))?;
        let text = std::str::from_utf8(text).map_err(|error| corrupt(Some(error.into())))?;
        Ok(SecretString::from(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealer() -> Sealer {
        let dir = tempfile::tempdir().expect("tempdir");
        Sealer::new(&Secrets::load_or_create(dir.path()).expect("secrets")).expect("sealer")
    }

    #[test]
    fn what_was_sealed_opens_in_its_own_context_only() {
        let sealer = sealer();
        let sealed = sealer.seal(b"here", &"Pa55word".into()).expect("seal");
        assert_eq!(
            sealer.open(b"here", &sealed).expect("open").expose_secret(),
            "Pa55word"
        );
        assert!(matches!(
            sealer.open(b"there", &sealed),
            Err(CatalogError::Corrupt { .. })
        ));
        assert!(!sealed.windows(8).any(|w| w == b"Pa55word"));
    }

    #[test]
    fn sealing_twice_gives_different_bytes() {
        let sealer = sealer();
        let seal = || sealer.seal(b"", &"same".into()).expect("seal");
        assert_ne!(seal(), seal());
    }

    #[test]
    fn altered_or_cut_bytes_are_refused() {
        let sealer = sealer();
        let sealed = sealer.seal(b"", &"secret".into()).expect("seal");
        for i in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[i] ^= 1;
            assert!(sealer.open(b"", &altered).is_err(), "byte {i}");
            assert!(sealer.open(b"", &sealed[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn another_key_does_not_open_it() {
        let sealed = sealer().seal(b"", &"secret".into()).expect("seal");
        assert!(sealer().open(b"", &sealed).is_err());
    }
}
