//! A sink's `nats`: the server, the subject, and how the agent says who it is.

use std::path::PathBuf;

use reqwest::Url;

use super::{
    Surroundings, identity, secret,
    section::{Located, Section},
    value,
};
use crate::upstream::Secret;

/// Where events go to unless the sink says otherwise.
const SUBJECT: &str = "connect.audit";
/// Longest subject that is taken.
const MAX_SUBJECT: usize = 200;
/// A file with a token, or a variable.
const TOKEN: (&str, &str) = ("token_file", "token_env");

/// A NATS server whose JetStream keeps the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NatsConfig {
    /// `tls://host:port`, or `nats://` on this machine.
    pub url: String,
    /// Each event goes to this subject, a dot and the kind of its entry.
    pub subject: String,
    pub ca_file: Option<PathBuf>,
    pub login: NatsLogin,
}

/// How the agent signs in there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NatsLogin {
    Nobody,
    Token(Secret),
    Password {
        user: String,
        password: Secret,
    },
    /// A file with a JWT and the seed of its key; read at each connection, so that it can be replaced.
    Credentials(PathBuf),
}

impl NatsConfig {
    /// Whether plain text may be spoken: only on this machine.
    pub fn is_plain(&self) -> bool {
        self.url.starts_with("nats:")
    }
}

pub(super) fn read(
    section: &mut Section<'_, '_>,
    url: &Located<String>,
    around: &Surroundings<'_>,
) -> Option<NatsConfig> {
    let good = section.check(url, check_url(&url.value));
    let subject = match section.string("subject") {
        Some(text) => section.accept(&text, subject(&text.value)),
        None => Some(SUBJECT.to_owned()),
    };
    let ca_file = identity::read_ca_file(section, around);
    let login = read_login(section, around)?;
    good.then_some(NatsConfig { url: url.value.clone(), subject: subject?, ca_file: ca_file?, login })
}

fn read_login(section: &mut Section<'_, '_>, around: &Surroundings<'_>) -> Option<NatsLogin> {
    let (user, credentials) = (section.string("user"), section.string("credentials_file"));
    let has_token = section.has(TOKEN.0) || section.has(TOKEN.1);
    if [user.is_some(), credentials.is_some(), has_token].iter().filter(|given| **given).count() > 1 {
        section.wrong(
            "nats",
            "can be signed in to in one way: a token, a user's password, or a credentials file",
        );
        return None;
    }
    if has_token {
        return secret::read_named(section, TOKEN, around).map(NatsLogin::Token);
    }
    if let Some(file) = credentials {
        let path = around.resolve(&file.value);
        return section.check(&file, secret::private_file(&path)).then_some(NatsLogin::Credentials(path));
    }
    let Some(user) = user else { return Some(NatsLogin::Nobody) };
    let password = secret::read(section, around)?;
    Some(NatsLogin::Password { user: user.value, password })
}

/// Entries say who did what, so they leave the machine encrypted.
fn check_url(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|error| {
        format!("`{text}` is not a URL ({error}); for example `tls://nats.example.com:4222`")
    })?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(
            "must not carry a user name or a password; name them in `user` and `password_file`".to_owned()
        );
    }
    match (url.scheme(), url.host_str()) {
        ("tls", Some(_)) => Ok(()),
        ("nats", Some(host)) if value::is_loopback(host) => Ok(()),
        _ => Err("must begin with `tls://`; plain `nats://` is for this machine only".to_owned()),
    }
}

/// Names between dots, without wildcards: events go to one place.
fn subject(text: &str) -> Result<String, String> {
    let name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if text.len() <= MAX_SUBJECT && text.split('.').all(name) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is no subject; write at most {MAX_SUBJECT} letters, digits, `-` and `_` with dots between, for example \
         `{SUBJECT}`"
    ))
}
