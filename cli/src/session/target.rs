//! Which resource of which agent is meant.

use std::slice;

use connect_shared::error::ErrorReport;
use serde::{Deserialize, Serialize};

use super::choose::{self, Order};
use crate::{
    agents::{Agent, Door},
    api::ControlApi,
    application::Application,
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// A resource of a known agent, or of a group of them.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The name of the agent or of the group, as it was meant.
    pub(crate) door: String,
    /// The first that is tried.
    pub(crate) agent: Agent,
    /// The others of its group, in their order.
    pub(crate) others: Vec<Agent>,
    pub(crate) resource: String,
}

impl Target {
    /// At this agent and no other.
    pub(crate) fn at(agent: Agent, resource: String) -> Self {
        Self { door: agent.name.clone(), agent, others: Vec::new(), resource }
    }

    fn behind(door: &Door<'_>, resource: &str) -> Self {
        Self {
            door: door.name.to_owned(),
            agent: door.first.clone(),
            others: door.others.iter().map(|other| (*other).clone()).collect(),
            resource: resource.to_owned(),
        }
    }

    /// The name that tells it from those behind other doors.
    pub(crate) fn full_name(&self) -> String {
        format!("{}/{}", self.door, self.resource)
    }

    /// Every agent that has it, in their order.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        slice::from_ref(&self.agent).iter().chain(&self.others).cloned().collect()
    }

    /// Of a group the agent that takes sessions now, before anything is asked of it. What is asked of it stays with it.
    ///
    /// # Errors
    /// Those of [`choose::in_order`].
    pub(crate) async fn settled(mut self, application: &Application) -> Outcome<Self> {
        let order: Order = choose::in_order(&self.agents()).await?;
        order.tell(&application.console);
        let mut agents = order.agents.into_iter();
        if let Some(first) = agents.next() {
            (self.agent, self.others) = (first, agents.collect());
        }
        Ok(self)
    }
}

/// Finds it: `agent/resource`, `group/resource`, or a resource that is behind only one of them.
pub(crate) async fn resolve(application: &Application, name: &str) -> Outcome<Target> {
    let agents = application.agents()?;
    if agents.is_empty() {
        return Err(crate::agents::none_known());
    }
    if let Some((door, resource)) = name.split_once('/') {
        return Ok(Target::behind(&agents.door(door)?, resource));
    }
    let doors = agents.doors();
    match doors.as_slice() {
        [only] => Ok(Target::behind(only, name)),
        several => among(application, several, name).await,
    }
}

async fn among(application: &Application, doors: &[Door<'_>], name: &str) -> Outcome<Target> {
    let mut found = Vec::new();
    let mut silent: Option<ErrorReport> = None;
    for door in doors {
        let target = Target::behind(door, name).settled(application).await?;
        match names_of(application, &target.agent).await {
            Ok(names) if names.iter().any(|known| known == name) => found.push(Target::behind(door, name)),
            Ok(_) => {}
            Err(report) => silent = Some(report),
        }
    }
    match (found.pop(), found.first(), silent) {
        (Some(only), None, _) => Ok(only),
        (Some(_), Some(first), _) => Err(failure::usage(format!("several agents have a resource `{name}`"))
            .help(format!("connect open {}", first.full_name()))
            .help("connect ls")),
        (None, _, Some(report)) => Err(report),
        (None, _, None) => {
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

    /// All of them, by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
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
