//! The way back from a statement to its text.

use std::{
    fs::File,
    io::{self, BufReader, Read as _},
    path::Path,
};

use connect_core::machine::ExactText;
use connect_shared::ids::{ConnectionId, StatementId};

use super::{
    keyring::{self, Wrapping},
    sealed::{self, Head},
    writer::{FILE_TIME, KEYS, files},
};

/// How long behind its entry a text may be written, in milliseconds, and how far clocks may be apart.
const APART: u64 = 60 * 60 * 1_000;

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sealed {
    pub(crate) statement: StatementId,
    pub(crate) connection: ConnectionId,
    /// When its INTENT or denial was written, in milliseconds since 1970.
    pub(crate) time: u64,
}

/// What there is of it.
#[derive(Debug)]
pub(crate) enum Found {
    Text(ExactText),
    /// Its key was erased.
    Erased,
    /// It was never kept, or was removed.
    Nothing,
}

/// Looks through the files of that time.
pub(super) fn find(folder: &Path, wrapping: &Wrapping, wanted: &Sealed) -> io::Result<Found> {
    let files = files(folder)?;
    let fits = |begun: u64| {
        begun <= wanted.time.saturating_add(APART) && begun.saturating_add(FILE_TIME + APART) >= wanted.time
    };
    for (_, path) in files.iter().rev().filter(|(begun, _)| fits(*begun)) {
        let Some((head, bytes)) = look(path, wanted)? else { continue };
        let key = keyring::find(&folder.join(KEYS), wrapping, (head.connection, head.begun))?;
        let Some(key) = key else { return Ok(Found::Erased) };
        return sealed::open((&key, wrapping), &head, bytes).map(Found::Text).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "a sealed text is not as it was written")
        });
    }
    Ok(Found::Nothing)
}

fn look(path: &Path, wanted: &Sealed) -> io::Result<Option<(Head, Vec<u8>)>> {
    let file = match File::open(path) {
        // It was old enough to be removed meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let mut reader = BufReader::with_capacity(256 * 1024, file);
    while let Some((head, length)) = Head::next(&mut reader)? {
        if (head.statement, head.connection) == (wanted.statement, wanted.connection) {
            let mut bytes = vec![0; length];
            return match reader.read_exact(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                other => other.map(|()| Some((head, bytes))),
            };
        }
        reader.seek_relative(i64::try_from(length).unwrap_or(i64::MAX))?;
    }
    Ok(None)
}
