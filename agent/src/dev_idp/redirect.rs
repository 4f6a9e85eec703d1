//! Where an answer may be sent: a loopback address of the machine itself, on any port (RFC 8252, section 7.3).

use reqwest::Url;

/// Longest redirect URI that is accepted, in bytes.
const LONGEST: usize = 512;

/// A redirect URI that cannot lead away from this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoopbackRedirect {
    /// As the client sent it: the token request must repeat it byte by byte.
    text: String,
    url: Url,
}

impl LoopbackRedirect {
    /// Nothing when it is not plain `http` to a loopback host, or could be read in two ways.
    pub fn parse(text: &str) -> Option<Self> {
        // Browsers drop control characters and read `\` as `/`: such texts are never what a client means.
        if text.len() > LONGEST || text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
            return None;
        }
        let url = Url::parse(text).ok()?;
        let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
        let plain = url.scheme() == "http" && !text.contains('@') && !text.contains('#');
        (loopback && bare && plain).then(|| Self { text: text.to_owned(), url })
    }

    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The source that the page's policy must name, since browsers apply `form-action` to redirects too.
    pub fn form_action_source(&self) -> String {
        match (self.url.host_str(), self.url.port_or_known_default()) {
            // A policy cannot name an IPv6 address.
            (Some("[::1]"), _) | (None, _) | (_, None) => "http:".to_owned(),
            (Some(host), Some(port)) => format!("http://{host}:{port}"),
        }
    }

    /// With these parameters added to its query.
    pub fn with(&self, parameters: &[(&str, Option<&str>)]) -> String {
        let mut url = self.url.clone();
        let mut pairs = url.query_pairs_mut();
        for (name, value) in parameters {
            if let Some(value) = value {
                pairs.append_pair(name, value);
            }
        }
        drop(pairs);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_are_accepted_on_any_port_and_path() {
        for good in [
            "http://127.0.0.1:53219/callback",
            "http://127.0.0.1/",
            "http://[::1]:8080/cb?x=1",
            "http://localhost:1/a/b",
        ] {
            assert!(LoopbackRedirect::parse(good).is_some(), "{good}");
        }
    }

    #[test]
    fn no_spelling_of_another_host_is_accepted() {
        for bad in [
            "https://evil.example/cb",
            "http://evil.example:80/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.0.0.1@evil.example/cb",
            "http://evil.example@127.0.0.1/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://localhost.evil.example/",
            "//evil.example/cb",
            "http:\\\\evil.example\\cb",
            "http://evil.example\\@127.0.0.1/",
            "http://127.0.0.1\t.evil.example/",
            "http://127.0.0.1:1/cb#fragment",
            "https://127.0.0.1:1/cb",
            "javascript:alert(1)//127.0.0.1",
            "data:text/html,127.0.0.1",
            "http://[::ffff:192.0.2.1]/",
            "http://0.0.0.0/",
            "http://①②⑦.0.0.1/",
            "",
        ] {
            assert_eq!(LoopbackRedirect::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn parameters_are_added_to_those_that_are_there_and_encoded() {
        let redirect =
            LoopbackRedirect::parse("http://127.0.0.1:9/cb?keep=1").expect("is a loopback address");
        assert_eq!(
            redirect.with(&[("state", Some("a b&c=d")), ("error", None)]),
            "http://127.0.0.1:9/cb?keep=1&state=a+b%26c%3Dd"
        );
    }
}
