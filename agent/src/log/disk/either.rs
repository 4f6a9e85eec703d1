//! In the log's own tests: by the path, the operating system's or a simulated one.

use std::{io, path::Path};

use super::{
    real,
    simulated::{self, SimulatedFile},
};

#[derive(Debug)]
pub(in crate::log) enum DiskFile {
    Real(real::DiskFile),
    Simulated(SimulatedFile),
}

impl DiskFile {
    fn either(
        path: &Path,
        on_real: impl FnOnce() -> io::Result<real::DiskFile>,
        on_simulated: impl FnOnce(&simulated::Disk) -> io::Result<SimulatedFile>,
    ) -> io::Result<Self> {
        match simulated::Disk::of(path) {
            Some(disk) => on_simulated(&disk).map(Self::Simulated),
            None => on_real().map(Self::Real),
        }
    }

    pub(in crate::log) fn open(path: &Path) -> io::Result<Self> {
        Self::either(path, || real::DiskFile::open(path), |disk| disk.open(path))
    }

    pub(in crate::log) fn open_to_write(path: &Path) -> io::Result<Self> {
        Self::either(path, || real::DiskFile::open_to_write(path), |disk| disk.open(path))
    }

    pub(in crate::log) fn create_new(path: &Path, mode: u32) -> io::Result<Self> {
        Self::either(path, || real::DiskFile::create_new(path, mode), |disk| disk.create(path, true))
    }

    pub(in crate::log) fn create(path: &Path, mode: u32) -> io::Result<Self> {
        Self::either(path, || real::DiskFile::create(path, mode), |disk| disk.create(path, false))
    }

    pub(in crate::log) fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Real(file) => file.read_at(buffer, offset),
            Self::Simulated(file) => file.read_at(buffer, offset),
        }
    }

    pub(in crate::log) fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.write_all_at(bytes, offset),
            Self::Simulated(file) => file.write_all_at(bytes, offset),
        }
    }

    pub(in crate::log) fn length(&self) -> io::Result<u64> {
        match self {
            Self::Real(file) => file.length(),
            Self::Simulated(file) => file.length(),
        }
    }

    pub(in crate::log) fn mode(&self) -> io::Result<u32> {
        match self {
            Self::Real(file) => file.mode(),
            Self::Simulated(_) => Ok(0o600),
        }
    }

    pub(in crate::log) fn set_length(&self, length: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.set_length(length),
            Self::Simulated(file) => file.set_length(length),
        }
    }

    pub(in crate::log) fn set_aside(&self, offset: u64, length: u64) -> io::Result<()> {
        match self {
            Self::Real(file) => file.set_aside(offset, length),
            Self::Simulated(file) => file.set_aside(offset, length),
        }
    }

    pub(in crate::log) fn sync_data(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_data(),
            Self::Simulated(file) => file.sync(),
        }
    }

    pub(in crate::log) fn sync_all(&self) -> io::Result<()> {
        match self {
            Self::Real(file) => file.sync_all(),
            Self::Simulated(file) => file.sync(),
        }
    }
}

pub(in crate::log) fn sync_folder(folder: &Path) -> io::Result<()> {
    simulated::Disk::of(folder).map_or_else(|| real::sync_folder(folder), |disk| disk.sync_folder(folder))
}

pub(in crate::log) fn create_folders(folder: &Path, mode: u32) -> io::Result<()> {
    let disk = simulated::Disk::of(folder);
    disk.map_or_else(|| real::create_folders(folder, mode), |disk| disk.create_folders(folder))
}

pub(in crate::log) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    simulated::Disk::of(from).map_or_else(|| real::rename(from, to), |disk| disk.rename(from, to))
}

pub(in crate::log) fn remove_file(path: &Path) -> io::Result<()> {
    simulated::Disk::of(path).map_or_else(|| real::remove_file(path), |disk| disk.remove_file(path))
}

pub(in crate::log) fn remove_folder(path: &Path) -> io::Result<()> {
    simulated::Disk::of(path).map_or_else(|| real::remove_folder(path), |disk| disk.remove_folder(path))
}

pub(in crate::log) fn names(folder: &Path) -> io::Result<Vec<String>> {
    simulated::Disk::of(folder).map_or_else(|| real::names(folder), |disk| disk.names(folder))
}
