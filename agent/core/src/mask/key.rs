//! The key of all masks of one tenant, and the keys per label that come from it.

use std::fmt;

use aws_lc_rs::hmac;
use connect_shared::label::Label;

use super::digest::Digest;

/// Key of all masks of one tenant. It is in no log and no `Debug`.
///
/// Each label has a key of its own, `HMAC-SHA256(key, "label:" + name)`: equal values under one label
/// mask equal, wherever they stand, and say nothing about values under another.
pub struct MaskKey {
    /// In the order of [`Label::ALL`].
    labels: [hmac::Key; Label::ALL.len()],
}

impl MaskKey {
    /// From 32 random bytes that are kept as long as masks shall stay equal.
    #[must_use]
    pub fn new(key: [u8; 32]) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &key);
        let labels = Label::ALL.map(|label| {
            let derived = hmac::sign(&root, format!("label:{label}").as_bytes());
            hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
        });
        Self { labels }
    }

    /// The keyed digest of a value in its canonical bytes. `None` only for a label outside
    /// [`Label::ALL`], which a test excludes.
    pub(super) fn digest(&self, label: Label, canonical: &[u8]) -> Option<Digest> {
        let key = self.labels.get(label as usize)?;
        Digest::new(hmac::sign(key, canonical).as_ref())
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_stands_at_its_own_place_and_has_a_key_of_its_own() {
        let key = MaskKey::new([7; 32]);
        let mut seen = std::collections::HashSet::new();
        for (place, label) in Label::ALL.into_iter().enumerate() {
            assert_eq!(label as usize, place);
            let digest = key.digest(label, b"value").expect("every label has a key");
            assert!(seen.insert(digest.letters()), "{label} shares a key");
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", MaskKey::new([65; 32])), "MaskKey");
    }
}
