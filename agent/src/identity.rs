//! Who signs in: ID tokens of the configured provider, checked by the book (OpenID Connect Core 1.0,
//! 3.1.3.7). The provider's keys are fetched through discovery and kept for minutes; when it does not
//! answer, new tokens are refused within seconds and say so.
//!
//! The nonce is not checked here: it binds a token to the browser's answer, and only the CLI that asked
//! knows it. What binds a caller to the agent is the certificate in its grant. Where the agent has asked
//! itself, for its own pages, [`sign_in`] checks it.
//!
//! Read next: [`claims`] for the checks, [`workload`] for programs, [`keys`] for the keys.

mod claims;
mod error;
mod event;
mod fetch;
mod keys;
mod sign_in;
mod workload;

#[cfg(test)]
pub(crate) mod fake;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use connect_core::principal::Principal;
use jsonwebtoken::Algorithm;

/// TLS to anybody whom this machine trusts.
pub(crate) fn public_tls() -> Result<rustls::ClientConfig, String> {
    fetch::tls(None)
}

/// TLS to those for whom the authorities in a file vouch, or whom this machine trusts.
pub(crate) fn tls_to(ca_file: Option<&std::path::Path>) -> Result<rustls::ClientConfig, String> {
    fetch::tls(ca_file)
}

use self::{claims::Expectation, fetch::Provider, keys::KeyCache, workload::Rule};
pub use self::{
    error::TokenError,
    event::{EventVerifier, Logout, Order},
    fetch::FetchError,
    sign_in::{Answer, ClientOfOurs, Question, RelyingParty, SignInError},
};
use crate::{
    config::{Config, IdentityConfig, KeysFrom, WorkloadConfig},
    jws::{Claimed, Claims, Unverified},
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

/// Checks tokens of everybody who may vouch for somebody here.
#[derive(Debug)]
pub struct IdentityVerifier {
    parties: Vec<Party>,
}

/// Who may vouch for whom.
#[derive(Debug)]
struct Party {
    keys: Arc<KeyCache>,
    whom: Whom,
}

#[derive(Debug)]
enum Whom {
    /// People, by ID tokens.
    People(Expectation),
    /// Programs.
    Workload(Rule),
}

impl Whom {
    fn issuer(&self) -> &str {
        match self {
            Self::People(expectation) => &expectation.issuer,
            Self::Workload(rule) => &rule.config.issuer,
        }
    }

    /// Whether a token that claims this could be one of theirs.
    fn may_have_made(&self, claimed: &Claimed) -> bool {
        match self {
            Self::People(expectation) => claimed.issuer.as_deref() == Some(&expectation.issuer),
            Self::Workload(rule) => rule.may_have_made(claimed),
        }
    }

    fn check(&self, kind: Option<&str>, claims: &Claims, now: u64) -> Result<Principal, TokenError> {
        let accepted: &[&str] = match self {
            // RFC 9068 and RFC 8725: a token that says that it is something else is not an ID token.
            Self::People(_) => &["JWT"],
            Self::Workload(_) => &["JWT", "JOSE", "at+jwt", "application/at+jwt"],
        };
        if let Some(kind) = kind
            && !accepted.iter().any(|accepted| kind.eq_ignore_ascii_case(accepted))
        {
            return Err(TokenError::Kind(kind.chars().take(32).collect()));
        }
        match self {
            Self::People(expectation) => expectation.check(claims, now),
            Self::Workload(rule) => rule.check(claims, now),
        }
    }
}

/// Somebody whose token was good, and what it says of the sign-in behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub principal: Principal,
    /// The provider's own session, where it names one.
    pub session: Option<String>,
    /// When the token was made, in seconds since 1970-01-01T00:00:00Z; 0 where it does not say.
    pub issued_at: u64,
    /// How: the class that the provider gives it (`acr`), and its methods (`amr`).
    pub class: Option<String>,
    pub methods: Vec<String>,
    /// What whoever asked for the token had it repeat.
    pub nonce: Option<String>,
}

impl IdentityVerifier {
    /// For everybody whom an agent trusts. Nothing has been fetched yet.
    ///
    /// # Errors
    /// A CA file cannot be used.
    pub fn new(config: &Config) -> Result<Self, FetchError> {
        Self::of(&config.identity, &config.others, &config.workloads)
    }

