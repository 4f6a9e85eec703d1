//! `connect revoke`: ends sessions at the agent, at once: one, all of one's own, or everything of somebody. With
//! `--lift` the opposite: whoever is kept out for a time comes in again.

use connect_shared::{api::RevocationRequest, ids::SessionId};

use super::open::clock;
use crate::{
    agents::Agent,
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
};

pub(super) async fn run(application: &Application, wish: &arguments::Revoke) -> Outcome<Ending> {
    let request = request(wish)?;
    let agents = application.agents()?;
    let agent = match &wish.agent {
        Some(name) => agents.named(name)?,
        None => agents.only()?,
    };
    let answer = ask(application, agent, &request).await?;
    let who = request.principal.as_deref().unwrap_or_default();
    if let Some(lifted) = answer.lifted {
        let text = match lifted {
            true => format!("{who} may come in again\n"),
            false => {
                format!("{who} is not kept out by an operator any more, but still by the identity provider\n")
            }
        };
        application.console.document(&answer, || text)?;
        return Ok(Ending::Done);
    }
    let count = match answer.sessions {
        0 => "no session was open".to_owned(),
        1 => "1 session is ended".to_owned(),
        several => format!("{several} sessions are ended"),
    };
    let text = match (&request.principal, answer.until) {
        (Some(name), Some(until)) => format!("{count}; {name} is kept out until {}\n", clock(until)),
        _ => format!("{count}\n"),
    };
    application.console.document(&answer, || text)?;
    Ok(Ending::Done)
}

async fn ask(
    application: &Application,
    agent: &Agent,
    request: &RevocationRequest,
) -> Outcome<connect_shared::api::RevocationAnswer> {
    let holder = application.holder(agent)?;
    let sign_in = application.signed_in(&holder).await?;
    ControlApi::new(agent, None)?.revoke(sign_in.id_token.reveal(), request).await
}

fn request(wish: &arguments::Revoke) -> Outcome<RevocationRequest> {
    let session: Option<SessionId> = wish.who.as_deref().and_then(|who| who.parse().ok());
    let principal = wish.who.clone().filter(|_| session.is_none());
    if principal.is_none() && wish.duration.is_some() {
        return Err(failure::usage("--for is for a principal, who is kept out for so long"));
    }
    if wish.lift && principal.is_none() {
        return Err(failure::usage("--lift names a principal: a session that has ended stays so"));
    }
    let seconds = wish.duration.map(|duration| duration.0);
    Ok(RevocationRequest {
        principal,
        session,
        mine: wish.mine,
        reason: wish.reason.clone(),
        seconds,
        lift: wish.lift,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(who: Option<&str>) -> arguments::Revoke {
        arguments::Revoke {
            who: who.map(str::to_owned),
            mine: who.is_none(),
            duration: None,
            lift: false,
            reason: None,
            agent: None,
        }
    }

    #[test]
    fn a_sessions_id_means_that_session_and_anything_else_a_principal() {
        let id = SessionId::from_random([7; 16]);
        let of_session = request(&wish(Some(&id.to_string()))).expect("a request");
        assert_eq!((of_session.session, of_session.principal), (Some(id), None));
        let of_principal = request(&wish(Some("ana@example.com"))).expect("a request");
        assert_eq!(of_principal.principal.as_deref(), Some("ana@example.com"));
        assert!(request(&wish(None)).expect("a request").mine);
        let lift = arguments::Revoke { lift: true, ..wish(Some("ana@example.com")) };
        assert!(request(&lift).expect("a request").lift);
        let of_session = arguments::Revoke { lift: true, ..wish(Some(&id.to_string())) };
        assert!(request(&of_session).is_err());
        let both = arguments::Revoke { duration: Some(crate::session::HowLong(60)), ..wish(None) };
        assert!(request(&both).is_err());
    }
}
