//! The grant in force, and newer ones.

use std::sync::Arc;

use connect_core::principal::GrantInForce;
use connect_shared::{
    entry::Entry,
    error::{ErrorReport, Exit},
    frame::{Frame, Notice, Renew},
};
use tokio::time::Instant;

use super::{
    super::{close::Close, lifetime::Lifetime},
    Session,
};
use crate::{
    driver::Authority,
    grants::{GrantError, VerifiedGrant},
    serve::{now, wall_clock},
};

/// Refused renewals before the tunnel is closed: a good client asks twice at most.
const MAX_REFUSED_RENEWALS: u32 = 8;
const OTHER_GROUPS: &str = "your name or groups have changed since it was opened (in a token without an e-mail \
    address that is verified, your provider's id is your name); connect again to go on as you are now";

/// Why no newer grant is taken.
enum NotTaken {
    Refused(Box<ErrorReport>),
    /// The session is over.
    Cut,
}

impl From<ErrorReport> for NotTaken {
    fn from(report: ErrorReport) -> Self {
        Self::Refused(Box::new(report))
    }
}

impl Session {
    pub(super) async fn renew(&mut self, renew: &Renew) -> Option<Close> {
        let answer = match self.accept(&renew.grant) {
            Ok(expires_at) => Notice::Renewed { expires_at },
            Err(NotTaken::Cut) => return Some(Close::Revoked),
            Err(NotTaken::Refused(error)) => {
                self.refused_renewals += 1;
                if self.refused_renewals > MAX_REFUSED_RENEWALS {
                    return Some(Close::Violation);
                }
                Notice::RenewalRefused { error: *error }
            }
        };
        self.say(&Frame::Notice(answer)).await
    }

    /// A newer grant of the same principal, for the same resource, bound to the same key.
    fn accept(&mut self, token: &str) -> Result<u64, NotTaken> {
        let verified = self.agent.grants.verify(token, &self.opened.certificate, now());
        let grant = verified.map_err(|error| error.report())?;
        if !grant.continues(&self.opened.grant) {
            return Err(other_session().into());
        }
        if self.agent.revocations.is_over(&grant, now()) {
            return Err(GrantError::Revoked.report().into());
        }
        // First of all, for nothing is renewed then.
        if self.ends_before(&grant) {
            return Err(NotTaken::Cut);
        }
        let entry =
            Entry::GrantRenewed { session: self.opened.id, grant: grant.id, expires_at: grant.expires_at };
        let recorded = self.agent.log.append(entry);
        recorded.map_err(|error| crate::serve::record_unavailable(&error))?;
        let expires_at = grant.expires_at;
        if self.take(grant) { Ok(expires_at) } else { Err(NotTaken::Cut) }
    }

    /// Cuts the session if a newer grant is of somebody who is not as they were: what is open was decided for the
    /// one that they were.
    #[must_use]
    fn ends_before(&self, grant: &VerifiedGrant) -> bool {
        if self.principal.is_seen_as(&grant.principal) {
            return false;
        }
        self.opened.watched.end(OTHER_GROUPS);
        let mut sessions = 1;
        if self.opened.grant.signed_in_at <= grant.signed_in_at {
            let (revocations, since) = (&self.agent.revocations, grant.signed_in_at);
            // This one is among them.
            let ended = revocations.lose_groups(&self.principal, &grant.principal, since, now());
            sessions = ended.max(1) as u64;
        }
        self.agent.record_groups(&grant.principal.reference, sessions);
        true
    }

    /// Puts a newer grant in force. `false`: the session is cut instead.
    #[must_use]
    pub(super) fn take(&mut self, grant: VerifiedGrant) -> bool {
        if self.ends_before(&grant) || !self.opened.watched.renewed(&grant, now()) {
            return false;
        }
        self.authority.send_replace(Authority::InForce(in_force(&grant)));
        self.lifetime = Lifetime::new(grant.expires_at, wall_clock(), Instant::now());
        self.last_call = None;
        self.lapsed = false;
        self.refused_renewals = 0;
        if let Some(lasting) = &self.opened.lasting {
            lasting.renewed(grant.expires_at);
        }
        self.opened.grant = grant;
        true
    }
}

pub(super) fn in_force(grant: &VerifiedGrant) -> GrantInForce {
    GrantInForce {
        id: grant.id,
        actions: grant.actions.clone(),
        reason: grant.reason.clone(),
        task: grant.task.as_deref().map(Arc::from),
        narrowed: grant.narrowed(),
        // Each connection looks them up for itself, and goes on to.
        leaves: Arc::default(),
    }
}

fn other_session() -> ErrorReport {
    let words = "the new grant is for another principal or resource than this session";
    ErrorReport::new("grant_other_session", Exit::Denied, words).help("open a session of its own for it")
}
