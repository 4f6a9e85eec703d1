//! The form of a segment, the write-ahead file that is the truth of the log.
//!
//! ```text
//! segment = header frame*
//! header  = "CONNLOG1" first-index:u64 check:8
//! frame   = length:u32 index:u64 check:8 leaf[length]        an entry: check = first 8 bytes of its leaf hash
//!         | 0:u32      index:u64 check:8                     a barrier
//! ```
//! All numbers are big-endian. A **barrier** stands before each batch and says: whatever is before me was
//! synced before I was written. Its check covers its index and its own offset, so that it is one only in
//! its place.
//!
//! So a damaged frame can be told from a torn write: where a later barrier (or a later segment) exists,
//! the frame had been synced and perhaps acknowledged, and the log must not be opened without it. Where
//! none exists, the frame belongs to the last batch, whose sync may never have returned. The one case that
//! looks like the other is a bit that decays in the very last batch after it was acknowledged and before
//! the next batch or checkpoint, which is at most a second of activity later: then the checkpoint covers
//! it, and recovery refuses a log that is shorter than its checkpoint.
//!
//! Behind the last frame of a segment that is not complete there may be zeros: room that was set aside. No
//! frame begins with them, because a barrier has a check and an entry has a length.

use std::{
    io,
    path::{Path, PathBuf},
};

use connect_shared::proof::{
    tile::MAX_ENTRY_BYTES,
    tree::{Hash, leaf_hash, plain_hash},
};

use super::disk::{DiskFile, names};

/// Bytes before a leaf.
pub(super) const FRAME_HEADER: usize = 4 + 8 + CHECK_BYTES;
/// Bytes before the first frame.
pub(super) const SEGMENT_HEADER: usize = 8 + 8 + CHECK_BYTES;
const CHECK_BYTES: usize = 8;
const MAGIC: &[u8; 8] = b"CONNLOG1";
/// How much is read at once.
const READ_BYTES: usize = 1 << 20;

fn check_of(hash: &Hash) -> [u8; CHECK_BYTES] {
    let mut check = [0; CHECK_BYTES];
    check.iter_mut().zip(hash.0).for_each(|(to, from)| *to = from);
    check
}

fn check_over(parts: &[&[u8]]) -> [u8; CHECK_BYTES] {
    check_of(&plain_hash(&parts.concat()))
}

/// The header of a segment whose first entry is `first`.
pub(super) fn segment_header(first: u64) -> Vec<u8> {
    let first = first.to_be_bytes();
    [MAGIC.as_slice(), &first, &check_over(&[MAGIC, &first])].concat()
}

/// The name of the segment whose first entry is `first`.
pub(super) fn segment_name(first: u64) -> String {
    format!("{first:020}.seg")
}

/// The segments in a folder, in order, by their first entry.
pub(super) fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut found = Vec::new();
    for name in names(folder)? {
        let first = name.strip_suffix(".seg").and_then(|digits| digits.parse().ok());
        if let Some(first) = first.filter(|first| segment_name(*first) == name) {
            found.push((first, folder.join(name)));
        }
    }
    found.sort();
    Ok(found)
}

fn barrier_check(index: u64, offset: u64) -> [u8; CHECK_BYTES] {
    check_over(&[b"barrier", &index.to_be_bytes(), &offset.to_be_bytes()])
}

fn put(bytes: &mut [u8], length: u32, index: u64, check: [u8; CHECK_BYTES]) {
    let header = length.to_be_bytes().into_iter().chain(index.to_be_bytes()).chain(check);
    bytes.iter_mut().zip(header).for_each(|(to, from)| *to = from);
}

/// Adds a frame for a leaf to a batch. Its check is left to [`seal`], off the appender's path.
pub(super) fn push_unsealed(batch: &mut Vec<u8>, index: u64, leaf: &[&[u8]]) {
    let start = batch.len();
    batch.resize(start + FRAME_HEADER, 0);
    leaf.iter().for_each(|part| batch.extend_from_slice(part));
    let length = u32::try_from(batch.len() - start - FRAME_HEADER).unwrap_or(u32::MAX);
    if let Some(frame) = batch.get_mut(start..) {
        put(frame, length, index, [0; CHECK_BYTES]);
    }
}

