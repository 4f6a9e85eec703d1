//! `connect login`, `logout`, `whoami`.

use connect_shared::error::StepUp;
use serde_json::json;

use crate::{
    agents::Identity,
    application::{Application, Ending},
    arguments,
    console::Rows,
    failure::{self, Outcome},
    identity::{Holder, Opening, Provider, SignIn, revoke, sign_in_elsewhere, sign_out, stronger_sign_in},
    session,
};

pub(super) async fn login(application: &Application, wish: &arguments::Login) -> Outcome<Ending> {
    let agents = application.agents()?;
    let agent = match &wish.agent {
        Some(name) => agents.door(name)?.first,
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

pub(super) async fn logout(application: &Application, wish: &arguments::Logout) -> Outcome<Ending> {
    let mut anybody = false;
    for identity in identities(application, wish.agent.as_deref())? {
        let holder = Holder::new(identity.clone(), application.keep(None)?);
        let record = application.keep(None)?.record(&identity)?;
        let Some(record) = record else { continue };
        anybody = true;
        let forgotten = holder.forget().await?;
        application.console.say(&format!("Signed out {}", record.profile.principal()));
        if !wish.local && !tell_provider(application, wish, &identity, forgotten.as_ref()).await? {
            let words =
                format!("{} did not take its refresh token back; that ends by itself", identity.issuer);
            application.console.warn(&words);
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

/// Gives the refresh token back, and ends the session in the browser. Whether the token is of no use any more.
async fn tell_provider(
    application: &Application,
    wish: &arguments::Logout,
    identity: &Identity,
    forgotten: Option<&SignIn>,
) -> Outcome<bool> {
    // One that could not be opened may have had a refresh token, too.
    let Some(sign_in) = forgotten else { return Ok(false) };
    let Ok(provider) = Provider::discover(identity).await else { return Ok(false) };
    let given_back = sign_in.refresh_token.is_none() || revoke(&provider, identity, sign_in).await;
    let opening = if wish.no_browser { Opening::AddressOnly } else { Opening::Browser };
    sign_out(&application.console, identity, &provider, sign_in, opening).await?;
    Ok(given_back)
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
        Some(name) => Ok(vec![agents.door(name)?.first.identity.clone()]),
        None => application.identities(),
    }
}
