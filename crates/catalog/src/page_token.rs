//! Page tokens: where a listing goes on, and proof that we said so.

use aws_lc_rs::{constant_time, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::{CatalogError, Result};
use crate::secrets::Secrets;

/// Makes and reads page tokens: base64url of the last row id and a MAC over list, account and row id.
///
/// The MAC keeps clients from building tokens of their own and ties a token to the account and the list
/// that it was made for. Tokens stay good across restarts.
pub(crate) struct PageTokens {
    key: hmac::Key,
    context: Vec<u8>,
}

impl PageTokens {
    /// Tokens of one list of one account.
    pub(crate) fn new(secrets: &Secrets, account: &str, list: &str) -> Result<Self> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secrets.derive("page token")?.as_ref());
        Ok(Self {
            key,
            context: format!("{account}/{list}/").into_bytes(),
        })
    }

    /// A token for the rows after `last`.
    pub(crate) fn encode(&self, last: i64) -> String {
        let mut token = last.to_be_bytes().to_vec();
        token.extend_from_slice(&self.mac(last));
        URL_SAFE_NO_PAD.encode(token)
    }

    /// The row id after which the page starts. No token and the empty one mean the first page
    /// (`reference/stedi.md` §2).
    pub(crate) fn decode(&self, token: Option<&str>) -> Result<i64> {
        let Some(token) = token.filter(|t| !t.is_empty()) else {
            return Ok(0);
        };
        let invalid = || CatalogError::InvalidPageToken;
        if token.len() != TOKEN_TEXT_LEN {
            return Err(invalid());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        let (last, mac) = bytes.split_first_chunk::<8>().ok_or_else(invalid)?;
        let last = i64::from_be_bytes(*last);
        constant_time::verify_slices_are_equal(mac, &self.mac(last)).map_err(|_| invalid())?;
        Ok(last)
    }

    fn mac(&self, last: i64) -> [u8; MAC_LEN] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(&self.context);
        context.update(&last.to_be_bytes());
        let tag = context.sign();
        *tag.as_ref().first_chunk().expect("a SHA-256 tag has 32 bytes")
    }
}

/// Half of the tag: 128 bits are enough against guessing.
const MAC_LEN: usize = 16;
/// 24 bytes in base64.
const TOKEN_TEXT_LEN: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tokens(account: &str) -> PageTokens {
        // One pepper for all accounts of a test: only the account tells tokens apart.
        use std::sync::OnceLock;
        static SECRETS: OnceLock<Secrets> = OnceLock::new();
        let secrets = SECRETS.get_or_init(|| {
            let dir = tempfile::tempdir().expect("tempdir");
            Secrets::load_or_create(dir.path()).expect("secrets")
        });
        PageTokens::new(secrets, account, "users").expect("tokens")
    }

    #[test]
    fn no_token_and_the_empty_token_mean_the_first_page() {
        assert_eq!(tokens("a").decode(None).expect("decode"), 0);
        assert_eq!(tokens("a").decode(Some("")).expect("decode"), 0);
    }

    #[test]
    fn a_token_is_bound_to_its_account() {
        let token = tokens("a").encode(7);
        assert_eq!(tokens("a").decode(Some(&token)).expect("decode"), 7);
        assert!(matches!(
            tokens("b").decode(Some(&token)),
            Err(CatalogError::InvalidPageToken)
        ));
    }

    #[test]
    fn no_single_character_can_be_changed() {
        let token = tokens("a").encode(1_000_000);
        assert_eq!(token.len(), TOKEN_TEXT_LEN);
        for i in 0..token.len() {
            for c in ['A', 'z', '0', '-', '='] {
                let mut forged: Vec<char> = token.chars().collect();
                if forged[i] == c {
                    continue;
                }
                forged[i] = c;
                let forged: String = forged.into_iter().collect();
                assert!(tokens("a").decode(Some(&forged)).is_err(), "{forged}");
            }
        }
    }

    proptest! {
        #[test]
        fn every_row_id_survives(last in any::<i64>()) {
            let tokens = tokens("a");
            prop_assert_eq!(tokens.decode(Some(&tokens.encode(last))).expect("decode"), last);
        }

        #[test]
        fn arbitrary_text_is_refused(text in ".+") {
            prop_assert!(tokens("a").decode(Some(&text)).is_err());
        }
    }
}
