//! How the key of a log is changed so that whoever trusts the old one can come to trust the new one.
//!
//! A rotation is an entry (`key_rotated`, which names both keys) and a checkpoint over it that both keys have
//! signed. Together they are a receipt, in the public file `rotations/<number>`: the old key's signature and
//! the inclusion proof show that its holder named the new key, and the new key's signature that the new key
//! goes on with this very log.

use super::{
    checkpoint::{Checkpoint, CheckpointError},
    note::{KeyError, SigningKey, VerifierKey},
    receipt::{MAX_RECEIPT_BYTES, Receipt, ReceiptError},
    tile::{LogReader, ReadError},
};
use crate::entry::Entry;

/// Most rotations that are followed: one a day for as long as anybody needs.
const MOST: u64 = 10_000;

/// The public file of a rotation.
#[must_use]
pub fn rotation_path(number: u64) -> String {
    format!("rotations/{number}")
}

/// Reads the path of a rotation: the one form that [`rotation_path`] writes.
#[must_use]
pub fn is_rotation_path(path: &str) -> bool {
    path.strip_prefix("rotations/")
        .and_then(super::checkpoint::parse_decimal)
        .is_some_and(|number| number < MOST)
}

/// Why a file does not lead from one key to another.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    #[error("`{path}` cannot be read: {source}")]
    Read { path: String, source: ReadError },
    #[error("the rotation is not text")]
    NotText,
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    #[error("the entry is not one of a rotation")]
    OtherEntry,
    #[error("the entry names another key than the one it is to be followed from")]
    OtherKey,
    #[error("the new key cannot be used: {0}")]
    NewKey(#[from] KeyError),
    #[error("the new key has not signed the same checkpoint: {0}")]
    NotSigned(#[from] CheckpointError),
    #[error("the new key is of another log")]
    OtherLog,
}

/// The key that the holder of `old` has named as the next one in this file.
///
/// # Errors
/// The file does not show that.
pub fn follow_one(text: &str, old: &VerifierKey) -> Result<VerifierKey, RotationError> {
    let receipt = Receipt::parse(text)?;
    let under_old = receipt.verify(old)?;
    let Entry::KeyRotated { from, to } = receipt.entry()?.entry else {
        return Err(RotationError::OtherEntry);
    };
    if from != old.to_string() {
        return Err(RotationError::OtherKey);
    }
    let new: VerifierKey = to.parse()?;
    if new.name() != old.name() {
        return Err(RotationError::OtherLog);
    }
    // The same note, so the same tree.
    let under_new = Checkpoint::open(&receipt.checkpoint, &new)?;
    if under_new == under_old { Ok(new) } else { Err(RotationError::OtherLog) }
}

/// Every key that leads from `first` on, in order and without `first`. What leads elsewhere is passed over: a
/// rotation that was broken off leaves a file, too.
///
/// # Errors
/// A file cannot be read.
pub fn follow<R: LogReader>(reader: &R, first: &VerifierKey) -> Result<Vec<VerifierKey>, RotationError> {
    let (mut now, mut keys) = (first.clone(), Vec::new());
    for number in 0..MOST {
        let path = rotation_path(number);
        let read = reader.read(&path, MAX_RECEIPT_BYTES);
        let Some(bytes) = read.map_err(|source| RotationError::Read { path, source })? else { break };
        let text = String::from_utf8(bytes).map_err(|_| RotationError::NotText)?;
        if let Ok(next) = follow_one(&text, &now) {
            keys.push(next.clone());
            now = next;
        }
    }
    Ok(keys)
}

/// A checkpoint that `old` has signed, with the signature of `new` beside it.
///
/// # Errors
/// It is no checkpoint of the log with the old key.
pub fn sign_with_both(signed: &str, old: &VerifierKey, new: &SigningKey) -> Result<String, CheckpointError> {
    let by_new = Checkpoint::open(signed, old)?.sign(new);
    // A note ends with its signature lines, each with a line break.
    let line = by_new.split_once("\n\n").map_or("", |(_, signatures)| signatures);
    Ok(format!("{signed}{line}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::{
        entry::{CATALOGUE, Leaf},
        proof::tree::{Frontier, leaf_hash},
    };

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("connect.local/demo", [seed; 32]).expect("a good name")
    }

    /// The file of a rotation in a log of one entry, signed by these keys.
    fn file(from: &SigningKey, to: &SigningKey, signers: [&SigningKey; 2]) -> String {
        let entry = Entry::KeyRotated { from: from.verifier().to_string(), to: to.verifier().to_string() };
        let leaf = serde_json::to_vec(&Leaf { v: CATALOGUE, time: 1, entry }).expect("JSON");
        let mut tree = Frontier::default();
        tree.push(leaf_hash(&leaf));
        let checkpoint = Checkpoint { origin: "connect.local/demo".into(), size: 1, root: tree.root() };
        let signed = checkpoint.sign(signers[0]);
        let checkpoint = sign_with_both(&signed, signers[0].verifier(), signers[1]).expect("signed");
        Receipt { index: 0, leaf, proof: Vec::new(), checkpoint }.to_string()
    }

    struct Files(HashMap<String, String>);

    impl LogReader for Files {
        fn read(&self, path: &str, _: usize) -> Result<Option<Vec<u8>>, ReadError> {
            Ok(self.0.get(path).map(|text| text.clone().into_bytes()))
        }
    }

    #[test]
    fn whoever_trusts_the_first_key_comes_to_the_last_one_by_each_between() {
        let keys = [key(1), key(2), key(3)];
        let files = Files(HashMap::from([
            (rotation_path(0), file(&keys[0], &keys[1], [&keys[0], &keys[1]])),
            // One that was broken off.
            (rotation_path(1), file(&keys[0], &keys[1], [&keys[0], &keys[1]])),
            (rotation_path(2), file(&keys[1], &keys[2], [&keys[1], &keys[2]])),
        ]));
        let verifiers = keys.each_ref().map(|key| key.verifier().clone());
        assert_eq!(follow(&files, &verifiers[0]).expect("read"), verifiers[1..]);
        assert_eq!(follow(&files, &verifiers[1]).expect("read"), verifiers[2..]);
        assert_eq!(follow(&files, key(9).verifier()).expect("read"), []);
    }

    #[test]
    fn nobody_but_the_holder_of_the_old_key_names_a_new_one() {
        let (old, new, thief) = (key(1), key(2), key(3));
        assert!(follow_one(&file(&old, &new, [&old, &new]), old.verifier()).is_ok());
        for (text, why) in [
            (file(&old, &thief, [&thief, &thief]), "signed by the new key alone"),
            (file(&old, &new, [&old, &thief]), "the new key has not signed"),
            (file(&thief, &new, [&old, &new]), "of another key"),
        ] {
            assert!(follow_one(&text, old.verifier()).is_err(), "{why}");
        }
        let text = file(&old, &new, [&old, &new]);
        let changed = text.replacen("index 0", "index 1", 1);
        assert!(follow_one(&changed, old.verifier()).is_err());
        assert!(is_rotation_path("rotations/0") && !is_rotation_path("rotations/00"));
        assert!(!is_rotation_path("rotations/../log.key") && !is_rotation_path("rotations/"));
    }
}
