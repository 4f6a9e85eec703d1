//! Segments as files. A file that grows is slow to sync, and so is room that was only promised: the file system
//! has to write its own books, too. So a segment is written over zeros, some hundreds of entries at a time, and
//! cut to its length when it is complete.
//!
//! What a crash leaves behind the last frame is zeros, and [`super::replay`] takes them for what they are.

use std::{io, path::Path, sync::Arc};

use super::{
    disk::{DiskFile, remove_file, sync_folder},
    reserve::Reserve,
};

/// How much room is set aside at once: what a sync takes on without being slow.
const ROOM: u64 = 256 * 1024;

/// A segment that is being written.
pub(super) trait SegmentFile: Send {
    /// Writes all of `bytes` behind what was written.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Returns once everything that was written is on stable storage.
    fn sync(&mut self) -> io::Result<()>;

    /// Nothing more will be written: returns once the file ends with its last byte, on stable storage.
    fn finish(&mut self) -> io::Result<()>;
}

/// Makes segments. Tests make some that fail.
pub(super) trait SegmentStore: Send {
    /// Creates a segment with this header, durable with its name.
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>>;

    /// Opens a segment to go on at `offset`, behind which there is nothing but room.
    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>>;
}

/// Segments in a folder of the file system.
pub(super) struct DiskStore {
    reserve: Option<Arc<Reserve>>,
}

impl DiskStore {
    /// With space that is given up when the disk is full.
    pub(super) const fn new(reserve: Option<Arc<Reserve>>) -> Self {
        Self { reserve }
    }
}

/// Whether there is no room, on the disk or for this user.
fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

struct DiskSegment {
    file: DiskFile,
    /// Where the next byte goes.
    offset: u64,
    /// Bytes before this are set aside.
    room: u64,
    reserve: Option<Arc<Reserve>>,
}

impl DiskSegment {
    fn make_room(&mut self, end: u64) {
        let room = end.next_multiple_of(ROOM);
        let set_aside = || self.file.set_aside(self.offset, room - self.offset);
        // Nothing was written yet that could be torn: here is where a full disk shows first.
        if set_aside().is_err_and(|error| is_full(&error))
            && let Some(reserve) = &self.reserve
        {
            reserve.release();
            // Where this fails, too, the write will say so.
            let _full = set_aside();
        }
        // Where this is not possible the file grows with each write, which is slower and as safe.
        self.room = room;
    }
}

impl SegmentFile for DiskSegment {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.offset + bytes.len() as u64;
        if end > self.room {
            self.make_room(end);
        }
        self.file.write_all_at(bytes, self.offset)?;
        self.offset = end;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.set_length(self.offset)?;
        self.file.sync_all()
    }
}

impl SegmentStore for DiskStore {
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        match self.try_create(path, header) {
            Err(error) if is_full(&error) => {
                let Some(reserve) = &self.reserve else { return Err(error) };
                reserve.release();
                // What was begun has no whole header and no entry.
                let _none = remove_file(path);
                self.try_create(path, header)
            }
            other => other,
        }
    }

    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>> {
        let file = DiskFile::open_to_write(path)?;
        let room = file.length()?;
        Ok(Box::new(DiskSegment { file, offset, room, reserve: self.reserve.clone() }))
    }
}

impl DiskStore {
    fn try_create(&self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        let file = DiskFile::create_new(path, 0o600)?;
        // If we stop here, recovery finds a last segment without a whole header, and removes it.
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        sync_folder(path.parent().unwrap_or(Path::new(".")))?;
        let offset = header.len() as u64;
        Ok(Box::new(DiskSegment { file, offset, room: offset, reserve: self.reserve.clone() }))
    }
}
