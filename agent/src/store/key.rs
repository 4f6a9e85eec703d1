//! The key that all agents of a store have, and that the store itself does not: what the store must not be able to
//! read, or to make up, is made with a key of its own that comes from this one.

use aws_lc_rs::hmac;
use connect_shared::hexadecimal::hexadecimal;

/// Shortest text that can hold 32 random bytes.
const SHORTEST: usize = 43;

#[derive(Clone)]
pub struct StoreKey(hmac::Key);

impl std::fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoreKey")
    }
}

impl StoreKey {
    /// # Errors
    /// It is too short to be one.
    pub fn new(text: &str) -> Result<Self, String> {
        if text.len() < SHORTEST {
            let words = "is too short for a key: make one with `openssl rand -hex 32` and give it to every agent \
                of this store";
            return Err(words.to_owned());
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, text.as_bytes())))
    }

    /// 32 bytes for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut derived = [0; 32];
        let tag = hmac::sign(&self.0, format!("connect.store/1: {purpose}").as_bytes());
        derived.copy_from_slice(tag.as_ref());
        derived
    }

    /// The same, to be compared.
    #[must_use]
    pub fn code(&self, purpose: &str) -> String {
        hexadecimal(&self.derive(purpose))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_purpose_has_a_key_of_its_own_and_no_word_is_taken_for_a_key() {
        let key = StoreKey::new(&"ab".repeat(32)).expect("long enough");
        assert_ne!(key.derive("masks"), key.derive("texts"));
        assert_eq!(key.code("masks"), StoreKey::new(&"ab".repeat(32)).expect("the same").code("masks"));
        assert_ne!(key.code("masks"), StoreKey::new(&"ac".repeat(32)).expect("another").code("masks"));
        assert!(StoreKey::new("secret").is_err_and(|words| words.contains("openssl rand")));
    }
}
