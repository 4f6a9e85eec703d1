//! `[[signals]]`: who may tell the agent that somebody's sign-in is over, by the Shared Signals Framework.

use std::path::PathBuf;

use super::{
    Surroundings, identity, secret,
    section::Section,
    value,
    workload::{KeysFrom, read_keys},
};
use crate::upstream::Secret;

const MAX_SIGNALS: usize = 20;

/// One transmitter.
#[derive(Debug, Clone)]
pub struct SignalsConfig {
    /// As in the `iss` of its tokens.
    pub issuer: String,
    /// For whom its tokens are made.
    pub audience: String,
    /// The identity provider whose people it may speak of.
    pub about: String,
    pub keys: KeysFrom,
    pub ca_file: Option<PathBuf>,
    /// What it must show when it pushes (RFC 8935); and what is shown to it when it is asked.
    pub token: Secret,
    /// Where it is asked (RFC 8936); without it, it pushes.
    pub poll: Option<String>,
}

pub(super) fn read(
    root: &mut Section<'_, '_>,
    (origin, home): (Option<&str>, Option<&str>),
    around: &Surroundings<'_>,
) -> Option<Vec<SignalsConfig>> {
    let sections = root.sections("signals");
    if sections.len() > MAX_SIGNALS {
        root.wrong("signals", &format!("more than {MAX_SIGNALS} transmitters"));
        return None;
    }
    let read: Vec<Option<SignalsConfig>> =
        sections.into_iter().map(|section| read_one(section, (origin, home), around)).collect();
    read.into_iter().collect()
}

fn read_one(
    mut section: Section<'_, '_>,
    (origin, home): (Option<&str>, Option<&str>),
    around: &Surroundings<'_>,
) -> Option<SignalsConfig> {
    let issuer = section.required_string("issuer", "https://ssf.example.com");
    let issuer = issuer.filter(|issuer| section.check(issuer, value::issuer(&issuer.value)));
    let audience = match section.string("audience") {
        Some(audience) => Some(audience.value),
        None => origin.map(str::to_owned),
    };
    let about = match section.string("about") {
        Some(about) => section.check(&about, value::issuer(&about.value)).then_some(about.value),
        None => home.map(str::to_owned),
    };
    let keys = read_keys(&mut section, None, around);
    if keys == Some(KeysFrom::Discovery) {
        section.missing("jwks_url", "is missing: where are the keys of the transmitter?");
    }
    let ca_file = identity::read_ca_file(&mut section, around);
    let token = secret::read_named(&mut section, ("token_file", "token_env"), around);
    let poll = section.string("poll_url");
    let good_poll = poll.as_ref().is_none_or(|poll| section.check(poll, value::key_address(&poll.value)));
    section.finish();
    Some(SignalsConfig {
        issuer: issuer?.value,
        audience: audience?,
        about: about?,
        keys: keys?,
        ca_file: ca_file?,
        token: token?,
        poll: good_poll.then(|| poll.map(|poll| poll.value))?,
    })
}
