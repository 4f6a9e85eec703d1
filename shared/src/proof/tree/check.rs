//! Checking proofs: RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use super::{Hash, empty_root, node_hash};

/// Why a proof does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("there is no entry {index} in a tree of {size} entries")]
    NoSuchEntry { index: u64, size: u64 },
    #[error("a tree of {new} entries cannot extend one of {old}")]
    Shrunk { old: u64, new: u64 },
    #[error("the proof has {found} hashes, which is not the number that these sizes need")]
    Length { found: usize },
    #[error("the proof leads to another root than the one that was signed")]
    OtherRoot,
    #[error("the proof leads to another root of the older tree than the one that was kept")]
    OtherOldRoot,
}

/// Checks that `leaf` stands at `index` in the tree of `size` leaves under `root`.
///
/// # Errors
/// The proof does not show it.
pub fn verify_inclusion(
    leaf: &Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: &Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::NoSuchEntry { index, size });
    }
    let length = ProofError::Length { found: proof.len() };
    let (mut position, mut last, mut node) = (index, size - 1, *leaf);
    for sibling in proof {
        if last == 0 {
            return Err(length);
        }
        if position & 1 == 1 || position == last {
            node = node_hash(sibling, &node);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            node = node_hash(&node, sibling);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if node == *root { Ok(()) } else { Err(ProofError::OtherRoot) }
}

/// Checks that the tree of `new` leaves under `new_root` begins with the tree of `old` leaves under
/// `old_root`. From the empty tree only its own root and an empty proof are accepted.
///
/// # Errors
/// The proof does not show it.
pub fn verify_consistency(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    if old == 0 || old == new {
        return without_proof(old, old_root, new, new_root, proof);
    }
    // An old tree that is one whole subtree is its own first node.
    let mut nodes = proof.iter();
    let length = ProofError::Length { found: proof.len() };
    let first = if old.is_power_of_two() { old_root } else { nodes.next().ok_or(length)? };
    let (mut position, mut last) = (old - 1, new - 1);
    while position & 1 == 1 {
        position >>= 1;
        last >>= 1;
    }
    let (mut old_node, mut new_node) = (*first, *first);
    for node in nodes {
        if last == 0 {
            return Err(length);
        }
        if position & 1 == 1 || position == last {
            old_node = node_hash(node, &old_node);
            new_node = node_hash(node, &new_node);
            while position & 1 == 0 && position != 0 {
                position >>= 1;
                last >>= 1;
            }
        } else {
            new_node = node_hash(&new_node, node);
        }
        position >>= 1;
        last >>= 1;
    }
    if last != 0 {
        return Err(length);
    }
    if old_node != *old_root {
        return Err(ProofError::OtherOldRoot);
    }
    if new_node == *new_root { Ok(()) } else { Err(ProofError::OtherRoot) }
}

fn without_proof(
    old: u64,
    old_root: &Hash,
    new: u64,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if !proof.is_empty() {
        return Err(ProofError::Length { found: proof.len() });
    }
    if old == 0 && *old_root != empty_root() {
        return Err(ProofError::OtherOldRoot);
    }
    if old == new && old_root != new_root {
        return Err(ProofError::OtherRoot);
    }
    Ok(())
}
