//! Which texts are in the log already, so that each is written once.
//!
//! Bounded: of the texts that were not used for long the log forgets that it has them, and writes them
//! once more. That costs space and breaks nothing: what counts is that a text stands before each entry
//! that refers to it.

use std::collections::HashSet;

/// Fingerprints in one generation; two are kept.
const GENERATION: usize = 32_768;

#[derive(Debug, Default)]
pub(super) struct Texts {
    young: HashSet<Box<str>>,
    old: HashSet<Box<str>>,
}

impl Texts {
    pub(super) fn has(&self, fingerprint: &str) -> bool {
        self.young.contains(fingerprint) || self.old.contains(fingerprint)
    }

    pub(super) fn insert(&mut self, fingerprint: &str) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(fingerprint.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_knows_the_last_texts_and_never_more_than_two_generations() {
        let mut texts = Texts::default();
        for number in 0..5 * GENERATION {
            texts.insert(&number.to_string());
            assert!(texts.has(&number.to_string()));
        }
        assert!(texts.has(&(4 * GENERATION).to_string()));
        assert!(!texts.has("0"));
        assert!(texts.young.len() + texts.old.len() <= 2 * GENERATION);
    }
}
