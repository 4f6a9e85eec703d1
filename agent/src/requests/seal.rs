//! Texts of held statements hold values: on the disk they are sealed, each for its own request.

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hmac,
};
use connect_shared::ids::RequestId;

/// A key that is made of the agent's own.
pub(super) struct Seal(Option<LessSafeKey>);

impl Seal {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        let own = hmac::Key::new(hmac::HMAC_SHA256, key);
        let derived = hmac::sign(&own, b"connect.seal/1: texts of requests");
        Self(UnboundKey::new(&AES_256_GCM, derived.as_ref()).ok().map(LessSafeKey::new))
    }

    /// A nonce of random bytes, then the text. `None` if the system gives none.
    pub(super) fn seal(&self, id: RequestId, text: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0u8; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let mut sealed = text.to_vec();
        let aad = Aad::from(id.to_bytes());
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        self.0.as_ref()?.seal_in_place_append_tag(nonce_used, aad, &mut sealed).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    pub(super) fn open(&self, id: RequestId, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut text = sealed.to_vec();
        let opened = self.0.as_ref()?.open_in_place(nonce, Aad::from(id.to_bytes()), &mut text).ok()?;
        Some(opened.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_opens_for_its_own_request_and_key_only() {
        let (seal, id) = (Seal::new(&[1; 32]), RequestId::from_random([1; 16]));
        let sealed = seal.seal(id, b"DELETE FROM t WHERE mail = 'ana@example.com'").expect("sealed");
        assert!(!sealed.windows(3).any(|part| part == b"ana"));
        assert!(seal.open(id, &sealed).is_some_and(|text| text.ends_with(b"'ana@example.com'")));
        assert_eq!(seal.open(RequestId::from_random([2; 16]), &sealed), None);
        assert_eq!(Seal::new(&[2; 32]).open(id, &sealed), None);
        let mut damaged = sealed.clone();
        damaged[20] ^= 1;
        assert_eq!(seal.open(id, &damaged), None);
        assert_eq!(seal.open(id, &sealed[..5]), None);
    }
}
