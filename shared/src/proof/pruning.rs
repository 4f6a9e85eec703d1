//! What was pruned: old entries that an agent has removed by the operator's rule, while their hashes stay.
//!
//! The log says so itself, in an entry (`pruned`) that is part of the tree. The public file `pruned` is a receipt
//! of the last one, so that a reader knows it before the end. A log whose old entries were removed by hand has
//! no such entry, and nobody but the holder of the log's key can add one.

use std::collections::{BTreeMap, HashSet};

use super::{
    checkpoint::Checkpoint,
    receipt::{MAX_RECEIPT_BYTES, Receipt},
    tile::{LogReader, ReadError, TILE_WIDTH, TileHashes},
    tree::{inclusion_proof, leaf_hash, plain_hash, verify_inclusion},
};
use crate::{
    entry::{Entry, Leaf},
    hexadecimal::hexadecimal,
    ids::{ConnectionId, StatementId},
};

/// Its name in the log's folder.
pub const PRUNED: &str = "pruned";
/// Longest body of the entry, where it does not fit into a leaf.
const MAX_BODY_BYTES: usize = 64 << 20;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruning {
    /// Index of the entry that says so.
    pub index: u64,
    /// Entries before this may be gone.
    pub upto: u64,
    /// The operator's rule.
    pub keep: String,
    /// When it was pruned, in milliseconds since 1970.
    pub time: u64,
    pub(in crate::proof) open: HashSet<StatementId>,
    pub(in crate::proof) connections: BTreeMap<ConnectionId, u64>,
    leaf: Vec<u8>,
}

/// Why the file shows nothing.
#[derive(Debug, thiserror::Error)]
pub enum PruningError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{0}")]
    Invalid(String),
}

impl Pruning {
    /// Reads the file, if there is one. By itself it proves nothing: see [`Pruning::check`].
    ///
    /// # Errors
    /// It cannot be read, or is not a receipt of such an entry.
    pub fn read<R: LogReader>(reader: &R) -> Result<Option<Self>, PruningError> {
        let Some(bytes) = reader.read(PRUNED, MAX_RECEIPT_BYTES)? else { return Ok(None) };
        let text =
            String::from_utf8(bytes).map_err(|_| PruningError::Invalid("it is not text".to_owned()))?;
        let invalid = |error: &dyn std::fmt::Display| PruningError::Invalid(error.to_string());
        let receipt = Receipt::parse(&text).map_err(|error| invalid(&error))?;
        let Leaf { time, entry, .. } = receipt.entry().map_err(|error| invalid(&error))?;
        let Entry::Pruned { upto, keep, open, connections, .. } = body(reader, entry)? else {
            return Err(PruningError::Invalid("its entry is another one".to_owned()));
        };
        if !upto.is_multiple_of(u64::from(TILE_WIDTH)) || upto > receipt.index {
            return Err(PruningError::Invalid("its entry cannot be one of this log".to_owned()));
        }
        let open = open.into_iter().collect();
        Ok(Some(Self { index: receipt.index, upto, keep, time, open, connections, leaf: receipt.leaf }))
    }

    /// Shows by the log's tiles that the entry is in the tree that was signed.
    ///
    /// # Errors
    /// It is not.
    pub fn check<R: LogReader>(&self, reader: &R, checkpoint: &Checkpoint) -> Result<(), PruningError> {
        let invalid = |error: &dyn std::fmt::Display| PruningError::Invalid(error.to_string());
        let mut hashes = TileHashes::new(reader, checkpoint.size);
        let proof = inclusion_proof(self.index, checkpoint.size, &mut hashes).map_err(|e| invalid(&e))?;
        verify_inclusion(&leaf_hash(&self.leaf), self.index, checkpoint.size, &proof, &checkpoint.root)
            .map_err(|error| invalid(&error))
    }
}

/// The entry itself, where it stands beside its leaf.
fn body<R: LogReader>(reader: &R, entry: Entry) -> Result<Entry, PruningError> {
    let Entry::Oversized { sha256, .. } = entry else { return Ok(entry) };
    let missing = || PruningError::Invalid("the body of its entry is missing or was changed".to_owned());
    let bytes = reader.read(&format!("blob/{sha256}"), MAX_BODY_BYTES)?.ok_or_else(missing)?;
    if hexadecimal(&plain_hash(&bytes).0) != sha256 {
        return Err(missing());
    }
    serde_json::from_slice(&bytes).map_err(|_| missing())
}
