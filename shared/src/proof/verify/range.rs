//! A part of a log: each of its entries is shown to be in the tree that was signed, by its own proof. What
//! pairs with entries outside of it is not looked for.

use std::ops::Range;

use super::{
    super::{
        tile::{Level, LogReader, TILE_WIDTH, Tile, TileHashes},
        tree::{inclusion_proof, leaf_hash, verify_inclusion},
    },
    Fault, GrowthError, Progress, Report, Verification, VerifyError, Wrong, check_growth, chunk,
    leaves::Leaves,
};

/// Longest body of an oversized entry that is read.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

impl Verification {
    /// Reads the entries of `range` and reports. The report counts them alone. That the log ends before the range does
    /// is a fault: whoever asks for entries knows of them. A range to `u64::MAX` is as long as the log.
    ///
    /// # Errors
    /// As [`Verification::run`].
    pub fn run_range<R: LogReader>(
        mut self,
        reader: &R,
        range: Range<u64>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Report, VerifyError> {
        let checkpoint = self.checkpoint(reader)?;
        let mut faults = self.trust_receipts();
        let witnessed = self.trust_witnesses(reader, &mut faults)?;
        for (label, kept) in &self.kept {
            let label = label.clone();
            let wrong = match check_growth(reader, kept, &checkpoint) {
                Ok(()) => continue,
                Err(GrowthError::Shrunk { old, .. }) => Wrong::CutOff { label, size: old },
                Err(GrowthError::Tile(error)) => Wrong::TileMissing { path: error.to_string() },
                Err(_) => Wrong::HistoryChanged { label, size: kept.size },
            };
            faults.push(Fault { index: None, wrong });
        }
        faults.extend(beyond(&range, checkpoint.size));
        let pruning = super::pruned(reader, &checkpoint, &mut faults);
        let mut part = Part {
            pruned: pruning.as_ref().map_or(0, |pruning| pruning.upto),
            reader,
            size: checkpoint.size,
            root: checkpoint.root,
            leaves: Leaves::of_a_part(),
            faults,
            entries: 0,
        };
        part.run(range.start..range.end.min(checkpoint.size), progress)?;
        let (open, open_total) = part.leaves.open();
        let (silences, silences_total) = std::mem::take(&mut part.leaves.silences).finish();
        let mut report = Report {
            checkpoint,
            entries: part.entries,
            witnessed,
            pruned: pruning.map(super::Pruned::from),
            statements: part.leaves.statements,
            denials: part.leaves.denials,
            first_time: part.leaves.first_time,
            last_time: part.leaves.last_time,
            open,
            open_total,
            silences,
            silences_total,
            relaxed: std::mem::take(&mut part.leaves.relaxed),
            faults: Vec::new(),
            faults_total: part.leaves.unlisted,
        };
        part.faults.append(&mut part.leaves.faults);
        report.add(part.faults);
        Ok(report)
    }
}

/// What was asked for and is not in a log of this size.
fn beyond(range: &Range<u64>, size: u64) -> Option<Fault> {
    let upto = (range.end != u64::MAX).then_some(range.end);
    let is_there = upto.map_or(range.start < size || range.start == 0, |upto| upto <= size);
    let wrong = Wrong::NotThere { size, upto };
    (!is_there).then(|| Fault { index: Some(range.start.max(size)), wrong })
}

struct Part<'a, R> {
    reader: &'a R,
    size: u64,
    root: crate::proof::tree::Hash,
    leaves: Leaves,
    faults: Vec<Fault>,
    entries: u64,
    /// Entries before this may be gone.
    pruned: u64,
}

impl<R: LogReader> Part<'_, R> {
    fn run(&mut self, range: Range<u64>, progress: &mut dyn FnMut(Progress)) -> Result<(), VerifyError> {
        let mut hashes = TileHashes::new(self.reader, self.size);
        let total = range.end.saturating_sub(range.start);
        let width = u64::from(TILE_WIDTH);
        for number in range.start / width..range.end.div_ceil(width).max(range.start / width) {
            let Some(bundle) = Tile::of(Level::Entries, number, self.size) else { break };
            let start = number * width;
            let Some((read, bytes)) = chunk::read_bundle(self.reader, bundle)? else {
                let upto = (start + u64::from(bundle.width)).min(range.end);
                if start < self.pruned {
                    continue;
                }
                self.fault(start.max(range.start), Wrong::EntriesMissing { upto });
                continue;
            };
            let entries = match chunk::entries(bundle, read, &bytes) {
                Ok(entries) => entries,
                Err(reason) => {
                    self.fault(start, Wrong::BundleMalformed { path: read.path(), reason });
                    continue;
                }
            };
            let have = start + entries.len() as u64;
            for (index, entry) in (start..).zip(entries).filter(|(index, _)| range.contains(index)) {
                self.check(index, entry, &mut hashes)?;
            }
            let need = (start + u64::from(bundle.width)).min(range.end);
            if have < need {
                self.fault(have.max(range.start), Wrong::EntriesMissing { upto: need });
            }
            progress(Progress { done: need.saturating_sub(range.start), total });
        }
        Ok(())
    }

    fn check(&mut self, index: u64, entry: &[u8], hashes: &mut TileHashes<'_, R>) -> Result<(), VerifyError> {
        self.entries += 1;
        let hash = leaf_hash(entry);
        match inclusion_proof(index, self.size, hashes) {
            Ok(proof) if verify_inclusion(&hash, index, self.size, &proof, &self.root).is_ok() => {}
            Ok(_) => self.fault(index, Wrong::NotIncluded),
            Err(error) => self.fault(index, Wrong::TileMissing { path: error.to_string() }),
        }
        if let Some(body) = self.leaves.look(index, entry) {
            let read = self.reader.read(&body.path, MAX_BODY_BYTES);
            let bytes = read.map_err(|source| VerifyError::Read { path: body.path.clone(), source })?;
            self.leaves.look_at_body(index, body, bytes.as_deref());
        }
        Ok(())
    }

    fn fault(&mut self, index: u64, wrong: Wrong) {
        self.faults.push(Fault { index: Some(index), wrong });
    }
}
