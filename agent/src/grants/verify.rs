//! What a grant must survive before it is spent.

use connect_core::principal::Principal;
use connect_shared::{
    entry::PrincipalRef,
    error::{ErrorReport, Exit},
    grant::{AuthorizationDetail, DETAIL_TYPE, GRANT_TYPE, GrantClaims},
};
use jsonwebtoken::Algorithm;

use super::{GrantAuthority, MAX_GRANT, Thumbprint, VerifiedGrant, hand_on::joined, rules::allowed};
use crate::jws::{JwsError, Unverified};

/// Our own clock made these times: only a step of it can be between them.
const SKEW: u64 = 5;

/// Why a grant is worth nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    #[error("this is not a grant: {0}")]
    NotAGrant(#[from] JwsError),
    #[error("this is a signed token, but not a grant")]
    Kind,
    #[error("the grant was made by another agent")]
    OtherAgent,
    #[error("the grant is over")]
    Expired,
    #[error("the grant is not valid yet")]
    NotYet,
    #[error("the grant belongs to another key than that of this tunnel")]
    OtherKey,
    #[error("the grant names no resource of this agent, or more than one")]
    Resource,
    #[error("the rules of the agent no longer allow what the grant says")]
    Withdrawn,
    #[error("the sign-in behind the grant was revoked")]
    Revoked,
}

impl GrantError {
    /// Stable name for programs and for the log.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotAGrant(JwsError::Signature) => "grant_bad_signature",
            Self::NotAGrant(_) | Self::Kind => "grant_malformed",
            Self::OtherAgent => "grant_other_agent",
            Self::Expired => "grant_expired",
            Self::NotYet => "grant_not_yet_valid",
            Self::OtherKey => "grant_other_key",
            Self::Resource => "grant_other_resource",
            Self::Withdrawn => "grant_withdrawn",
            Self::Revoked => "grant_revoked",
        }
    }

    /// For the peer.
    #[must_use]
    pub fn report(&self) -> ErrorReport {
        let exit = match self {
            Self::Expired | Self::Revoked => Exit::SessionEnded,
            Self::Withdrawn => Exit::Denied,
            _ => Exit::Unexpected,
        };
        ErrorReport::new(self.code(), exit, self.to_string()).help("connect ls").help("connect doctor")
    }
}

impl GrantAuthority {
    /// Verifies a grant that came over a tunnel with this certificate.
    ///
    /// # Errors
    /// It is not worth anything here.
    pub fn verify(
        &self,
        token: &str,
        certificate: &Thumbprint,
        now: u64,
    ) -> Result<VerifiedGrant, GrantError> {
        self.check_rules(self.claims_of(token, certificate, now)?)
    }

    /// What a grant says that came over a tunnel with this certificate, and is in force.
    pub(super) fn claims_of(
        &self,
        token: &str,
        certificate: &Thumbprint,
        now: u64,
    ) -> Result<GrantClaims, GrantError> {
        let unverified = Unverified::parse(token, MAX_GRANT, &[Algorithm::ES256])?;
        if unverified.header().kind.as_deref() != Some(GRANT_TYPE) {
            return Err(GrantError::Kind);
        }
        let claims: GrantClaims = unverified.verify(&self.checking)?.into_type()?;
        if claims.iss != self.origin || claims.aud != self.origin {
            return Err(GrantError::OtherAgent);
        }
        if !certificate.is(&claims.cnf.certificate) {
            return Err(GrantError::OtherKey);
        }
        check_times(&claims, now)?;
        Ok(claims)
    }

    pub(super) fn check_rules(&self, claims: GrantClaims) -> Result<VerifiedGrant, GrantError> {
        let principal = principal_of(&claims);
        let [detail] = <[AuthorizationDetail; 1]>::try_from(claims.authorization_details)
            .map_err(|_| GrantError::Resource)?;
        if detail.kind != DETAIL_TYPE {
            return Err(GrantError::Resource);
        }
        let resource = self.resource(&detail.identifier).ok_or(GrantError::Resource)?;
        let allowed = allowed(resource, &principal);
        if detail.actions.is_empty() || detail.actions.iter().any(|action| !allowed.contains(action)) {
            return Err(GrantError::Withdrawn);
        }
        Ok(VerifiedGrant {
            id: claims.jti,
            key: claims.cnf.certificate,
            principal,
            resource: detail.identifier,
            actions: detail.actions,
            run: claims.run,
            task: claims.task,
            tables: detail.tables,
            handed_on: claims.handed_on,
            issued_at: claims.iat,
            reason: claims.reason,
            expires_at: claims.exp,
            idp_session: claims.sid,
            signed_in_at: claims.signed_in_at,
        })
    }
}

/// Whom a grant names.
pub(super) fn principal_of(claims: &GrantClaims) -> Principal {
    let actor = claims.act.as_ref().map(joined);
    let reference = PrincipalRef { sub: claims.sub.clone(), idp: claims.idp.clone(), actor };
    Principal { reference, name: claims.name.clone(), groups: claims.groups.clone() }
}

fn check_times(claims: &GrantClaims, now: u64) -> Result<(), GrantError> {
    if claims.exp <= now {
        return Err(GrantError::Expired);
    }
    if claims.nbf.max(claims.iat) > now.saturating_add(SKEW) {
        return Err(GrantError::NotYet);
    }
    Ok(())
}
