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

/// The program that acts for a principal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    pub sub: String,
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
}

/// `cnf.x5t#S256` of a certificate.
#[must_use]
pub fn certificate_thumbprint(der: &[u8]) -> String {
    use base64::Engine as _;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}
