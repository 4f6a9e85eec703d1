//! Makes sure that a connection works as the role that it was opened with, and cannot leave it by going back to
//! what it began with.
//!
//! The role comes as a startup parameter, so that RESET and DISCARD ALL go back to it. Two things can be in the
//! way: a pooler that drops the parameter, and servers before 13.18, 14.15, 15.10, 16.6 and 17.2, where
//! `SET SESSION AUTHORIZATION DEFAULT`, which is a part of DISCARD ALL, left the role for the account. Both are
//! seen by doing just that. A role that is not there, or that the account is not a member of, the server
//! refuses by itself.

use super::{Upstream, UpstreamError, ask};

/// The startup parameter.
pub const ROLE: &str = "role";

pub(super) const WHOSE_RIGHTS: &str = "SET SESSION AUTHORIZATION DEFAULT; SELECT current_user";

/// Whoever is let in by this has the role that `parameters` ask for, if they ask for one.
///
/// # Errors
/// The server has another role, or does not say.
pub(super) async fn check(
    upstream: &mut Upstream,
    parameters: &[(String, String)],
) -> Result<(), UpstreamError> {
    let Some((_, role)) = parameters.iter().rev().find(|(name, _)| name == ROLE) else { return Ok(()) };
    let answer = ask(&mut upstream.stream, WHOSE_RIGHTS).await?;
    match answer.into_iter().next().flatten() {
        Some(found) if found[..] == *role.as_bytes() => Ok(()),
        found => Err(UpstreamError::RoleNotKept {
            role: role.clone(),
            found: found.map(|found| String::from_utf8_lossy(&found).into_owned()).unwrap_or_default(),
        }),
    }
}
