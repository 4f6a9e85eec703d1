//! The way back: every segment is read and hashed again, held against the last checkpoint, and what was
//! never acknowledged is cut. Nothing is changed on the disk before all of it was found to be good.

mod settle;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use connect_shared::{
    entry::CATALOGUE,
    hexadecimal::hexadecimal,
    ids::StatementId,
    proof::{
        checkpoint::Checkpoint,
        tile::{LogReader as _, TILE_WIDTH},
        tree::{Hash, plain_hash},
    },
};

use super::{
    PublicFolder, TornTail,
    error::{OpenError, io_error},
    frame::{FrameReader, Next, segments},
    index::StatementIndex,
    leaf::{Facts, Note},
    prune::Base,
    public::PublicTree,
    publish::Position,
    texts::Texts,
};

/// Longest body of an oversized entry.
const MAX_BODY_BYTES: usize = 1 << 30;

/// What the segments hold.
pub(super) struct Replayed {
    pub(super) tree: PublicTree,
    /// Public files that were written again.
    pub(super) republished: u64,
    pub(super) index: StatementIndex,
    pub(super) texts: Texts,
    /// Time of the last entry.
    pub(super) time: u64,
    /// End of the last segment, if there is one.
    pub(super) end: Option<Position>,
    pub(super) torn: Option<TornTail>,
    /// Statements without an end, and where they began.
    open: HashMap<StatementId, u64>,
}

impl Replayed {
    /// Statements that have begun and not ended, in the order of the log.
    pub(super) fn open(&self) -> Vec<StatementId> {
        let mut open: Vec<_> = self.open.iter().map(|(statement, index)| (*index, *statement)).collect();
        open.sort_unstable();
        open.into_iter().map(|(_, statement)| statement).collect()
    }
}

/// Reads the segments in `folder` against what was signed last.
pub(super) struct Replay {
    found: Replayed,
    public: PublicFolder,
    signed: Checkpoint,
    /// The last place up to which every public file is as it must be.
    good: Option<(PublicTree, Position)>,
    /// Where the last batch begins: what is before it was synced for sure.
    last_batch: Option<Position>,
    /// Entries before this were pruned.
    pruned: u64,
    /// An entry says so.
    says_so: bool,
}

/// A damaged frame that may be the end of an unfinished write.
struct Break {
    path: PathBuf,
    reader: FrameReader,
    reason: &'static str,
}

impl Replay {
    pub(super) fn new(public: &Path, signed: Checkpoint, indexed: usize, base: Option<&Base>) -> Self {
        let tree = PublicTree::comparing(public.to_owned());
        let before = base.and_then(Base::tree);
        let found = Replayed {
            tree: before.map_or_else(|| tree.clone(), |before| tree.clone().after(before)),
            republished: 0,
            index: StatementIndex::new(indexed),
            texts: Texts::default(),
            time: 0,
            end: None,
            torn: None,
            open: HashMap::new(),
        };
        Self {
            pruned: found.tree.size(),
            says_so: false,
            found,
            public: PublicFolder::new(public),
            signed,
            good: None,
            last_batch: None,
        }
    }

    pub(super) fn run(mut self, folder: &Path) -> Result<Replayed, OpenError> {
        let segments = segments(folder).map_err(io_error("list the segments in", folder))?;
        if self.signed.size < self.pruned {
            return Err(OpenError::Shorter { found: self.signed.size, signed: self.pruned });
        }
        self.check_root()?;
        let mut broken = None;
        // Of a log whose pruning was cut off, older ones may still be there.
        let begin = self.pruned;
        for (first, path) in segments.into_iter().filter(|(first, _)| *first >= begin) {
            // A segment was made, so whatever broke in the one before it had been synced.
            if let Some(found) = broken.take() {
                return Err(damaged(&found));
            }
            if first != self.found.tree.size() {
                let (segment, index) = (name(&path), self.found.tree.size());
                let reason = "the segment before it is missing or shorter than it was";
                return Err(OpenError::Damaged { segment, offset: 0, index, reason });
            }
            broken = self.read(first, path)?;
        }
        let torn = broken.map(|found| self.judge(found)).transpose()?;
        let (found, signed) = (self.found.tree.size(), self.signed.size);
        if found < signed {
            return Err(OpenError::Shorter { found, signed });
        }
        if self.pruned > 0 && !self.says_so {
            return Err(OpenError::Unpruned { upto: self.pruned });
        }
        self.settle(folder, torn)
    }

