//! `mode` of `[log]`, and how much a loss of power may take.

use std::time::Duration;

use super::section::Section;
use crate::log::Mode;

/// Longest time, in milliseconds, and most entries that may wait for their sync.
const MOST_MILLISECONDS: u32 = 5_000;
const MOST_ENTRIES: u32 = 100_000;
/// Where the configuration says neither.
const MILLISECONDS: u32 = 100;
const ENTRIES: u32 = 1_000;

pub(super) fn read(section: &mut Section<'_, '_>) -> Option<Mode> {
    let named = section.string("mode");
    let (every, entries) = (section.number("batch_ms")?, section.number("batch_entries")?);
    let is_batch = match named.as_ref().map(|mode| mode.value.as_str()) {
        None | Some("strict") => false,
        Some("batch") => true,
        Some(_) => {
            section.wrong("mode", "must be `strict` or `batch`");
            return None;
        }
    };
    if !is_batch {
        let extra = [("batch_ms", every), ("batch_entries", entries)];
        let extra: Vec<&str> =
            extra.iter().filter(|(_, given)| given.is_some()).map(|(key, _)| *key).collect();
        extra.iter().for_each(|key| section.wrong(key, "belongs to `mode = \"batch\"`, which is not set"));
        return extra.is_empty().then_some(Mode::Strict);
    }
    let within = |key: &str, given: Option<u32>, usual: u32, most: u32| match given.unwrap_or(usual) {
        number if (1..=most).contains(&number) => Some(number),
        _ => {
            section.wrong(key, &format!("must be between 1 and {most}"));
            None
        }
    };
    let every = within("batch_ms", every, MILLISECONDS, MOST_MILLISECONDS);
    let entries = within("batch_entries", entries, ENTRIES, MOST_ENTRIES);
    Some(Mode::Batch { every: Duration::from_millis(every?.into()), entries: entries?.into() })
}
