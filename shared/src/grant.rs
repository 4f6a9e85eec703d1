//! Grants: short signed permissions, bound to the key of one CLI process.
//!
//! A grant is a JWT access token (RFC 9068, `at+jwt`, ES256) whose `cnf.x5t#S256` (RFC 8705) is the
//! SHA-256 of the client certificate of the tunnel that may use it, and whose `authorization_details`
//! (RFC 9396) name the resource and the actions. A stolen grant is useless without the key.

use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, RunId};

/// `typ` of a grant's header.
pub const GRANT_TYPE: &str = "at+jwt";

/// `type` of our authorization details.
pub const DETAIL_TYPE: &str = "connect_resource";

/// What a grant lets its principal do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Read,
    Write,
}

/// The claims of a grant. Times are seconds since 1970-01-01T00:00:00Z.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantClaims {
    /// The agent that issued it: its log origin.
    pub iss: String,
    /// The same agent: grants are spent where they are made.
    pub aud: String,
    /// Stable id of the principal at its identity provider.
    pub sub: String,
    /// Issuer of the identity behind `sub`.
    pub idp: String,
    /// The name that people read: e-mail address, else `sub`.
    pub name: String,
    #[serde(default)]
    pub groups: Vec<String>,
    /// The AI agent that acts for `sub` (RFC 8693).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The run that everything under this grant belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// The task of the AI agent that everything under this grant belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    pub jti: GrantId,
    /// The identity provider's own session, where it names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<String>,
    /// When the token was made that the grant was given for.
    #[serde(default)]
    pub signed_in_at: u64,
    pub iat: u64,
    pub nbf: u64,
    pub exp: u64,
    pub cnf: Confirmation,
    pub authorization_details: Vec<AuthorizationDetail>,
    /// Why it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The grant that this one is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<GrantId>,
    /// Who has handed it on, the principal's own AI agent first: one less than there are actors in `act`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handed_on: Vec<HandedOn>,
}

/// A run of a job, as whoever starts it names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunIdentity {
    pub id: RunId,
    pub job: String,
    /// Verifier key, `name+hash+base64` with the run's id as its name: its owner signs the hashes of files.
    pub key: String,
    /// The run that this one is part of, as the environment named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// All of its resources, if there are several: each grant of the run names the same ones, and is for one of
    /// them. Empty: that of its grant is the only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
}

impl RunIdentity {
    /// All of its resources, the first one first; `granted` is that of one of its grants.
    #[must_use]
    pub fn all_resources(&self, granted: &str) -> Vec<String> {
        if self.resources.is_empty() { vec![granted.to_owned()] } else { self.resources.clone() }
    }
}

/// The program that acts for a principal (RFC 8693, 4.1): the one that acts now, and within it whoever handed its
/// part on to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Self>>,
}

impl Actor {
    /// Of a chain of names, whoever acts last.
    pub fn of<'a>(chain: impl Iterator<Item = &'a str>) -> Option<Self> {
        chain.fold(None, |before, name| Some(Self { sub: name.to_owned(), act: before.map(Box::new) }))
    }

    /// Names from the principal's own AI agent to the one that acts.
    #[must_use]
    pub fn chain(&self) -> Vec<&str> {
        let mut names: Vec<&str> = std::iter::successors(Some(self), |actor| actor.act.as_deref())
            .map(|actor| actor.sub.as_str())
            .collect();
        names.reverse();
        names
    }
}

/// What an AI agent may take of the budget of whoever handed its grant on. What is absent is not limited here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetPart {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cells: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub persons: Option<u64>,
}

/// One step of the way by which a grant was handed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HandedOn {
    /// `x5t#S256` of the certificate of the one that handed it on.
    pub by: String,
    /// What the next one may take.
    #[serde(default)]
    pub budget: BudgetPart,
}

/// The key that the grant is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// SHA-256 of the certificate's DER, base64url without padding.
    #[serde(rename = "x5t#S256")]
    pub certificate: String,
}

/// One resource with its actions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorizationDetail {
    #[serde(rename = "type")]
    pub kind: String,
    /// Name of the resource.
    pub identifier: String,
    pub actions: Vec<Action>,
    /// The tables that it is for: `schema.table` or `schema.*`; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<String>,
}

/// `cnf.x5t#S256` of a certificate.
#[must_use]
pub fn certificate_thumbprint(der: &[u8]) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}
