//! One request to the loopback, and whether it is the answer.

use aws_lc_rs::constant_time;
use reqwest::Url;

use super::{Answer, Expected};

/// The redirect's path.
pub(super) const PATH: &str = "/callback";

/// Longest head of a request: codes and states are long at some providers.
pub(super) const MAX_HEAD: usize = 32 * 1024;

/// What a request is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    Answer(Answer),
    /// Something else is asked for: an icon, a page.
    Nothing,
    /// It looks like an answer and is not one to us.
    Bad,
}

/// Method, target and host of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    method: String,
    target: String,
    host: Option<String>,
}

impl Request {
    /// The request in `head`; `Some(None)` if more must be read, `None` if it is none.
    pub(super) fn parse(head: &[u8]) -> Option<Option<Self>> {
        let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Some(None);
        };
        let text = std::str::from_utf8(head.get(..end)?).ok()?;
        let mut lines = text.split("\r\n");
        let mut words = lines.next()?.split(' ');
        let (method, target, version) = (words.next()?, words.next()?, words.next()?);
        if words.next().is_some() || !version.starts_with("HTTP/1.") || !target.starts_with('/') {
            return None;
        }
        let mut hosts = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("host").then(|| value.trim().to_owned())
        });
        let host = hosts.next();
        if hosts.next().is_some() {
            return None;
        }
        Some(Some(Self { method: method.to_owned(), target: target.to_owned(), host }))
    }

    /// What is asked for with a GET at `authority`. Another host name would be a page that had its name resolved to us.
    pub(super) fn target_at(&self, authority: &str) -> Option<&str> {
        let meant = self.method == "GET" && self.host.as_deref() == Some(authority);
        meant.then_some(self.target.as_str())
    }

    /// Whether it is the answer that is waited for at `authority`.
    pub(super) fn answer(&self, authority: &str, expected: &Expected) -> Reading {
        let Ok(url) = Url::parse(&format!("http://{authority}{}", self.target)) else { return Reading::Bad };
        // Another host name would be a page that had its name resolved to us.
        if url.path() != PATH || self.host.as_deref() != Some(authority) {
            return Reading::Nothing;
        }
        if self.method != "GET" {
            return Reading::Bad;
        }
        answer(&url, expected).map_or(Reading::Bad, Reading::Answer)
    }
}

/// The answer in a URL's query. Unknown parameters are ignored (RFC 6749, 4.1.2); one that is there twice
/// makes the whole no answer (3.1).
fn answer(url: &Url, expected: &Expected) -> Option<Answer> {
    let state = once(url, "state")??;
    constant_time::verify_slices_are_equal(state.as_bytes(), expected.state.as_bytes()).ok()?;
    match once(url, "iss")? {
        Some(issuer) if issuer != expected.issuer => return None,
        None if expected.issuer_required => return None,
        _ => {}
    }
    match (once(url, "code")?, once(url, "error")?) {
        (Some(code), None) if !code.is_empty() => Some(Answer::Code(code)),
        (None, Some(error)) => Some(Answer::Refused { error, description: once(url, "error_description")? }),
        _ => None,
    }
}

/// A parameter's value; `Some(None)` if it is absent, `None` if it is there twice.
fn once(url: &Url, name: &str) -> Option<Option<String>> {
    let mut values = url.query_pairs().filter(|(key, _)| key == name);
    let value = values.next().map(|(_, value)| value.into_owned());
    if values.next().is_some() { None } else { Some(value) }
}
