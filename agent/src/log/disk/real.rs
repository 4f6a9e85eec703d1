//! The operating system's.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::{FallocateFlags, fallocate};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// An open file. Nothing has a position: every read and write says where.
#[derive(Debug)]
pub(in crate::log) struct DiskFile(File);

impl DiskFile {
    /// To read.
    pub(in crate::log) fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(Self)
    }

    /// To read and write what is there.
    pub(in crate::log) fn open_to_write(path: &Path) -> io::Result<Self> {
        OpenOptions::new().read(true).write(true).open(path).map(Self)
    }

    /// A file that must not be there yet.
    pub(in crate::log) fn create_new(path: &Path, mode: u32) -> io::Result<Self> {
        OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map(Self)
    }

    /// An empty file, whatever was there.
    pub(in crate::log) fn create(path: &Path, mode: u32) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).map(Self)
    }

    /// As [`FileExt::read_at`].
    pub(in crate::log) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    /// Writes all of it, or fails somewhere in it.
    pub(in crate::log) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    pub(in crate::log) fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    /// Its permission bits.
    pub(in crate::log) fn mode(&self) -> io::Result<u32> {
        Ok(self.0.metadata()?.permissions().mode())
    }

    pub(in crate::log) fn set_length(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    /// Sets space aside, which reads as zeros: promised first, so that a full disk shows before anything is
    /// written, and then written, so that the next sync is the last one that has to say where it lies.
    pub(in crate::log) fn set_aside(&self, offset: u64, length: u64) -> io::Result<()> {
        fallocate(&self.0, FallocateFlags::empty(), offset, length)?;
        let end = offset + length;
        for at in (offset..end).step_by(ZEROS.len()) {
            let zeros = usize::try_from(end - at).map_or(ZEROS.len(), |left| left.min(ZEROS.len()));
            self.write_all_at(&ZEROS[..zeros], at)?;
        }
        Ok(())
    }

    /// What was written, and the length that it needs.
    pub(in crate::log) fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    /// Everything about the file but its name.
    pub(in crate::log) fn sync_all(&self) -> io::Result<()> {
        self.0.sync_all()
    }
}

/// Makes the entries of a folder durable: names of files that were created, renamed or removed in it.
pub(in crate::log) fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Makes a folder and those above it, for their owner only if the mode says so.
pub(in crate::log) fn create_folders(folder: &Path, mode: u32) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(folder)
}

pub(in crate::log) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

pub(in crate::log) fn remove_file(path: &Path) -> io::Result<()> {
    fs::remove_file(path)
}

/// With all that is in it.
pub(in crate::log) fn remove_folder(path: &Path) -> io::Result<()> {
    fs::remove_dir_all(path)
}

/// Names of what is in a folder, those that are text.
pub(in crate::log) fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in fs::read_dir(folder)? {
        names.extend(file?.file_name().into_string());
    }
    Ok(names)
}
