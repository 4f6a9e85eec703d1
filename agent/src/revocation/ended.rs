//! The keys whose sessions were cut, and when: what they had until then, and had handed on, is worth nothing. It
//! is kept in `ended.json` of the state folder, so that a restart brings none of it back.

use std::{
    collections::HashMap,
    path::PathBuf,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::kept::Kept;

/// How long a key that was cut is remembered: no grant that it had or handed on lasts so long.
const MEMORY: u64 = 24 * 60 * 60;
/// Most keys that are remembered. Beyond it the oldest are put together under [`ALL`].
const MAX_ENDED: usize = 20_000;
/// Stands for every key: no thumbprint is written so.
const ALL: &str = "*";

#[derive(Debug)]
pub(super) struct Ended {
    kept: Kept,
    /// Thumbprint and moment, in seconds since 1970-01-01T00:00:00Z.
    keys: Mutex<HashMap<String, u64>>,
    /// Since when it is known for certain which keys were cut.
    begun: u64,
}

impl Ended {
    /// # Errors
    /// The file is damaged: nobody could say which grants are over.
    pub(super) fn open(path: PathBuf, now: u64) -> Result<Self, String> {
        let kept = Kept::new(path);
        let remedy = "restore it, or remove it once the grants of before are over";
        let mut keys = kept.read("which sessions were cut", remedy)?;
        make_room(&mut keys, MAX_ENDED, now);
        Ok(Self { kept, keys: Mutex::new(keys), begun: now })
    }

    /// Whether a session of this key was cut since then.
    pub(super) fn has(&self, key: &str, since: u64) -> bool {
        let keys = self.keys();
        [key, ALL].iter().any(|key| keys.get(*key).is_some_and(|moment| since <= *moment))
    }

    /// The same of any of these, who have handed something on. What is from before the agent started counts as
    /// cut, for its giver may have ended with the agent: another part is asked for, and its giver is there to ask
    /// or is not.
    pub(super) fn has_giver<'k>(&self, mut keys: impl Iterator<Item = &'k str>, since: u64) -> bool {
        keys.any(|key| since < self.begun || self.has(key, since))
    }

    /// From now on; [`Self::keep`] makes it outlive the agent.
    pub(super) fn add(&self, key: &str, now: u64) {
        self.keys().insert(key.to_owned(), now);
    }

    /// Writes it down. What cannot be written is in force as long as the agent runs.
    pub(super) fn keep(&self, now: u64) {
        make_room(&mut self.keys(), MAX_ENDED, now);
        if let Err(error) = self.kept.write(&self.keys) {
            tracing::warn!(%error, "which sessions were cut cannot be kept; a restart would forget it");
        }
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<String, u64>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what no grant is of any more. Where that leaves more than `most`, the older half counts for every key:
/// a grant of so long ago is asked for anew, and none that was cut comes back.
fn make_room(keys: &mut HashMap<String, u64>, most: usize, now: u64) {
    keys.retain(|_, moment| is_remembered(*moment, now));
    if keys.len() <= most {
        return;
    }
    let mut moments: Vec<u64> = keys.values().copied().collect();
    let middle = moments.len() / 2;
    let (_, until, _) = moments.select_nth_unstable(middle);
    let until = keys.get(ALL).map_or(*until, |known| *known.max(until));
    keys.retain(|_, moment| *moment > until);
    keys.insert(ALL.to_owned(), until);
}

const fn is_remembered(moment: u64, now: u64) -> bool {
    moment.saturating_add(MEMORY) > now
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_800_000_000;

    #[test]
    fn keys_for_which_there_is_no_room_stay_cut_with_all_of_their_time() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("ended.json");
        let ended = Ended::open(path.clone(), NOW).expect("opened");
        for number in 0..10 {
            ended.add(&format!("k{number}"), NOW + number);
        }
        make_room(&mut ended.keys(), 10, NOW + 10);
        assert_eq!(ended.keys().len(), 10, "there is room");
        make_room(&mut ended.keys(), 9, NOW + 10);
        assert_eq!(ended.keys().len(), 5, "four, and what stands for six");
        ended.keep(NOW + 10);
        for ended in [ended, Ended::open(path, NOW + 10).expect("opened")] {
            assert!((0..10).all(|number| ended.has(&format!("k{number}"), NOW + number)), "all are cut");
            assert!(ended.has("other", NOW + 5) && !ended.has("other", NOW + 6));
            assert!(!ended.has("k9", NOW + 10), "what was issued after its cut");
        }
    }
}
