//! After a replay has found everything to be good: cut, make durable, and repair what is public.

use std::{cmp::Ordering, io, path::Path};

use super::{
    super::{
        OpenError, TornTail,
        disk::{DiskFile, remove_file, sync_folder},
        error::io_error,
        frame::{FrameReader, Next, SEGMENT_HEADER, segment_name, segments},
        public::PublicTree,
    },
    Break, Replay, Replayed, name,
};

/// How much is written again at once.
const REWRITE_BYTES: usize = 1 << 20;

impl Replay {
    /// Everything is good: cuts what is torn, and makes durable what is kept. If we stop in here, the
    /// next recovery finds the same, or what is left of it already cut.
    pub(super) fn settle(mut self, folder: &Path, torn: Option<Break>) -> Result<Replayed, OpenError> {
        if let Some(Break { path, reader, .. }) = torn {
            let failed = |error| io_error("cut the unfinished write from", &path)(error);
            let (offset, length) = (reader.offset(), reader.length().map_err(failed)?);
            self.found.torn = Some(TornTail { segment: name(&path), offset, bytes: length - offset });
            if offset == 0 {
                // Not even the header was whole: the segment never began.
                remove_file(&path).map_err(failed)?;
                sync_folder(folder).map_err(failed)?;
                self.found.end = None;
                return self.republish(folder);
            }
            DiskFile::open_to_write(&path).and_then(|file| file.set_length(offset)).map_err(failed)?;
        }
        if let Some(end) = self.found.end {
            let path = folder.join(segment_name(end.segment));
            let from = self.last_batch.filter(|batch| batch.segment == end.segment);
            // Of a segment without a batch, the header: whoever wrote it may have stopped before its sync.
            let from = from.map_or(0, |batch| batch.offset);
            make_durable(&path, from, end.offset).map_err(io_error("sync the segment", path))?;
            // Or before that of its name.
            sync_folder(folder).map_err(io_error("sync the folder", folder))?;
        }
        self.republish(folder)
    }

    /// Writes public files again from the first one on that is not as it must be.
    fn republish(mut self, folder: &Path) -> Result<Replayed, OpenError> {
        if self.found.tree.differing() > 0
            && let Some((tree, at)) = self.good
        {
            let mut tree = tree.repairing();
            for (first, path) in segments(folder).map_err(io_error("list the segments in", folder))? {
                let offset = match first.cmp(&at.segment) {
                    Ordering::Less => continue,
                    Ordering::Equal => at.offset,
                    Ordering::Greater => SEGMENT_HEADER as u64,
                };
                let end = self.found.end.filter(|end| end.segment == first).map(|end| end.offset);
                push_all(&mut tree, &path, offset, end).map_err(io_error("write tiles from", path))?;
            }
            self.found.republished = tree.differing();
            self.found.tree = tree;
        }
        let mut tree = self.found.tree.repairing();
        if tree.size() == self.signed.size {
            // Nothing new to sign, so nobody else writes the partial tiles under the last checkpoint.
            tree.write_partial().map_err(io_error("write tiles in", self.public.path()))?;
            self.found.republished += tree.differing();
        }
        self.found.tree = tree.writing();
        Ok(self.found)
    }
}

/// Takes what is in a segment from `offset` on, up to `end` or to the end of the file, all of which was
/// read before and found to be good.
fn push_all(tree: &mut PublicTree, path: &Path, offset: u64, end: Option<u64>) -> io::Result<()> {
    let mut reader = FrameReader::resume(path, offset, tree.size())?;
    let length = end.map_or_else(|| reader.length(), Ok)?;
    loop {
        match reader.next(length)? {
            Next::Leaf(leaf, hash) => tree.push(leaf, hash)?,
            Next::Barrier => {}
            Next::End => return Ok(()),
            Next::Bad(reason) => return Err(io::Error::other(reason)),
        }
    }
}

/// Makes the last batch durable before any of it is signed. It was perhaps never synced; and if its sync
/// failed, the system may hold pages that it believes to be written and that the disk does not have. A
/// sync alone would then succeed and do nothing, so the bytes are written once more, over themselves: if
/// we stop in here, each sector is what it was.
fn make_durable(path: &Path, from: u64, upto: u64) -> io::Result<()> {
    let file = DiskFile::open_to_write(path)?;
    let mut chunk = vec![0; REWRITE_BYTES];
    let mut at = from;
    while at < upto {
        let length = usize::try_from(upto - at).unwrap_or(usize::MAX).min(REWRITE_BYTES);
        let bytes = chunk.get_mut(..length).unwrap_or_default();
        let read = file.read_at(bytes, at)?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        file.write_all_at(bytes.get(..read).unwrap_or_default(), at)?;
        at += read as u64;
    }
    file.sync_all()
}
