//! A sink gets entries again: the operator leaves a wish beside its cursor, and the agent takes it up, running or
//! at its next start.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::cursor::Cursor;
use crate::{
    config::{Config, SinkConfig},
    log::{Keep, PublicFolder, write_atomically},
};

/// Why a wish is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ResendError {
    #[error("there is no sink `{0}`; the configuration has {1}")]
    NoSink(String, String),
    #[error("entries before {0} are pruned")]
    Pruned(u64),
    #[error(
        "the sink `{name}` has not taken entry {from} yet: it comes to it by itself, and nothing is skipped"
    )]
    NotYet { name: String, from: u64 },
    #[error("the folder of the sinks: {0}")]
    Folder(#[from] io::Error),
}

/// Wishes that the sink `name` gets everything from the entry `from` on again. How many entries that is.
///
/// # Errors
/// There is no such sink, it has not come so far, or the entry is gone.
pub(crate) fn wish(config: &Config, name: &str, from: u64) -> Result<u64, ResendError> {
    if !config.log.sinks.iter().any(|sink| sink.name == name) {
        return Err(ResendError::NoSink(name.to_owned(), names(&config.log.sinks)));
    }
    let dir = config.state_dir.join("log");
    let first = PublicFolder::new(dir.join("public")).pruned_upto();
    if from < first {
        return Err(ResendError::Pruned(first));
    }
    let folder = dir.join("sinks");
    let next = Cursor::open(&folder, name)?.next();
    if from >= next {
        return Err(ResendError::NotYet { name: name.to_owned(), from });
    }
    write_atomically(&path(&folder, name), format!("{from}\n").as_bytes(), Keep::Durable)?;
    Ok(next - from)
}

fn names(sinks: &[SinkConfig]) -> String {
    match sinks {
        [] => "none".to_owned(),
        sinks => sinks.iter().map(|sink| format!("`{}`", sink.name)).collect::<Vec<_>>().join(", "),
    }
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.resend"))
}

/// The wish that is there, if any. One that cannot be read is none.
pub(super) fn wished(folder: &Path, name: &str) -> Option<u64> {
    std::fs::read_to_string(path(folder, name)).ok()?.trim().parse().ok()
}

/// It was done.
pub(super) fn done(folder: &Path, name: &str) -> io::Result<()> {
    std::fs::remove_file(path(folder, name))
}
