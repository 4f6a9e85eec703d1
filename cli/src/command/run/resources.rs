//! The resources of a run: all of one agent, because one log holds the run and one key signs what was seen of it.

use std::collections::BTreeSet;

use connect_shared::error::{ErrorReport, Exit};

use super::{environment::url_name, work::Work};
use crate::{
    agents::Agent,
    application::Application,
    arguments::RunWish,
    command::open::{actions, target},
    failure::{self, Outcome},
    identity::Holder,
    session::{self, LocalWish, Opened, Patience, Request, Target},
};

/// Resources of one agent, the first one first, each once.
pub(super) struct Resources {
    targets: Vec<Target>,
    pub(super) agent: Agent,
    pub(super) holder: Holder,
}

impl Resources {
    /// Those that are named, or the project's.
    pub(super) async fn find(application: &Application, wish: &RunWish) -> Outcome<Self> {
        let mut targets = Vec::new();
        for name in &wish.resources {
            let target = target(application, Some(name)).await?;
            targets.push(with_the_others(application, &targets, target).await?);
        }
        if targets.is_empty() {
            let target = target(application, None).await?;
            targets.push(with_the_others(application, &targets, target).await?);
        }
        check(&targets)?;
        let agent = targets.first().map(|first| first.agent.clone());
        let agent = agent.ok_or_else(|| failure::usage("which resource?"))?;
        let holder = application.holder(&agent)?;
        Ok(Self { targets, agent, holder })
    }

    /// Their names at the agent.
    pub(super) fn names(&self) -> Vec<String> {
        self.targets.iter().map(|target| target.resource.clone()).collect()
    }

    pub(super) fn full_names(&self) -> impl Iterator<Item = String> {
        self.targets.iter().map(Target::full_name)
    }

    /// Opens each for the run. If one cannot be opened, the log is told that the run failed.
    pub(super) async fn open(
        &self,
        application: &Application,
        wish: &RunWish,
        work: &Work,
        patience: Patience,
    ) -> Outcome<Vec<Opened>> {
        let mut opened = Vec::with_capacity(self.targets.len());
        for target in &self.targets {
            let request = Request {
                target: target.clone(),
                actions: actions(wish.read_only),
                reason: wish.reason.clone(),
                actor: wish.actor.clone(),
                run: Some(work.identity.clone()),
                task: None,
                local: LocalWish::Private,
                patience,
                how_long: None,
            };
            match session::open(application, &request, self.holder.clone()).await {
                Ok(one) => opened.push(one),
                Err(report) => {
                    if !opened.is_empty() || may_have_begun(&report) {
                        drop(opened);
                        work.abandon(report.exit.code()).await;
                    }
                    return Err(report);
                }
            }
        }
        Ok(opened)
    }
}

/// Whether the agent can have given the grant that begins the run, and what failed is what came after it.
const fn may_have_begun(report: &ErrorReport) -> bool {
    !matches!(
        report.exit,
        Exit::Usage | Exit::NotFound | Exit::SignInNeeded | Exit::Denied | Exit::ApprovalNeeded
    )
}

/// Of a group one agent has the whole run: that of the first resource.
async fn with_the_others(application: &Application, targets: &[Target], target: Target) -> Outcome<Target> {
    let of_first = targets.first().map(|first| &first.agent);
    let chosen = of_first.filter(|first| target.agents().iter().any(|agent| agent.url == first.url)).cloned();
    let agent = match chosen {
        Some(agent) => agent,
        None => target.clone().settled(application).await?.agent,
    };
    Ok(Target::at(agent, target.resource))
}

fn check(targets: &[Target]) -> Outcome<()> {
    let Some(first) = targets.first() else { return Ok(()) };
    if let Some(other) = targets.iter().find(|target| target.agent.name != first.agent.name) {
        let (one, two) = (first.full_name(), other.full_name());
        let words = format!(
            "{one} and {two} are of two agents, and a run is of one: its statements stand in one log, and one key \
             signs what was seen of it"
        );
        return Err(failure::usage(words).help(format!(
            "a run within a run names the outer one: connect run {one} --job JOB --output FILE -- connect run {two} …"
        )));
    }
    let mut names = BTreeSet::new();
    for target in targets {
        if targets.iter().filter(|other| other.resource == target.resource).count() > 1 {
            return Err(failure::usage(format!("{} is named twice", target.full_name())));
        }
        let variable = url_name(&target.resource);
        if !names.insert(variable.clone()) {
            let words = format!("two of the resources would both be in {variable}");
            return Err(failure::usage(words).help("make two runs of it"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str) -> Target {
        let (agent, resource) = name.split_once('/').expect("a whole name");
        Target::at(crate::agents::tests::sample(agent, "https://127.0.0.1:7443"), resource.to_owned())
    }

    fn refused(names: &[&str]) -> String {
        let targets: Vec<Target> = names.iter().map(|name| target(name)).collect();
        let report = check(&targets).expect_err("refused");
        assert_eq!(report.code, "usage");
        format!("{} {}", report.message, report.help.join(" "))
    }

    #[test]
    fn resources_of_two_agents_twice_the_same_and_two_of_one_variable_are_no_run() {
        check(&[target("one/shop-db"), target("one/analytics-db")]).expect("two of one agent");
        let words = refused(&["one/shop-db", "two/shop-db"]);
        assert!(words.contains("one/shop-db and two/shop-db are of two agents"), "{words}");
        assert!(words.contains("connect run one/shop-db --job JOB"), "{words}");
        assert!(refused(&["one/a", "one/b", "one/a"]).contains("one/a is named twice"));
        assert!(refused(&["one/a-b", "one/a.b"]).contains("CONNECT_URL_A_B"));
    }
}
