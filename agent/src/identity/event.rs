//! What an identity provider says about a sign-in after it: logout tokens (OpenID Connect Back-Channel Logout
//! 1.0) and security event tokens (RFC 8417) of the Shared Signals Framework, CAEP and RISC.
//!
//! Only the one who vouched for somebody may take that back: a logout token must be made for the client that
//! signed in, an event for this agent, and both by a key that its issuer publishes.

use serde_json::{Map, Value};

use super::{
    ALGORITHMS, FetchError, KeyCache, MAX_TOKEN, Provider, TokenError, Whom as Party,
    claims::{MAX_SUBJECT, check_times_since, is_printable},
};
use crate::{
    config::SignalsConfig,
    jws::{Claims, Unverified},
    revocation::{Lock, Until, Whom},
};

const LOGOUT: &str = "http://schemas.openid.net/event/backchannel-logout";
const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";
const SSF: &str = "https://schemas.openid.net/secevent/ssf/event-type/";
/// Oldest logout token that is looked at, in seconds.
const LOGOUT_AGE: u64 = 300;

/// Who signed out, and when the provider said so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    pub whom: Whom,
    pub until: Until,
}

impl super::IdentityVerifier {
    /// What a logout token says.
    ///
    /// # Errors
    /// It is none of a provider that signs people in here.
    pub async fn logout(&self, token: &str, now: u64) -> Result<Logout, TokenError> {
        let unverified = Unverified::parse(token, MAX_TOKEN, &ALGORITHMS)?;
        if let Some(kind) = unverified.header().kind.as_deref()
            && !["logout+jwt", "jwt"].iter().any(|accepted| kind.eq_ignore_ascii_case(accepted))
        {
            return Err(TokenError::Kind(kind.chars().take(32).collect()));
        }
        let claimed = unverified.claimed()?;
        for party in self.parties.iter().filter(|party| party.whom.may_have_made(&claimed)) {
            let Party::People(people) = &party.whom else { continue };
            let key = party.keys.find(unverified.header()).await?;
            let claims = unverified.verify(&key)?;
            if claims.text("iss") == Some(&people.issuer) && is_for(&claims, &people.client_id) {
                return read_logout(&claims, &people.issuer, now);
            }
        }
        Err(TokenError::Issuer { expected: self.issuers() })
    }
}

/// OpenID Connect Back-Channel Logout 1.0, 2.6.
fn read_logout(claims: &Claims, issuer: &str, now: u64) -> Result<Logout, TokenError> {
    let issued = claims.time("iat").ok_or(TokenError::Claim("iat"))?;
    if claims.value("exp").is_some() {
        check_times_since(claims, issued, now)?;
    }
    if issued.saturating_add(LOGOUT_AGE) < now {
        return Err(TokenError::Expired);
    }
    if issued > now.saturating_add(60) {
        return Err(TokenError::NotYet);
    }
    // With a nonce it could be an ID token.
    if claims.value("nonce").is_some() {
        return Err(TokenError::Claim("nonce"));
    }
    let is_logout =
        claims.value("events").and_then(|events| events.get(LOGOUT)).is_some_and(Value::is_object);
    if !is_logout {
        return Err(TokenError::Claim("events"));
    }
    let text =
        |name: &str| claims.text(name).filter(|text| is_printable(text, MAX_SUBJECT)).map(str::to_owned);
    let idp = issuer.to_owned();
    let whom = match (text("sid"), text("sub")) {
        (Some(id), sub) => Whom::IdpSession { idp, id, sub, email: None },
        (None, Some(sub)) => Whom::Subject { idp, sub },
        (None, None) => return Err(TokenError::Claim("sub")),
    };
    Ok(Logout { whom, until: Until::SignedInAgainSince(issued) })
}

fn is_for(claims: &Claims, audience: &str) -> bool {
    let ours = |value: &Value| value.as_str() == Some(audience);
    match claims.value("aud") {
        Some(Value::Array(all)) => all.iter().any(ours),
        Some(one) => ours(one),
        None => false,
    }
}

