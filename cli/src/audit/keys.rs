//! Which key a log must be signed with: the one that is given, or the one that was fixed when its agent was
//! added. A log's own word for its key is worth nothing.

use connect_shared::proof::note::VerifierKey;

use crate::{
    application::Application,
    failure::{self, Outcome},
};

/// The key for a signed checkpoint.
pub(crate) fn key_for(
    application: &Application,
    given: Option<&str>,
    checkpoint: &str,
) -> Outcome<VerifierKey> {
    if let Some(text) = given {
        return parse(text);
    }
    let origin = failure::printable(checkpoint.lines().next().unwrap_or_default());
    let agents = application.agents()?;
    match agents.iter().find(|agent| agent.log.origin == origin) {
        Some(agent) => parse(&agent.log.key),
        None => Err(failure::usage(format!("no key is known for the log `{origin}`"))
            .help("give the one that the agent's operator published: --key NAME+HASH+BASE64")),
    }
}

pub(super) fn parse(text: &str) -> Outcome<VerifierKey> {
    text.parse().map_err(|error| {
        failure::usage(format!("`{}` is no verifier key: {error}", failure::printable(text)))
    })
}
