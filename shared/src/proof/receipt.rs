//! Receipts: `c2sp.org/tlog-proof@v1`, the proof that an entry is in the log, on one page, offline.
//!
//! The format leaves open how a reader comes to the entry itself. Ours stands in the `extra` line: it is
//! not to be trusted as such, and need not be, because the proof is over its hash.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{
    checkpoint::{Checkpoint, CheckpointError, parse_decimal},
    note::{MAX_NOTE_BYTES, VerifierKey},
    tile::MAX_ENTRY_BYTES,
    tree::{Hash, ProofError, leaf_hash, verify_inclusion},
};
use crate::entry::Leaf;

const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// A tree of 2^64 entries has paths of 64 hashes.
const MAX_HASHES: usize = 64;
/// Longest receipt that is read: the largest entry in base64, a path, a note.
pub const MAX_RECEIPT_BYTES: usize = MAX_ENTRY_BYTES / 3 * 4 + MAX_HASHES * 45 + MAX_NOTE_BYTES + 1024;

/// The proof that `leaf` stands at `index`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    pub index: u64,
    /// The bytes of the entry.
    pub leaf: Vec<u8>,
    /// Its inclusion proof in the tree of the checkpoint.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// Why a text is no receipt, or proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    #[error("longer than {MAX_RECEIPT_BYTES} bytes")]
    TooLong,
    #[error("the first line is not `{HEADER}`")]
    Header,
    #[error("there is no `extra` line with the entry")]
    NoEntry,
    #[error("there is no `index` line with a number")]
    NoIndex,
    #[error("line {0} is not a hash")]
    Hash(usize),
    #[error("there is no blank line between the proof and the checkpoint")]
    NoCheckpoint,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("the receipt does not prove its entry: {0}")]
    Proof(#[from] ProofError),
    #[error("the entry is not in a form that this version knows: {0}")]
    Entry(#[from] serde_json::Error),
}

impl Receipt {
    /// Takes a receipt apart. Nothing in it is to be trusted before [`Receipt::verify`].
    ///
    /// # Errors
    /// It is no receipt, or has no entry in it.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        if text.len() > MAX_RECEIPT_BYTES {
            return Err(ReceiptError::TooLong);
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ReceiptError::NoCheckpoint)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(ReceiptError::Header);
        }
        let extra = lines.next().and_then(|line| line.strip_prefix("extra ")).ok_or(ReceiptError::NoEntry)?;
        let leaf = STANDARD.decode(extra).map_err(|_| ReceiptError::NoEntry)?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(ReceiptError::NoIndex)?;
        let mut proof = Vec::new();
        for (number, line) in lines.enumerate() {
            let hash = line.parse().ok().filter(|_| number < MAX_HASHES);
            proof.push(hash.ok_or(ReceiptError::Hash(number + 4))?);
        }
        Ok(Self { index, leaf, proof, checkpoint: checkpoint.to_owned() })
    }

    /// Checks that the log with this key has signed a tree in which the entry stands at the index.
    ///
    /// # Errors
    /// It does not prove that.
    pub fn verify(&self, key: &VerifierKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key)?;
        let leaf = leaf_hash(&self.leaf);
        verify_inclusion(&leaf, self.index, checkpoint.size, &self.proof, &checkpoint.root)?;
        Ok(checkpoint)
    }

    /// The entry, as the catalogue knows it.
    ///
    /// # Errors
    /// It is not in a form that this version knows.
    pub fn entry(&self) -> Result<Leaf, ReceiptError> {
        Ok(serde_json::from_slice(&self.leaf)?)
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\nextra {}\nindex {}", STANDARD.encode(&self.leaf), self.index)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        entry::{CATALOGUE, Entry},
        proof::{note::SigningKey, tree::node_hash},
    };

    fn key() -> SigningKey {
        SigningKey::from_seed("connect.local/demo", [3; 32]).expect("a good name")
    }

    fn receipt() -> Receipt {
        let leaf = Leaf { v: CATALOGUE, time: 5, entry: Entry::Heartbeat };
        let leaf = serde_json::to_vec(&leaf).expect("a leaf");
        let left = leaf_hash(b"the entry before");
        let root = node_hash(&left, &leaf_hash(&leaf));
        let checkpoint = Checkpoint { origin: "connect.local/demo".into(), size: 2, root }.sign(&key());
        Receipt { index: 1, leaf, proof: vec![left], checkpoint }
    }

    #[test]
    fn a_receipt_reads_as_the_specification_says() {
        insta::assert_snapshot!(receipt().to_string());
    }

    #[test]
    fn a_receipt_survives_its_text_and_proves_its_entry() {
        let read = Receipt::parse(&receipt().to_string()).expect("a receipt");
        assert_eq!(read, receipt());
        assert_eq!(read.verify(key().verifier()).expect("it proves").size, 2);
        assert_eq!(read.entry().expect("known").entry, Entry::Heartbeat);
    }

    #[test]
    fn a_receipt_in_which_anything_was_changed_proves_nothing() {
        let mut entry = receipt();
        entry.leaf[10] ^= 1;
        assert!(matches!(entry.verify(key().verifier()), Err(ReceiptError::Proof(ProofError::OtherRoot))));
        let mut index = receipt();
        index.index = 0;
        assert!(matches!(index.verify(key().verifier()), Err(ReceiptError::Proof(ProofError::OtherRoot))));
        let mut size = receipt();
        size.checkpoint = size.checkpoint.replacen("\n2\n", "\n3\n", 1);
        assert!(matches!(size.verify(key().verifier()), Err(ReceiptError::Checkpoint(_))));
    }

    #[test]
    fn what_is_no_receipt_is_refused_by_what_is_wrong_with_it() {
        let text = receipt().to_string();
        assert!(matches!(Receipt::parse(&text.replacen("@v1", "@v2", 1)), Err(ReceiptError::Header)));
        assert!(matches!(Receipt::parse(&text.replacen("extra", "more", 1)), Err(ReceiptError::NoEntry)));
        assert!(matches!(
            Receipt::parse(&text.replacen("index 1", "index 01", 1)),
            Err(ReceiptError::NoIndex)
        ));
        assert!(matches!(
            Receipt::parse(&text.replacen("index 1\n", "index 1\nx\n", 1)),
            Err(ReceiptError::Hash(4))
        ));
        assert!(matches!(Receipt::parse("c2sp.org/tlog-proof@v1\n"), Err(ReceiptError::NoCheckpoint)));
        assert!(matches!(Receipt::parse(&"x".repeat(MAX_RECEIPT_BYTES + 1)), Err(ReceiptError::TooLong)));
    }
}
