//! `[[log.witness]]`, and how many of them must cosign.

use std::time::Duration;

use connect_shared::proof::cosignature::WitnessKey;
use reqwest::Url;

use super::section::{Located, Section};

/// How long cosignatures may be late, where nothing is said.
const USUAL_AGE: Duration = Duration::from_secs(300);
/// Most witnesses of one log.
const MAX_WITNESSES: usize = 16;

/// One witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessConfig {
    /// Where `/add-checkpoint` is below.
    pub url: String,
    pub key: WitnessKey,
}

/// All of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessRules {
    pub witnesses: Vec<WitnessConfig>,
    /// So many must have cosigned lately, or nothing begins.
    pub required: usize,
    /// How late cosignatures may be.
    pub age: Duration,
}

impl Default for WitnessRules {
    fn default() -> Self {
        Self { witnesses: Vec::new(), required: 0, age: USUAL_AGE }
    }
}

/// What `[log]` says about witnesses.
pub(super) fn read(section: &mut Section<'_, '_>) -> Option<WitnessRules> {
    let required = section.number("require_witness");
    let age = match section.string("witness_age") {
        Some(text) => section.accept(&text, duration(&text.value)),
        None => Some(USUAL_AGE),
    };
    let read: Vec<Option<WitnessConfig>> = section.sections("witness").into_iter().map(read_one).collect();
    let witnesses: Vec<WitnessConfig> = read.into_iter().collect::<Option<_>>()?;
    if witnesses.len() > MAX_WITNESSES {
        section.wrong("witness", &format!("there are more than {MAX_WITNESSES} witnesses"));
        return None;
    }
    let names: std::collections::BTreeSet<&str> =
        witnesses.iter().map(|witness| witness.key.name()).collect();
    if names.len() != witnesses.len() {
        section.wrong("witness", "two witnesses have one name; each counts once");
        return None;
    }
    let required = usize::try_from(required?.unwrap_or(0)).unwrap_or(usize::MAX);
    if required > witnesses.len() {
        let words =
            format!("asks for {required} witnesses, and {} are named in `[[log.witness]]`", witnesses.len());
        section.wrong("require_witness", &words);
        return None;
    }
    Some(WitnessRules { witnesses, required, age: age? })
}

fn read_one(mut section: Section<'_, '_>) -> Option<WitnessConfig> {
    let url = section.required_string("url", "https://witness.example.com");
    let url = url.filter(|url: &Located<String>| section.check(url, check_url(&url.value)));
    let key = section.required_string("key", "witness.example.com/one+1d6d4f26+BD…");
    let key = key.and_then(|key| {
        let read = key.value.parse::<WitnessKey>();
        section.accept(
            &key,
            read.map_err(|error| {
                format!("is no key of a witness: {error}; `connect-agent witness` prints its own")
            }),
        )
    });
    section.finish();
    Some(WitnessConfig { url: url?.value, key: key? })
}

/// A cosignature proves itself, so plain HTTP is as good as any.
fn check_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| {
        format!("`{text}` is not a URL ({error}); for example `https://witness.example.com`")
    })?;
    let plain = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if matches!(url.scheme(), "http" | "https") && url.has_host() && plain {
        return Ok(());
    }
    Err("must be an http or https URL without user name, `?` and `#`".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).unwrap_or(("", ""));
    let seconds = match (number.parse::<u32>(), unit) {
        (Ok(number), "s") => u64::from(number),
        (Ok(number), "m") => u64::from(number) * 60,
        (Ok(number), "h") => u64::from(number) * 3_600,
        _ => 0,
    };
    if (1..=86_400).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(format!("`{text}` is not a time between `1s` and `24h`; the usual is `5m`"))
}
