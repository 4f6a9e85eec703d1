//! The walk over all bundles. Two trees grow side by side: one of the entries that are there, which
//! decides, and one of the hashes in the tiles, which tells where the first went wrong.

use super::{
    super::{
        checkpoint::Checkpoint,
        pruning::Pruning,
        receipt::Receipt,
        tile::{Level, LogReader, TILE_WIDTH, Tile, TileError, TileTree, full_tile_root},
        tree::{Frontier, Hash, leaf_hash},
    },
    VerifyError, chunk,
    damage::Damage,
    leaves::Leaves,
    report::{Fault, Progress, Report, Wrong},
};

/// Longest body of an oversized entry that is read.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

pub(super) struct Walk<'a, R> {
    reader: &'a R,
    checkpoint: Checkpoint,
    kept: Vec<&'a (String, Checkpoint)>,
    receipts: Vec<&'a (String, Receipt)>,
    entries: u64,
    /// Over the entries; `None` once some are missing.
    tree: Option<Frontier>,
    /// Over the hashes of level 0 in the tiles; `None` once a tile is missing.
    tiles: Option<Frontier>,
    /// Over the roots of full tiles of level 0: its levels are one less than those of the log.
    upper: Option<TileTree>,
    leaves: Leaves,
    /// Entries before this may be gone: their hashes stand in for them.
    pruned: u64,
    damage: Damage,
    /// Faults of tiles above level 0, with the range of entries under the hash that differs.
    upper_faults: Vec<(String, u64, u64)>,
    faults: Vec<Fault>,
    unlisted: u64,
}

impl<'a, R: LogReader> Walk<'a, R> {
    pub(super) fn new(
        reader: &'a R,
        checkpoint: Checkpoint,
        kept: &'a [(String, Checkpoint)],
        receipts: &'a [(String, Receipt)],
        pruning: Option<&Pruning>,
    ) -> Self {
        let mut kept: Vec<_> = kept.iter().collect();
        kept.sort_by_key(|(_, checkpoint)| checkpoint.size);
        Self {
            reader,
            checkpoint,
            kept,
            receipts: receipts.iter().collect(),
            entries: 0,
            tree: Some(Frontier::default()),
            tiles: Some(Frontier::default()),
            upper: Some(TileTree::default()),
            leaves: pruning.map_or_else(Leaves::default, Leaves::after),
            pruned: pruning.map_or(0, |pruning| pruning.upto),
            damage: Damage::default(),
            upper_faults: Vec::new(),
            faults: Vec::new(),
            unlisted: 0,
        }
    }

    pub(super) fn run(&mut self, progress: &mut dyn FnMut(Progress)) -> Result<(), VerifyError> {
        let size = self.checkpoint.size;
        self.compare_kept(0, &[]);
        for index in 0..chunk::bundles(size) {
            let Some((bundle, tile)) = chunk::places(index, size) else { break };
            let start = index * u64::from(TILE_WIDTH);
            let expected = self.expected(tile)?;
            let found = if start < self.pruned {
                self.remains(bundle, start, expected.as_deref())?
            } else {
                self.found(bundle, start)?
            };
            if found.is_none() && expected.is_none() {
                // Nothing to go on with: whatever comes after cannot be placed in the tree.
                self.damage.missing(start, size);
                break;
            }
            self.grow(start, tile.width, found.as_deref(), expected.as_deref())?;
            progress(Progress { done: start + u64::from(tile.width), total: size });
        }
        Ok(())
    }

    /// What the tile says.
    fn expected(&mut self, tile: Tile) -> Result<Option<Vec<Hash>>, VerifyError> {
        match chunk::tile_hashes(self.reader, tile)? {
            Ok(hashes) => Ok(Some(hashes)),
            Err(error) => {
                self.tiles = None;
                self.faults.push(tile_fault(&error, tile));
                Ok(None)
            }
        }
    }

    /// What the entries say, each of them looked at.
    fn found(&mut self, bundle: Tile, start: u64) -> Result<Option<Vec<Hash>>, VerifyError> {
        let Some((read, bytes)) = chunk::read_bundle(self.reader, bundle)? else { return Ok(None) };
        let entries = match chunk::entries(bundle, read, &bytes) {
            Ok(entries) => entries,
            Err(reason) => {
                let wrong = Wrong::BundleMalformed { path: read.path(), reason };
                self.faults.push(Fault { index: Some(start), wrong });
                return Ok(None);
            }
        };
        let mut hashes = Vec::with_capacity(entries.len());
        for (index, entry) in (start..).zip(entries) {
            hashes.push(leaf_hash(entry));
            if let Some(body) = self.leaves.look(index, entry) {
                let bytes = self
                    .reader
                    .read(&body.path, MAX_BODY_BYTES)
                    .map_err(|source| VerifyError::Read { path: body.path.clone(), source })?;
                self.leaves.look_at_body(index, body, bytes.as_deref());
            }
        }
        self.entries += hashes.len() as u64;
        Ok(Some(hashes))
    }

