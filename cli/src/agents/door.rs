//! Agents that stand for each other: a group has the same resources at each of its agents, and is one name.

use super::{Agent, Agents};
use crate::failure::{self, Outcome};

/// What stands before the slash of a full name: one agent, or a group.
#[derive(Debug, Clone)]
pub(crate) struct Door<'a> {
    pub(crate) name: &'a str,
    pub(crate) first: &'a Agent,
    pub(crate) others: Vec<&'a Agent>,
}

impl Door<'_> {
    /// The agents behind it, in their order.
    pub(crate) fn agents(&self) -> Vec<Agent> {
        std::iter::once(self.first).chain(self.others.iter().copied()).cloned().collect()
    }
}

impl Agents {
    /// Every group once, at the place of its first agent, and every agent that is in none.
    pub(crate) fn doors(&self) -> Vec<Door<'_>> {
        let mut doors: Vec<Door<'_>> = Vec::new();
        for agent in &self.list {
            let name = agent.group.as_deref().unwrap_or(&agent.name);
            match doors.iter_mut().find(|door| agent.group.is_some() && door.name == name) {
                Some(door) => door.others.push(agent),
                None => doors.push(Door { name, first: agent, others: Vec::new() }),
            }
        }
        doors
    }

    /// A group by its name, or an agent, alone also if it is in a group.
    pub(crate) fn door<'a>(&'a self, name: &'a str) -> Outcome<Door<'a>> {
        let group = self.doors().into_iter().find(|door| door.name == name && door.first.group.is_some());
        match group {
            Some(door) => Ok(door),
            None => Ok(Door { name, first: self.named(name)?, others: Vec::new() }),
        }
    }

    /// No name means both a group and an agent, and whoever is signed in at one agent of a group is at all of them.
    pub(super) fn check_group(&self, agent: &Agent) -> Outcome<()> {
        let others = || self.list.iter().filter(|known| known.url != agent.url);
        let as_group = others().find(|known| known.group.as_ref() == Some(&agent.name));
        let as_agent = others().chain([agent]).find(|known| Some(&known.name) == agent.group.as_ref());
        if as_group.is_some() || as_agent.is_some() {
            let name =
                if as_group.is_some() { &agent.name } else { agent.group.as_ref().unwrap_or(&agent.name) };
            return Err(failure::usage(format!("`{name}` would name both an agent and a group"))
                .help(format!("connect agents add {} --name ANOTHER", agent.url)));
        }
        let stranger = others().find(|known| {
            agent.group.is_some() && known.group == agent.group && known.identity != agent.identity
        });
        match stranger {
            None => Ok(()),
            Some(known) => Err(failure::usage(format!(
                "agents of one group have one identity provider: `{}` has {}, and `{}` has {}",
                known.name, known.identity.issuer, agent.name, agent.identity.issuer
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::sample, *};

    fn of_group(name: &str, group: &str) -> Agent {
        let url = format!("https://{name}.example.com:7443");
        Agent { group: Some(group.to_owned()), ..sample(name, &url) }
    }

    #[test]
    fn a_group_is_one_door_and_each_of_its_agents_one_of_its_own() {
        let mut agents = Agents::default();
        for agent in [of_group("a", "prod"), sample("b", "https://b.example.com"), of_group("c", "prod")] {
            agents.add(agent).expect("added");
        }
        let names = |door: &Door<'_>| {
            let agents = door.agents().into_iter().map(|agent| agent.name).collect::<Vec<_>>();
            format!("{}: {}", door.name, agents.join(" "))
        };
        assert_eq!(agents.doors().iter().map(names).collect::<Vec<_>>(), ["prod: a c", "b: b"]);
        assert_eq!(names(&agents.door("prod").expect("a group")), "prod: a c");
        assert_eq!(names(&agents.door("c").expect("an agent")), "c: c");
        assert_eq!(agents.door("nowhere").expect_err("none").exit.code(), 3);
        // Once more, with another fingerprint: it keeps its place.
        agents.add(of_group("a", "prod")).expect("the same again");
        assert_eq!(names(&agents.door("prod").expect("a group")), "prod: a c");
    }

    #[test]
    fn no_name_means_two_things_and_no_group_has_two_providers() {
        let mut agents = Agents::default();
        agents.add(of_group("a", "prod")).expect("added");
        for agent in [sample("prod", "https://p.example.com"), of_group("b", "a"), of_group("d", "d")] {
            assert_eq!(agents.add(agent).expect_err("two meanings").exit.code(), 2);
        }
        let mut stranger = of_group("b", "prod");
        stranger.identity.issuer = "https://other.example.com".to_owned();
        assert!(agents.add(stranger).expect_err("two providers").message.contains("one identity provider"));
        assert_eq!(agents.iter().count(), 1);
    }
}
