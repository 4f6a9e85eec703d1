//! Into a file, one JSON object a line, on stable storage before it counts as taken.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use super::{Event, Undelivered};

/// Appends a batch. The file is opened for each, so that it can be moved away at any time.
pub(super) fn deliver(path: &Path, batch: &[Event]) -> Result<(), Undelivered> {
    append(path, batch).map_err(|error| {
        tracing::debug!(%error, "a file of events cannot be written");
        match error.kind() {
            io::ErrorKind::StorageFull => Undelivered::NotNow("disk_full"),
            io::ErrorKind::PermissionDenied => Undelivered::NotNow("permission_denied"),
            _ => Undelivered::NotNow("unwritable"),
        }
    })
}

fn append(path: &Path, batch: &[Event]) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let before = file.metadata()?.len();
    let lines: String = batch.iter().flat_map(|event| [event.json.as_str(), "\n"]).collect();
    let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line would make the next one unreadable. Where this fails, too, a reader sees it.
        let _half = file.set_len(before);
    }
    written
}
