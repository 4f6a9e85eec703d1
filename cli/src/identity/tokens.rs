//! What a sign-in leaves behind: two secrets, and what may be shown of them.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};

/// An ID token with less than this many seconds left is renewed before it is used.
const TOO_LATE: u64 = 30;

/// Text that no log, error or terminal may show.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one place that must send it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// Somebody signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub(crate) id_token: Secret,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) profile: Profile,
}

/// What the last ID token said of its principal. Not a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Profile {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) groups: Vec<String>,
    /// When the ID token expires: seconds since 1970-01-01T00:00:00Z.
    pub(crate) expires_at: u64,
}

impl Profile {
    /// The name that people read.
    pub(crate) fn principal(&self) -> &str {
        self.email.as_deref().unwrap_or(&self.subject)
    }
}

impl SignIn {
    /// Whether the ID token is still good for a request.
    pub(crate) fn is_fresh(&self) -> bool {
        self.profile.expires_at > now() + TOO_LATE
    }

    /// Whether no agent would take the ID token any more.
    pub(crate) fn is_over(&self) -> bool {
        self.profile.expires_at <= now()
    }
}

/// Seconds since 1970-01-01T00:00:00Z.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(expires_at: u64) -> SignIn {
        SignIn {
            id_token: Secret::new("id-token-text"),
            refresh_token: Some(Secret::new("refresh-token-text")),
            profile: Profile {
                issuer: "https://id.example.com".to_owned(),
                subject: "u-1".to_owned(),
                email: Some("ana@example.com".to_owned()),
                name: None,
                groups: vec!["developer".to_owned()],
                expires_at,
            },
        }
    }

    #[test]
    fn a_sign_in_never_shows_its_secrets() {
        let shown = format!("{:?}", sample(0));
        assert!(!shown.contains("token-text"), "{shown}");
    }

    #[test]
    fn a_token_is_not_used_in_its_last_seconds() {
        assert!(sample(now() + 300).is_fresh());
        assert!(!sample(now() + TOO_LATE).is_fresh());
        assert!(!sample(0).is_fresh());
    }
}
