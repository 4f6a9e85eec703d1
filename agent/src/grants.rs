//! Grants: issued to whoever may open a resource, bound to the certificate of the one who asks, and
//! verified when they are spent.
//!
//! Rules are looked at twice: when a grant is issued and when it is spent, because a configuration may
//! have changed between the two. Nothing here opens a socket, and the clock is an argument.
//!
//! Read next: [`rules`] for who may do what, [`verify`] for what a grant must survive.

mod issue;
mod refusal;
mod rules;
mod thumbprint;
mod verify;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use connect_core::principal::Principal;
use connect_shared::{
    grant::Action,
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
    pub principal: Principal,
    /// Name of the resource.
    pub resource: String,
    pub actions: Vec<Action>,
    /// The run that it is for.
    pub run: Option<RunId>,
    /// The AI agent's task that it is for.
    pub task: Option<String>,
    /// Why it was asked for.
    pub reason: Option<String>,
    /// Seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
    /// How its principal had signed in.
    pub idp_session: Option<String>,
    pub signed_in_at: u64,
}

impl VerifiedGrant {
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
