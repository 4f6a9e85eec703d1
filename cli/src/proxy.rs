//! The proxy that this machine's surroundings name for TCP: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, by curl's
//! rules, or what the system says. It is not trusted: it carries TLS whose other end is the agent, and learns
//! where that is and nothing else. What is on this machine is reached without it.

mod connect;

use std::fmt;

use connect_shared::error::ErrorReport;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{ClientBuilder, NoProxy};

use crate::{
    api::Address,
    failure::{self, Outcome},
};

/// Where a proxy is named: of each pair the first that is not empty counts.
const HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const ALL: [&str; 2] = ["ALL_PROXY", "all_proxy"];
const NO: [&str; 2] = ["NO_PROXY", "no_proxy"];

/// What the variables say. The libraries are told it: by themselves they would stop at a variable that is empty, and
/// take none at all where `REQUEST_METHOD` is set.
#[derive(Default)]
struct Surroundings {
    https: String,
    all: String,
    no: String,
}

/// One proxy. Its user and password are in here, and in nothing that is shown.
#[derive(Clone)]
pub(crate) struct Proxy {
    found: Intercept,
    speech: Speech,
}

/// How it is asked for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Speech {
    /// `CONNECT`, RFC 9110 9.3.6.
    Http,
    /// RFC 1928, with the agent's name looked up here or there.
    Socks { names: Names },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Here,
    There,
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri = self.found.uri();
        write!(f, "{}://{}", uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default())?;
        uri.port().map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// The proxy on the way to an agent, if there is one.
pub(crate) fn towards(address: &Address) -> Outcome<Option<Proxy>> {
    chosen(&Surroundings::here()?.matcher(), address)
}

/// A client whose HTTPS goes by the proxy of the surroundings, if there is one.
pub(crate) fn around(builder: ClientBuilder) -> Outcome<ClientBuilder> {
    Surroundings::here()?.around(builder)
}

impl Surroundings {
    fn here() -> Outcome<Self> {
        Self::read(|name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    fn read(value: impl Fn(&str) -> Option<String>) -> Outcome<Self> {
        let value = |name: &str| value(name).filter(|text| !text.is_empty());
        for name in HTTPS.iter().chain(&ALL) {
            value(name).map_or(Ok(()), |text| check(name, &text))?;
        }
        let first = |names: [&str; 2]| names.into_iter().find_map(value).unwrap_or_default();
        Ok(Self { https: first(HTTPS), all: first(ALL), no: first(NO) })
    }

    /// The one that counts for HTTPS.
    fn named(&self) -> Option<&str> {
        [self.https.as_str(), self.all.as_str()].into_iter().find(|text| !text.is_empty())
    }

    fn matcher(&self) -> Matcher {
        match self.named() {
            Some(named) => Matcher::builder().https(named).no(self.no.as_str()).build(),
            // What the system says.
            None => Matcher::from_system(),
        }
    }

    fn around(&self, builder: ClientBuilder) -> Outcome<ClientBuilder> {
        let Some(named) = self.named() else { return Ok(builder) };
        let url = if named.contains("://") { named.to_owned() } else { format!("http://{named}") };
        let proxy = reqwest::Proxy::https(url).map_err(|_| misnamed(HTTPS[0]))?;
        Ok(builder.proxy(proxy.no_proxy(NoProxy::from_string(&self.no))))
    }
}

/// What no proxy can be made of is an error: else everything would quietly go without one.
fn check(name: &str, text: &str) -> Outcome<()> {
    if has_stray_at(text) {
        return Err(stray_at(&format!("the variable {name}")));
    }
    let understood = Matcher::builder().all(text).build();
    match understood.intercept(&http::Uri::from_static("https://agent.invalid/")) {
        Some(_) => Ok(()),
        None => Err(misnamed(name)),
    }
}

/// Whether a part of the password would be taken for the host: libraries end it at the first `@`, and the host at the
/// first `/`.
fn has_stray_at(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.matches('@').count() > 1 || authority.contains('@') != rest.contains('@')
}

/// The value holds a password: it is not shown.
fn stray_at(place: &str) -> ErrorReport {
    failure::usage(format!("{place} has an `@` or a `/` within the user or the password of the proxy"))
        .help("write @ as %40, and / as %2F")
}

/// The value may hold a password: it is not shown.
fn misnamed(name: &str) -> ErrorReport {
    failure::usage(format!("the variable {name} does not name a proxy"))
        .help(format!("set {name} to http://HOST:PORT or socks5h://HOST:PORT, or unset it"))
}

fn chosen(matcher: &Matcher, address: &Address) -> Outcome<Option<Proxy>> {
    if address.is_loopback() {
        return Ok(None);
    }
    let uri: http::Uri = address
        .to_string()
        .parse()
        .map_err(|_| failure::usage(format!("`{}` is no host name", address.host())))?;
    matcher.intercept(&uri).map(|found| Proxy::new(found, address)).transpose()
}

impl Proxy {
    fn new(found: Intercept, address: &Address) -> Outcome<Self> {
        if found.uri().authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err(stray_at("what this machine is set to"));
        }
        let speech = match found.uri().scheme_str() {
            Some("http") => Speech::Http,
            Some("socks5") => Speech::Socks { names: Names::Here },
            Some("socks5h") => Speech::Socks { names: Names::There },
            other => {
                let other = failure::printable(other.unwrap_or_default());
                return Err(failure::usage(format!(
                    "agents cannot be reached through a proxy of kind {other}://"
                ))
                .help("name one of kind http://, socks5:// or socks5h:// in HTTPS_PROXY")
                .help(format!("or, if the agent is reached without it: NO_PROXY={}", address.bare_host())));
            }
        };
        let proxy = Self { found, speech };
        // Libraries would take port 80.
        if speech != Speech::Http && proxy.found.uri().port().is_none() {
            return Err(failure::usage(format!("the proxy {proxy} needs a port"))
                .help(format!("write it out: {proxy}:1080")));
        }
        Ok(proxy)
    }

    /// What to try where it does not do what it should.
    pub(crate) fn help(&self, address: &Address) -> String {
        format!("if the agent is reached without the proxy: NO_PROXY={}", address.bare_host())
    }
}

/// ` through the proxy …`, or nothing.
pub(crate) fn clause(proxy: Option<&Proxy>) -> String {
    proxy.map(|proxy| format!(" through the proxy {proxy}")).unwrap_or_default()
}

/// What libraries say of a proxy, for people.
pub(crate) fn words(text: &str) -> Option<&'static str> {
    Some(match text {
        "tunnel error: unsuccessful" => "the proxy refuses to connect there",
        "tunnel error: proxy authorization required" => "the proxy wants a user and a password, or others",
        "tunnel error: proxy response headers too long" => "the proxy answers without an end",
        "tunnel error: unexpected end of file" => "the proxy hung up",
        "SOCKS error: credentials not accepted" => "the proxy does not accept the user and the password",
        "SOCKS error: server does not support user/pass authentication" => {
            "the proxy wants a user and a password, or will not take any"
        }
        "SOCKS error: failed parsing server response" => "the proxy does not speak SOCKS5",
        "SOCKS error: io error during SOCKS handshake" => "the proxy hung up",
        "SOCKS error: could not resolve to acceptable address type" => "its name cannot be looked up",
        text if text.starts_with("SOCKS error: ") => "the proxy refuses to connect there",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
