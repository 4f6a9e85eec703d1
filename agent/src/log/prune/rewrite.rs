//! The first segment of a pruned log: what is kept of the one that it was cut from.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::super::{
    disk::{DiskFile, names, remove_file, rename, sync_folder},
    frame::{
        FRAME_HEADER, FrameReader, Next, SEGMENT_HEADER, push_unsealed, seal, segment_header, segment_name,
        segments,
    },
};

/// How much is written at once.
const BATCH_BYTES: usize = 1 << 20;
/// A segment that does not count yet.
const NEXT: &str = ".next";

fn next_path(folder: &Path, upto: u64) -> PathBuf {
    folder.join(format!("{upto:020}{NEXT}"))
}

/// Writes the segment that begins with entry `upto`, unless there is one.
pub(super) fn prepare(folder: &Path, upto: u64) -> io::Result<()> {
    let all = segments(folder)?;
    let Some((first, source)) = all.into_iter().rfind(|(first, _)| *first <= upto) else {
        return Err(io::Error::other("there is no segment with the first entry that is kept"));
    };
    if first == upto {
        return Ok(());
    }
    let mut reader = FrameReader::open(&source, first)?;
    if !reader.header()? {
        return Err(io::Error::other("a segment does not read as it was written"));
    }
    let mut copy = Copy::create(&next_path(folder, upto), upto)?;
    while let Some((index, leaf)) = next_leaf(&mut reader)? {
        if index >= upto {
            copy.push(index, &leaf)?;
        }
    }
    copy.finish()?;
    sync_folder(folder)
}

/// The next entry of a segment that nobody writes to.
pub(super) fn next_leaf(reader: &mut FrameReader) -> io::Result<Option<(u64, Vec<u8>)>> {
    let length = reader.length()?;
    loop {
        let index = reader.index();
        match reader.next(length)? {
            Next::Leaf(leaf, _) => return Ok(Some((index, leaf.to_vec()))),
            Next::Barrier => {}
            Next::End => return Ok(None),
            Next::Bad(reason) => {
                let room = reader.only_room_is_left()?;
                return if room { Ok(None) } else { Err(io::Error::other(reason)) };
            }
        }
    }
}

struct Copy {
    file: DiskFile,
    offset: u64,
    first: u64,
    batch: Vec<u8>,
}

impl Copy {
    fn create(path: &Path, upto: u64) -> io::Result<Self> {
        let file = DiskFile::create(path, 0o600)?;
        file.write_all_at(&segment_header(upto), 0)?;
        Ok(Self { file, offset: SEGMENT_HEADER as u64, first: upto, batch: vec![0; FRAME_HEADER] })
    }

    fn push(&mut self, index: u64, leaf: &[u8]) -> io::Result<()> {
        push_unsealed(&mut self.batch, index, &[leaf]);
        if self.batch.len() >= BATCH_BYTES { self.write(index + 1) } else { Ok(()) }
    }

    fn write(&mut self, next: u64) -> io::Result<()> {
        seal(&mut self.batch, self.first, self.offset);
        self.file.write_all_at(&self.batch, self.offset)?;
        self.offset += self.batch.len() as u64;
        self.first = next;
        self.batch.clear();
        self.batch.resize(FRAME_HEADER, 0);
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        // A barrier behind the last entry: all before it was synced, whatever comes next.
        let next = self.first;
        self.write(next)?;
        self.file.sync_all()
    }
}

/// Gives the prepared segment its name, and removes what was prepared and never counted.
pub(in crate::log) fn take_place(folder: &Path, upto: u64) -> io::Result<()> {
    let (next, path) = (next_path(folder, upto), folder.join(segment_name(upto)));
    let found = names(folder)?;
    let is_there =
        |path: &Path| found.iter().any(|name| path.file_name().is_some_and(|file| *file == **name));
    if is_there(&next) && !is_there(&path) {
        rename(&next, &path)?;
    }
    for name in found.iter().filter(|name| name.ends_with(NEXT)) {
        match remove_file(&folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(folder)
}