    /// Reads one segment to its end, or to where it is not as it was written.
    fn read(&mut self, first: u64, path: PathBuf) -> Result<Option<Break>, OpenError> {
        let failed = |error| io_error("read the segment", &path)(error);
        let mut reader = FrameReader::open(&path, first).map_err(failed)?;
        let length = reader.length().map_err(failed)?;
        self.found.end = Some(Position { segment: first, offset: 0 });
        if !reader.header().map_err(failed)? {
            return Ok(Some(Break { path, reader, reason: "its header is not as it was written" }));
        }
        loop {
            self.found.end = Some(Position { segment: first, offset: reader.offset() });
            let index = reader.index();
            match reader.next(length).map_err(failed)? {
                Next::Leaf(leaf, hash) => self.take(index, leaf, hash)?,
                Next::Barrier => self.last_batch = self.found.end,
                Next::End => return Ok(None),
                // What comes after it tells whether the segment was complete.
                Next::Bad(reason) => {
                    let room = reader.only_room_is_left().map_err(failed)?;
                    return Ok((!room).then_some(Break { path, reader, reason }));
                }
            }
        }
    }

    fn take(&mut self, index: u64, leaf: &[u8], hash: Hash) -> Result<(), OpenError> {
        let unreadable = |reason: String| OpenError::Unreadable { index, reason };
        let facts = Facts::read(leaf).map_err(|error| unreadable(format!("{:?}", error.classify())))?;
        if facts.v != CATALOGUE {
            return Err(unreadable(format!("version {} of the catalogue", facts.v)));
        }
        self.found.time = self.found.time.max(facts.time);
        if facts.kind == "oversized" {
            self.take_body(index, facts.sha256.as_deref().unwrap_or_default())?;
        } else {
            self.remember(index, &facts);
        }
        let whole_tiles = index.is_multiple_of(u64::from(TILE_WIDTH));
        if let Some(at) = self.found.end.filter(|_| whole_tiles && self.found.tree.differing() == 0) {
            self.good = Some((self.found.tree.clone(), at));
        }
        self.found
            .tree
            .push(leaf, hash)
            .map_err(io_error("compare the tiles of entry", index.to_string()))?;
        self.check_root()
    }

    fn take_body(&mut self, index: u64, sha256: &str) -> Result<(), OpenError> {
        let path = format!("blob/{sha256}");
        let body = self.public.read(&path, MAX_BODY_BYTES).ok().flatten();
        let Some(body) = body.filter(|body| hexadecimal(&plain_hash(body).0) == sha256) else {
            return Err(OpenError::Body { index, path });
        };
        let facts = Facts::read(&body)
            .map_err(|error| OpenError::Unreadable { index, reason: format!("{:?}", error.classify()) })?;
        self.remember(index, &facts);
        Ok(())
    }

    fn remember(&mut self, index: u64, facts: &Facts<'_>) {
        if facts.kind == "statement_text" {
            facts.fingerprint.iter().for_each(|fingerprint| self.found.texts.insert(fingerprint));
        }
        if facts.kind == "pruned" && facts.upto.is_some_and(|upto| upto >= self.pruned) {
            self.says_so = true;
        }
        let Some(note) = facts.note() else { return };
        match &note {
            Note::Intent { statement, .. } => {
                self.found.open.insert(*statement, index);
            }
            Note::Outcome { statement } | Note::Denial { statement, .. } => {
                self.found.open.remove(statement);
            }
        }
        self.found.index.apply(index, note);
    }

    /// Compares with what was signed, at the size that was signed.
    fn check_root(&self) -> Result<(), OpenError> {
        let size = self.found.tree.size();
        if size != self.signed.size || self.found.tree.root() == self.signed.root {
            return Ok(());
        }
        Err(OpenError::Contradicted { size, signed: self.signed.root, found: self.found.tree.root() })
    }

    /// Whether a break in the last segment is the end of a write that never returned.
    fn judge(&self, mut found: Break) -> Result<Break, OpenError> {
        let synced = found.reader.later_barrier().map_err(io_error("read the segment", &found.path))?;
        if synced || self.found.tree.size() < self.signed.size { Err(damaged(&found)) } else { Ok(found) }
    }
}

fn damaged(found: &Break) -> OpenError {
    OpenError::Damaged {
        segment: name(&found.path),
        offset: found.reader.offset(),
        index: found.reader.index(),
        reason: found.reason,
    }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
