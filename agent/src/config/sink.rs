//! `[[log.sink]]`: where events go to.

use std::{path::PathBuf, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Url;

use super::{
    Surroundings, identity,
    nats::{self, NatsConfig},
    secret,
    section::{Located, Section},
    value,
};
use crate::upstream::Secret;

/// Where a sink's events may go to: one of these.
const PLACES: [&str; 7] = ["file", "webhook", "syslog", "otlp", "splunk", "nats", "openlineage"];
/// A file with a token, or a variable.
const TOKEN: [&str; 2] = ["token_file", "token_env"];
/// How often a sink is told what it was given, unless it says otherwise.
const SUMMARY: Duration = Duration::from_secs(300);
/// Most sinks of one log.
const MAX_SINKS: usize = 16;

/// One sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SinkConfig {
    /// Names its cursor: under another name everything is sent again.
    pub name: String,
    pub format: SinkFormat,
    pub target: SinkTarget,
    /// How often it is told what it was given since the last time. `None`: never.
    pub summary: Option<Duration>,
}

/// How an entry reads there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkFormat {
    /// OCSF 1.8.
    Ocsf,
    /// The leaf with its index.
    Entries,
    /// OpenLineage 2-0-2, of statements and runs.
    OpenLineage(EventsOf),
}

/// What has OpenLineage events of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventsOf {
    /// Each statement, and the end of each run.
    Statements,
    /// Each run as a whole, and statements that belong to none.
    Runs,
}

/// Where it goes to.
#[derive(Clone, PartialEq, Eq)]
pub enum SinkTarget {
    /// One JSON object a line.
    File(PathBuf),
    /// Standard Webhooks.
    Webhook { url: String, secret: Vec<u8> },
    /// OTLP over HTTP.
    Otlp { url: String, token: Option<Secret> },
    /// Splunk's HTTP event collector.
    Splunk { url: String, token: Secret },
    /// RFC 5424 over TLS.
    Syslog { address: (String, u16), ca_file: Option<PathBuf> },
    /// A stream of NATS.
    Nats(Box<NatsConfig>),
    /// A receiver of OpenLineage's own.
    OpenLineage { url: String, token: Option<Secret> },
}

impl std::fmt::Debug for SinkTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
            Self::Syslog { address, .. } => f.debug_tuple("Syslog").field(address).finish(),
            Self::Otlp { url, .. } => f.debug_struct("Otlp").field("url", url).finish_non_exhaustive(),
            Self::Splunk { url, .. } => f.debug_struct("Splunk").field("url", url).finish_non_exhaustive(),
            Self::Nats(nats) => f.debug_struct("Nats").field("url", &nats.url).finish_non_exhaustive(),
            // Its secret is nobody's business.
            Self::Webhook { url, .. } => f.debug_struct("Webhook").field("url", url).finish_non_exhaustive(),
            Self::OpenLineage { url, .. } => {
                f.debug_struct("OpenLineage").field("url", url).finish_non_exhaustive()
            }
        }
    }
}

