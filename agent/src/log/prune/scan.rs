//! Looking through a log for the place where it is to begin, and for what must be known of what goes.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io,
    ops::ControlFlow,
    path::Path,
};

use connect_shared::{
    entry::{Entry, Leaf, TextRef},
    ids::{ConnectionId, StatementId},
    proof::{
        tile::{LogReader as _, TILE_WIDTH},
        tree::{Hash, leaf_hash},
    },
};

use super::{
    super::{
        OpenError, PublicFolder,
        error::io_error,
        frame::{FrameReader, segments},
        handle::Log,
        leaf::Facts,
    },
    Base,
    rewrite::next_leaf,
};

/// Longest body of an oversized entry.
const MAX_BODY_BYTES: usize = 1 << 30;

/// What is known of the entries before the place.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The tree of all entries before the place.
    pub(super) edge: Vec<Vec<Hash>>,
    pub(super) open: Vec<StatementId>,
    pub(super) connections: BTreeMap<ConnectionId, u64>,
    /// Texts and lineages that entries behind the place refer to, and that stand before it alone.
    pub(super) carried: Vec<Entry>,
    /// Bodies that stand before the place alone.
    pub(super) blobs: Vec<String>,
}

/// The first entry that is kept: a multiple of 256.
pub(super) fn place(dir: &Path, base: &Base, log: &Log, before: u64, most: u64) -> Result<u64, OpenError> {
    let mut at = base.upto;
    each(dir, base, log, &mut |index, leaf| {
        let facts = Facts::read(leaf).map_err(io::Error::other)?;
        if facts.time >= before || index >= most {
            return Ok(ControlFlow::Break(()));
        }
        at = index + 1;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(at - at % u64::from(TILE_WIDTH))
}

pub(super) fn scan(dir: &Path, base: &Base, log: &Log, upto: u64) -> Result<Found, OpenError> {
    let damaged = || OpenError::Pruning("where the log begins does not fit it".to_owned());
    let mut tree = base.tree().ok_or_else(damaged)?;
    let (mut before, mut behind) = (carried_over(dir, base, log)?, Behind::default());
    let public = PublicFolder::new(log.public_dir());
    each(dir, base, log, &mut |index, bytes| {
        let (leaf, blob) = read(&public, bytes)?;
        if index < upto {
            tree.push(leaf_hash(bytes), |_, _| {});
            before.blobs.extend(blob);
            before.take(leaf.entry);
        } else {
            behind.blobs.extend(blob);
            behind.take(&before, &leaf.entry);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut open: Vec<_> = before.open.into_iter().collect();
    open.sort_unstable();
    let carried = behind.wanted.iter().filter_map(|key| before.texts.remove(key)).collect();
    let mut blobs: Vec<_> = before.blobs.difference(&behind.blobs).cloned().collect();
    blobs.sort_unstable();
    Ok(Found { edge: tree.edge().to_vec(), open, connections: behind.connections, carried, blobs })
}

/// What the entry that says where the log begins knows of all before: it is not there to be read any more.
fn carried_over(dir: &Path, base: &Base, log: &Log) -> Result<Before, OpenError> {
    let mut known = Before::default();
    if base.upto == 0 {
        return Ok(known);
    }
    let public = PublicFolder::new(log.public_dir());
    each(dir, base, log, &mut |_, bytes| {
        if may_be_pruned(bytes)? {
            let (leaf, _) = read(&public, bytes)?;
            // The last one: pruning that was stopped in the middle has said it before, and may have known less.
            if let Entry::Pruned { upto, open, connections, .. } = leaf.entry
                && upto == base.upto
            {
                known.open = open.into_iter().collect();
                known.next_of = connections.into_iter().collect();
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(known)
}

/// Whether it says that something was pruned: itself or, if it is too long for that, by its body, which is read for no
/// other.
fn may_be_pruned(bytes: &[u8]) -> io::Result<bool> {
    match &*Facts::read(bytes).map_err(io::Error::other)?.kind {
        "pruned" => Ok(true),
        "oversized" => {
            let leaf: Leaf = serde_json::from_slice(bytes).map_err(io::Error::other)?;
            Ok(matches!(leaf.entry, Entry::Oversized { of, .. } if of == "pruned"))
        }
        _ => Ok(false),
    }
}

/// What is done with an entry, by its index and bytes; it may have seen enough.
type Take<'a> = dyn FnMut(u64, &[u8]) -> io::Result<ControlFlow<()>> + 'a;

/// Calls `take` with every durable entry that is there, in order.
fn each(dir: &Path, base: &Base, log: &Log, take: &mut Take<'_>) -> Result<(), OpenError> {
    let folder = dir.join("segments");
    let upto = log.durable().borrow().upto;
    let all = segments(&folder).map_err(io_error("list the segments in", &folder))?;
    for (first, path) in all.into_iter().filter(|(first, _)| *first >= base.upto) {
        let mut run = || -> io::Result<ControlFlow<()>> {
            let mut reader = FrameReader::open(&path, first)?;
            if !reader.header()? {
                return Err(io::Error::other("its header is not as it was written"));
            }
            // What is not durable may be in the middle of being written.
            while reader.index() < upto
                && let Some((index, leaf)) = next_leaf(&mut reader)?
            {
                if take(index, &leaf)?.is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        };
        if run().map_err(io_error("read the segment", &path))?.is_break() {
            break;
        }
    }
    Ok(())
}

/// An entry, or the body that it stands for, with the name of that.
fn read(public: &PublicFolder, bytes: &[u8]) -> io::Result<(Leaf, Option<String>)> {
    let leaf: Leaf = serde_json::from_slice(bytes).map_err(io::Error::other)?;
    let Entry::Oversized { sha256, .. } = &leaf.entry else { return Ok((leaf, None)) };
    let body = public.read(&format!("blob/{sha256}"), MAX_BODY_BYTES).map_err(io::Error::other)?;
    let body = body.ok_or_else(|| io::Error::other("the body of an entry is missing"))?;
    let entry = serde_json::from_slice(&body).map_err(io::Error::other)?;
    let name = sha256.clone();
    Ok((Leaf { entry, ..leaf }, Some(name)))
}

/// A text or a lineage, by its name.
type Key = (bool, String);

fn defines(entry: &Entry) -> Option<Key> {
    match entry {
        Entry::StatementText { fingerprint, .. } => Some((false, fingerprint.clone())),
        Entry::StatementLineage { lineage, .. } => Some((true, lineage.clone())),
        _ => None,
    }
}

/// What is in entries that go.
#[derive(Default)]
struct Before {
    open: HashSet<StatementId>,
    next_of: HashMap<ConnectionId, u64>,
    texts: HashMap<Key, Entry>,
    blobs: HashSet<String>,
}

impl Before {
    fn take(&mut self, entry: Entry) {
        if let Some(key) = defines(&entry) {
            self.texts.insert(key, entry);
            return;
        }
        match entry {
            Entry::Intent(intent) => {
                self.open.insert(intent.statement);
                self.count(intent.connection, intent.sequence);
            }
            Entry::Outcome(outcome) => {
                self.open.remove(&outcome.statement);
            }
            Entry::Denial(denial) => {
                self.open.remove(&denial.statement);
                self.count(denial.connection, denial.sequence);
            }
            Entry::ConnectionClosed { connection, .. } => {
                self.next_of.remove(&connection);
            }
            _ => {}
        }
    }

    fn count(&mut self, connection: ConnectionId, sequence: Option<u64>) {
        if let Some(number) = sequence {
            self.next_of.insert(connection, number.wrapping_add(1));
        }
    }
}

/// What entries that stay need of them.
#[derive(Default)]
struct Behind {
    connections: BTreeMap<ConnectionId, u64>,
    defined: HashSet<Key>,
    wanted: HashSet<Key>,
    blobs: HashSet<String>,
}

impl Behind {
    fn take(&mut self, before: &Before, entry: &Entry) {
        if let Some(key) = defines(entry) {
            self.wanted.remove(&key);
            self.defined.insert(key);
            return;
        }
        match entry {
            Entry::Intent(intent) => {
                self.count(before, intent.connection, intent.sequence);
                self.text(before, &intent.text);
                intent.lineage.iter().for_each(|lineage| self.want(before, (true, lineage.clone())));
            }
            Entry::Denial(denial) => {
                self.count(before, denial.connection, denial.sequence);
                self.text(before, &denial.text);
            }
            // It says how many there were.
            Entry::ConnectionClosed { connection, statements, .. } => {
                self.count(before, *connection, *statements);
            }
            Entry::Explained { texts, .. } => texts.iter().for_each(|text| self.text(before, text)),
            _ => {}
        }
    }

    fn count(&mut self, before: &Before, connection: ConnectionId, sequence: Option<u64>) {
        if let (Some(_), Some(next)) = (sequence, before.next_of.get(&connection)) {
            self.connections.insert(connection, *next);
        }
    }

    fn text(&mut self, before: &Before, text: &TextRef) {
        if let TextRef::Fingerprint(fingerprint) = text {
            self.want(before, (false, fingerprint.clone()));
        }
    }

    fn want(&mut self, before: &Before, key: Key) {
        if before.texts.contains_key(&key) && !self.defined.contains(&key) {
            self.wanted.insert(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_are_read_of_entries_that_may_say_what_was_pruned_and_of_no_others() {
        let oversized = |of: &str| {
            let (of, sha256) = (of.to_owned(), "00".repeat(32));
            Entry::Oversized { of, statement: None, sha256, length: 9 }
        };
        let all = Entry::samples().into_iter().filter(|entry| entry.kind() != "oversized");
        for entry in all.chain([oversized("pruned"), oversized("statement_text"), oversized("intent")]) {
            let expected = match &entry {
                Entry::Oversized { of, .. } => of == "pruned",
                other => other.kind() == "pruned",
            };
            let leaf = Leaf { v: connect_shared::entry::CATALOGUE, time: 7, entry };
            let bytes = serde_json::to_vec(&leaf).expect("JSON");
            assert_eq!(may_be_pruned(&bytes).expect("a leaf"), expected, "{}", leaf.entry.kind());
        }
    }
}
