//! Who calls: the principal behind the bearer token of a request.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use connect_core::principal::Principal;
use connect_shared::error::{ErrorReport, Exit};
use http::{header, request::Parts};

use super::error::ApiError;
use crate::{
    identity::{SignedIn, TokenError},
    revocation::Standing,
    serve::{Agent, now},
};

/// A caller whose ID token was good.
#[derive(Debug)]
pub(super) struct Caller(pub(super) Principal);

/// The same, with what the token says of the sign-in.
#[derive(Debug)]
pub(super) struct Identified(pub(super) SignedIn);

impl FromRequestParts<Arc<Agent>> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, ApiError> {
        let Identified(signed_in) = Identified::from_request_parts(parts, agent).await?;
        Ok(Self(signed_in.principal))
    }
}

impl FromRequestParts<Arc<Agent>> for Identified {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, agent: &Arc<Agent>) -> Result<Self, ApiError> {
        let token = bearer(parts).ok_or_else(|| {
            let report = ErrorReport::new(
                "sign_in_needed",
                Exit::SignInNeeded,
                "this needs a sign-in, and none was shown",
            );
            ApiError::from(report.help("connect login"))
        })?;
        let signed_in = agent.identity.verify(token, now()).await?;
        if let Some(sharing) = &agent.sharing {
            // Where the store is away whatever depends on it says so itself; what is known here counts either way.
            let _away = sharing.catch_up(agent).await;
        }
        if agent.revocations.is_shut_out(&Standing::from(&signed_in), now()) {
            return Err(TokenError::Revoked.into());
        }
        Ok(Self(signed_in))
    }
}

/// RFC 6750, 2.1. Two headers are as good as none: nobody could say which one counts.
fn bearer(parts: &Parts) -> Option<&str> {
    let mut headers = parts.headers.get_all(header::AUTHORIZATION).iter();
    let value = headers.next().filter(|_| headers.next().is_none())?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