pub(super) fn read(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Vec<SinkConfig>> {
    let read: Vec<Option<SinkConfig>> =
        section.sections("sink").into_iter().map(|sink| read_one(sink, around)).collect();
    let sinks: Vec<SinkConfig> = read.into_iter().collect::<Option<_>>()?;
    let names: std::collections::BTreeSet<&str> = sinks.iter().map(|sink| sink.name.as_str()).collect();
    if names.len() != sinks.len() {
        section.wrong("sink", "two sinks have one name; each needs a cursor of its own");
        return None;
    }
    if sinks.len() > MAX_SINKS {
        section.wrong("sink", &format!("there are more than {MAX_SINKS} sinks"));
        return None;
    }
    Some(sinks)
}

fn read_one(mut section: Section<'_, '_>, around: &Surroundings<'_>) -> Option<SinkConfig> {
    let name = section.required_string("name", "archive");
    let name = name.filter(|name: &Located<String>| section.check(name, value::name(&name.value)));
    let said = section.string("format");
    let format = said.as_ref().and_then(|text| section.accept(text, format(&text.value)));
    let given = PLACES.map(|place| section.string(place).map(|value| (place, value)));
    let mut given = given.into_iter().flatten();
    let (first, second) = (given.next(), given.next());
    // By its place, also where something else is wrong with it.
    let usual = match &first {
        Some(("openlineage", _)) => SinkFormat::OpenLineage(EventsOf::Statements),
        _ => SinkFormat::Ocsf,
    };
    let target = match (first, second) {
        (Some(place), None) => read_target(&mut section, place, around),
        (None, _) => {
            section.missing(
                "file",
                "is missing; name a file, a URL in `webhook`, `otlp`, `splunk`, `nats` or `openlineage`, or an address in `syslog`",
            );
            None
        }
        (Some(_), Some(_)) => {
            let words = format!("only one of {} may be given; make two sinks of it", PLACES.join(", "));
            section.wrong("file", &words);
            None
        }
    };
    let events = section.string("openlineage_events");
    let wished = events.as_ref().map(|text| section.accept(text, events_of(&text.value)));
    let fits = usual == SinkFormat::Ocsf || format.is_none_or(|format| format == usual);
    if !fits {
        section.wrong("format", "must be `openlineage`, or left out, where `openlineage` is the place");
    }
    let is_openlineage = |format| matches!(format, SinkFormat::OpenLineage(_));
    let has_events = if said.is_some() { format.is_none_or(is_openlineage) } else { is_openlineage(usual) };
    if wished.is_some() && !has_events {
        section.wrong("openlineage_events", "may be given only where the format is `openlineage`");
    }
    let summary = read_summary(&mut section, has_events);
    section.finish();
    let format = if said.is_some() { format? } else { usual };
    if !fits {
        return None;
    }
    let format = match (format, wished) {
        (_, None) => format,
        (SinkFormat::OpenLineage(_), Some(wished)) => SinkFormat::OpenLineage(wished?),
        (_, Some(_)) => return None,
    };
    Some(SinkConfig { name: name?.value, format, target: target?, summary: summary? })
}

/// OpenLineage has no event for it.
fn read_summary(section: &mut Section<'_, '_>, lineage: bool) -> Option<Option<Duration>> {
    let usual = (!lineage).then_some(SUMMARY);
    let Some(text) = section.string("summary") else { return Some(usual) };
    if lineage {
        section.wrong_at(&text, "is not for a sink of OpenLineage, which has no event for it");
        return None;
    }
    if text.value == "off" {
        return Some(None);
    }
    section.accept(&text, value::summary_every(&text.value)).map(Some)
}

fn read_target(
    section: &mut Section<'_, '_>,
    (place, value): (&str, Located<String>),
    around: &Surroundings<'_>,
) -> Option<SinkTarget> {
    match place {
        "file" => Some(SinkTarget::File(around.resolve(&value.value))),
        "webhook" => read_webhook(section, &value, around),
        "syslog" => read_syslog(section, &value, around),
        "otlp" => {
            let good = section.check(&value, check_url(&value.value));
            let token = read_token(section, around)?;
            good.then(|| SinkTarget::Otlp { url: value.value.clone(), token })
        }
        "nats" => nats::read(section, &value, around).map(|nats| SinkTarget::Nats(Box::new(nats))),
        "openlineage" => {
            let good = section.check(&value, check_url(&value.value));
            let token = read_token(section, around)?;
            good.then(|| SinkTarget::OpenLineage { url: value.value.clone(), token })
        }
        _ => {
            let good = section.check(&value, check_url(&value.value));
            let token = secret::read_named(section, (TOKEN[0], TOKEN[1]), around)?;
            good.then(|| SinkTarget::Splunk { url: value.value.clone(), token })
        }
    }
}

fn format(text: &str) -> Result<SinkFormat, String> {
    match text {
        "ocsf" => Ok(SinkFormat::Ocsf),
        "entries" => Ok(SinkFormat::Entries),
        "openlineage" => Ok(SinkFormat::OpenLineage(EventsOf::Statements)),
        _ => Err(format!("`{text}` is no format; write `ocsf`, `entries` or `openlineage`")),
    }
}

fn events_of(text: &str) -> Result<EventsOf, String> {
    match text {
        "statement" => Ok(EventsOf::Statements),
        "run" => Ok(EventsOf::Runs),
        _ => Err(format!("`{text}` has no events; write `statement` or `run`")),
    }
}

fn read_webhook(
    section: &mut Section<'_, '_>,
    url: &Located<String>,
    around: &Surroundings<'_>,
) -> Option<SinkTarget> {
    let good = section.check(url, check_url(&url.value));
    let bytes = signing_secret(section, around);
    bytes.filter(|_| good).map(|secret| SinkTarget::Webhook { url: url.value.clone(), secret })
}

/// A secret of Standard Webhooks.
pub(super) fn signing_secret(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Vec<u8>> {
    let secret = secret::read_named(section, ("secret_file", "secret_env"), around)?;
    let encoded = secret.0.strip_prefix("whsec_").unwrap_or(&secret.0);
    let bytes = STANDARD.decode(encoded).ok().filter(|bytes| (24..=64).contains(&bytes.len()));
    if bytes.is_none() {
        section.wrong("secret_file", "holds no secret of 24 to 64 bytes as `whsec_` and base64");
    }
    bytes
}

/// A token where one is asked for.
fn read_token(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Option<Secret>> {
    match TOKEN.iter().any(|key| section.has(key)) {
        true => secret::read_named(section, (TOKEN[0], TOKEN[1]), around).map(Some),
        false => Some(None),
    }
}

fn read_syslog(
    section: &mut Section<'_, '_>,
    address: &Located<String>,
    around: &Surroundings<'_>,
) -> Option<SinkTarget> {
    let ca_file = identity::read_ca_file(section, around);
    let address = section.accept(address, value::address(&address.value));
    Some(SinkTarget::Syslog { address: address?, ca_file: ca_file? })
}

/// Entries say who did what, so they leave the machine encrypted.
pub(super) fn check_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| {
        format!("`{text}` is not a URL ({error}); for example `https://siem.example.com/in`")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not carry a user name or a password".to_owned());
    }
    match (url.scheme(), url.host_str()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if value::is_loopback(host) => Ok(()),
        _ => Err("must begin with `https://`; plain http is for this machine only".to_owned()),
    }
}