    /// What is left of a pruned bundle: the bundle itself, in a copy of before, else its hashes. The root that
    /// was signed decides about them as about entries.
    fn remains(
        &mut self,
        bundle: Tile,
        start: u64,
        expected: Option<&[Hash]>,
    ) -> Result<Option<Vec<Hash>>, VerifyError> {
        let Some((read, bytes)) = chunk::read_bundle(self.reader, bundle)? else {
            return Ok(expected.map(<[Hash]>::to_vec));
        };
        match chunk::entries(bundle, read, &bytes) {
            Ok(entries) => Ok(Some(entries.into_iter().map(leaf_hash).collect())),
            Err(reason) => {
                let wrong = Wrong::BundleMalformed { path: read.path(), reason };
                self.faults.push(Fault { index: Some(start), wrong });
                Ok(None)
            }
        }
    }

    fn grow(
        &mut self,
        start: u64,
        width: u16,
        found: Option<&[Hash]>,
        expected: Option<&[Hash]>,
    ) -> Result<(), VerifyError> {
        match (found, expected) {
            (Some(found), Some(expected)) => self.damage.compare(start, found, expected),
            (None, _) => self.damage.missing(start, start + u64::from(width)),
            (Some(found), None) if found.len() < usize::from(width) => {
                self.damage.missing(start + found.len() as u64, start + u64::from(width));
            }
            (Some(_), None) => {}
        }
        let found = found.filter(|found| found.len() == usize::from(width));
        if let Some(found) = found {
            self.compare_kept(start, found);
            self.compare_receipts(start, found);
        }
        let found_root = found.and_then(full_root);
        push_all(&mut self.tree, found, found_root);
        // The two are the same but where something is wrong: one computation is enough.
        let expected_root = if found == expected { found_root } else { expected.and_then(full_root) };
        push_all(&mut self.tiles, expected, expected_root);
        if width == TILE_WIDTH { self.grow_upper(expected_root.or(found_root)) } else { Ok(()) }
    }

    /// Compares the tiles above level 0 with what the tiles below them say. Where a tile is missing the
    /// entries stand in for it; where both are, there is nothing to compare any more.
    fn grow_upper(&mut self, root: Option<Hash>) -> Result<(), VerifyError> {
        let (Some(upper), Some(root)) = (self.upper.as_mut(), root) else {
            self.upper = None;
            return Ok(());
        };
        let mut full = Vec::new();
        upper.push(root, |tile, hashes| full.push((tile, hashes.to_vec())));
        full.into_iter().try_for_each(|(tile, hashes)| self.compare_upper(tile, &hashes))
    }

    fn compare_upper(&mut self, below: Tile, computed: &[Hash]) -> Result<(), VerifyError> {
        let Level::Hashes(level) = below.level else { return Ok(()) };
        let tile = Tile { level: Level::Hashes(level + 1), ..below };
        let path = tile.path();
        let hashes = match chunk::tile_hashes(self.reader, tile)? {
            Ok(hashes) => hashes,
            Err(error) => {
                self.faults.push(tile_fault(&error, tile));
                return Ok(());
            }
        };
        let span = 1u64 << ((u32::from(level) + 1) * 8);
        let first = tile.index * u64::from(TILE_WIDTH);
        for (position, (found, computed)) in (first..).zip(hashes.iter().zip(computed)) {
            if found != computed && self.upper_faults.len() < super::MAX_LISTED {
                self.upper_faults.push((path.clone(), position * span, (position + 1) * span));
            }
        }
        Ok(())
    }

    /// Holds the tree against the checkpoints that lie within the next entries.
    fn compare_kept(&mut self, start: u64, next: &[Hash]) {
        let end = start + next.len() as u64;
        let kept = self.kept.iter().filter(|(_, kept)| kept.size <= end && (kept.size > start || end == 0));
        for (label, kept) in kept {
            let Some(mut tree) = self.tree.clone() else { return };
            let within = usize::try_from(kept.size - start).unwrap_or(usize::MAX);
            next.iter().take(within).for_each(|hash| tree.push(*hash));
            if tree.root() != kept.root {
                let wrong = Wrong::HistoryChanged { label: label.clone(), size: kept.size };
                self.faults.push(Fault { index: None, wrong });
            }
        }
    }

