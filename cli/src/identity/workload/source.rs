//! Where a program's tokens come from, as a setting says it, or as the surroundings show it.

use std::{fmt, path::PathBuf, str::FromStr};

use reqwest::Url;

use super::{acceptable, assertion::ClientKey};

/// One place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// The service that GitHub Actions runs beside each job.
    GitHub,
    /// A variable: GitLab's `id_tokens`, and others.
    Variable(String),
    /// A file that something else renews: Kubernetes' projected tokens, SPIFFE helpers.
    File(PathBuf),
    /// What answers a GET with a token.
    Address(Url),
    /// The identity provider, for a client with a key.
    Client(ClientKey),
}

/// Variables that can mean only one thing.
const TOKEN: &str = "CONNECT_ID_TOKEN";
const TOKEN_FILE: &str = "CONNECT_ID_TOKEN_FILE";
const GITHUB: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";

impl Source {
    /// What the surroundings show without being asked.
    pub(crate) fn found(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        if set(TOKEN).is_some() {
            return Some(Self::Variable(TOKEN.to_owned()));
        }
        if let Some(path) = set(TOKEN_FILE) {
            return Some(Self::File(path.into()));
        }
        set(GITHUB).map(|_| Self::GitHub)
    }
}

impl FromStr for Source {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write github, env:NAME, file:PATH, url:URL or client:ID,key=FILE".to_owned();
        match text.split_once(':') {
            None if text == "github" => Ok(Self::GitHub),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Variable(name.to_owned())),
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.into())),
            Some(("url", url)) => acceptable(url).map(Self::Address).map_err(|report| report.message),
            Some(("client", client)) => client.parse().map(Self::Client),
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GitHub => f.write_str("GitHub Actions"),
            Self::Variable(name) => write!(f, "the variable `{name}`"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Address(url) => write!(f, "{}", url.origin().ascii_serialization()),
            Self::Client(client) => write!(f, "the client `{}`", client.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_names_one_place() {
        let parse = |text: &str| text.parse::<Source>();
        assert_eq!(parse("github"), Ok(Source::GitHub));
        assert_eq!(parse("env:CI_TOKEN"), Ok(Source::Variable("CI_TOKEN".to_owned())));
        assert_eq!(parse("file:/run/token"), Ok(Source::File("/run/token".into())));
        assert!(matches!(parse("url:http://127.0.0.1:1/t"), Ok(Source::Address(_))));
        for text in
            ["", "gitlab", "env:", "file:", "url:http://tokens.example.com/", "url:x", "client:", "client:a"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn surroundings_that_can_mean_one_thing_need_no_setting() {
        let with = |name: &'static str| move |asked: &str| (asked == name).then(|| "/x".to_owned());
        assert_eq!(Source::found(with(GITHUB)), Some(Source::GitHub));
        assert_eq!(Source::found(with(TOKEN)), Some(Source::Variable(TOKEN.to_owned())));
        assert_eq!(Source::found(with(TOKEN_FILE)), Some(Source::File("/x".into())));
        assert_eq!(Source::found(with("CI")), None);
        assert_eq!(Source::found(|_| Some(String::new())), None);
    }
}
