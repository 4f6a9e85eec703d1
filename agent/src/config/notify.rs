//! `[[notify]]`: who is told of requests, in a chat or elsewhere.

use std::collections::BTreeSet;

use super::{
    ResourceConfig, Surroundings, secret,
    section::{Located, Section},
    sink::{check_url, signing_secret},
};
use crate::upstream::Secret;

/// Most of them.
const MAX_NOTIFIED: usize = 16;

/// One place that is told.
#[derive(Clone, PartialEq, Eq)]
pub struct NotifyConfig {
    /// Where to, which in a chat is a secret itself.
    pub url: Secret,
    pub format: NoticeFormat,
    /// Of which resources; none: of all.
    pub resources: Option<BTreeSet<String>>,
}

/// How a notice reads there.
#[derive(Clone, PartialEq, Eq)]
pub enum NoticeFormat {
    /// Blocks of Slack, and of what is compatible with it.
    Slack,
    /// JSON, signed as Standard Webhooks say.
    Json { secret: Vec<u8> },
}

impl std::fmt::Debug for NotifyConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let format = match self.format {
            NoticeFormat::Slack => "slack",
            NoticeFormat::Json { .. } => "json",
        };
        f.debug_struct("Notify").field("format", &format).field("resources", &self.resources).finish()
    }
}

/// All of them, with the names that they say: [`check`] holds these against the resources.
pub(super) fn read(
    root: &mut Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<Vec<(NotifyConfig, Vec<Located<String>>)>> {
    let read: Vec<Option<_>> =
        root.sections("notify").into_iter().map(|section| read_one(section, around)).collect();
    if read.len() > MAX_NOTIFIED {
        root.wrong("notify", &format!("there are more than {MAX_NOTIFIED} of them"));
        return None;
    }
    read.into_iter().collect()
}

/// Whether the resources that are named are there.
pub(super) fn check(
    root: &Section<'_, '_>,
    notified: Vec<(NotifyConfig, Vec<Located<String>>)>,
    resources: &[ResourceConfig],
) -> Option<Vec<NotifyConfig>> {
    let mut good = true;
    for name in notified.iter().flat_map(|(_, names)| names) {
        if !resources.iter().any(|resource| resource.resource.name == name.value) {
            root.wrong_at(name, &format!("`{}` is not the name of a `[[resource]]`", name.value));
            good = false;
        }
    }
    good.then(|| notified.into_iter().map(|(config, _)| config).collect())
}

fn read_one(
    mut section: Section<'_, '_>,
    around: &Surroundings<'_>,
) -> Option<(NotifyConfig, Vec<Located<String>>)> {
    let url = read_url(&mut section, around);
    let said = section.required_string("format", "slack");
    let format = said.and_then(|said| match said.value.as_str() {
        "slack" => Some(NoticeFormat::Slack),
        "json" => signing_secret(&mut section, around).map(|secret| NoticeFormat::Json { secret }),
        other => {
            let words = format!("`{other}` is no format of a notice; write `slack` or `json`");
            section.wrong_at(&said, &words);
            None
        }
    });
    let names = section.strings("resources");
    section.finish();
    let resources = names.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect());
    Some((NotifyConfig { url: url?, format: format?, resources }, names.unwrap_or_default()))
}

/// `url`, or where that is a secret a file or a variable that has it.
fn read_url(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<Secret> {
    match section.string("url") {
        Some(url) if section.string("url_file").is_some() || section.string("url_env").is_some() => {
            section.wrong_at(&url, "is given together with `url_file` or `url_env`; keep one of them");
            None
        }
        Some(url) => section.check(&url, check_url(&url.value)).then_some(Secret(url.value)),
        None => {
            let url = secret::read_named(section, ("url_file", "url_env"), around)?;
            // Its words would repeat what must not be shown.
            if check_url(&url.0).is_err() {
                let key = if section.has("url_file") { "url_file" } else { "url_env" };
                section.wrong(key, "holds no URL that begins with `https://`");
                return None;
            }
            Some(url)
        }
    }
}
