//! Which key a log must be signed with: the one that is given, or the one that was fixed when its agent was
//! added. A log's own word for its key is worth nothing.

use connect_shared::proof::{checkpoint::Checkpoint, note::VerifierKey, rotation, verify::LogReader};

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
        Some(agent) => {
            // What was signed before the key was changed is signed with a former one.
            let former = agent.log.former.iter().filter_map(|text| parse(text).ok());
            let signed = former.into_iter().find(|key| Checkpoint::open(checkpoint, key).is_ok());
            signed.map_or_else(|| parse(&agent.log.key), Ok)
        }
        None => Err(failure::usage(format!("no key is known for the log `{origin}`"))
            .help("give the one that the agent's operator published: --key NAME+HASH+BASE64")),
    }
}

/// The key that a log is signed with now: `key`, or the last one that follows from it. With those before it.
pub(super) fn now<R: LogReader>(
    reader: &R,
    key: VerifierKey,
    checkpoint: &str,
) -> Outcome<(VerifierKey, Vec<VerifierKey>)> {
    if Checkpoint::open(checkpoint, &key).is_ok() {
        return Ok((key, Vec::new()));
    }
    let followed = rotation::follow(reader, &key).map_err(|error| {
        failure::local("log_unreadable", format!("how the log came to its key cannot be read: {error}"))
    })?;
    let mut keys = vec![key.clone()];
    keys.extend(followed);
    let at = keys.iter().position(|key| Checkpoint::open(checkpoint, key).is_ok());
    Ok(match at {
        Some(at) => (keys.remove(at), keys.into_iter().take(at).collect()),
        // Whoever checks says what is wrong.
        None => (key, Vec::new()),
    })
}

pub(super) fn parse(text: &str) -> Outcome<VerifierKey> {
    text.parse().map_err(|error| {
        failure::usage(format!("`{}` is no verifier key: {error}", failure::printable(text)))
    })
}
