//! The claims of an ID token, one check after the other.

use std::time::Duration;

use connect_core::principal::Principal;
use connect_shared::entry::PrincipalRef;
use serde_json::Value;

use super::TokenError;
use crate::jws::Claims;

/// How far two clocks may be apart, in seconds.
const SKEW: u64 = 60;
/// OpenID Connect Core 1.0, 2: `sub` is at most 255 characters of ASCII.
pub(super) const MAX_SUBJECT: usize = 255;
/// Longest name of a group, and most groups of one principal.
const MAX_GROUP: usize = 256;
const MAX_GROUPS: usize = 500;

/// What a token must say.
#[derive(Debug)]
pub(super) struct Expectation {
    /// Stands before names and groups of another provider than the agent's own, which could otherwise
    /// name anybody.
    pub(super) prefix: Option<String>,
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) groups_claim: String,
    /// Oldest token that is taken: one that somebody has kept must not speak for who they were.
    pub(super) max_age: Duration,
}

impl Expectation {
    pub(super) fn check(&self, claims: &Claims, now: u64) -> Result<Principal, TokenError> {
        self.check_parties(claims)?;
        check_times(claims, now)?;
        if claims.time("iat").is_none_or(|issued| issued.saturating_add(self.max_age.as_secs()) < now) {
            return Err(TokenError::TooOld);
        }
        let sub = claims.text("sub").filter(|sub| is_printable(sub, MAX_SUBJECT));
        let sub = sub.ok_or(TokenError::Claim("sub"))?.to_owned();
        let name = self.own(email(claims).unwrap_or(&sub));
        let groups = self.groups(claims)?;
        Ok(Principal { reference: PrincipalRef { sub, idp: self.issuer.clone(), actor: None }, name, groups })
    }

    fn check_parties(&self, claims: &Claims) -> Result<(), TokenError> {
        if claims.text("iss") != Some(&self.issuer) {
            return Err(TokenError::Issuer { expected: self.issuer.clone() });
        }
        let wrong = || TokenError::Audience { expected: self.client_id.clone() };
        let ours = |value: &Value| value.as_str() == Some(&self.client_id);
        let shared = match claims.value("aud").ok_or(TokenError::Claim("aud"))? {
            Value::Array(all) if all.iter().any(ours) => all.len() > 1,
            one if ours(one) => false,
            _ => return Err(wrong()),
        };
        match claims.value("azp") {
            Some(party) if ours(party) => Ok(()),
            // With several audiences, only the authorized party says for whom the token was made.
            None if !shared => Ok(()),
            _ => Err(wrong()),
        }
    }

    fn own(&self, name: &str) -> String {
        self.prefix.as_ref().map_or_else(|| name.to_owned(), |prefix| format!("{prefix}/{name}"))
    }

    fn groups(&self, claims: &Claims) -> Result<Vec<String>, TokenError> {
        let wrong = TokenError::Claim("the groups claim");
        let group = |value: &Value| {
            value.as_str().filter(|name| is_printable(name, MAX_GROUP)).map(|name| self.own(name))
        };
        let found = find(claims, &self.groups_claim);
        if found.is_none() && is_left_out(claims, &self.groups_claim) {
            return Err(TokenError::GroupsLeftOut);
        }
        let groups: Option<Vec<String>> = match found {
            // No groups, whatever an earlier token said.
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::Array(all)) if all.len() <= MAX_GROUPS => all.iter().map(group).collect(),
            Some(one) => group(one).map(|name| vec![name]),
        };
        let mut groups = groups.ok_or(wrong)?;
        groups.sort_unstable();
        groups.dedup();
        Ok(groups)
    }
}

/// A claim by its name, else by the names on the way to it: `realm_access.roles`. Names may have dots of
/// their own: `kubernetes.io.namespace`.
pub(super) fn find<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    find_by(path, &|name| claims.value(name))
}

fn find_by<'a>(path: &str, member: &dyn Fn(&str) -> Option<&'a Value>) -> Option<&'a Value> {
    member(path).or_else(|| {
        path.match_indices('.').find_map(|(at, _)| {
            let (head, rest) = path.split_at_checked(at)?;
            let object = member(head)?.as_object()?;
            find_by(rest.strip_prefix('.')?, &|name| object.get(name))
        })
    })
}

/// Whether the provider says that groups are elsewhere because there are too many for a token
/// (OpenID Connect Core 1.0, 5.6.2; Microsoft Entra ID also says `hasgroups`).
fn is_left_out(claims: &Claims, groups_claim: &str) -> bool {
    let elsewhere = claims.value("_claim_names").and_then(|names| names.get(groups_claim)).is_some();
    elsewhere || claims.value("hasgroups") == Some(&Value::Bool(true))
}

pub(super) fn check_times(claims: &Claims, now: u64) -> Result<(), TokenError> {
    let issued = claims.time("iat").ok_or(TokenError::Claim("iat"))?;
    check_times_since(claims, issued, now)
}

/// The same for a token that need not say since when it is.
pub(super) fn check_times_since(claims: &Claims, issued: u64, now: u64) -> Result<(), TokenError> {
    let expires = claims.time("exp").ok_or(TokenError::Claim("exp"))?;
    let not_before = match claims.value("nbf") {
        Some(_) => claims.time("nbf").ok_or(TokenError::Claim("nbf"))?,
        None => issued,
    };
    if expires.saturating_add(SKEW) <= now {
        return Err(TokenError::Expired);
    }
    if issued.max(not_before) > now.saturating_add(SKEW) {
        return Err(TokenError::NotYet);
    }
    Ok(())
}

/// The e-mail address, unless the provider says that nobody has checked it: rules name people by it.
fn email(claims: &Claims) -> Option<&str> {
    let unverified = match claims.value("email_verified") {
        Some(Value::Bool(verified)) => !verified,
        Some(Value::String(text)) => text != "true",
        Some(_) => true,
        None => false,
    };
    claims.text("email").filter(|email| !unverified && is_printable(email, 320))
}

pub(super) fn is_printable(text: &str, limit: usize) -> bool {
    !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control)
}
