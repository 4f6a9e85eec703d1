//! `[console]`: the agent's pages.

use std::path::PathBuf;

use reqwest::Url;

use super::{
    Surroundings, secret,
    section::{Located, Section},
    value,
};
use crate::upstream::Secret;

const SECRET: (&str, &str) = ("client_secret_file", "client_secret_env");

/// `[console]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleConfig {
    /// Where browsers find it: scheme, name and port, without a slash at the end.
    pub url: String,
    /// As which client of the identity provider people sign in; none: that of `[identity]`.
    pub client_id: Option<String>,
    /// None: a public client.
    pub client_secret: Option<Secret>,
    pub certificate: Option<ConsoleCertificate>,
}

/// A certificate that is shown to those who ask for its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleCertificate {
    pub name: String,
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl ConsoleConfig {
    /// Name and port, as browsers write them into `Host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url.split_once("://").map_or(&self.url, |(_, authority)| authority)
    }
}

/// Outer `None`: it is wrong. `public_names` are those by which clients know the agent's own certificate.
#[expect(clippy::option_option, reason = "outer: a problem was told; inner: there is none")]
pub(super) fn read(
    section: Option<Section<'_, '_>>,
    public_names: &[String],
    around: &Surroundings<'_>,
) -> Option<Option<ConsoleConfig>> {
    let Some(mut section) = section else { return Some(None) };
    let url = section.required_string("url", "https://connect.example.com:7443");
    let url = url.and_then(|url| section.accept(&url, origin(&url.value)));
    let client_id = section.string("client_id");
    let client_id = match client_id {
        Some(id) if id.value.trim().is_empty() => {
            section.wrong_at(&id, "is empty; leave it out to sign in as the client of `[identity]`");
            None
        }
        given => Some(given.map(|id| id.value)),
    };
    let client_secret = match section.has(SECRET.0) || section.has(SECRET.1) {
        true => secret::read_named(&mut section, SECRET, around).map(Some),
        false => Some(None),
    };
    let name = url.as_ref().map(|(_, name)| name.as_str());
    let certificate = read_certificate(&mut section, name, public_names, around);
    section.finish();
    Some(Some(ConsoleConfig {
        url: url?.0,
        client_id: client_id?,
        client_secret: client_secret?,
        certificate: certificate?,
    }))
}

/// The URL as browsers write an origin, and the name in it. Cookies and secrets never cross a network in clear.
fn origin(text: &str) -> Result<(String, String), String> {
    let example = "for example `https://connect.example.com:7443`";
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL ({error}); {example}"))?;
    let (origin, name) = match (url.scheme(), url.host_str()) {
        ("https", Some(name)) => (url.origin().ascii_serialization(), name.to_owned()),
        _ => return Err(format!("must begin with `https://`; {example}")),
    };
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if !bare || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("is scheme, name and port only; {example}"));
    }
    Ok((origin, name))
}

#[expect(clippy::option_option, reason = "outer: a problem was told; inner: there is none")]
fn read_certificate(
    section: &mut Section<'_, '_>,
    name: Option<&str>,
    public_names: &[String],
    around: &Surroundings<'_>,
) -> Option<Option<ConsoleCertificate>> {
    let (certificate, key) = match (section.string("certificate_file"), section.string("key_file")) {
        (None, None) => return Some(None),
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(_), None) => {
            section.missing("key_file", "is missing; `certificate_file` needs its key");
            return None;
        }
        (None, Some(_)) => {
            section.missing("certificate_file", "is missing; `key_file` is the key of one");
            return None;
        }
    };
    let path = |text: &Located<String>| around.resolve(&text.value);
    let good = section.check(&certificate, value::certificates(&path(&certificate)));
    let good = section.check(&key, crate::keys::check_private(&path(&key))) && good;
    let good = section.check(&certificate, own_name(name?, public_names)) && good;
    good.then(|| {
        let name = name.unwrap_or_default().to_ascii_lowercase();
        Some(ConsoleCertificate { name, certificate: path(&certificate), key: path(&key) })
    })
}

/// It is by the name that is asked for that a listener tells browsers from `connect`, which pins another one.
fn own_name(name: &str, public_names: &[String]) -> Result<(), String> {
    if name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok() {
        return Err(
            "is shown to those who ask for its name, and `console.url` has an address; write a name there"
                .to_owned(),
        );
    }
    if public_names.iter().any(|public| public.eq_ignore_ascii_case(name)) {
        return Err(format!(
            "would be shown to `connect`, too, which pins the agent's own: `{name}` is a `public_name`; \
             give the console a name of its own"
        ));
    }
    Ok(())
}
