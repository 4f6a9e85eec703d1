//! How far a sink has taken the log. Durable before the next batch is sent.

use std::{
    io,
    path::{Path, PathBuf},
};

use crate::log::{Keep, write_atomically};

/// The cursor of one sink.
#[derive(Debug)]
pub(super) struct Cursor {
    path: PathBuf,
    next: u64,
}

impl Cursor {
    /// Of the sink `name`; a new one begins with the log.
    pub(super) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        let path = folder.join(format!("{name}.cursor"));
        let next = match std::fs::read_to_string(&path) {
            // A cursor that cannot be read must not skip anything.
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { path, next })
    }

    /// Index of the next entry.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    /// Everything before `next` was taken.
    pub(super) fn advance(&mut self, next: u64) -> io::Result<()> {
        write_atomically(&self.path, format!("{next}\n").as_bytes(), Keep::Durable)?;
        self.next = next;
        Ok(())
    }
}
