//! Into a file, one JSON object a line, on stable storage before it counts as taken.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
};

use super::{Event, Undelivered};

/// How much is looked at once for the end of a line.
const WINDOW: usize = 4096;

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
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    cut_half_line(&file)?;
    let before = file.metadata()?.len();
    let lines: String = batch.iter().flat_map(|event| [event.json.as_str(), "\n"]).collect();
    let written = file.write_all(lines.as_bytes()).and_then(|()| file.sync_data());
    if written.is_err() {
        // Half a line would make the next one unreadable. Where this fails, too, a reader sees it.
        let _half = file.set_len(before);
    }
    written
}

/// What a stop in the middle of a write has left: its batch did not count, and comes again.
fn cut_half_line(file: &File) -> io::Result<()> {
    let mut end = file.metadata()?.len();
    let mut window = vec![0; WINDOW];
    let length = end;
    while end > 0 {
        let start = end.saturating_sub(WINDOW as u64);
        let part = window.get_mut(..usize::try_from(end - start).unwrap_or(0)).unwrap_or_default();
        file.read_exact_at(part, start)?;
        if let Some(last) = part.iter().rposition(|byte| *byte == b'\n') {
            end = start + last as u64 + 1;
            break;
        }
        end = start;
    }
    if end < length { file.set_len(end) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_line_that_a_crash_has_left_does_not_spoil_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("events.jsonl");
        let event = |index: u64| Event {
            index,
            time: 1,
            kind: "heartbeat",
            json: format!("{{\"n\":{index}}}"),
            tells_of_loss: false,
        };
        for left in ["", "{\"n\":1", &"x".repeat(3 * WINDOW)] {
            std::fs::write(&path, format!("{{\"n\":0}}\n{left}")).expect("written");
            assert_eq!(deliver(&path, &[event(1)]), Ok(()));
            assert_eq!(std::fs::read_to_string(&path).expect("text"), "{\"n\":0}\n{\"n\":1}\n");
        }
        std::fs::write(&path, "{\"n\"").expect("written");
        assert_eq!(deliver(&path, &[event(0)]), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).expect("text"), "{\"n\":0}\n");
    }
}