/// What is to be done about an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Shut somebody out, for a reason that its owner reads.
    Shut { whom: Whom, until: Until, why: &'static str },
    /// Let somebody in again.
    Restore { whom: Whom, lock: Lock },
    /// Nothing: the stream is tried, or the event is none that ends anything.
    Nothing,
}

/// An event as it was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    pub jti: String,
    /// The last part of the event's type.
    pub event: String,
    pub order: Order,
}

/// Hears one transmitter.
#[derive(Debug)]
pub struct EventVerifier {
    issuer: String,
    audience: String,
    /// Whose people it may speak of.
    about: String,
    keys: KeyCache,
}

impl EventVerifier {
    /// # Errors
    /// A CA file cannot be used.
    pub fn new(config: &SignalsConfig) -> Result<Self, FetchError> {
        let provider = Provider::new(&config.issuer, &config.keys, config.ca_file.as_deref())?;
        Ok(Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            about: config.about.clone(),
            keys: KeyCache::new(provider),
        })
    }

    /// Whether a token claims to be of this transmitter.
    pub fn is_of(&self, token: &str) -> bool {
        let claimed = Unverified::parse(token, MAX_TOKEN, &ALGORITHMS).and_then(|token| token.claimed());
        claimed.is_ok_and(|claimed| claimed.issuer.as_deref() == Some(&self.issuer))
    }

    /// What a security event token orders.
    ///
    /// # Errors
    /// It is none of this transmitter, or none that can be understood.
    pub async fn hear(&self, token: &str, now: u64) -> Result<Told, TokenError> {
        let unverified = Unverified::parse(token, MAX_TOKEN, &ALGORITHMS)?;
        match unverified.header().kind.as_deref() {
            // RFC 8417, 2.3: an ID token must never be heard as an event.
            Some(kind) if kind.eq_ignore_ascii_case("secevent+jwt") => {}
            kind => return Err(TokenError::Kind(kind.unwrap_or("JWT").chars().take(32).collect())),
        }
        let claims = unverified.verify(&self.keys.find(unverified.header()).await?)?;
        if claims.text("iss") != Some(&self.issuer) {
            return Err(TokenError::Issuer { expected: self.issuer.clone() });
        }
        if !is_for(&claims, &self.audience) {
            return Err(TokenError::Audience { expected: self.audience.clone() });
        }
        let jti = claims.text("jti").filter(|jti| is_printable(jti, 256)).ok_or(TokenError::Claim("jti"))?;
        let issued = claims.time("iat").ok_or(TokenError::Claim("iat"))?;
        if issued > now.saturating_add(60) {
            return Err(TokenError::NotYet);
        }
        let events = claims.value("events").and_then(Value::as_object).ok_or(TokenError::Claim("events"))?;
        let mut events = events.iter();
        // CAEP and RISC put one event into one token.
        let (Some((kind, event)), None) = (events.next(), events.next()) else {
            return Err(TokenError::Claim("events"));
        };
        let event = event.as_object().ok_or(TokenError::Claim("events"))?;
        let name: String = kind.rsplit('/').next().unwrap_or_default().chars().take(64).collect();
        let subject = claims.value("sub_id").or_else(|| event.get("subject"));
        let order = self.order(kind, event, subject, issued)?;
        Ok(Told { jti: jti.to_owned(), event: name, order })
    }

    fn order(
        &self,
        kind: &str,
        event: &Map<String, Value>,
        subject: Option<&Value>,
        issued: u64,
    ) -> Result<Order, TokenError> {
        let Some(reaction) = Reaction::of(kind, event) else { return Ok(Order::Nothing) };
        let whom = subject.and_then(|subject| self.whom(subject)).ok_or(TokenError::Claim("sub_id"))?;
        // By the provider's own clock, as the tokens are.
        let moment = event.get("event_timestamp").and_then(Value::as_u64);
        let moment =
            moment.map_or(issued, |moment| if moment > 100_000_000_000 { moment / 1000 } else { moment });
        let again = Until::SignedInAgainSince(moment.min(issued));
        Ok(match reaction {
            Reaction::SignInAgain(why) => Order::Shut { whom, until: again, why },
            Reaction::UntilRestored(why) => {
                Order::Shut { whom, until: Until::Restored(lock(kind, subject)), why }
            }
            Reaction::Restore => Order::Restore { whom, lock: lock(kind, subject) },
        })
    }

    /// RFC 9493, as far as somebody here can be meant by it.
    fn whom(&self, subject: &Value) -> Option<Whom> {
        let text = |name: &str| {
            subject.get(name)?.as_str().filter(|text| is_printable(text, 320)).map(str::to_owned)
        };
        match subject.get("format").and_then(Value::as_str)? {
            "iss_sub" if text("iss").as_deref() == Some(&self.about) => {
                Some(Whom::Subject { idp: self.about.clone(), sub: text("sub")? })
            }
            "email" => {
                let email = text("email")?.to_lowercase();
                Some(Whom::Email { idp: self.about.clone(), email })
            }
            "opaque" => Some(Whom::Subject { idp: self.about.clone(), sub: text("id")? }),
            "complex" => {
                if let Some(session) = subject.get("session")
                    && session.get("format").and_then(Value::as_str) == Some("opaque")
                {
                    let id = session.get("id")?.as_str().filter(|id| is_printable(id, MAX_SUBJECT))?;
                    let (sub, email) = match subject.get("user").and_then(|user| self.whom(user)) {
                        Some(Whom::Subject { sub, .. }) => (Some(sub), None),
                        Some(Whom::Email { email, .. }) => (None, Some(email)),
                        _ => (None, None),
                    };
                    let (idp, id) = (self.about.clone(), id.to_owned());
                    return Some(Whom::IdpSession { idp, id, sub, email });
                }
                self.whom(subject.get("user")?)
            }
            _ => None,
        }
    }
}

