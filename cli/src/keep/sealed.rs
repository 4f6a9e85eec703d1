//! A text sealed with a passphrase: PBKDF2-HMAC-SHA-256, then AES-256-GCM bound to whose sign-in it is.

use std::num::NonZeroU32;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    pbkdf2, rand,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    failure::{self, Outcome},
    identity::Secret,
};

/// OWASP's figure for PBKDF2-HMAC-SHA-256.
const ITERATIONS: u32 = 600_000;
/// Files with more than this are not ours, and would hold a run up for minutes.
const MAX_ITERATIONS: u32 = 10_000_000;
const SALT_BYTES: usize = 16;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed {
    /// `connect.sealed/1`
    schema: String,
    iterations: u32,
    salt: String,
    nonce: String,
    sealed: String,
}

/// Seals `text`; `account` must be the same to open it.
pub(super) fn seal(text: &str, passphrase: &Secret, account: &str) -> Outcome<String> {
    let mut salt = [0; SALT_BYTES];
    rand::fill(&mut salt).map_err(|_| failure::unexpected("no randomness"))?;
    let key = key(passphrase, &salt, ITERATIONS)?;
    let mut bytes = text.as_bytes().to_vec();
    let nonce = key
        .seal_in_place_append_tag(Aad::from(account), &mut bytes)
        .map_err(|_| failure::unexpected("sealing failed"))?;
    let sealed = Sealed {
        schema: "connect.sealed/1".to_owned(),
        iterations: ITERATIONS,
        salt: STANDARD.encode(salt),
        nonce: STANDARD.encode(nonce.as_ref()),
        sealed: STANDARD.encode(bytes),
    };
    serde_json::to_string(&sealed).map_err(|error| failure::unexpected(error.to_string()))
}

/// Opens what was sealed.
pub(super) fn open(text: &str, passphrase: &Secret, account: &str) -> Outcome<String> {
    let damaged = || failure::sign_in_needed("the sealed sign-in is damaged");
    let wrong = || failure::sign_in_needed("the passphrase does not open the kept sign-in");
    let sealed: Sealed = serde_json::from_str(text).map_err(|_| damaged())?;
    if sealed.schema != "connect.sealed/1" || sealed.iterations > MAX_ITERATIONS {
        return Err(damaged());
    }
    let decode = |text: &str| STANDARD.decode(text).map_err(|_| damaged());
    let nonce: [u8; NONCE_LEN] = decode(&sealed.nonce)?.try_into().map_err(|_| damaged())?;
    let key = key(passphrase, &decode(&sealed.salt)?, sealed.iterations)?;
    let mut bytes = decode(&sealed.sealed)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let opened = key.open_in_place(nonce, Aad::from(account), &mut bytes).map_err(|_| wrong())?;
    String::from_utf8(opened.to_vec()).map_err(|_| damaged())
}

fn key(passphrase: &Secret, salt: &[u8], iterations: u32) -> Outcome<RandomizedNonceKey> {
    let iterations = NonZeroU32::new(iterations).ok_or_else(|| failure::unexpected("no iterations"))?;
    let mut key = [0; 32];
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, passphrase.reveal().as_bytes(), &mut key);
    RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| failure::unexpected("no key"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_with_its_passphrase_for_its_account_only() {
        let (right, wrong) = (Secret::new("correct horse"), Secret::new("battery staple"));
        let sealed = seal("secret text", &right, "ana").expect("sealed");
        assert!(!sealed.contains("secret text"));
        assert_eq!(open(&sealed, &right, "ana").expect("opened"), "secret text");
        assert_eq!(open(&sealed, &wrong, "ana").expect_err("wrong").exit.code(), 4);
        assert!(open(&sealed, &right, "li").is_err());
    }

    #[test]
    fn a_damaged_file_is_an_error_and_never_a_long_wait() {
        let secret = Secret::new("correct horse");
        assert!(open("{}", &secret, "ana").is_err());
        let endless =
            r#"{"schema":"connect.sealed/1","iterations":4294967295,"salt":"","nonce":"","sealed":""}"#;
        assert!(open(endless, &secret, "ana").is_err());
    }
}
