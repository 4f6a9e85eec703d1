//! `connect agents`: which agents are known, and by what certificate.

use std::path::Path;

use connect_shared::api::AgentInfo;
use serde_json::json;

use crate::{
    agents::{Agent, Agents, Identity},
    api::{Address, ControlApi},
    application::{Application, Ending},
    arguments,
    certificate::{self, Fingerprint, Trust},
    console::Rows,
    failure::{self, Outcome},
    private,
};

pub(super) async fn run(application: &Application, command: &arguments::Agents) -> Outcome<Ending> {
    match command {
        arguments::Agents::Add(wish) => add(application, wish).await,
        arguments::Agents::Ls => ls(application),
        arguments::Agents::Rm { name } => remove(application, name),
    }
}

async fn add(application: &Application, wish: &arguments::AddAgent) -> Outcome<Ending> {
    let address: Address = wish.url.parse()?;
    let trust = trust(application, wish, &address).await?;
    let about = ControlApi::at(&address.to_string(), address.clone(), &trust, None)?.about().await?;
    let name = wish.name.clone().unwrap_or_else(|| about.name.clone());
    check_name(&name)?;
    check_key(&about.log.verifier_key)?;
    let identity = identity(&about, wish.identity.as_deref())?;
    if let Some(group) = &wish.group {
        check_name(group)?;
    }
    let mut agent = Agent::new(name.clone(), address.to_string(), trust, identity, about.log.into());
    agent.group = wish.group.clone();
    let mut agents = Agents::load(&application.paths)?;
    let issuer = agent.identity.issuer.clone();
    agents.add(agent)?;
    agents.save(&application.paths)?;
    let of_group = wish.group.as_deref().map(|group| format!(" to the group `{group}`")).unwrap_or_default();
    application.console.say(&format!("Added the agent `{name}` at {address}{of_group}"));
    application.console.say(&format!("  sign in at {issuer} with: connect login"));
    Ok(Ending::Done)
}

/// Who signs this person in: the agent's own provider, or another that it names.
fn identity(about: &AgentInfo, wished: Option<&str>) -> Outcome<Identity> {
    let Some(name) = wished else { return Ok(about.identity.clone().into()) };
    let found = about.other_identities.iter().find(|other| other.name == name);
    found.map(|other| other.identity.clone().into()).ok_or_else(|| {
        let names: Vec<&str> = about.other_identities.iter().map(|other| other.name.as_str()).collect();
        let known = if names.is_empty() { "none beside its own".to_owned() } else { names.join(", ") };
        let name = failure::printable(name);
        failure::usage(format!(
            "the agent has no identity provider `{name}`; it has {}",
            failure::printable(&known)
        ))
    })
}

/// What certificate the agent must show from now on.
async fn trust(application: &Application, wish: &arguments::AddAgent, address: &Address) -> Outcome<Trust> {
    if let Some(file) = &wish.ca {
        return authority(file);
    }
    let seen = certificate::presented_by(address).await?;
    match wish.fingerprint {
        Some(expected) if expected == seen => Ok(Trust::Pinned(seen)),
        Some(expected) => Err(failure::unverified(
            "agent_certificate",
            format!("what answers at {address} has the fingerprint {seen}, not {expected}"),
        )
        .help("ask whoever runs the agent for its fingerprint; somebody may be between you and it")),
        None => confirmed(application, address, seen),
    }
}

fn authority(file: &Path) -> Outcome<Trust> {
    let pem = private::read(file)?
        .ok_or_else(|| failure::local("ca_file", format!("there is no file {}", file.display())))?;
    certificate::roots(&pem)?;
    Ok(Trust::Authority(pem))
}

fn confirmed(application: &Application, address: &Address, seen: Fingerprint) -> Outcome<Trust> {
    let console = &application.console;
    if !console.is_interactive() {
        return Err(failure::usage(format!(
            "the certificate of {address} is not known: compare its fingerprint with the agent's operator"
        ))
        .help(format!("connect agents add {address} --fingerprint sha256:…")));
    }
    console.say(&format!("{address} shows a certificate with the fingerprint"));
    console.say(&format!("  {seen}"));
    console.say("Is that the one that the agent's operator gave you?");
    match console.ask("Trust it? [y/N]") {
        Some(answer) if ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) => {
            Ok(Trust::Pinned(seen))
        }
        _ => Err(failure::local("not_confirmed", "the agent was not added")),
    }
}

/// A name stands before a slash and in files.
fn check_name(name: &str) -> Outcome<()> {
    let good = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    if !name.is_empty() && name.len() <= 64 && name.chars().all(good) {
        return Ok(());
    }
    Err(failure::usage(format!("`{}` cannot be an agent's name here", failure::printable(name)))
        .help("give it one: --name NAME (letters, digits, `-`, `_`, `.`)"))
}

fn check_key(key: &str) -> Outcome<()> {
    let parsed: Result<connect_shared::proof::note::VerifierKey, _> = key.parse();
    parsed
        .map(|_| ())
        .map_err(|error| failure::unexpected(format!("the agent's log key cannot be used: {error}")))
}

fn ls(application: &Application) -> Outcome<Ending> {
    let agents = Agents::load(&application.paths)?;
    let mut rows =
        Rows::new("connect.agents/1", "agents", &["AGENT", "GROUP", "URL", "PROVIDER", "CERTIFICATE"]);
    for agent in agents.iter() {
        let cells = vec![
            agent.name.clone(),
            agent.group.clone().unwrap_or_else(|| "-".to_owned()),
            agent.url.clone(),
            agent.identity.issuer.clone(),
            agent.trust_words(),
        ];
        let object = json!({
            "name": agent.name,
            "group": agent.group,
            "url": agent.url,
            "issuer": agent.identity.issuer,
            "client_id": agent.identity.client_id,
            "certificate": agent.trust_words(),
            "log": {"origin": agent.log.origin, "key": agent.log.key},
        });
        rows.add(&agent.name, cells, &object)?;
    }
    if agents.is_empty() {
        application.console.say("No agent is known here yet: connect agents add https://AGENT:7443");
    }
    application.console.rows(&rows)?;
    Ok(Ending::Done)
}

fn remove(application: &Application, name: &str) -> Outcome<Ending> {
    let mut agents = Agents::load(&application.paths)?;
    let removed = agents.remove(name)?;
    agents.save(&application.paths)?;
    application.console.say(&format!("Forgot the agent `{}` at {}", removed.name, removed.url));
    Ok(Ending::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agents_name_cannot_be_mistaken_for_a_path() {
        for name in ["demo", "eu-west-1", "a.b_c"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", "a/b", "a b", "é", &"a".repeat(65)] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
