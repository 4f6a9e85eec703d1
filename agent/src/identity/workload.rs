//! Programs: a token of a CI service, a cluster, a SPIFFE trust domain or an identity provider, and what its
//! claims must be before it is anybody here.

use connect_core::principal::Principal;
use connect_shared::entry::PrincipalRef;
use serde_json::Value;

use super::{
    TokenError,
    claims::{MAX_SUBJECT, check_times, check_times_since, find, is_printable},
};
use crate::{
    config::{ClaimRule, WorkloadConfig},
    jws::{Claimed, Claims},
};

/// One `[[workload]]`.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) config: WorkloadConfig,
}

impl Rule {
    /// A trust domain stands in the subject, and its tokens need no issuer (SPIFFE JWT-SVID, 3).
    fn trust_domain(&self) -> Option<&str> {
        self.config.issuer.starts_with("spiffe://").then_some(self.config.issuer.as_str())
    }

    pub(super) fn may_have_made(&self, claimed: &Claimed) -> bool {
        match self.trust_domain() {
            Some(domain) => claimed.subject.as_deref().is_some_and(|sub| is_within(domain, sub)),
            None => claimed.issuer.as_deref() == Some(&self.config.issuer),
        }
    }

    pub(super) fn check(&self, claims: &Claims, now: u64) -> Result<Principal, TokenError> {
        let sub = claims.text("sub").filter(|sub| is_printable(sub, MAX_SUBJECT));
        let sub = sub.ok_or(TokenError::Claim("sub"))?.to_owned();
        let ours = match self.trust_domain() {
            Some(domain) => is_within(domain, &sub),
            None => claims.text("iss") == Some(&self.config.issuer),
        };
        if !ours {
            return Err(TokenError::Issuer { expected: self.config.issuer.clone() });
        }
        self.check_audience(claims)?;
        match self.trust_domain() {
            Some(_) => check_times_since(claims, claims.time("iat").unwrap_or(0), now)?,
            None => check_times(claims, now)?,
        }
        if let Some(rule) = self.config.claims.iter().find(|rule| !holds(rule, claims)) {
            let (workload, claim) = (self.config.name.clone(), rule.claim.clone());
            return Err(TokenError::NotAdmitted { workload, claim });
        }
        let mut groups = self.config.groups.clone();
        groups.sort_unstable();
        groups.dedup();
        let name = format!("{}/{sub}", self.config.name);
        let reference = PrincipalRef { sub, idp: self.config.issuer.clone(), actor: None };
        Ok(Principal { reference, name, groups })
    }

    fn check_audience(&self, claims: &Claims) -> Result<(), TokenError> {
        let ours = |value: &Value| value.as_str() == Some(&self.config.audience);
        let good = match claims.value("aud").ok_or(TokenError::Claim("aud"))? {
            Value::Array(all) => all.iter().any(ours),
            one => ours(one),
        };
        if good { Ok(()) } else { Err(TokenError::Audience { expected: self.config.audience.clone() }) }
    }
}

/// A workload of the domain; `spiffe://example.org` has none of `spiffe://example.org.evil`.
fn is_within(domain: &str, sub: &str) -> bool {
    sub.strip_prefix(domain).is_some_and(|path| path.len() > 1 && path.starts_with('/'))
}

/// Texts are compared as they are, numbers and truth values as JSON writes them. Nothing else can be meant.
fn holds(rule: &ClaimRule, claims: &Claims) -> bool {
    let text = match find(claims, &rule.claim) {
        Some(Value::String(text)) => text.clone(),
        Some(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
        _ => return false,
    };
    rule.allowed.iter().any(|allowed| allowed.admits(&text))
}
