//! Changing the key of a log, while no agent has it open.
//!
//! The order on the disk, and what a stop leaves:
//! 1. The new key as `log.key.next`. It is used again by the next try.
//! 2. The entry that names both keys. Without what follows it changes nothing.
//! 3. `rotations/<number>`, with the checkpoint that both have signed. The log is still the old key's.
//! 4. The same checkpoint as `checkpoint`. From here on the new key counts: whoever opens the log finishes.
//! 5. The new key as `log.key`; the old one is gone.

use std::path::Path;

use connect_shared::{
    entry::Entry,
    proof::{
        note::{SigningKey, VerifierKey},
        rotation::{follow_one, rotation_path, sign_with_both},
    },
};

use super::{
    LogOptions, OpenError, Published,
    error::io_error,
    handle::{Log, block_on, make_receipt},
    key,
    public::{Keep, PublicFolder, write_atomically},
};

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotated {
    pub(crate) from: String,
    pub(crate) to: String,
    /// Index of the entry.
    pub(crate) index: u64,
}

/// Gives the log in `dir` a new key. Blocks.
///
/// # Errors
/// The log is open elsewhere or cannot be opened, or a file cannot be written. A second try goes on.
pub(crate) fn rotate(dir: &Path, options: LogOptions) -> Result<Rotated, OpenError> {
    let (origin, keys) = (options.origin.clone(), options.keys.clone());
    let (log, _) = Log::open(dir, options)?;
    let from = log.verifier_key();
    let next = key::load_next(&keys, &origin)?;
    let to = next.verifier().to_string();
    let seq = log.append(Entry::KeyRotated { from: from.clone(), to: to.clone() })?;
    block_on(log.wait_durable(seq))?;
    log.shutdown()?;
    // Its threads have ended, and its lock is held until this returns.
    sign_over(&log, &from, &next, seq.0)?;
    key::promote(&keys)?;
    Ok(Rotated { from, to, index: seq.0 })
}

fn sign_over(log: &Log, from: &str, next: &SigningKey, index: u64) -> Result<(), OpenError> {
    let public = PublicFolder::new(log.public_dir());
    let last = log.published().borrow().clone();
    let path = public.path().join("checkpoint");
    let old: VerifierKey =
        from.parse().map_err(|source| OpenError::Key { path: public.path().to_owned(), source })?;
    let signed = sign_with_both(&last.checkpoint, &old, next)
        .map_err(|source| OpenError::Checkpoint { path: path.clone(), source })?;
    let published = Published { size: last.size, checkpoint: signed.as_str().into(), failed: None };
    let receipt =
        make_receipt(&public, index, &published).map_err(|error| OpenError::Rotation(error.to_string()))?;
    // As those who follow it will.
    follow_one(&receipt, &old).map_err(|error| OpenError::Rotation(error.to_string()))?;
    let mut number = 0;
    while public.path().join(rotation_path(number)).exists() {
        number += 1;
    }
    let file = public.path().join(rotation_path(number));
    write_atomically(&file, receipt.as_bytes(), Keep::Durable).map_err(io_error("write", file))?;
    write_atomically(&path, signed.as_bytes(), Keep::Durable).map_err(io_error("write", path))
}
