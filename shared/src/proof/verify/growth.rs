//! The quick check: that a log has only grown since a checkpoint that was kept, from a few of its tiles.

use super::super::{
    checkpoint::Checkpoint,
    tile::{LogReader, TileError, TileHashes},
    tree::{ProofError, ProveError, consistency_proof, verify_consistency},
};

/// Why a log is not shown to have only grown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrowthError {
    #[error("the checkpoints are of two logs: `{old}` and `{new}`")]
    OtherOrigin { old: String, new: String },
    #[error("the log now has {new} entries and had {old}: its tail was cut off")]
    Shrunk { old: u64, new: u64 },
    #[error("the log does not contain what it had at {old} entries: history was changed ({source})")]
    Changed { old: u64, source: ProofError },
    #[error("the log's tiles do not give a proof: {0}")]
    Tile(TileError),
}

/// Checks that the tree of `new` begins with the tree of `old`, both opened by the caller, by a proof
/// made from the log's tiles.
///
/// # Errors
/// It does not, or the tiles do not show it. [`GrowthError::Tile`] says nothing about the log's history.
pub fn check_growth<R: LogReader>(reader: &R, old: &Checkpoint, new: &Checkpoint) -> Result<(), GrowthError> {
    if old.origin != new.origin {
        return Err(GrowthError::OtherOrigin { old: old.origin.clone(), new: new.origin.clone() });
    }
    let proof = consistency_proof(old.size, new.size, &mut TileHashes::new(reader, new.size));
    let proof = proof.map_err(|error| match error {
        ProveError::Source(error) => GrowthError::Tile(error),
        _ => GrowthError::Shrunk { old: old.size, new: new.size },
    })?;
    verify_consistency(old.size, &old.root, new.size, &new.root, &proof)
        .map_err(|source| GrowthError::Changed { old: old.size, source })
}
