//! How long entries of the log are kept: `keep` in `[log]`, and the same words on a command line.

use std::time::Duration;

use super::LogConfig;

/// A rule for keeping entries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// As it was written.
    pub name: String,
    pub time: Duration,
}

/// Why nothing is pruned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeepError {
    #[error("nothing says how long entries are kept, so all are")]
    NoRule,
    #[error(
        "`--keep {asked}` is shorter than the configuration keeps entries: `keep = \"{configured}\"` in `[log]`"
    )]
    Shorter { asked: String, configured: String },
}

impl LogConfig {
    /// The rule by which entries go: what is asked for, but nothing that the configuration keeps. Whoever may
    /// only give a command must not be able to remove what whoever wrote the configuration has to keep.
    ///
    /// # Errors
    /// There is no rule, or what is asked for is shorter than the configuration's.
    pub(crate) fn rule(&self, asked: Option<Retention>) -> Result<Retention, KeepError> {
        match (asked, &self.keep) {
            (Some(asked), Some(least)) if asked.time < least.time => {
                Err(KeepError::Shorter { asked: asked.name, configured: least.name.clone() })
            }
            (Some(asked), _) => Ok(asked),
            (None, Some(configured)) => Ok(configured.clone()),
            (None, None) => Err(KeepError::NoRule),
        }
    }
}

/// `400d`, or the name of a rule that others have set: for how long entries are kept.
pub(crate) fn retention(text: &str) -> Result<Retention, String> {
    const DAY: u64 = 24 * 60 * 60;
    let days = match text {
        // PCI DSS v4 10.5.1: twelve months.
        "pci-dss" => Some(366),
        // HIPAA, 45 CFR 164.316(b)(2): six years.
        "hipaa" => Some(6 * 366),
        // Sarbanes-Oxley, 17 CFR 210.2-06: seven years.
        "sox" => Some(7 * 366),
        other => other.strip_suffix('d').and_then(|days| days.parse::<u64>().ok()),
    };
    let days = days.filter(|days| (0..=36_500).contains(days));
    let time = days.map(|days| Duration::from_secs(days * DAY));
    time.map(|time| Retention { name: text.to_owned(), time }).ok_or_else(|| {
        "must be `pci-dss` (a year), `hipaa` (six years), `sox` (seven years), or `1d` to `36500d`".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{AccessList, WitnessRules};

    fn rule(configured: Option<&str>, asked: Option<&str>) -> Result<String, String> {
        let read = |text: &str| retention(text).expect("a rule");
        let config = LogConfig {
            origin: "connect.local/test".to_owned(),
            auditors: AccessList::default(),
            witnesses: WitnessRules::default(),
            sinks: Vec::new(),
            keep: configured.map(read),
            mode: crate::log::Mode::Strict,
            texts: None,
            text_readers: AccessList::default(),
        };
        config.rule(asked.map(read)).map(|rule| rule.name).map_err(|error| error.to_string())
    }

    #[test]
    fn a_command_keeps_entries_longer_than_the_configuration_and_never_shorter() {
        assert_eq!(rule(Some("400d"), None).as_deref(), Ok("400d"));
        assert_eq!(rule(Some("400d"), Some("400d")).as_deref(), Ok("400d"));
        assert_eq!(rule(Some("400d"), Some("hipaa")).as_deref(), Ok("hipaa"));
        for (configured, asked) in [("400d", "0d"), ("400d", "399d"), ("400d", "pci-dss"), ("1d", "0d")] {
            let words = rule(Some(configured), Some(asked)).expect_err("refused");
            assert!(words.contains(&format!("`--keep {asked}`")), "{words}");
            assert!(words.contains(&format!("`keep = \"{configured}\"`")), "{words}");
        }
    }

    #[test]
    fn where_the_configuration_has_no_rule_the_command_says_it_or_nothing_goes() {
        assert_eq!(rule(None, Some("0d")).as_deref(), Ok("0d"));
        assert!(rule(None, None).is_err());
    }
}
