//! `connect demo`: the whole product on one machine, with a database, an identity provider and an agent that
//! `connect-agent demo` makes and takes away again. Nothing of this person's own is touched: configuration,
//! sign-ins and sockets live in a temporary folder.

mod agent;
mod interactive;
mod tour;
mod transcript;

use std::path::Path;

use rustix::process::Signal;
use tempfile::TempDir;

use self::agent::{DemoAgent, Facts, Kind};
use crate::{
    agents::{Agent, Agents},
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    certificate::Trust,
    failure::{self, Outcome},
    paths::Paths,
    session::{Signals, status_of},
};

/// Runs it.
pub(crate) async fn run(application: &Application, wish: &arguments::Demo) -> Outcome<Ending> {
    let program = agent::find()?;
    // Caught from here on, so that nothing is left behind whenever it is stopped.
    let mut signals = Signals::catch()?;
    let home = tempfile::Builder::new().prefix("connect-demo-home-").tempdir().map_err(|error| {
        failure::local("demo", format!("cannot make a temporary folder: {}", failure::reason(&error)))
    })?;
    let mut running = DemoAgent::start(&program, if wish.script { Kind::Tour } else { Kind::Person })?;
    let result = tokio::select! {
        facts = running.ready() => match facts {
            Ok(facts) if wish.script => scripted(&program, &home, &facts, &mut signals).await,
            Ok(facts) => interactive::run(application, &home, &facts, &mut signals).await,
            Err(report) => Err(report),
        },
        signal = signals.next() => Ok(stopped(signal)),
    };
    running.stop().await;
    result
}

async fn scripted(program: &Path, home: &TempDir, facts: &Facts, signals: &mut Signals) -> Outcome<Ending> {
    tokio::select! {
        result = tour::run(program, home.path(), facts) => result.map(|()| Ending::Done),
        signal = signals.next() => Ok(stopped(signal)),
    }
}

fn stopped(signal: Signal) -> Ending {
    Ending::Status(status_of(signal))
}

/// Adds the demo's agent to the agents that are known below `paths`.
async fn add(paths: &Paths, facts: &Facts) -> Outcome<Agent> {
    let fingerprint =
        facts.fingerprint.parse().map_err(|_| failure::unexpected("the demo has no fingerprint"))?;
    let trust = Trust::Pinned(fingerprint);
    let address = facts.agent_url.parse()?;
    let about = ControlApi::at("demo", address, &trust, None)?.about().await?;
    let agent = Agent::new(
        about.name.clone(),
        facts.agent_url.clone(),
        trust,
        about.identity.into(),
        about.log.into(),
    );
    let mut agents = Agents::load(paths)?;
    agents.add(agent.clone())?;
    agents.save(paths)?;
    Ok(agent)
}