    fn of(
        home: &IdentityConfig,
        others: &[(String, IdentityConfig)],
        workloads: &[WorkloadConfig],
    ) -> Result<Self, FetchError> {
        let mut caches = Caches::default();
        let mut parties = Vec::new();
        let people = std::iter::once((None, home));
        for (prefix, config) in people.chain(others.iter().map(|(name, config)| (Some(name.clone()), config)))
        {
            let keys = caches.of(&config.issuer, &KeysFrom::Discovery, config.ca_file.as_deref())?;
            let expectation = Expectation {
                prefix,
                issuer: config.issuer.clone(),
                client_id: config.client_id.clone(),
                groups_claim: config.groups_claim.clone(),
                max_age: config.max_token_age,
            };
            parties.push(Party { keys, whom: Whom::People(expectation) });
        }
        for config in workloads {
            let keys = caches.of(&config.issuer, &config.keys, config.ca_file.as_deref())?;
            parties.push(Party { keys, whom: Whom::Workload(Rule { config: config.clone() }) });
        }
        Ok(Self { parties })
    }

    /// The principal behind a token. `now` is in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// The token is not good, or the provider cannot be asked for its keys.
    pub async fn verify(&self, token: &str, now: u64) -> Result<SignedIn, TokenError> {
        let unverified = Unverified::parse(token, MAX_TOKEN, &ALGORITHMS)?;
        let claimed = unverified.claimed()?;
        let mut refused: Option<TokenError> = None;
        for party in self.parties.iter().filter(|party| party.whom.may_have_made(&claimed)) {
            match party.verify(&unverified, now).await {
                Ok(signed_in) => return Ok(signed_in),
                // Made for somebody else, or another kind, says less than what another one found wrong.
                Err(error) if refused.as_ref().is_none_or(|earlier| error.is_closer_than(earlier)) => {
                    refused = Some(error);
                }
                Err(_) => {}
            }
        }
        Err(refused.unwrap_or_else(|| TokenError::Issuer { expected: self.issuers() }))
    }

    fn issuers(&self) -> String {
        let mut issuers: Vec<&str> = self.parties.iter().map(|party| party.whom.issuer()).collect();
        issuers.dedup();
        issuers.join("`, `")
    }

    /// Fetches everybody's keys now, for `check`: how many of each can be used.
    pub async fn probe(&self) -> Vec<(String, Result<usize, FetchError>)> {
        let mut probed: Vec<(String, Result<usize, FetchError>)> = Vec::new();
        for party in &self.parties {
            let issuer = party.whom.issuer();
            if !probed.iter().any(|(known, _)| known == issuer) {
                probed.push((issuer.to_owned(), party.keys.probe().await));
            }
        }
        probed
    }

    /// The scopes that the agent's own provider says it knows.
    pub async fn scopes(&self) -> Option<Vec<String>> {
        self.parties.first()?.keys.scopes().await
    }
}

impl Party {
    async fn verify(&self, token: &Unverified<'_>, now: u64) -> Result<SignedIn, TokenError> {
        let key = self.keys.find(token.header()).await?;
        let claims = token.verify(&key)?;
        let principal = self.whom.check(token.header().kind.as_deref(), &claims, now)?;
        Ok(SignedIn {
            principal,
            session: claims.text("sid").map(str::to_owned),
            issued_at: claims.time("iat").unwrap_or(0),
            class: claims.text("acr").map(str::to_owned),
            methods: texts(claims.value("amr")),
            nonce: claims.text("nonce").map(str::to_owned),
        })
    }
}

fn texts(value: Option<&serde_json::Value>) -> Vec<String> {
    let all = value.and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// One cache for each set of keys, however many trust it.
#[derive(Default)]
struct Caches(HashMap<(String, KeysFrom), Arc<KeyCache>>);

impl Caches {
    fn of(
        &mut self,
        issuer: &str,
        keys: &KeysFrom,
        ca_file: Option<&std::path::Path>,
    ) -> Result<Arc<KeyCache>, FetchError> {
        let name = (issuer.to_owned(), keys.clone());
        if let Some(known) = self.0.get(&name) {
            return Ok(Arc::clone(known));
        }
        let made = Arc::new(KeyCache::new(Provider::new(issuer, keys, ca_file)?));
        self.0.insert(name, Arc::clone(&made));
        Ok(made)
    }
}
