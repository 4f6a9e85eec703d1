//! `connect run`: a command whose every statement belongs to one run, and a signed attestation of what its
//! outputs were made from. Its exit status is ours.
//!
//! The agent says what it saw of the run, we say which bytes the files have: see [`connect_shared::attest`].

pub(super) mod attestation;
mod environment;
mod files;

use std::path::PathBuf;

use aws_lc_rs::rand;
use connect_shared::{api::RunEnd, grant::RunIdentity, ids::RunId, proof::note::SigningKey};

pub(super) use self::files::hash_file;
use self::files::{Before, hash};
use super::{
    exec,
    open::{actions, target},
};
use crate::{
    api::ControlApi,
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
    session::{self, LocalWish, Request},
};

/// What the code of a failure after the command begins with.
pub(super) const UNATTESTED: &str = "unattested:";

pub(super) async fn run(application: &Application, wish: &arguments::Run) -> Outcome<Ending> {
    exec::find(wish.command.first().map(std::ffi::OsString::as_os_str).unwrap_or_default())?;
    let before = Before::look(&application.paths, &wish.out)?;
    let mut inputs = Vec::with_capacity(wish.input.len());
    for path in &wish.input {
        inputs.push(hash(&application.console, path).await?);
    }
    let (identity, key) = identity(&wish.job)?;
    let request = Request {
        target: target(application, wish.resource.as_deref()).await?,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        run: Some(identity.clone()),
        local: LocalWish::Private,
    };
    let holder = application.holder(&request.target.agent)?;
    let opened = session::open(application, &request, holder.clone()).await?;
    let ending = exec::run_in(application, opened, &wish.command, &environment::of(&identity)).await?;
    let status = match ending {
        Ending::Done => 0,
        Ending::Status(status) => status,
    };
    let mut outputs = Vec::new();
    if status == 0 {
        for path in &wish.out {
            let found = hash(&application.console, path).await.map_err(after)?;
            before.differs(path, &found).map_err(after)?;
            outputs.push(found);
        }
    }
    let end = RunEnd { inputs, outputs, status };
    let api = ControlApi::new(&request.target.agent, None)?;
    let sign_in = holder.fresh().await.map_err(after)?;
    let answer = api.end_run(sign_in.id_token.reveal(), identity.id, &end).await.map_err(after)?;
    if status != 0 {
        application.console.say(&format!("Run {} failed: no attestation", identity.id));
        return Ok(ending);
    }
    let lines = attestation::lines(answer.envelope, &identity, &end, &key).map_err(after)?;
    for path in &wish.out {
        let place = attestation::beside(path);
        std::fs::write(&place, &lines).map_err(|error| after(failure::file("write", &place, &error)))?;
        application.console.say(&format!("Run {}: attested in {}", identity.id, place.display()));
    }
    Ok(ending)
}

/// The command has run: what fails now fails after it, with a status of its own.
fn after(mut report: connect_shared::error::ErrorReport) -> connect_shared::error::ErrorReport {
    report.message = format!("the command is done, but its outputs are not attested: {}", report.message);
    report.code = format!("{UNATTESTED}{}", report.code);
    report
}

/// A run, and the key that signs for its files. The key lives as long as this process.
fn identity(job: &str) -> Outcome<(RunIdentity, SigningKey)> {
    let no_randomness = |_| failure::unexpected("no randomness");
    let (mut id, mut seed) = ([0; 16], [0; 32]);
    rand::fill(&mut id).map_err(no_randomness)?;
    rand::fill(&mut seed).map_err(no_randomness)?;
    let id = RunId::from_random(id);
    let key = SigningKey::from_seed(&id.to_string(), seed)
        .map_err(|error| failure::unexpected(error.to_string()))?;
    let identity = RunIdentity {
        id,
        job: job.to_owned(),
        key: key.verifier().to_string(),
        parent: environment::parent(),
    };
    Ok((identity, key))
}

/// Where the attestation of a file is.
pub(super) fn attestation_of(path: &std::path::Path) -> PathBuf {
    attestation::beside(path)
}
