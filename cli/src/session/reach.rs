//! The way back to an agent whose tunnel is gone: a good grant, another tunnel, the same session if the agent
//! still has it.

use std::{sync::Arc, time::Duration};

use connect_shared::{
    api::{GrantRequest, GrantResponse},
    error::{ErrorReport, Exit},
    frame::{Resume, Welcome},
};
use tokio::time::Instant;

use super::parts::Parent;
use crate::{
    agents::Agent,
    api::ControlApi,
    certificate::ClientKey,
    failure::Outcome,
    identity::Holder,
    tunnel::{Control, Tunnel, Ways},
};

/// A grant that is over so soon is not worth showing.
const SOON: Duration = Duration::from_secs(5);

/// Where grants come from.
#[derive(Clone)]
pub(super) enum Source {
    SignIn(Holder),
    /// Another session, of which this one is a part.
    Parent(Parent),
}

/// What it takes to come in.
#[derive(Clone)]
pub(super) struct Entrance {
    pub(super) agent: Agent,
    pub(super) key: Arc<ClientKey>,
    pub(super) from: Source,
    pub(super) wanted: GrantRequest,
}

/// A grant, and its end by this machine's steady clock.
#[derive(Clone)]
pub(super) struct Standing {
    pub(super) grant: String,
    pub(super) ends: Instant,
}

/// Inside again.
pub(super) struct Reached {
    pub(super) tunnel: Tunnel,
    pub(super) control: Control,
    pub(super) welcome: Welcome,
    pub(super) grant: String,
}

/// Tries once, by any or by one way. A session that the agent does not know is begun anew: those who had connections in it are told
/// by its name.
pub(super) async fn reach(
    entrance: Entrance,
    standing: Standing,
    resume: Resume,
    ways: Ways,
) -> Outcome<Reached> {
    let fresh = standing.ends > Instant::now() + SOON;
    let mut grant = if fresh { standing.grant } else { entrance.grant().await?.grant };
    let is_part = matches!(&entrance.from, Source::Parent(_));
    let mut came = entrance.come_in(&grant, Some(resume.clone()), ways).await;
    if fresh && matches!(&came, Err(report) if is_of_grant(report, is_part)) {
        // The agent's clock is another one, or it has new keys.
        grant = entrance.grant().await?.grant;
        came = entrance.come_in(&grant, Some(resume), ways).await;
    }
    if matches!(&came, Err(report) if report.code.starts_with("resume_")) {
        came = entrance.come_in(&grant, None, ways).await;
    }
    let (tunnel, control, welcome) = came?;
    Ok(Reached { tunnel, control, welcome, grant })
}

/// Whether another grant may help. One that was revoked was meant: a person decides whether to begin anew. Of a part
/// that was handed on, an agent that was started anew says the same, and whoever gave it decides.
fn is_of_grant(report: &ErrorReport, is_part: bool) -> bool {
    report.code.starts_with("grant_") && (is_part || report.code != "grant_revoked")
}

/// Whether trying again may help.
pub(super) fn may_help(report: &ErrorReport) -> bool {
    report.retryable || report.exit == Exit::Unreachable
}

impl Entrance {
    /// A grant for as long as the identity provider says yes.
    pub(super) async fn grant(&self) -> Outcome<GrantResponse> {
        // Connections of before a change of network would be waited for in vain.
        match &self.from {
            Source::SignIn(holder) => {
                let api = ControlApi::new(&self.agent, Some(&self.key))?;
                let sign_in = holder.confirmed().await?;
                api.grant(sign_in.id_token.reveal(), &self.wanted).await
            }
            Source::Parent(parent) => Ok(parent.grant(&self.key, &self.wanted).await?.1),
        }
    }

    async fn come_in(
        &self,
        grant: &str,
        resume: Option<Resume>,
        ways: Ways,
    ) -> Outcome<(Tunnel, Control, Welcome)> {
        Tunnel::connect(&self.agent, &self.key, grant, resume, ways).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_was_revoked_is_not_begun_anew_without_a_person() {
        let helps = |code: &str, is_part| is_of_grant(&ErrorReport::new(code, Exit::Denied, "no"), is_part);
        assert!(helps("grant_expired", false) && helps("grant_malformed", false));
        assert!(!helps("grant_revoked", false) && !helps("resume_unknown", false));
        assert!(helps("grant_revoked", true), "after a start of the agent another part is asked for");
    }
}
