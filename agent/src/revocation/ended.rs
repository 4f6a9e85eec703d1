//! The keys whose sessions were cut, and when: what they had until then, and had handed on, is worth nothing. It
//! is kept in `ended.json` of the state folder, so that a restart brings none of it back.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use crate::log::{Keep, write_atomically};

/// How long a key that was cut is remembered: no grant that it had or handed on lasts so long.
const MEMORY: u64 = 24 * 60 * 60;

#[derive(Debug)]
pub(super) struct Ended {
    path: PathBuf,
    /// Thumbprint and moment, in seconds since 1970-01-01T00:00:00Z.
    keys: Mutex<HashMap<String, u64>>,
    /// Since when it is known for certain which keys were cut.
    begun: u64,
}

impl Ended {
    /// # Errors
    /// The file is damaged: nobody could say which grants are over.
    pub(super) fn open(path: PathBuf, now: u64) -> Result<Self, String> {
        let mut keys: HashMap<String, u64> = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
                format!("`{}` says which sessions were cut and cannot be read ({error}); restore it, or remove it once the grants of before are over", path.display())
            })?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => HashMap::new(),
            Err(error) => return Err(format!("`{}` cannot be read: {error}", path.display())),
        };
        keys.retain(|_, moment| is_remembered(*moment, now));
        Ok(Self { path, keys: Mutex::new(keys), begun: now })
    }

    /// Whether a session of this key was cut since then.
    pub(super) fn has(&self, key: &str, since: u64) -> bool {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(key).is_some_and(|moment| since <= *moment)
    }

    /// The same of any of these, who have handed something on. What is from before the agent started counts as
    /// cut, for its giver may have ended with the agent: another part is asked for, and its giver is there to ask
    /// or is not.
    pub(super) fn has_giver<'k>(&self, mut keys: impl Iterator<Item = &'k str>, since: u64) -> bool {
        keys.any(|key| since < self.begun || self.has(key, since))
    }

    /// From now on; [`Self::keep`] makes it outlive the agent.
    pub(super) fn add(&self, key: &str, now: u64) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.retain(|_, moment| is_remembered(*moment, now));
        keys.insert(key.to_owned(), now);
    }

    /// Writes it down. What cannot be written is in force as long as the agent runs.
    pub(super) fn keep(&self) {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_vec(&*keys)
            .map_err(std::io::Error::other)
            .and_then(|bytes| write_atomically(&self.path, &bytes, Keep::Durable));
        if let Err(error) = written {
            tracing::warn!(%error, "which sessions were cut cannot be kept; a restart would forget it");
        }
    }
}

const fn is_remembered(moment: u64, now: u64) -> bool {
    moment.saturating_add(MEMORY) > now
}
