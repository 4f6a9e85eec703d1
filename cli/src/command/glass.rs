//! `--break-glass`: from here on nothing that would be held waits, for a short time. The agent says who may; whoever does
//! it is told that it is written down, and who will look at it.

use connect_shared::api::AccessWish;

use super::open::clock;
use crate::{
    api::ControlApi,
    application::Application,
    certificate::ClientKey,
    failure::Outcome,
    session::{Request, short},
};

/// Breaks it, if that is wished.
pub(super) async fn broken(application: &Application, request: &Request, wish: Option<&str>) -> Outcome<()> {
    let Some(reason) = wish else { return Ok(()) };
    let agent = &request.target.agent;
    let api = ControlApi::new(agent, Some(&ClientKey::generate()?))?;
    let sign_in = application.signed_in(&application.holder(agent)?).await?;
    let wish = AccessWish {
        resource: request.target.resource.clone(),
        reason: Some(reason.to_owned()),
        break_glass: true,
        ..AccessWish::default()
    };
    let broken = api.ask(sign_in.id_token.reveal(), &wish).await?;
    application.console.say(&format!(
        "The glass of {} is broken until {}: nothing waits for an approval. It is written down, and {} will review it \
         ({})",
        broken.resource,
        clock(broken.expires_at),
        broken.approvers.join(", "),
        short(broken.id)
    ));
    Ok(())
}

/// The reason, where the glass is to be broken.
pub(super) fn wished(break_glass: bool, reason: Option<&String>) -> Option<&str> {
    reason.filter(|_| break_glass).map(String::as_str)
}
