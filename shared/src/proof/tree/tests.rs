use std::convert::Infallible;

use proptest::prelude::*;
use tlog_tiles::tlog as oracle;

use super::*;

/// Every leaf in memory; each subtree is computed from its leaves.
struct Leaves(Vec<Hash>);

impl HashSource for Leaves {
    type Error = Infallible;

    fn subtree(&mut self, level: u32, index: u64) -> Result<Hash, Infallible> {
        let start = usize::try_from(index << level).expect("small");
        Ok(brute_root(&self.0[start..start + (1 << level)]))
    }
}

/// MTH of RFC 6962, word for word.
fn brute_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let split = leaves.len().next_power_of_two() / 2;
            node_hash(&brute_root(&leaves[..split]), &brute_root(&leaves[split..]))
        }
    }
}

fn leaves(size: u64) -> Leaves {
    Leaves((0..size).map(|index| leaf_hash(format!("entry {index}").as_bytes())).collect())
}

/// The oracle's storage of hashes, grown entry by entry.
struct OracleTree(Vec<oracle::Hash>);

impl oracle::HashReader for OracleTree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<oracle::Hash>, oracle::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).expect("small")]).collect())
    }
}

fn oracle_tree(size: u64) -> OracleTree {
    let mut tree = OracleTree(Vec::new());
    for index in 0..size {
        let more = oracle::stored_hashes(index, format!("entry {index}").as_bytes(), &tree).expect("hashes");
        tree.0.extend(more);
    }
    tree
}

fn as_ours(hashes: Vec<oracle::Hash>) -> Vec<Hash> {
    hashes.into_iter().map(|hash| Hash(hash.0)).collect()
}

#[test]
fn the_empty_tree_and_the_first_leaf_have_the_hashes_of_the_rfc() {
    assert_eq!(empty_root().to_string(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    assert_eq!(Frontier::default().root(), empty_root());
    let hex: String = leaf_hash(b"").0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
}

#[test]
fn every_root_and_proof_of_small_trees_is_that_of_the_oracle_and_of_brute_force() {
    const MOST: u64 = 70;
    let tree = oracle_tree(MOST);
    let mut frontier = Frontier::default();
    for size in 0..=MOST {
        let mut all = leaves(size);
        let expected = brute_root(&all.0);
        assert_eq!(frontier.root(), expected);
        assert_eq!(root(size, &mut all), Ok(expected));
        if size > 0 {
            assert_eq!(oracle::tree_hash(size, &tree).expect("root").0, expected.0);
        }
        for index in 0..size {
            let proof = inclusion_proof(index, size, &mut all).expect("in the tree");
            assert_eq!(proof, as_ours(oracle::prove_record(size, index, &tree).expect("proof")));
            let leaf = all.0[usize::try_from(index).expect("small")];
            assert_eq!(verify_inclusion(&leaf, index, size, &proof, &expected), Ok(()));
        }
        for old in 0..=size {
            let proof = consistency_proof(old, size, &mut all).expect("not shrunk");
            if old > 0 {
                assert_eq!(proof, as_ours(oracle::prove_tree(size, old, &tree).expect("proof")));
            }
            let old_root = brute_root(&all.0[..usize::try_from(old).expect("small")]);
            assert_eq!(verify_consistency(old, &old_root, size, &expected, &proof), Ok(()));
        }
        frontier.push(leaf_hash(format!("entry {size}").as_bytes()));
    }
}

#[test]
fn a_proof_for_an_entry_outside_the_tree_or_of_a_smaller_tree_is_refused() {
    let mut all = leaves(5);
    let root = brute_root(&all.0);
    assert_eq!(inclusion_proof(5, 5, &mut all), Err(ProveError::NoSuchEntry { index: 5, size: 5 }));
    assert_eq!(consistency_proof(6, 5, &mut all), Err(ProveError::Shrunk { old: 6, new: 5 }));
    let leaf = all.0[0];
    assert!(verify_inclusion(&leaf, 5, 5, &[], &root).is_err());
    assert!(verify_inclusion(&leaf, 0, 0, &[], &root).is_err());
    assert!(verify_consistency(6, &root, 5, &root, &[]).is_err());
    assert!(verify_consistency(0, &root, 5, &root, &[]).is_err(), "only the empty root is empty");
    assert_eq!(verify_consistency(0, &empty_root(), 5, &root, &[]), Ok(()));
}

fn flip(hash: &Hash, bit: usize) -> Hash {
    let mut bytes = hash.0;
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash(bytes)
}

proptest! {
    #[test]
    fn an_inclusion_proof_holds_for_nothing_but_what_it_was_made_for(
        size in 1u64..300, pick in any::<u64>(), other in any::<u64>(), bit in 0usize..256
    ) {
        let mut all = leaves(size);
        let (index, other) = (pick % size, other % size);
        let root = brute_root(&all.0);
        let proof = inclusion_proof(index, size, &mut all).expect("in the tree");
        let leaf = all.0[usize::try_from(index).expect("small")];
        prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
        if other != index {
            prop_assert!(verify_inclusion(&leaf, other, size, &proof, &root).is_err());
        }
        prop_assert!(verify_inclusion(&flip(&leaf, bit), index, size, &proof, &root).is_err());
        prop_assert!(verify_inclusion(&leaf, index, size, &proof, &flip(&root, bit)).is_err());
        let mut longer = proof.clone();
        longer.push(leaf);
        prop_assert!(verify_inclusion(&leaf, index, size, &longer, &root).is_err());
        if let Some((_, shorter)) = proof.split_last() {
            prop_assert!(verify_inclusion(&leaf, index, size, shorter, &root).is_err());
        }
        for at in 0..proof.len() {
            let mut changed = proof.clone();
            changed[at] = flip(&changed[at], bit);
            prop_assert!(verify_inclusion(&leaf, index, size, &changed, &root).is_err());
        }
    }

    #[test]
    fn a_consistency_proof_holds_only_between_its_two_trees(
        new in 2u64..300, pick in any::<u64>(), bit in 0usize..256
    ) {
        let mut all = leaves(new);
        let old = 1 + pick % (new - 1);
        let new_root = brute_root(&all.0);
        let old_root = brute_root(&all.0[..usize::try_from(old).expect("small")]);
        let proof = consistency_proof(old, new, &mut all).expect("grown");
        prop_assert_eq!(verify_consistency(old, &old_root, new, &new_root, &proof), Ok(()));
        prop_assert!(verify_consistency(old, &flip(&old_root, bit), new, &new_root, &proof).is_err());
        prop_assert!(verify_consistency(old, &old_root, new, &flip(&new_root, bit), &proof).is_err());
        for at in 0..proof.len() {
            let mut changed = proof.clone();
            changed[at] = flip(&changed[at], bit);
            prop_assert!(verify_consistency(old, &old_root, new, &new_root, &changed).is_err());
        }
    }

    #[test]
    fn checking_never_panics_whatever_the_proof(
        a in any::<u64>(), b in any::<u64>(), hashes in prop::collection::vec(any::<[u8; 32]>(), 0..70)
    ) {
        let hashes: Vec<Hash> = hashes.into_iter().map(Hash).collect();
        let some = hashes.first().copied().unwrap_or_else(empty_root);
        let _ = verify_inclusion(&some, a, b, &hashes, &some);
        let _ = verify_consistency(a, &some, b, &some, &hashes);
    }
}
