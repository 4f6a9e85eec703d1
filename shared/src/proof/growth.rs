//! How a log grew, as a text: a consistency proof and the checkpoint that it leads to. What an agent answers
//! a monitor, and what a witness is asked with (<https://c2sp.org/tlog-witness>) but for its first line.

use std::fmt;

use super::{
    checkpoint::{Checkpoint, CheckpointError},
    note::{MAX_NOTE_BYTES, VerifierKey},
    tree::{Hash, ProofError, verify_consistency},
};

/// Most hashes of a proof.
const MAX_HASHES: usize = 63;
/// Longest text that is read.
pub const MAX_GROWTH_BYTES: usize = MAX_HASHES * 45 + MAX_NOTE_BYTES + 64;

/// That a tree begins with an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth {
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// Why a text does not show that a log only grew.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrowthTextError {
    #[error("longer than {MAX_GROWTH_BYTES} bytes")]
    TooLong,
    #[error("there is no blank line between the proof and the checkpoint")]
    Form,
    #[error("line {0} of the proof is not a hash")]
    Hash(usize),
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(
        "the log now has {new} entries and had {old}: its tail was cut off, or it was put back to an older state"
    )]
    Shrunk { old: u64, new: u64 },
    #[error("the log does not contain what it had at {old} entries: history was changed ({source})")]
    Changed { old: u64, source: ProofError },
}

impl GrowthTextError {
    /// Whether it shows that the log contradicts itself, and not only that something is no proof.
    #[must_use]
    pub const fn is_contradiction(&self) -> bool {
        match self {
            Self::Shrunk { .. } => true,
            // Another number of hashes shows nothing but a bad proof.
            Self::Changed { source, .. } => !matches!(source, ProofError::Length { .. }),
            _ => false,
        }
    }
}

impl Growth {
    /// Takes a text apart. Nothing in it is to be trusted before [`Growth::verify`].
    ///
    /// # Errors
    /// It has another form.
    pub fn parse(text: &str) -> Result<Self, GrowthTextError> {
        if text.len() > MAX_GROWTH_BYTES {
            return Err(GrowthTextError::TooLong);
        }
        // Without a proof the text begins with the blank line.
        let (lines, checkpoint) = match text.strip_prefix('\n') {
            Some(checkpoint) => ("", checkpoint),
            None => text.split_once("\n\n").ok_or(GrowthTextError::Form)?,
        };
        let mut proof = Vec::new();
        for (number, line) in lines.split('\n').filter(|_| !lines.is_empty()).enumerate() {
            let hash = line.parse().ok().filter(|_| number < MAX_HASHES);
            proof.push(hash.ok_or(GrowthTextError::Hash(number + 1))?);
        }
        Ok(Self { proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the log with this key has signed a tree that begins with the one of `old`.
    ///
    /// # Errors
    /// It does not show that.
    pub fn verify(&self, old: Option<&Checkpoint>, key: &VerifierKey) -> Result<Checkpoint, GrowthTextError> {
        let new = Checkpoint::open(&self.checkpoint, key)?;
        let Some(old) = old else { return Ok(new) };
        if new.size < old.size {
            return Err(GrowthTextError::Shrunk { old: old.size, new: new.size });
        }
        verify_consistency(old.size, &old.root, new.size, &new.root, &self.proof)
            .map_err(|source| GrowthTextError::Changed { old: old.size, source })?;
        Ok(new)
    }
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::{
        note::SigningKey,
        tree::{Frontier, leaf_hash, node_hash},
    };

    fn key() -> SigningKey {
        SigningKey::from_seed("connect.local/demo", [3; 32]).expect("a good name")
    }

    fn leaf(number: u8) -> Hash {
        leaf_hash(&[number])
    }

    fn checkpoint(leaves: &[u8]) -> Checkpoint {
        let mut tree = Frontier::default();
        leaves.iter().for_each(|number| tree.push(leaf(*number)));
        Checkpoint { origin: "connect.local/demo".into(), size: leaves.len() as u64, root: tree.root() }
    }

    #[test]
    fn growth_survives_its_text_and_what_did_not_grow_is_told_from_what_proves_nothing() {
        let (old, new) = (checkpoint(&[1, 2]), checkpoint(&[1, 2, 3, 4]));
        let proof = vec![node_hash(&leaf(3), &leaf(4))];
        let growth = Growth { proof, checkpoint: new.sign(&key()) };
        assert_eq!(Growth::parse(&growth.to_string()), Ok(growth.clone()));
        assert_eq!(growth.verify(Some(&old), key().verifier()), Ok(new.clone()));
        let other = growth.verify(Some(&checkpoint(&[2, 1])), key().verifier()).expect_err("changed");
        assert!(other.is_contradiction(), "{other}");
        let short = Growth { proof: Vec::new(), ..growth };
        let short = short.verify(Some(&old), key().verifier()).expect_err("no proof");
        assert!(!short.is_contradiction(), "{short}");
        let back = Growth { proof: Vec::new(), checkpoint: old.sign(&key()) };
        assert_eq!(Growth::parse(&back.to_string()), Ok(back.clone()));
        assert!(back.verify(Some(&new), key().verifier()).expect_err("shrunk").is_contradiction());
        assert_eq!(back.verify(None, key().verifier()), Ok(old));
    }

    #[test]
    fn what_is_no_growth_is_refused_by_what_is_wrong_with_it() {
        assert_eq!(Growth::parse("x"), Err(GrowthTextError::Form));
        assert_eq!(Growth::parse("x\n\ny"), Err(GrowthTextError::Hash(1)));
        assert_eq!(Growth::parse(&"x".repeat(MAX_GROWTH_BYTES + 1)), Err(GrowthTextError::TooLong));
        let lines = format!("{}\n\ny", vec![leaf(1).to_string(); 64].join("\n"));
        assert_eq!(Growth::parse(&lines), Err(GrowthTextError::Hash(64)));
    }
}
