//! The key of all masks of one tenant, and the keys per label that come from it.

use std::fmt;

use connect_shared::label::Label;
use zeroize::Zeroizing;

use super::digest::Digest;
use crate::keyed::Keyed;

/// Bytes of a key and of SHA-256's digest.
const KEY: usize = 32;

/// Bytes that SHA-256 takes at a time, to which HMAC fills its key.
const BLOCK: usize = 64;

/// HMAC's two constants (RFC 2104).
const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;

/// Key of all masks of one tenant. It is in no log and no `Debug`.
///
/// Each label has a key of its own, `HMAC-SHA256(key, "label:" + name)`: equal values under one label
/// mask equal, wherever they stand, and say nothing about values under another.
pub struct MaskKey {
    /// In the order of [`Label::ALL`].
    labels: [LabelKey; Label::ALL.len()],
}

struct LabelKey {
    keyed: Keyed,
    /// The same key again, since it does not give its own.
    derived: Zeroizing<[u8; KEY]>,
}

/// A label's key as HMAC mixes it into what it hashes: `sha256(outer || sha256(inner || value))`.
pub(super) struct Pads {
    pub(super) inner: Zeroizing<[u8; BLOCK]>,
    pub(super) outer: Zeroizing<[u8; BLOCK]>,
}

impl MaskKey {
    /// From 32 random bytes that are kept as long as masks shall stay equal.
    #[must_use]
    pub fn new(key: [u8; KEY]) -> Self {
        let key = Zeroizing::new(key);
        let root = Keyed::new(&key);
        Self { labels: Label::ALL.map(|label| LabelKey::new(&root, label)) }
    }

    /// The keyed digest of a value in its canonical bytes. `None` only for a label outside
    /// [`Label::ALL`], which a test excludes.
    pub(super) fn digest(&self, label: Label, canonical: &[u8]) -> Option<Digest> {
        let key = self.labels.get(label as usize)?;
        Some(Digest::new(key.keyed.tag(canonical)))
    }

    /// The pads of a label's key. `None` as for [`Self::digest`].
    pub(super) fn pads(&self, label: Label) -> Option<Pads> {
        self.labels.get(label as usize).map(LabelKey::pads)
    }
}

impl LabelKey {
    fn new(root: &Keyed, label: Label) -> Self {
        let derived = Zeroizing::new(root.tag(format!("label:{label}").as_bytes()));
        Self { keyed: Keyed::new(&derived), derived }
    }

    fn pads(&self) -> Pads {
        let pad = |constant: u8| {
            let mut block = Zeroizing::new([constant; BLOCK]);
            block.iter_mut().zip(self.derived.iter()).for_each(|(slot, byte)| *slot ^= byte);
            block
        };
        Pads { inner: pad(INNER), outer: pad(OUTER) }
    }
}

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey")
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

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
    fn two_hashes_with_the_pads_are_the_keyed_digest() {
        let key = MaskKey::new([7; 32]);
        for label in Label::ALL {
            let pads = key.pads(label).expect("every label has a key");
            let inner = digest(&SHA256, &[pads.inner.as_slice(), b"value"].concat());
            let outer = digest(&SHA256, &[pads.outer.as_slice(), inner.as_ref()].concat());
            let expected = key.digest(label, b"value").expect("every label has a key");
            assert_eq!(outer.as_ref()[..16], expected.bytes());
        }
    }

    #[test]
    fn the_key_is_not_printed() {
        assert_eq!(format!("{:?}", MaskKey::new([65; 32])), "MaskKey");
    }
}
