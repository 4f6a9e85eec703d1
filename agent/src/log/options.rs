//! What can be set about a log.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::mode::Mode;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub(super) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a log is opened.
#[derive(Clone)]
pub(crate) struct LogOptions {
    /// Identity of the log, and name of its key: no spaces, no `+`.
    pub(crate) origin: String,
    /// Folder of `log.key`.
    pub(crate) keys: PathBuf,
    /// A segment that has reached this is followed by a new one.
    pub(crate) segment_bytes: u64,
    /// Most bytes that wait for the disk. Over it, appends are refused.
    pub(crate) pending_bytes: usize,
    /// A checkpoint is signed at latest so long after an entry has become durable …
    pub(crate) checkpoint_every: Duration,
    /// … or as soon as so many entries are not under one.
    pub(crate) checkpoint_entries: u64,
    /// A heartbeat is written after so long without an entry.
    pub(crate) heartbeat_every: Duration,
    /// What a loss of power may take.
    pub(crate) mode: Mode,
    /// Ended statements that can be found by their id.
    pub(crate) indexed_statements: usize,
    pub(super) clock: Clock,
}

impl LogOptions {
    /// The log of this origin, with its key in the folder `keys`.
    pub(crate) fn new(origin: impl Into<String>, keys: impl Into<PathBuf>) -> Self {
        Self {
            origin: origin.into(),
            keys: keys.into(),
            segment_bytes: 64 * 1024 * 1024,
            pending_bytes: 64 * 1024 * 1024,
            checkpoint_every: Duration::from_secs(1),
            checkpoint_entries: 4096,
            heartbeat_every: Duration::from_secs(60),
            mode: Mode::Strict,
            indexed_statements: 65_536,
            clock: Arc::new(system_milliseconds),
        }
    }
}

impl fmt::Debug for LogOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogOptions")
            .field("origin", &self.origin)
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

fn system_milliseconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
