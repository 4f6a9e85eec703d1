//! Space that is kept for the end: when the disk is full, what runs can still be closed in the log, and
//! nothing new begins until there is space again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::fs::{FallocateFlags, fallocate, statvfs};

use super::Gate;

/// How much is kept: several times what segments set aside at once.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// A tenth of the disk must be free for new sessions, but no more than this: a tenth of a large one is for
/// somebody else to worry about.
const SCARCE_BYTES: u64 = 256 * 1024 * 1024;

/// The file that keeps the space.
#[derive(Debug)]
pub(in crate::log) struct Reserve {
    path: PathBuf,
    gate: Arc<Gate>,
}

impl Reserve {
    pub(super) fn new(dir: &Path, gate: Arc<Gate>) -> Self {
        Self { path: dir.join("reserve"), gate }
    }

    /// Gives the space to whoever needs it now; nothing new begins from here on.
    pub(super) fn release(&self) {
        self.gate.set_reserve_used(true);
        match fs::remove_file(&self.path) {
            Ok(()) => {
                tracing::error!("the disk of the log is full: its reserve is in use, and nothing new begins")
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::error!(%error, "the reserve cannot be released"),
        }
    }

    /// Takes the space again if there is some, and says whether the disk is nearly full.
    pub(super) fn look(&self) {
        let there = fs::metadata(&self.path).is_ok_and(|file| file.len() >= RESERVE_BYTES);
        let kept = there || self.take().is_ok();
        if kept == self.gate.is_reserve_used() {
            self.gate.set_reserve_used(!kept);
            if kept {
                tracing::warn!("the log has its reserve again: statements may begin");
            } else {
                tracing::error!("there is no space for the log's reserve: nothing new begins");
            }
        }
        if let Some(folder) = self.path.parent()
            && let Ok(disk) = statvfs(folder)
        {
            let (all, free) = (disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize);
            // Its own reserve does not make it scarce.
            self.gate.set_scarce(free < (all / 10).min(SCARCE_BYTES));
        }
    }

    fn take(&self) -> io::Result<()> {
        let file = File::options().write(true).create(true).truncate(false).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, RESERVE_BYTES) {
            Ok(()) => file.sync_all(),
            // Where space cannot be set aside there is no reserve, and none that could be missed.
            Err(rustix::io::Errno::OPNOTSUPP) => file.set_len(RESERVE_BYTES),
            Err(error) => {
                // A part of the reserve would be in the way of what needs it.
                let _gone = fs::remove_file(&self.path);
                Err(error.into())
            }
        }
    }
}
