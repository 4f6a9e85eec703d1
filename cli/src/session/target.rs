//! Which resource of which agent is meant.

use connect_shared::error::ErrorReport;
use serde::{Deserialize, Serialize};

use crate::{
    agents::{Agent, Agents},
    api::ControlApi,
    application::Application,
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// A resource of a known agent.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) agent: Agent,
    pub(crate) resource: String,
}

impl Target {
    /// The name that tells it from those of other agents.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.agent.name, self.resource)
    }
}

/// Finds it: `agent/resource`, or a resource that only one agent has.
pub(crate) async fn resolve(application: &Application, name: &str) -> Outcome<Target> {
    let agents = application.agents()?;
    if agents.is_empty() {
        return Err(crate::agents::none_known());
    }
    if let Some((agent, resource)) = name.split_once('/') {
        return Ok(Target { agent: agents.named(agent)?.clone(), resource: resource.to_owned() });
    }
    let mut all = agents.iter();
    match (all.next(), all.next()) {
        (Some(only), None) => Ok(Target { agent: only.clone(), resource: name.to_owned() }),
        _ => among(application, &agents, name).await,
    }
}

async fn among(application: &Application, agents: &Agents, name: &str) -> Outcome<Target> {
    let mut found = Vec::new();
    let mut silent: Option<ErrorReport> = None;
    for agent in agents.iter() {
        match names_of(application, agent).await {
            Ok(names) if names.iter().any(|known| known == name) => found.push(agent),
            Ok(_) => {}
            Err(report) => silent = Some(report),
        }
    }
    match (found.as_slice(), silent) {
        ([only], _) => Ok(Target { agent: (*only).clone(), resource: name.to_owned() }),
        ([first, ..], _) => Err(failure::usage(format!("several agents have a resource `{name}`"))
            .help(format!("connect open {}/{name}", first.name))
            .help("connect ls")),
        ([], Some(report)) => Err(report),
        ([], None) => {
            Err(failure::not_found("no_such_resource", format!("no agent has a resource `{name}` for you"))
                .help("connect ls"))
        }
    }
}

async fn names_of(application: &Application, agent: &Agent) -> Outcome<Vec<String>> {
    let holder = application.holder(agent)?;
    let sign_in = application.signed_in(&holder).await?;
    let list = ControlApi::new(agent, None)?.resources(sign_in.id_token.reveal()).await?;
    Ok(list.resources.into_iter().map(|resource| resource.name).collect())
}

/// Names of resources that were seen, so that a first word can be told from a mistyped command without
/// asking anybody.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Seen {
    #[serde(default)]
    names: std::collections::BTreeSet<String>,
}

impl Seen {
    /// Most names that are kept.
    const MOST: usize = 1000;

    pub(crate) fn load(paths: &Paths) -> Self {
        let text = private::read(&paths.resources_file()).ok().flatten();
        text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.names.contains(name.split_once('/').map_or(name, |(_, resource)| resource))
    }

    /// The seen name that a mistyped one is nearest to.
    pub(crate) fn nearest(&self, name: &str) -> Option<&str> {
        nearest(name, self.names.iter().map(String::as_str))
    }

    /// Remembers names. That it cannot be written costs a better error message and nothing else.
    pub(crate) fn add<'a>(paths: &Paths, names: impl Iterator<Item = &'a str>) {
        let mut seen = Self::load(paths);
        let before = seen.names.len();
        seen.names.extend(names.map(str::to_owned));
        if seen.names.len() == before || seen.names.len() > Self::MOST {
            return;
        }
        if let Ok(text) = serde_json::to_string(&seen) {
            let _only_convenience = private::write(&paths.resources_file(), text.as_bytes());
        }
    }
}

/// The known word that a mistyped one is nearest to, if it is near.
pub(crate) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = if word.chars().count() <= 4 { 1 } else { 2 };
    known
        .map(|candidate| (strsim::osa_distance(candidate, word), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
