//! The agents that this person knows: where each is, what certificate it must show, who signs people in
//! for it, and what key signs its log. All of that was fixed when the agent was added.

mod door;

use connect_shared::api::{IdentityInfo, LogInfo};
use serde::{Deserialize, Serialize};

pub(crate) use self::door::Door;
use crate::{
    certificate::{Fingerprint, Trust},
    failure::{self, Outcome},
    paths::Paths,
    private,
};

/// One agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agent {
    /// How this person calls it.
    pub(crate) name: String,
    /// Those of one group stand for each other: they have the same resources, and their order is that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) group: Option<String>,
    /// `https://host:port`
    pub(crate) url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Fingerprint>,
    /// PEM of the authority that signs its certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    pub(crate) identity: Identity,
    pub(crate) log: Log,
}

/// Who signs people in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) scopes: Vec<String>,
}

/// What signs the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) origin: String,
    pub(crate) key: String,
    /// Keys that it had before, the oldest first: each has named the next.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) former: Vec<String>,
}

impl From<IdentityInfo> for Identity {
    fn from(info: IdentityInfo) -> Self {
        Self { issuer: info.issuer, client_id: info.client_id, scopes: info.scopes }
    }
}

impl From<LogInfo> for Log {
    fn from(info: LogInfo) -> Self {
        Self { origin: info.origin, key: info.verifier_key, former: Vec::new() }
    }
}

impl Agent {
    pub(crate) fn new(name: String, url: String, trust: Trust, identity: Identity, log: Log) -> Self {
        let (fingerprint, ca) = match trust {
            Trust::Pinned(fingerprint) => (Some(fingerprint), None),
            Trust::Authority(pem) => (None, Some(pem)),
        };
        Self { name, group: None, url, fingerprint, ca, identity, log }
    }

    /// What certificate it must show.
    pub(crate) fn trust(&self) -> Outcome<Trust> {
        match (&self.fingerprint, &self.ca) {
            (Some(fingerprint), None) => Ok(Trust::Pinned(*fingerprint)),
            (None, Some(pem)) => Ok(Trust::Authority(pem.clone())),
            _ => Err(failure::usage(format!(
                "agents.toml: `{}` needs either `fingerprint` or `ca`",
                self.name
            ))),
        }
    }

    /// How its certificate is checked, in a few words.
    pub(crate) fn trust_words(&self) -> String {
        match &self.fingerprint {
            Some(fingerprint) => fingerprint.to_string(),
            None => "certificate authority".to_owned(),
        }
    }
}

/// All of them, as the file holds them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Agents {
    #[serde(default, rename = "agent")]
    list: Vec<Agent>,
}

impl Agents {
    /// From the file; none is an empty list.
    pub(crate) fn load(paths: &Paths) -> Outcome<Self> {
        let path = paths.agents_file();
        let Some(text) = private::read(&path)? else { return Ok(Self::default()) };
        toml::from_str(&text)
            .map_err(|error| failure::usage(format!("{}: {}", path.display(), error.message())))
    }

    /// One alone, which is not in the file.
    pub(crate) fn of_one(agent: Agent) -> Self {
        Self { list: vec![agent] }
    }

