//! `connect run`: a command, or a part of a notebook, whose every statement belongs to one run, and a signed
//! attestation of what its outputs were made from. The exit status of a command is ours.
//!
//! The agent says what it saw of the run, we say which bytes the files have: see [`connect_shared::attest`].
//! Read next: [`work`] for what a run is and how it ends, [`resources`] for what it is opened on, [`held`] for the process in the background that holds
//! one between `connect run start` and `connect run stop`.

pub(super) mod attestation;
mod background;
mod claim;
mod desk;
mod environment;
mod files;
mod folder;
mod held;
mod inputs;
mod record;
mod resources;
mod work;

use std::{ffi::OsString, path::PathBuf};

use connect_shared::{error::ErrorReport, ids::RunId};
use rustix::process::Signal;

pub(super) use self::files::{Found, hash_any, whole};
use self::{
    resources::Resources,
    work::{News, Work},
};
use super::exec::{self, Ran};
use crate::{
    application::{Application, Ending},
    arguments::{self, RunSession, RunWish},
    failure::Outcome,
    session::{Parent, Patience, Signals, status_of},
};

/// What the code of a failure after the command begins with.
pub(super) const UNATTESTED: &str = "unattested:";

pub(super) async fn run(application: &Application, wish: &arguments::Run) -> Outcome<Ending> {
    let begins = match &wish.session {
        None => true,
        Some(RunSession::Start(start)) => {
            start.wish.actor.is_none() || !environment::was_an_agents(&application.paths)
        }
        Some(_) => false,
    };
    if begins {
        Parent::refuses(
            "a run is begun around an AI agent and not by one: connect run RESOURCE --actor NAME …",
        )?;
    }
    match &wish.session {
        Some(RunSession::Start(wish)) => background::start(application, wish).await,
        Some(RunSession::Stop(wish)) => background::stop(application, wish).await,
        Some(RunSession::Ls) => background::ls(application).await,
        None => around(application, &wish.command, &wish.wish).await,
    }
}

/// One command is the run.
async fn around(application: &Application, command: &[OsString], wish: &RunWish) -> Outcome<Ending> {
    exec::find(command.first().map(OsString::as_os_str).unwrap_or_default())?;
    let resources = Resources::find(application, wish).await?;
    let mut work = Work::prepare(application, wish, &resources)?;
    work.inputs = inputs::hash_inputs(&application.console, wish).await?;
    let run = work.identity.id;
    // From here on no signal ends us before the agent has heard of it.
    let mut signals = Signals::catch()?;
    let opening = resources.open(application, wish, &work, Patience::Wait);
    let opened = match work.unless_interrupted(&mut signals, opening).await {
        Ok(opened) => opened?,
        Err(signal) => return Ok(interrupted(application, run, signal)),
    };
    let mut environment = environment::of(run, work::job(wish)?);
    environment.extend(environment::urls(opened.iter().map(|one| (one.resource.name.as_str(), &one.client))));
    // Whoever pressed Ctrl-C until now meant us: the command is not there yet.
    if let Some(signal) = signals.pending() {
        drop(opened);
        work.abandon(status_of(signal)).await;
        return Ok(interrupted(application, run, signal));
    }
    let ran =
        exec::run_in_all(application, opened, command, Patience::Wait, &environment, &mut signals).await;
    let Ran { ending, left } = match ran {
        Ok(ran) => ran,
        Err(report) => {
            work.abandon(report.exit.code()).await;
            return Err(report);
        }
    };
    work.left = left;
    let status = match ending {
        Ending::Done => 0,
        Ending::Status(status) => status,
    };
    let news = News::Console(application.console.clone());
    let places = match work.unless_interrupted(&mut signals, work.end(status, &news)).await {
        Ok(places) => places.map_err(after)?,
        Err(signal) => return Ok(interrupted(application, run, signal)),
    };
    say_end(application, run, &places, status != 0);
    Ok(ending)
}

/// Our status is then the signal's, like that of a program which it ends.
fn interrupted(application: &Application, run: RunId, signal: Signal) -> Ending {
    application.console.say(&format!("Run {run} was interrupted: no attestation"));
    Ending::Status(status_of(signal))
}

/// Where the attestations of a run are, or that there is none.
fn say_end(application: &Application, run: RunId, places: &[PathBuf], failed: bool) {
    if failed {
        application.console.say(&format!("Run {run} failed: no attestation"));
    }
    for place in places {
        application.console.say(&format!("Run {run}: attested in {}", place.display()));
    }
}

/// What is over has a status of its own: what fails now is that its outputs are not attested.
fn unattested(mut report: ErrorReport, over: &str) -> ErrorReport {
    report.message = format!("{over}, but its outputs are not attested: {}", report.message);
    report.code = format!("{UNATTESTED}{}", report.code);
    report
}

fn after(report: ErrorReport) -> ErrorReport {
    unattested(report, "the command is done")
}

/// Where the attestation of a file or folder is.
pub(super) fn attestation_of(path: &std::path::Path) -> PathBuf {
    attestation::beside(path)
}