/// A device's lock is not the account's, and not that of another device.
fn lock(kind: &str, subject: Option<&Value>) -> Lock {
    if kind.starts_with(RISC) {
        return Lock::Account;
    }
    let device = subject.and_then(|subject| subject.get("device")).map(Value::to_string).unwrap_or_default();
    Lock::Device(device.chars().take(512).collect())
}

/// What an event means for whoever it is about.
enum Reaction {
    SignInAgain(&'static str),
    UntilRestored(&'static str),
    Restore,
}

impl Reaction {
    fn of(kind: &str, event: &Map<String, Value>) -> Option<Self> {
        let is = |name: &str| event.get(name).and_then(Value::as_str);
        if let Some(name) = kind.strip_prefix(CAEP) {
            return match name {
                "session-revoked" => Some(Self::SignInAgain("the identity provider ended your sign-in")),
                "credential-change" if is("change_type") == Some("create") => None,
                "credential-change" => Some(Self::SignInAgain("your credentials have changed")),
                "token-claims-change" => {
                    Some(Self::SignInAgain("what the identity provider says of you has changed"))
                }
                "device-compliance-change" if is("current_status") == Some("compliant") => {
                    Some(Self::Restore)
                }
                "device-compliance-change" => {
                    Some(Self::UntilRestored("your device is not compliant any more"))
                }
                _ => None,
            };
        }
        if let Some(name) = kind.strip_prefix(RISC) {
            return match name {
                "account-disabled" | "account-purged" => {
                    Some(Self::UntilRestored("your account was disabled"))
                }
                "account-enabled" => Some(Self::Restore),
                "sessions-revoked" | "account-credential-change-required" => {
                    Some(Self::SignInAgain("the identity provider ended your sign-in"))
                }
                _ => None,
            };
        }
        // Verification and updates of the stream itself.
        let _of_the_stream = kind.strip_prefix(SSF);
        None
    }
}
