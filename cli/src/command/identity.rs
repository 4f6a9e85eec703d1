//! `connect login`, `logout`, `whoami`.

use connect_shared::error::StepUp;
use serde_json::json;

use crate::{
    agents::Identity,
    application::{Application, Ending},
    arguments,
    console::Rows,
    failure::{self, Outcome},
    identity::{Holder, Opening, revoke, sign_in_elsewhere, stronger_sign_in},
    session,
};

pub(super) async fn login(application: &Application, wish: &arguments::Login) -> Outcome<Ending> {
    let agents = application.agents()?;
    let agent = match &wish.agent {
        Some(name) => agents.named(name)?,
        None => agents.only()?,
    };
    let holder = Holder::new(agent.identity.clone(), application.keep(wish.keep)?);
    let opening = if wish.no_browser { Opening::AddressOnly } else { Opening::Browser };
    let sign_in = if wish.device {
        sign_in_elsewhere(&application.console, &agent.identity).await?
    } else {
        let demands = StepUp { acr: wish.acr.clone(), amr: Vec::new() };
        stronger_sign_in(&application.console, &agent.identity, opening, &demands).await?
    };
    let place = application.keep_sign_in(&holder, sign_in).await?;
    match place {
        crate::keep::Place::Nothing => {
            application.console.say("  to keep it: connect login --keep sealed, or --keep file");
        }
        place => application.console.say(&format!("The sign-in is kept {place}")),
    }
    Ok(Ending::Done)
}

pub(super) async fn logout(application: &Application, wish: &arguments::OfAgent) -> Outcome<Ending> {
    let mut anybody = false;
    for identity in identities(application, wish.agent.as_deref())? {
        let holder = Holder::new(identity.clone(), application.keep(None)?);
        let record = application.keep(None)?.record(&identity)?;
        let Some(record) = record else { continue };
        anybody = true;
        let forgotten = holder.forget().await?;
        let principal = record.profile.principal();
        let given_back = match &forgotten {
            Some(sign_in) => revoke(&identity, sign_in).await.unwrap_or(false),
            None => false,
        };
        application.console.say(&format!("Signed out {principal}"));
        // One that could not be opened may have had a refresh token, too.
        let nothing_to_give = forgotten.is_some_and(|sign_in| sign_in.refresh_token.is_none());
        if !given_back && !nothing_to_give {
            application
                .console
                .warn(&format!("{} could not be told; its sign-in ends by itself", identity.issuer));
        }
    }
    if !anybody {
        application.console.say("Nobody was signed in");
    }
    let open = session::list(&application.paths).await?.len();
    if open > 0 {
        let what = if open == 1 { "1 session stays" } else { "sessions stay" };
        application.console.warn(&format!("{what} open until their grants end"));
        application.console.say("  next: connect close --all");
    }
    Ok(Ending::Done)
}

pub(super) fn whoami(application: &Application, wish: &arguments::OfAgent) -> Outcome<Ending> {
    let keep = application.keep(None)?;
    let mut rows = Rows::new("connect.whoami/1", "sign_ins", &["PRINCIPAL", "GROUPS", "PROVIDER", "KEPT"]);
    let mut missing = None;
    for identity in identities(application, wish.agent.as_deref())? {
        let Some(record) = keep.record(&identity)? else {
            missing = Some(identity.issuer);
            continue;
        };
        let profile = &record.profile;
        let groups = if profile.groups.is_empty() { "-".to_owned() } else { profile.groups.join(" ") };
        let cells =
            vec![profile.principal().to_owned(), groups, profile.issuer.clone(), record.kept.to_string()];
        let object = json!({
            "principal": profile.principal(),
            "subject": profile.subject,
            "name": profile.name,
            "groups": profile.groups,
            "issuer": profile.issuer,
            "kept": record.kept,
        });
        rows.add(profile.principal(), cells, &object)?;
    }
    if rows.is_empty() {
        let issuer = missing.unwrap_or_default();
        return Err(failure::sign_in_needed(format!("nobody is signed in at {issuer}")));
    }
    application.console.rows(&rows)?;
    Ok(Ending::Done)
}

fn identities(application: &Application, agent: Option<&str>) -> Outcome<Vec<Identity>> {
    let agents = application.agents()?;
    if agents.is_empty() {
        return Err(crate::agents::none_known());
    }
    match agent {
        Some(name) => Ok(vec![agents.named(name)?.identity.clone()]),
        None => application.identities(),
    }
}
