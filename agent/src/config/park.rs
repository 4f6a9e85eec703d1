//! `[park]`

use std::time::Duration;

use super::{ParkConfig, section::Section, value};

impl Default for ParkConfig {
    /// A lid that is closed for a talk; and no lock that is held for longer than people wait.
    fn default() -> Self {
        Self { limit: Duration::from_secs(15 * 60), in_transaction: Duration::from_secs(5 * 60) }
    }
}

pub(super) fn read(section: Option<Section<'_, '_>>) -> Option<ParkConfig> {
    let usual = ParkConfig::default();
    let Some(mut section) = section else { return Some(usual) };
    let limit = match section.string("limit") {
        Some(text) => section.accept(&text, value::park_limit(&text.value)),
        None => Some(usual.limit),
    };
    let in_transaction = match section.string("in_transaction") {
        Some(text) => {
            let checked = value::park_limit(&text.value).and_then(|asked| match limit {
                Some(limit) if asked > limit => Err("is longer than `limit`; make it shorter".to_owned()),
                _ => Ok(asked),
            });
            section.accept(&text, checked)
        }
        None => limit.map(|limit| usual.in_transaction.min(limit)),
    };
    section.finish();
    Some(ParkConfig { limit: limit?, in_transaction: in_transaction? })
}
