//! Who signs in: ID tokens of the configured provider, checked by the book (OpenID Connect Core 1.0,
//! 3.1.3.7). The provider's keys are fetched through discovery and kept for minutes; when it does not
//! answer, new tokens are refused within seconds and say so.
//!
//! The nonce is not checked here: it binds a token to the browser's answer, and only the CLI that asked
//! knows it. What binds a caller to the agent is the certificate in its grant.
//!
//! Read next: [`claims`] for the checks, [`keys`] for the keys.

mod claims;
mod fetch;
mod keys;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use connect_core::principal::Principal;
use connect_shared::error::{ErrorReport, Exit};
use jsonwebtoken::Algorithm;

/// TLS to anybody whom this machine trusts.
pub(crate) fn public_tls() -> Result<rustls::ClientConfig, String> {
    fetch::tls(None)
}

/// TLS to those for whom the authorities in a file vouch, or whom this machine trusts.
pub(crate) fn tls_to(ca_file: Option<&std::path::Path>) -> Result<rustls::ClientConfig, String> {
    fetch::tls(ca_file)
}

pub use self::fetch::FetchError;
use self::{claims::Expectation, fetch::Provider, keys::KeyCache};
use crate::{
    config::IdentityConfig,
    jws::{JwsError, Unverified},
};

/// Longest ID token that is looked at.
pub const MAX_TOKEN: usize = 16 * 1024;

/// Asymmetric algorithms only: with a keyed hash the public key would be the secret.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Checks ID tokens.
#[derive(Debug)]
pub struct IdentityVerifier {
    expectation: Expectation,
    keys: KeyCache,
}

/// Why somebody is not let in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    #[error(transparent)]
    Jws(#[from] JwsError),
    #[error("the token is a `{0}`, not an ID token")]
    Kind(String),
    #[error("the token is signed with a key that the identity provider does not publish")]
    UnknownKey,
    #[error("the token lacks `{0}`, or it is not what it should be")]
    Claim(&'static str),
    #[error("the token comes from another identity provider than `{expected}`")]
    Issuer { expected: String },
    #[error("the token was made for another application than `{expected}`")]
    Audience { expected: String },
    #[error("the sign-in is over: its token expired")]
    Expired,
    #[error("the token is not valid yet; one of the clocks is wrong")]
    NotYet,
    #[error(transparent)]
    Provider(#[from] FetchError),
}

impl TokenError {
    /// Stable name for programs and for the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Expired => "token_expired",
            Self::NotYet => "token_not_yet_valid",
            Self::Issuer { .. } => "token_wrong_issuer",
            Self::Audience { .. } => "token_wrong_audience",
            Self::UnknownKey => "token_unknown_key",
            Self::Jws(JwsError::Signature) => "token_bad_signature",
            Self::Jws(JwsError::Algorithm(_)) => "token_bad_algorithm",
            Self::Jws(_) | Self::Kind(_) | Self::Claim(_) => "token_malformed",
            Self::Provider(FetchError::Unreachable { .. }) => "idp_unreachable",
            Self::Provider(_) => "idp_misconfigured",
        }
    }

    /// For the caller.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let exit = match self {
            Self::Provider(_) => Exit::Unreachable,
            _ => Exit::SignInNeeded,
        };
        let report = ErrorReport::new(self.code(), exit, self.to_string());
        match self {
            Self::Provider(_) => report
                .help("try again in a moment; open sessions go on until their grants end")
                .help("connect doctor")
                .retryable(),
            Self::NotYet => report.help("set the clock of this machine").help("connect login"),
            _ => report.help("connect login"),
        }
    }
}

impl IdentityVerifier {
    /// A verifier that has not fetched anything yet.
    ///
    /// # Errors
    /// The CA file cannot be used.
    pub fn new(config: &IdentityConfig) -> Result<Self, FetchError> {
        Ok(Self {
            expectation: Expectation {
                issuer: config.issuer.clone(),
                client_id: config.client_id.clone(),
                groups_claim: config.groups_claim.clone(),
            },
            keys: KeyCache::new(Provider::new(config)?),
        })
    }

    /// The principal behind an ID token. `now` is in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// The token is not good, or the provider cannot be asked for its keys.
    pub async fn verify(&self, token: &str, now: u64) -> Result<Principal, TokenError> {
        let unverified = Unverified::parse(token, MAX_TOKEN, &ALGORITHMS)?;
        // RFC 9068 and RFC 8725: a token that says that it is something else is not an ID token.
        if let Some(kind) = unverified.header().kind.as_deref()
            && !kind.eq_ignore_ascii_case("JWT")
        {
            return Err(TokenError::Kind(kind.chars().take(32).collect()));
        }
        let key = self.keys.find(unverified.header()).await?;
        let claims = unverified.verify(&key)?;
        self.expectation.check(&claims, now)
    }

    /// Fetches the provider's keys now, for `check`: how many of them can be used.
    ///
    /// # Errors
    /// The provider does not answer, or answers something that cannot be used.
    pub async fn probe(&self) -> Result<usize, FetchError> {
        self.keys.probe().await
    }
}