    fn compare_receipts(&mut self, start: u64, next: &[Hash]) {
        for (label, receipt) in &self.receipts {
            let at = receipt.index.checked_sub(start).and_then(|at| usize::try_from(at).ok());
            let Some(hash) = at.and_then(|at| next.get(at)) else { continue };
            if *hash != leaf_hash(&receipt.leaf) {
                let wrong = Wrong::ReceiptContradicted { label: label.clone() };
                self.faults.push(Fault { index: Some(receipt.index), wrong });
            }
        }
    }

    pub(super) fn finish(mut self) -> Result<Report, VerifyError> {
        if let Some(upper) = self.upper.take() {
            upper.partial().try_for_each(|(tile, hashes)| self.compare_upper(tile, hashes))?;
        }
        let signed = self.checkpoint.root;
        let computed =
            self.tree.as_ref().filter(|tree| tree.size() == self.checkpoint.size).map(Frontier::root);
        let tiles_are_signed = self.tiles.as_ref().is_some_and(|tiles| tiles.root() == signed);
        self.cut_off();
        if computed == Some(signed) {
            self.blame_tiles();
        } else {
            self.faults.push(Fault { index: None, wrong: Wrong::RootMismatch { signed, computed } });
            self.blame_entries(tiles_are_signed);
        }
        let (open, open_total) = self.leaves.open();
        let (silences, silences_total) = std::mem::take(&mut self.leaves.silences).finish();
        let mut report = Report {
            checkpoint: self.checkpoint,
            entries: self.entries,
            witnessed: None,
            pruned: None,
            statements: self.leaves.statements,
            denials: self.leaves.denials,
            first_time: self.leaves.first_time,
            last_time: self.leaves.last_time,
            open,
            open_total,
            silences,
            silences_total,
            relaxed: std::mem::take(&mut self.leaves.relaxed),
            faults: Vec::new(),
            faults_total: self.unlisted + self.leaves.unlisted,
        };
        self.faults.extend(self.leaves.faults);
        report.add(self.faults);
        Ok(report)
    }

    fn cut_off(&mut self) {
        let size = self.checkpoint.size;
        for (label, kept) in self.kept.iter().filter(|(_, kept)| kept.size > size) {
            let wrong = Wrong::CutOff { label: label.clone(), size: kept.size };
            self.faults.push(Fault { index: None, wrong });
        }
    }

    /// The entries are what was signed: whatever differs from them is a tile's fault.
    fn blame_tiles(&mut self) {
        let level_0 = self
            .damage
            .bundles()
            .into_iter()
            .filter_map(|index| Tile::of(Level::Hashes(0), index, self.checkpoint.size).map(Tile::path));
        let mut paths: Vec<String> =
            level_0.chain(self.upper_faults.iter().map(|(path, ..)| path.clone())).collect();
        paths.dedup();
        self.faults
            .extend(paths.into_iter().map(|path| Fault { index: None, wrong: Wrong::TileChanged { path } }));
    }

    /// The entries are not what was signed. Where tiles of level 0 agree with them and those above do
    /// not, the tile was changed together with them.
    fn blame_entries(&mut self, tiles_are_signed: bool) {
        let mut explained: Vec<(u64, u64)> = Vec::new();
        for (path, start, upto) in std::mem::take(&mut self.upper_faults) {
            if tiles_are_signed {
                self.faults.push(Fault { index: None, wrong: Wrong::TileChanged { path } });
            } else if !self.damage.touches(start, upto)
                && !explained.iter().any(|(s, u)| *s < upto && *u > start)
            {
                explained.push((start, upto));
                let upto = upto.min(self.checkpoint.size);
                self.faults.push(Fault { index: Some(start), wrong: Wrong::EntriesChanged { upto } });
            }
        }
        let damage = std::mem::take(&mut self.damage);
        self.unlisted += damage.unlisted();
        self.faults.extend(damage.into_faults());
    }
}

fn tile_fault(error: &TileError, tile: Tile) -> Fault {
    let path = tile.path();
    let wrong = match error {
        TileError::Length { .. } => Wrong::TileMalformed { path },
        _ => Wrong::TileMissing { path },
    };
    Fault { index: None, wrong }
}

fn full_root(hashes: &[Hash]) -> Option<Hash> {
    (hashes.len() == usize::from(TILE_WIDTH)).then(|| full_tile_root(hashes))
}

/// Adds hashes to a tree, as one subtree where they are one; ends the tree if there are none.
fn push_all(tree: &mut Option<Frontier>, hashes: Option<&[Hash]>, root: Option<Hash>) {
    match (tree.as_mut(), hashes, root) {
        (Some(tree), Some(_), Some(root)) => tree.push_subtree(8, root),
        (Some(tree), Some(hashes), None) => hashes.iter().for_each(|hash| tree.push(*hash)),
        _ => *tree = None,
    }
}
