//! `connect run`: a command, or a part of a notebook, whose every statement belongs to one run, and a signed
//! attestation of what its outputs were made from. The exit status of a command is ours.
//!
//! The agent says what it saw of the run, we say which bytes the files have: see [`connect_shared::attest`].
//! Read next: [`work`] for what a run is and how it ends, [`held`] for the process in the background that holds
//! one between `connect run start` and `connect run stop`.

pub(super) mod attestation;
mod background;
mod desk;
mod environment;
mod files;
mod folder;
mod held;
mod record;
mod work;

use std::path::PathBuf;

pub(super) use self::files::{Found, hash_any};
use self::work::{News, Work};
use super::{
    exec,
    open::{actions, target},
};
use crate::{
    application::{Application, Ending},
    arguments::{self, RunSession},
    failure::{self, Outcome},
    session::{self, LocalWish, Patience, Request},
};

/// What the code of a failure after the command begins with.
pub(super) const UNATTESTED: &str = "unattested:";

pub(super) async fn run(application: &Application, wish: &arguments::Run) -> Outcome<Ending> {
    match &wish.session {
        Some(RunSession::Start(wish)) => background::start(application, wish).await,
        Some(RunSession::Stop(wish)) => background::stop(application, wish).await,
        Some(RunSession::Ls) => background::ls(application).await,
        None => whole(application, wish).await,
    }
}

/// One command is the run.
async fn whole(application: &Application, wish: &arguments::Run) -> Outcome<Ending> {
    exec::find(wish.command.first().map(std::ffi::OsString::as_os_str).unwrap_or_default())?;
    let job = wish.job.as_deref().ok_or_else(|| failure::usage("which job is this a run of? --job NAME"))?;
    let target = target(application, wish.resource.as_deref()).await?;
    let holder = application.holder(&target.agent)?;
    let mut work = Work::prepare(application, job, &wish.out, (target.agent.clone(), holder.clone()))?;
    work.inputs = work::hash_inputs(&application.console, &wish.input).await?;
    let request = Request {
        target,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        run: Some(work.identity.clone()),
        task: None,
        local: LocalWish::Private,
        patience: Patience::Wait,
        how_long: None,
    };
    let opened = session::open(application, &request, holder).await?;
    let environment = environment::of(work.identity.id, job);
    let ending = exec::run_in(application, opened, &wish.command, request.patience, &environment).await?;
    let status = match ending {
        Ending::Done => 0,
        Ending::Status(status) => status,
    };
    let places = work.end(status, &News::Console(application.console.clone())).await.map_err(after)?;
    let run = work.identity.id;
    if status != 0 {
        application.console.say(&format!("Run {run} failed: no attestation"));
    }
    for place in places {
        application.console.say(&format!("Run {run}: attested in {}", place.display()));
    }
    Ok(ending)
}

/// The command has run: what fails now fails after it, with a status of its own.
fn after(mut report: connect_shared::error::ErrorReport) -> connect_shared::error::ErrorReport {
    report.message = format!("the command is done, but its outputs are not attested: {}", report.message);
    report.code = format!("{UNATTESTED}{}", report.code);
    report
}

/// Where the attestation of a file or folder is.
pub(super) fn attestation_of(path: &std::path::Path) -> PathBuf {
    attestation::beside(path)
}
