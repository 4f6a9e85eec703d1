//! The claims of an ID token, one check after the other.

use connect_core::principal::Principal;
use connect_shared::entry::PrincipalRef;
use serde_json::Value;

use super::TokenError;
use crate::jws::Claims;

/// How far two clocks may be apart, in seconds.
const SKEW: u64 = 60;
/// OpenID Connect Core 1.0, 2: `sub` is at most 255 characters of ASCII.
const MAX_SUBJECT: usize = 255;
/// Longest name of a group, and most groups of one principal.
const MAX_GROUP: usize = 256;
const MAX_GROUPS: usize = 500;

/// What a token must say.
#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) issuer: String,
    pub(super) client_id: String,
    pub(super) groups_claim: String,
}

impl Expectation {
    pub(super) fn check(&self, claims: &Claims, now: u64) -> Result<Principal, TokenError> {
        self.check_parties(claims)?;
        check_times(claims, now)?;
        let sub = claims.text("sub").filter(|sub| is_printable(sub, MAX_SUBJECT));
        let sub = sub.ok_or(TokenError::Claim("sub"))?.to_owned();
        let name = email(claims).unwrap_or(&sub).to_owned();
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

    fn groups(&self, claims: &Claims) -> Result<Vec<String>, TokenError> {
        let wrong = TokenError::Claim("the groups claim");
        let group =
            |value: &Value| value.as_str().filter(|name| is_printable(name, MAX_GROUP)).map(str::to_owned);
        let groups: Option<Vec<String>> = match claims.value(&self.groups_claim) {
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

fn check_times(claims: &Claims, now: u64) -> Result<(), TokenError> {
    let expires = claims.time("exp").ok_or(TokenError::Claim("exp"))?;
    let issued = claims.time("iat").ok_or(TokenError::Claim("iat"))?;
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

fn is_printable(text: &str, limit: usize) -> bool {
    !text.is_empty() && text.len() <= limit && !text.chars().any(char::is_control)
}
