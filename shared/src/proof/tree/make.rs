//! Making roots and proofs from the hashes of complete subtrees (RFC 6962, sections 2.1.1 and 2.1.2).

use super::{Hash, empty_root, node_hash};

/// Knows the hashes of complete subtrees: from tiles, from memory.
pub trait HashSource {
    type Error;

    /// The hash over the leaves `index << level .. (index + 1) << level`.
    ///
    /// # Errors
    /// The hash cannot be had.
    fn subtree(&mut self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    #[error("there is no entry {index} in a tree of {size} entries")]
    NoSuchEntry { index: u64, size: u64 },
    #[error("a tree of {new} entries cannot extend one of {old}")]
    Shrunk { old: u64, new: u64 },
    #[error("a hash that the proof needs cannot be had: {0}")]
    Source(E),
}

/// The root of the tree of the first `size` leaves.
///
/// # Errors
/// The source's.
pub fn root<S: HashSource>(size: u64, source: &mut S) -> Result<Hash, S::Error> {
    if size == 0 { Ok(empty_root()) } else { range(0, size, source) }
}

/// The siblings on the way from leaf `index` to the root of the tree of `size` leaves, the leaf's first.
///
/// # Errors
/// [`ProveError::NoSuchEntry`] if `index` is not below `size`, or the source's.
pub fn inclusion_proof<S: HashSource>(
    index: u64,
    size: u64,
    source: &mut S,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if index >= size {
        return Err(ProveError::NoSuchEntry { index, size });
    }
    let (mut low, mut high) = (0, size);
    let mut path = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            path.push(range(middle, high, source).map_err(ProveError::Source)?);
            high = middle;
        } else {
            path.push(range(low, middle, source).map_err(ProveError::Source)?);
            low = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// The nodes that show that the tree of `new` leaves begins with the tree of `old` leaves. Empty where
/// nothing needs to be shown: for an empty old tree, and for trees of one size.
///
/// # Errors
/// [`ProveError::Shrunk`] if `old` is more than `new`, or the source's.
pub fn consistency_proof<S: HashSource>(
    old: u64,
    new: u64,
    source: &mut S,
) -> Result<Vec<Hash>, ProveError<S::Error>> {
    if old > new {
        return Err(ProveError::Shrunk { old, new });
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Ok(path);
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            path.push(range(middle, high, source).map_err(ProveError::Source)?);
            high = middle;
        } else {
            path.push(range(low, middle, source).map_err(ProveError::Source)?);
            low = middle;
        }
    }
    // A verifier knows the old root itself: it is told only if the old tree is not one whole subtree.
    if low > 0 {
        path.push(range(low, high, source).map_err(ProveError::Source)?);
    }
    path.reverse();
    Ok(path)
}

/// The largest power of two below `length`, which is at least 2.
const fn split(length: u64) -> u64 {
    1 << (63 - (length - 1).leading_zeros())
}

/// The hash over the leaves `low..high`, a range that a split of the whole tree can produce: `low` is
/// then a multiple of every power of two that fits into the range.
fn range<S: HashSource>(low: u64, high: u64, source: &mut S) -> Result<Hash, S::Error> {
    let length = high - low;
    if length.is_power_of_two() {
        let level = length.trailing_zeros();
        return source.subtree(level, low >> level);
    }
    let middle = low + split(length);
    let left = range(low, middle, source)?;
    let right = range(middle, high, source)?;
    Ok(node_hash(&left, &right))
}