/// Completes a batch that will be written at `offset`: its first frame, left empty, becomes the barrier,
/// and every leaf gets its check.
pub(super) fn seal(batch: &mut [u8], first: u64, offset: u64) {
    let Some((barrier, mut rest)) = batch.split_at_mut_checked(FRAME_HEADER) else { return };
    put(barrier, 0, first, barrier_check(first, offset));
    while let Some((header, after)) = rest.split_at_mut_checked(FRAME_HEADER) {
        let Some((length, index, _)) = parse(header) else { return };
        let Some((leaf, next)) = after.split_at_mut_checked(length as usize) else { return };
        put(header, length, index, check_of(&leaf_hash(leaf)));
        rest = next;
    }
}

fn parse(header: &[u8]) -> Option<(u32, u64, [u8; CHECK_BYTES])> {
    let (length, rest) = header.split_first_chunk::<4>()?;
    let (index, rest) = rest.split_first_chunk::<8>()?;
    let (check, _) = rest.split_first_chunk::<CHECK_BYTES>()?;
    Some((u32::from_be_bytes(*length), u64::from_be_bytes(*index), *check))
}

/// What stands next in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<'a> {
    /// A leaf and its hash.
    Leaf(&'a [u8], Hash),
    /// Everything before was synced.
    Barrier,
    End,
    /// Not as it was written.
    Bad(&'static str),
}

/// Reads the frames of one segment in order.
#[derive(Debug)]
pub(super) struct FrameReader {
    file: DiskFile,
    /// Where the next frame begins.
    offset: u64,
    /// Index of the next leaf.
    index: u64,
    /// Bytes of the file from `buffer_at` on; those before `offset` were used.
    buffer: Vec<u8>,
    buffer_at: u64,
}

impl FrameReader {
    /// Opens a segment whose first entry must be `first`.
    pub(super) fn open(path: &Path, first: u64) -> io::Result<Self> {
        let file = DiskFile::open(path)?;
        Ok(Self { file, offset: 0, index: first, buffer: Vec::new(), buffer_at: 0 })
    }

    /// Opens a segment in its middle: at `offset` the frame of entry `index` begins, or a barrier.
    pub(super) fn resume(path: &Path, offset: u64, index: u64) -> io::Result<Self> {
        let file = DiskFile::open(path)?;
        Ok(Self { file, offset, index, buffer: Vec::new(), buffer_at: offset })
    }

    /// Reads the header, which comes first. `false`: it is not as written.
    pub(super) fn header(&mut self) -> io::Result<bool> {
        // Nothing behind it is read yet: in a segment that is being written, it may be room.
        let (length, expected) = (self.length()?.min(SEGMENT_HEADER as u64), segment_header(self.index));
        let good = self.ensure(SEGMENT_HEADER, length)?.is_some_and(|header| header == expected);
        if good {
            self.offset = SEGMENT_HEADER as u64;
        }
        Ok(good)
    }

    /// Length of the file.
    pub(super) fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    /// Where the next frame begins.
    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    /// Index of the next leaf.
    pub(super) const fn index(&self) -> u64 {
        self.index
    }

    /// The next frame before byte `limit` of the file. Bytes from `limit` on are never read: they may be
    /// in the middle of being written.
    pub(super) fn next(&mut self, limit: u64) -> io::Result<Next<'_>> {
        if self.offset >= limit {
            return Ok(Next::End);
        }
        let (offset, index) = (self.offset, self.index);
        let header = self.ensure(FRAME_HEADER, limit)?.and_then(parse);
        let Some((length, found, check)) = header else { return Ok(Next::Bad("it ends within a frame")) };
        if found != index {
            return Ok(Next::Bad("a frame has the number of another entry"));
        }
        let length = length as usize;
        if length == 0 {
            if check != barrier_check(index, offset) {
                return Ok(Next::Bad("a barrier is not the one that belongs here"));
            }
            self.offset += FRAME_HEADER as u64;
            return Ok(Next::Barrier);
        }
        if length > MAX_ENTRY_BYTES {
            return Ok(Next::Bad("a frame is longer than any entry"));
        }
        self.leaf(length, check, limit)
    }

    fn leaf(&mut self, length: usize, check: [u8; CHECK_BYTES], limit: u64) -> io::Result<Next<'_>> {
        let before = self.offset;
        let whole = self.ensure(FRAME_HEADER + length, limit)?;
        let Some(hash) = whole.and_then(|frame| frame.get(FRAME_HEADER..)).map(leaf_hash) else {
            return Ok(Next::Bad("it ends within an entry"));
        };
        if check_of(&hash) != check {
            return Ok(Next::Bad("an entry does not fit its check"));
        }
        self.offset += (FRAME_HEADER + length) as u64;
        self.index += 1;
        let start =
            usize::try_from(before - self.buffer_at).unwrap_or(usize::MAX).saturating_add(FRAME_HEADER);
        match self.buffer.get(start..start.saturating_add(length)) {
            Some(leaf) => Ok(Next::Leaf(leaf, hash)),
            None => Ok(Next::Bad("it ends within an entry")),
        }
    }

    /// Whether a barrier stands anywhere after the next frame: what is before it was synced.
    pub(super) fn later_barrier(&mut self) -> io::Result<bool> {
        let length = self.length()?;
        let mut at = self.offset + 1;
        let mut window = vec![0; READ_BYTES + FRAME_HEADER];
        while at + FRAME_HEADER as u64 <= length {
            let read = read_at_most(&self.file, &mut window, at)?;
            let bytes = window.get(..read).unwrap_or_default();
            for (start, header) in (0u64..).zip(bytes.windows(FRAME_HEADER)) {
                // Leaves are JSON and hold no zero byte: almost nothing passes the first test.
                if !header.starts_with(&[0, 0, 0, 0]) {
                    continue;
                }
                let found = parse(header).is_some_and(|(_, index, check)| {
                    index >= self.index && check == barrier_check(index, at + start)
                });
                if found {
                    return Ok(true);
                }
            }
            at += READ_BYTES as u64;
        }
        Ok(false)
    }

    /// Whether nothing is left but room that was set aside and never written to.
    pub(super) fn only_room_is_left(&self) -> io::Result<bool> {
        let mut window = vec![0; READ_BYTES];
        let mut at = self.offset;
        loop {
            let read = read_at_most(&self.file, &mut window, at)?;
            if window.iter().take(read).any(|byte| *byte != 0) {
                return Ok(false);
            }
            if read < window.len() {
                return Ok(true);
            }
            at += read as u64;
        }
    }

    /// The next `need` bytes, if they lie before `limit`.
    fn ensure(&mut self, need: usize, limit: u64) -> io::Result<Option<&[u8]>> {
        if self.offset.saturating_add(need as u64) > limit {
            return Ok(None);
        }
        let used = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        if self.buffer.len() < used.saturating_add(need) {
            self.buffer.drain(..used.min(self.buffer.len()));
            self.buffer_at = self.offset;
            let kept = self.buffer.len();
            let from = self.offset + kept as u64;
            let more = usize::try_from(limit - from).unwrap_or(usize::MAX).min(READ_BYTES.max(need));
            self.buffer.resize(kept + more, 0);
            let read = read_at_most(&self.file, self.buffer.get_mut(kept..).unwrap_or_default(), from)?;
            self.buffer.truncate(kept + read);
        }
        let used = usize::try_from(self.offset - self.buffer_at).unwrap_or(usize::MAX);
        Ok(self.buffer.get(used..used.saturating_add(need)))
    }
}

/// Fills `buffer` from `offset` on, as far as the file goes.
fn read_at_most(file: &DiskFile, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut done = 0;
    while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset + done as u64) {
            Ok(0) => break,
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}
