//! What one file holds: in the cache, and on the platter.

use super::Dice;

/// What a disk writes or does not write as one.
const SECTOR: usize = 512;

/// A change that no sync has covered.
#[derive(Debug)]
enum Pending {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

#[derive(Debug, Default)]
pub(super) struct Node {
    cached: Vec<u8>,
    platter: Vec<u8>,
    pending: Vec<Pending>,
}

fn place(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn put(into: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if into.len() < end {
        into.resize(end, 0);
    }
    if let Some(there) = into.get_mut(offset..end) {
        there.copy_from_slice(bytes);
    }
}

impl Node {
    pub(super) fn read_at(&self, buffer: &mut [u8], offset: u64) -> usize {
        let there = self.cached.get(place(offset)..).unwrap_or_default();
        let length = there.len().min(buffer.len());
        buffer.iter_mut().zip(there).for_each(|(to, from)| *to = *from);
        length
    }

    pub(super) fn length(&self) -> u64 {
        self.cached.len() as u64
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        put(&mut self.cached, place(offset), bytes);
        self.pending.push(Pending::Write { offset: place(offset), bytes: bytes.to_vec() });
    }

    pub(super) fn set_length(&mut self, length: u64) {
        self.cached.resize(place(length), 0);
        self.pending.push(Pending::Length(place(length)));
    }

    pub(super) fn sync(&mut self) {
        // Only what is pending: what a failed sync has lost is not written by a later one.
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.platter, change, &mut |_| true);
        }
    }

    pub(super) fn fail_sync(&mut self, dice: &mut Dice, survives: u64) {
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.platter, change, &mut |_| dice.percent(survives));
        }
    }

    pub(super) fn lose_power(&mut self, dice: &mut Dice, survives: u64) {
        self.fail_sync(dice, survives);
        self.cached = self.platter.clone();
    }

    pub(super) fn edit(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.cached);
        self.platter = self.cached.clone();
        self.pending.clear();
    }
}

/// Does to the platter what `survives` lets through, sector by sector.
fn apply(platter: &mut Vec<u8>, change: Pending, survives: &mut dyn FnMut(usize) -> bool) {
    match change {
        Pending::Length(length) => {
            if survives(0) {
                platter.resize(length, 0);
            }
        }
        Pending::Write { offset, bytes } => {
            let (mut at, mut rest) = (offset, bytes.as_slice());
            while !rest.is_empty() {
                let length = (SECTOR - at % SECTOR).min(rest.len());
                let (sector, after) = rest.split_at(length);
                if survives(at) {
                    put(platter, at, sector);
                }
                (at, rest) = (at + length, after);
            }
        }
    }
}