    /// Writes the file.
    pub(crate) fn save(&self, paths: &Paths) -> Outcome<()> {
        let text = toml::to_string(self).map_err(|error| failure::unexpected(error.to_string()))?;
        private::write(&paths.agents_file(), text.as_bytes())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Agent> {
        self.list.iter()
    }

    /// The log of the agent at this URL has a new key, which the one that is known has named.
    pub(crate) fn follow(&mut self, url: &str, key: String) {
        for agent in self.list.iter_mut().filter(|agent| agent.url == url) {
            let old = std::mem::replace(&mut agent.log.key, key.clone());
            agent.log.former.push(old);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The agent of a name.
    pub(crate) fn named(&self, name: &str) -> Outcome<&Agent> {
        self.list.iter().find(|agent| agent.name == name).ok_or_else(|| {
            failure::not_found("no_such_agent", format!("no agent named `{name}` is known here"))
                .help("connect agents ls")
        })
    }

    /// The agent that is meant where none is named.
    pub(crate) fn only(&self) -> Outcome<&Agent> {
        match self.list.as_slice() {
            [] => Err(none_known()),
            [only] => Ok(only),
            [first, ..] => {
                let same = self.list.iter().all(|agent| agent.identity == first.identity);
                if same { Ok(first) } else { Err(self.ambiguous()) }
            }
        }
    }

    /// Adds one, or replaces the one with its URL. Another URL under a known name is refused.
    pub(crate) fn add(&mut self, agent: Agent) -> Outcome<()> {
        if let Some(known) = self.list.iter().find(|known| known.name == agent.name && known.url != agent.url)
        {
            return Err(failure::usage(format!("`{}` already names the agent at {}", known.name, known.url))
                .help(format!("connect agents add {} --name ANOTHER", agent.url))
                .help(format!("connect agents rm {}", known.name)));
        }
        self.check_group(&agent)?;
        // Its place in its group stays what it was.
        match self.list.iter_mut().find(|known| known.url == agent.url) {
            Some(known) => *known = agent,
            None => self.list.push(agent),
        }
        Ok(())
    }

    /// Forgets one.
    pub(crate) fn remove(&mut self, name: &str) -> Outcome<Agent> {
        self.named(name)?;
        let at = self.list.iter().position(|agent| agent.name == name);
        at.map(|at| self.list.remove(at)).ok_or_else(none_known)
    }

    fn ambiguous(&self) -> connect_shared::error::ErrorReport {
        let names: Vec<&str> = self.list.iter().map(|agent| agent.name.as_str()).collect();
        failure::usage(format!("which agent is meant? {}", names.join(", "))).help("connect agents ls")
    }
}

/// Nothing works before an agent is known.
pub(crate) fn none_known() -> connect_shared::error::ErrorReport {
    failure::not_found("no_agents", "no agent is known here yet")
        .help("connect agents add https://AGENT:7443")
        .help("connect demo")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn sample(name: &str, url: &str) -> Agent {
        Agent::new(
            name.to_owned(),
            url.to_owned(),
            Trust::Pinned(Fingerprint::of(b"certificate")),
            Identity {
                issuer: "https://id.example.com".to_owned(),
                client_id: "connect-cli".to_owned(),
                scopes: vec!["openid".to_owned()],
            },
            Log { origin: format!("connect.local/{name}"), key: "key".to_owned(), former: Vec::new() },
        )
    }

    #[test]
    fn agents_survive_their_file() {
        let mut agents = Agents::default();
        agents.add(sample("demo", "https://127.0.0.1:1")).expect("added");
        agents.add(sample("prod", "https://agent.example.com:7443")).expect("added");
        let text = toml::to_string(&agents).expect("text");
        assert_eq!(toml::from_str::<Agents>(&text).expect("agents"), agents);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_name_cannot_quietly_move_to_another_address() {
        let mut agents = Agents::default();
        agents.add(sample("demo", "https://127.0.0.1:1")).expect("added");
        let error = agents.add(sample("demo", "https://127.0.0.1:2")).expect_err("taken");
        assert_eq!(error.exit.code(), 2);
        agents.add(sample("demo", "https://127.0.0.1:1")).expect("the same again");
        assert_eq!(agents.iter().count(), 1);
    }

    #[test]
    fn without_agents_the_error_says_how_to_add_one() {
        let error = Agents::default().only().expect_err("none");
        assert_eq!(error.exit.code(), 3);
        assert_eq!(error.help[0], "connect agents add https://AGENT:7443");
    }

    #[test]
    fn an_agent_with_neither_pin_nor_authority_is_never_trusted() {
        let mut agent = sample("demo", "https://127.0.0.1:1");
        agent.fingerprint = None;
        assert!(agent.trust().is_err());
    }
}
