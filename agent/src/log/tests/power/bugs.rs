//! Writers that are not as careful as they must be.

use std::{io, path::Path};

use super::super::super::{
    disk::{DiskFile, simulated::Disk},
    frame,
    segment::{DiskStore, SegmentFile, SegmentStore},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A batch counts as durable although it was only written.
    AcknowledgeBeforeSync,
    /// A new segment is synced, and its name is not.
    NoFolderSync,
    /// An entry is taken for what was written whatever it is.
    NoCheck,
    /// A write that failed is taken for good.
    IgnoreErrors,
}

impl Bug {
    pub(super) const ALL: [Self; 4] =
        [Self::AcknowledgeBeforeSync, Self::NoFolderSync, Self::NoCheck, Self::IgnoreErrors];

    pub(super) fn store(self) -> Box<dyn SegmentStore> {
        Box::new(Careless(self))
    }

    /// Whether this is what the bug does, so that it is not some other one that was found.
    pub(super) fn shows_as(self, wrong: &str) -> bool {
        match self {
            Self::AcknowledgeBeforeSync | Self::NoFolderSync | Self::IgnoreErrors => {
                wrong.contains("were acknowledged")
                    || wrong.contains("log has signed")
                    || wrong.contains("is damaged at byte")
            }
            Self::NoCheck => wrong.contains("is not in a form") || wrong.contains("was changed"),
        }
    }

    /// What a reader without checks would make of what is there: every frame of the last batch has a check
    /// that fits it.
    pub(super) fn after_return(self, disk: &Disk, segments: &Path) {
        if self != Self::NoCheck {
            return;
        }
        let Some((first, last)) = frame::segments(segments).ok().and_then(|mut all| all.pop()) else {
            return;
        };
        let edited = disk.edit(&last, |bytes| {
            if let Some((index, offset)) = last_barrier(bytes, first) {
                frame::seal(&mut bytes[offset..], index, offset as u64);
            }
        });
        edited.expect("a segment");
    }
}

/// Walks over lengths alone.
fn last_barrier(bytes: &[u8], first: u64) -> Option<(u64, usize)> {
    let (mut at, mut index, mut last) = (frame::SEGMENT_HEADER, first, None);
    while let Some(header) = bytes.get(at..at + frame::FRAME_HEADER) {
        let length = u32::from_be_bytes(header[..4].try_into().ok()?) as usize;
        let number = u64::from_be_bytes(header[4..12].try_into().ok()?);
        if number != index || (length == 0 && header[12..].iter().all(|byte| *byte == 0)) {
            break;
        }
        if length == 0 {
            last = Some((index, at));
        } else {
            index += 1;
        }
        at += frame::FRAME_HEADER + length;
    }
    last
}

struct Careless(Bug);

struct CarelessFile {
    file: Box<dyn SegmentFile>,
    bug: Bug,
}

impl Careless {
    fn wrap(&self, file: Box<dyn SegmentFile>) -> Box<dyn SegmentFile> {
        Box::new(CarelessFile { file, bug: self.0 })
    }
}

impl SegmentStore for Careless {
    fn create(&mut self, path: &Path, header: &[u8]) -> io::Result<Box<dyn SegmentFile>> {
        if self.0 != Bug::NoFolderSync {
            return Ok(self.wrap(DiskStore::new(None).create(path, header)?));
        }
        let file = DiskFile::create_new(path, 0o600)?;
        file.write_all_at(header, 0)?;
        file.sync_all()?;
        Ok(self.wrap(DiskStore::new(None).resume(path, header.len() as u64)?))
    }

    fn resume(&mut self, path: &Path, offset: u64) -> io::Result<Box<dyn SegmentFile>> {
        Ok(self.wrap(DiskStore::new(None).resume(path, offset)?))
    }
}

impl SegmentFile for CarelessFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        match self.bug {
            Bug::AcknowledgeBeforeSync => Ok(()),
            Bug::IgnoreErrors => self.file.sync().or(Ok(())),
            _ => self.file.sync(),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.file.finish()
    }
}
