//! Telling *where* a log was changed: the hashes of the entries that are there against the hashes that
//! the tiles of level 0 say should be there.

use std::collections::HashMap;

use super::{
    super::tree::Hash,
    report::{Fault, MAX_LISTED, Wrong},
};

/// Longest run of deleted or inserted entries that is recognised as such.
const LONGEST_RUN: usize = 64;

/// One difference between entries and tiles.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Difference {
    Changed { found: Hash, expected: Hash },
    Deleted { count: u64, expected: Hash },
    Inserted { count: u64 },
    Missing { upto: u64 },
}

/// The differences so far.
#[derive(Debug, Default)]
pub(super) struct Damage {
    differences: Vec<(u64, Difference)>,
    total: u64,
    /// By how many places entries stand too early (negative: too late) since the last difference.
    shift: isize,
}

impl Damage {
    /// Compares the entries from index `start` on with what should be there.
    pub(super) fn compare(&mut self, start: u64, found: &[Hash], expected: &[Hash]) {
        if found == expected {
            self.shift = 0;
            return;
        }
        if self.shift != 0 && is_shifted(found, expected, self.shift) {
            return;
        }
        let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected).count();
        let found_rest = found.get(same..).unwrap_or_default();
        let expected_rest = expected.get(same..).unwrap_or_default();
        let index = start + same as u64;
        if let (Some(run), Some(first)) = (run(found_rest, expected_rest), expected_rest.first()) {
            self.shift = isize::try_from(run).unwrap_or(0);
            self.add(index, Difference::Deleted { count: run as u64, expected: *first });
        } else if let Some(run) = run(expected_rest, found_rest) {
            self.shift = -isize::try_from(run).unwrap_or(0);
            self.add(index, Difference::Inserted { count: run as u64 });
        } else {
            self.shift = 0;
            for (offset, (found, expected)) in (0u64..).zip(found_rest.iter().zip(expected_rest)) {
                if found != expected {
                    self.add(index + offset, Difference::Changed { found: *found, expected: *expected });
                }
            }
            self.note_missing_tail(start, found, expected);
        }
    }

    /// Entries `start..upto` are not there at all.
    pub(super) fn missing(&mut self, start: u64, upto: u64) {
        // A hole of many bundles is one fault.
        if let Some((_, Difference::Missing { upto: last })) = self.differences.last_mut()
            && *last == start
        {
            *last = upto;
            return;
        }
        self.add(start, Difference::Missing { upto });
    }

    /// Whether a difference lies in `start..upto`.
    pub(super) fn touches(&self, start: u64, upto: u64) -> bool {
        self.differences.iter().any(|(index, difference)| {
            let end = if let Difference::Missing { upto } = difference { *upto } else { index + 1 };
            *index < upto && end > start
        })
    }

    /// The entries that differ, by the index of the bundle that holds them.
    pub(super) fn bundles(&self) -> Vec<u64> {
        let mut bundles: Vec<u64> = self.differences.iter().map(|(index, _)| index / 256).collect();
        bundles.dedup();
        bundles
    }

    /// Differences that were counted and not kept.
    pub(super) const fn unlisted(&self) -> u64 {
        self.total.saturating_sub(MAX_LISTED as u64)
    }

    /// The faults, after looking at all of them together: an entry that is out of its place is known by
    /// its hash.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let place: HashMap<Hash, u64> = self
            .differences
            .iter()
            .filter_map(|(index, difference)| match difference {
                Difference::Changed { expected, .. } | Difference::Deleted { expected, .. } => {
                    Some((*expected, *index))
                }
                _ => None,
            })
            .collect();
        let mut faults: Vec<Fault> = Vec::new();
        for (index, difference) in &self.differences {
            let wrong = match difference {
                Difference::Changed { found, .. } => match place.get(found) {
                    Some(from) => Wrong::EntryMoved { from: *from },
                    None => Wrong::EntryChanged,
                },
                Difference::Deleted { count, .. } => {
                    // The last entry of a bundle was deleted: its place was taken by the first of the
                    // next bundle, where the gap then showed.
                    if let Some(Fault { index: Some(before), wrong: last @ Wrong::EntryMoved { .. } }) =
                        faults.last_mut()
                        && *before + 1 == *index
                        && *last == (Wrong::EntryMoved { from: *index })
                    {
                        *last = Wrong::EntriesDeleted { count: *count };
                        continue;
                    }
                    Wrong::EntriesDeleted { count: *count }
                }
                Difference::Inserted { count } => Wrong::EntriesInserted { count: *count },
                Difference::Missing { upto } => Wrong::EntriesMissing { upto: *upto },
            };
            faults.push(Fault { index: Some(*index), wrong });
        }
        faults
    }

    fn note_missing_tail(&mut self, start: u64, found: &[Hash], expected: &[Hash]) {
        let (have, need) = (start + found.len() as u64, start + expected.len() as u64);
        if have < need && self.shift == 0 {
            self.missing(have, need);
        } else if have > need && self.shift == 0 {
            self.add(need, Difference::Inserted { count: have - need });
        }
    }

    fn add(&mut self, index: u64, difference: Difference) {
        self.total += 1;
        if self.differences.len() < MAX_LISTED {
            self.differences.push((index, difference));
        }
    }
}

/// How many items at the head of `longer` have to go to get the head of `shorter`, if the rest of both
/// then agrees as far as both go.
fn run(shorter: &[Hash], longer: &[Hash]) -> Option<usize> {
    (1..longer.len().min(LONGEST_RUN))
        .find(|run| longer.get(*run..).is_some_and(|rest| !shorter.is_empty() && agree(rest, shorter)))
}

fn is_shifted(found: &[Hash], expected: &[Hash], shift: isize) -> bool {
    let (early, late) = if shift > 0 { (found, expected) } else { (expected, found) };
    late.get(shift.unsigned_abs()..).is_some_and(|rest| agree(rest, early))
}

/// Whether the two are the same as far as both go.
fn agree(one: &[Hash], other: &[Hash]) -> bool {
    one.iter().zip(other).all(|(one, other)| one == other)
}
