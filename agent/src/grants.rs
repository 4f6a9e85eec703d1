//! Grants: issued to whoever may open a resource, bound to the certificate of the one who asks, and
//! verified when they are spent.
//!
//! Rules are looked at twice: when a grant is issued and when it is spent, because a configuration may
//! have changed between the two. Nothing here opens a socket, and the clock is an argument.
//!
//! Read next: [`rules`] for who may do what, [`verify`] for what a grant must survive.

mod hand_on;
mod issue;
mod refusal;
mod rules;
mod thumbprint;
mod verify;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use connect_core::{
    budget::actors::{Amounts, Part},
    principal::{Narrowed, Principal},
};
use connect_shared::{
    grant::{Action, HandedOn},
    ids::{GrantId, RunId},
};
use jsonwebtoken::{DecodingKey, EncodingKey};

pub use self::{
    issue::{Admitted, Issued, check_actor, check_reason, check_task},
    refusal::GrantRefusal,
    thumbprint::Thumbprint,
    verify::GrantError,
};
use crate::{
    config::{Config, ResourceConfig},
    revocation::Standing,
};

/// Longest grant that is looked at: an ID token's groups and our own claims.
pub const MAX_GRANT: usize = 48 * 1024;

/// Issues and verifies grants of one agent.
pub struct GrantAuthority {
    /// Issuer and audience: grants are spent where they are made.
    origin: String,
    signing: EncodingKey,
    checking: DecodingKey,
    lifetime: Duration,
    resources: BTreeMap<String, ResourceConfig>,
}

/// A grant that was good when it was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedGrant {
    pub id: GrantId,
    /// The key that it is bound to: the thumbprint of its certificate.
    pub key: String,
    pub principal: Principal,
    /// Name of the resource.
    pub resource: String,
    pub actions: Vec<Action>,
    /// The run that it is for.
    pub run: Option<RunId>,
    /// The AI agent's task that it is for.
    pub task: Option<String>,
    /// The tables that it is for; empty: all.
    pub tables: Vec<String>,
    /// Who has handed it on, and what of their budgets.
    pub handed_on: Vec<HandedOn>,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// When it was issued, in seconds since 1970-01-01T00:00:00Z.
    pub issued_at: u64,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
    /// How its principal had signed in.
    pub idp_session: Option<String>,
    pub signed_in_at: u64,
}

impl VerifiedGrant {
    /// Whether another grant may take its place in a session: it is of the same principal, for the same, and
    /// handed on in the same way.
    #[must_use]
    pub fn continues(&self, other: &Self) -> bool {
        self.principal.reference == other.principal.reference
            && self.resource == other.resource
            && self.run == other.run
            && self.task == other.task
            && self.tables == other.tables
            && self.handed_on == other.handed_on
    }

    /// Keys of those who have handed it on.
    pub fn givers(&self) -> impl Iterator<Item = &str> {
        self.handed_on.iter().map(|step| step.by.as_str())
    }

    /// What it leaves out.
    #[must_use]
    pub fn narrowed(&self) -> Narrowed {
        let names = self.principal.reference.chain().skip(1);
        let parts = self.handed_on.iter().zip(names).map(|(HandedOn { by, budget }, name)| Part {
            id: format!("{by}/{name}"),
            most: Amounts {
                statements: budget.statements.unwrap_or(u64::MAX),
                rows: budget.rows.unwrap_or(u64::MAX),
                cells: budget.cells.unwrap_or(u64::MAX),
                bytes: budget.bytes.unwrap_or(u64::MAX),
                persons: budget.persons.unwrap_or(u64::MAX),
            },
        });
        Narrowed { tables: self.tables.clone().into(), parts: parts.collect() }
    }

    /// Who is behind it.
    #[must_use]
    pub fn standing(&self) -> Standing {
        Standing {
            principal: self.principal.clone(),
            idp_session: self.idp_session.clone(),
            signed_in_at: self.signed_in_at,
        }
    }
}

/// The key that signs grants cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`grant.key` in the state folder is damaged; remove it to have a new one made (grants in use end)")]
pub struct GrantKeyError;

impl std::fmt::Debug for GrantAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GrantAuthority").field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl GrantAuthority {
    /// An authority over the resources of `config`; `key` is PKCS #8.
    ///
    /// # Errors
    /// The key is not a P-256 key.
    pub fn new(config: &Config, key: &[u8]) -> Result<Self, GrantKeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key).map_err(|_| GrantKeyError)?;
        let resources =
            config.resources.iter().map(|resource| (resource.resource.name.clone(), resource.clone()));
        Ok(Self {
            origin: config.log.origin.clone(),
            signing: EncodingKey::from_ec_der(key),
            checking: DecodingKey::from_ec_der(pair.public_key().as_ref()),
            lifetime: config.grants.lifetime,
            resources: resources.collect(),
        })
    }
}
