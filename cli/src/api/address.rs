//! Where an agent is: `https://host:port`, nothing else.

use std::{fmt, net::IpAddr, str::FromStr};

use connect_shared::error::ErrorReport;
use reqwest::Url;

use crate::failure;

/// The port of an agent when its URL names none.
const USUAL_PORT: u16 = 7443;

/// An agent's host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    host: String,
    port: u16,
}

impl Address {
    /// As URLs write it: an IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// As resolvers and certificates write it.
    pub(crate) fn bare_host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        let host = self.bare_host();
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}:{}", self.host, self.port)
    }
}

impl FromStr for Address {
    type Err = ErrorReport;

    fn from_str(text: &str) -> Result<Self, ErrorReport> {
        let wrong = |why: &str| {
            failure::usage(format!("`{text}` is not an agent's address: {why}"))
                .help("connect agents add https://AGENT:7443")
        };
        let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
        let url = Url::parse(&full).map_err(|error| wrong(&error.to_string()))?;
        if url.scheme() != "https" {
            return Err(wrong("it must begin with https://"));
        }
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err(wrong("it must have a host and a port and nothing else"));
        }
        let host = url.host_str().ok_or_else(|| wrong("it has no host"))?.to_owned();
        // An explicit :443 is dropped by the URL's normal form, so it is looked for in the text.
        let port =
            url.port().unwrap_or(if full.trim_end_matches('/').ends_with(":443") { 443 } else { USUAL_PORT });
        Ok(Self { host, port })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_usual_port_and_one_spelling() {
        for (text, expected) in [
            ("agent.example.com", "https://agent.example.com:7443"),
            ("https://Agent.example.com:7000/", "https://agent.example.com:7000"),
            ("127.0.0.1:9", "https://127.0.0.1:9"),
            ("https://[::1]:9", "https://[::1]:9"),
            ("https://agent.example.com:443", "https://agent.example.com:443"),
        ] {
            assert_eq!(text.parse::<Address>().expect("an address").to_string(), expected);
        }
        assert_eq!("https://[::1]:9".parse::<Address>().expect("an address").bare_host(), "::1");
    }

    #[test]
    fn what_is_more_or_less_than_a_host_and_a_port_is_refused() {
        for text in
            ["", "http://a:1", "https://a/b", "https://u:p@a", "https://a?x", "ftp://a", "https://a:99999"]
        {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
