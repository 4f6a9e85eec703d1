//! What an auditor runs: every entry of a log hashed again and held against what the log has signed.
//!
//! The walk needs the entry bundles and the checkpoint, nothing else, to say *whether* the log is what
//! was signed. The tiles of hashes serve to say *where* it is not. What was seen before, a kept
//! checkpoint or a receipt, shows what a signature cannot: that the log was cut or written anew by the
//! holder of its key.
//!
//! Beside the hashes it checks what the entries say: each is readable, time never goes back, and every
//! INTENT has exactly one OUTCOME (or denial) under its statement id. INTENTs without one at the end are
//! named, and are no fault: the log goes on. Nor is silence ([`Silence`]), which is told beside the faults.

mod chunk;
mod damage;
mod growth;
mod leaves;
mod open;
mod range;
mod report;
mod silence;
mod walk;
mod witnesses;

pub use self::{
    growth::{GrowthError, check_growth},
    report::{Fault, MAX_LISTED, OpenIntent, Progress, Pruned, Relaxed, Report, Witnessed, Wrong},
    silence::{LONGEST_PAUSE, Silence},
};
pub use super::tile::{LogReader, ReadError};
use super::{
    checkpoint::{Checkpoint, CheckpointError},
    cosignature::WitnessKey,
    note::{MAX_NOTE_BYTES, VerifierKey},
    pruning::{PRUNED, Pruning},
    receipt::Receipt,
};

/// Why nothing could be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    #[error("there is no `checkpoint`: this is not the folder of a log, or its checkpoint was removed")]
    NoCheckpoint,
    #[error("the file `checkpoint` is not text")]
    NotText,
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error("cannot read `{path}`: {source}")]
    Read { path: String, source: ReadError },
}

/// One check of a whole log, and what it is held against.
#[derive(Debug, Clone)]
pub struct Verification {
    key: VerifierKey,
    /// Keys that the log has had before.
    former: Vec<VerifierKey>,
    kept: Vec<(String, Checkpoint)>,
    receipts: Vec<(String, Receipt)>,
    witnesses: Vec<WitnessKey>,
    /// So many of them must have cosigned.
    required: usize,
}

impl Verification {
    /// A check of the log that signs with this key.
    #[must_use]
    pub const fn new(key: VerifierKey) -> Self {
        Self {
            key,
            former: Vec::new(),
            kept: Vec::new(),
            receipts: Vec::new(),
            witnesses: Vec::new(),
            required: 0,
        }
    }

    /// These are keys that the log has had before: receipts may be signed with them.
    #[must_use]
    pub fn former(mut self, keys: Vec<VerifierKey>) -> Self {
        self.former = keys;
        self
    }

    /// Also: the log contains the very tree of a checkpoint that was seen before. `label` names it in
    /// faults.
    #[must_use]
    pub fn kept(mut self, label: impl Into<String>, checkpoint: Checkpoint) -> Self {
        self.kept.push((label.into(), checkpoint));
        self
    }

    /// Also: the log contains the very entry of a receipt, and the tree that the receipt was made in.
    #[must_use]
    pub fn receipt(mut self, label: impl Into<String>, receipt: Receipt) -> Self {
        self.receipts.push((label.into(), receipt));
        self
    }

    /// Also: so many of these witnesses have cosigned a checkpoint of the log, and the log contains it.
    #[must_use]
    pub fn witnesses(mut self, keys: Vec<WitnessKey>, required: usize) -> Self {
        self.witnesses = keys;
        self.required = required;
        self
    }

    /// Reads the whole log and reports. Entries are read in order, one bundle at a time; memory grows
    /// with the number of statements (some 40 bytes each), not with their size.
    ///
    /// # Errors
    /// Nothing could be checked: there is no checkpoint of this log, or reading fails.
    pub fn run<R: LogReader>(
        mut self,
        reader: &R,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, VerifyError> {
        let checkpoint = self.checkpoint(reader)?;
        let mut invalid = self.trust_receipts();
        let witnessed = self.trust_witnesses(reader, &mut invalid)?;
        let pruning = pruned(reader, &checkpoint, &mut invalid);
        let mut walk = walk::Walk::new(reader, checkpoint, &self.kept, &self.receipts, pruning.as_ref());
        walk.run(progress)?;
        let mut report = walk.finish()?;
        report.witnessed = witnessed;
        report.pruned = pruning.map(Pruned::from);
        report.add(invalid);
        Ok(report)
    }

    fn checkpoint<R: LogReader>(&self, reader: &R) -> Result<Checkpoint, VerifyError> {
        let path = "checkpoint";
        let bytes = reader
            .read(path, MAX_NOTE_BYTES)
            .map_err(|source| VerifyError::Read { path: path.to_owned(), source })?
            .ok_or(VerifyError::NoCheckpoint)?;
        let text = String::from_utf8(bytes).map_err(|_| VerifyError::NotText)?;
        Ok(Checkpoint::open(&text, &self.key)?)
    }

    /// Checks receipts by themselves: those that hold lend their checkpoint, the others are faults.
    fn trust_receipts(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut keys = vec![&self.key];
        keys.extend(&self.former);
        let verify = |receipt: &Receipt| {
            let with = |key: &&VerifierKey| receipt.verify(key);
            keys.iter().map(with).find(Result::is_ok).unwrap_or_else(|| receipt.verify(&self.key))
        };
        self.receipts.retain(|(label, receipt)| match verify(receipt) {
            Ok(checkpoint) => {
                self.kept.push((label.clone(), checkpoint));
                true
            }
            Err(error) => {
                let wrong = Wrong::ReceiptInvalid { label: label.clone(), reason: error.to_string() };
                faults.push(Fault { index: Some(receipt.index), wrong });
                false
            }
        });
        faults
    }
}

/// What the log says of entries that it has not any more, if it does say so: the entry is in its tree.
fn pruned<R: LogReader>(reader: &R, checkpoint: &Checkpoint, faults: &mut Vec<Fault>) -> Option<Pruning> {
    let read = Pruning::read(reader);
    let checked = read.and_then(|found| match found {
        Some(pruning) => pruning.check(reader, checkpoint).map(|()| Some(pruning)),
        None => Ok(None),
    });
    checked.unwrap_or_else(|error| {
        let wrong =
            Wrong::ReceiptInvalid { label: format!("the file `{PRUNED}`"), reason: error.to_string() };
        faults.push(Fault { index: None, wrong });
        None
    })
}

#[cfg(test)]
mod tests;
