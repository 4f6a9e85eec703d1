//! `connect run start`, `stop` and `ls`: a run that is not around one command.

use std::ffi::OsString;

use connect_shared::error::{ErrorReport, Exit};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    UNATTESTED, attestation,
    desk::{self, Desk},
    environment,
    files::{self, Before, Found},
    held,
    record::{self, Record},
    work::{self, Work},
};
use crate::{
    api::ControlApi,
    application::{Application, Ending},
    arguments::{RunStart, RunStop},
    command::open::{actions, clock, target},
    console::{Format, Rows},
    failure::{self, Outcome},
    identity::now,
    session::{self, LocalWish, Opened, Patience, Request, Target, lines},
};

/// What the one in the background is given, beside the sign-in.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    inputs: Vec<Found>,
}

pub(super) async fn start(application: &Application, wish: &RunStart) -> Outcome<Ending> {
    if wish.detached {
        return in_background(application, wish).await;
    }
    let target = target(application, wish.resource.as_deref()).await?;
    // Held for a moment only: what cannot be an output is told here and not in a log.
    drop(Before::look(&application.paths, &wish.out)?);
    let inputs = work::hash_inputs(&application.console, &wish.input).await?;
    let sign_in = application.signed_in(&application.holder(&target.agent)?).await?;
    let name = target.full_name();
    let given = serde_json::to_value(Given { inputs });
    let given = given.map_err(|error| failure::unexpected(error.to_string()))?;
    let words = words(wish, &name)?;
    let info = session::detach(application, words, &format!("{name}-run"), sign_in, given).await?;
    let (Some(run), Some(client)) = (info.run, info.client) else {
        return Err(failure::unexpected("the run in the background has no id"));
    };
    let mut variables = client.environment();
    variables.extend(environment::of_started(run, &wish.job, &application.paths));
    application.console.say(&format!("Run {run} of {} is open on {}", wish.job, info.resource));
    application.console.say(&format!("  connect run stop {run}"));
    let environment: serde_json::Map<String, serde_json::Value> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())).collect();
    let document = json!({
        "schema": "connect.run/1", "run": run, "job": wish.job, "resource": info.resource, "agent": info.agent,
        "environment": environment,
    });
    application.console.document(&document, || lines(wish.shell, &variables))?;
    Ok(Ending::Done)
}

fn words(wish: &RunStart, resource: &str) -> Outcome<Vec<OsString>> {
    let mut words: Vec<OsString> = vec!["--no-input".into(), "run".into(), "start".into()];
    words.push("--detached".into());
    words.push(format!("--job={}", wish.job).into());
    for path in &wish.out {
        let mut word = OsString::from("--out=");
        word.push(files::whole(path)?);
        words.push(word);
    }
    for (flag, value) in [("--actor=", &wish.actor), ("--reason=", &wish.reason)] {
        words.extend(value.as_ref().map(|value| format!("{flag}{value}").into()));
    }
    if wish.read_only {
        words.push("--read-only".into());
    }
    words.push(resource.into());
    Ok(words)
}

async fn in_background(application: &Application, wish: &RunStart) -> Outcome<Ending> {
    match open(application, wish).await {
        Ok((opened, work, record, desk)) => {
            session::report_ready(opened.info());
            held::hold(application, opened, &work, record, desk).await
        }
        Err(report) => {
            session::report_failure(&report);
            Err(report)
        }
    }
}

async fn open(application: &Application, wish: &RunStart) -> Outcome<(Opened, Work, Record, Desk)> {
    let (sign_in, given) = session::receive_handover::<Given>()?;
    let target = target(application, wish.resource.as_deref()).await?;
    let holder = application.holder(&target.agent)?;
    holder.borrow(sign_in).await;
    let mut work = Work::prepare(application, &wish.job, &wish.out, (target.agent.clone(), holder.clone()))?;
    work.inputs = given.inputs;
    let request = Request {
        target,
        actions: actions(wish.read_only),
        reason: wish.reason.clone(),
        actor: wish.actor.clone(),
        run: Some(work.identity.clone()),
        task: None,
        local: LocalWish::Private,
        // Nobody sees what is waited for in the background.
        patience: Patience::wished(true),
        how_long: None,
    };
    let desk = Desk::open(&application.paths, work.identity.id)?;
    let opened = session::open(application, &request, holder).await?;
    let record = record_of(&request.target, &work);
    // If we stop here, `run ls` says that the run is lost.
    record.write(&application.paths)?;
    Ok((opened, work, record, desk))
}

fn record_of(target: &Target, work: &Work) -> Record {
    Record {
        run: work.identity.id,
        job: work.identity.job.clone(),
        agent: target.agent.name.clone(),
        resource: target.resource.clone(),
        outputs: work.outputs(),
        started: now(),
        pid: std::process::id(),
        ended: None,
    }
}

pub(super) async fn stop(application: &Application, wish: &RunStop) -> Outcome<Ending> {
    let named = wish.run.clone().or_else(|| {
        let said = std::env::var("CONNECT_RUN_ID").ok()?;
        // A command of `connect run` has an id, too, and is nothing that could be stopped from within.
        record::meant(&application.paths, Some(&said)).is_ok().then_some(said)
    });
    let record = record::meant(&application.paths, named.as_deref())?;
    let mut bar: Option<(String, crate::console::Waiting)> = None;
    let console = &application.console;
    let news = |name: &str, done: u64, total: u64| {
        let bar = match &mut bar {
            Some(bar) if bar.0 == name => bar,
            other => {
                let shown = console.measure(&format!("Hashing {name}"));
                other.insert((name.to_owned(), shown))
            }
        };
        bar.1.reached(done, total);
    };
    let ended = desk::end(&application.paths, record.run, u8::from(wish.failed), news).await;
    drop(bar);
    let attestations = match ended {
        Some(Ok(attestations)) => attestations,
        Some(Err(report)) => return Err(unattested(report)),
        None => return Err(lost(application, &record).await),
    };
    for place in &attestations {
        application.console.say(&format!("Run {}: attested in {}", record.run, place.display()));
    }
    if wish.failed {
        application.console.say(&format!("Run {} failed: no attestation", record.run));
    }
    if console.is_for_programs() {
        console.object(&json!({
            "schema": "connect.run_ended/1", "run": record.run, "job": record.job, "failed": wish.failed,
            "attestations": attestations,
        }))?;
    }
    Ok(Ending::Done)
}

fn unattested(mut report: ErrorReport) -> ErrorReport {
    report.message = format!("the run is over, but its outputs are not attested: {}", report.message);
    report.code = format!("{UNATTESTED}{}", report.code);
    report
}

/// A run whose process is gone: its key went with it, so that nobody can attest it any more. The log is told that
/// it failed, so that it does not stay open there for ever.
async fn lost(application: &Application, record: &Record) -> ErrorReport {
    // It may have written its last words a moment ago, or somebody else has stopped it.
    let Ok(record) = &record::meant(&application.paths, Some(&record.run.to_string())) else {
        return desk::over();
    };
    let why = match &record.ended {
        Some(report) => report.message.clone(),
        None => "the process that held it is gone: it was killed, or the machine was restarted".to_owned(),
    };
    match told(application, record).await {
        Ok(()) => {
            if let Err(report) = record.remove(&application.paths) {
                application.console.warn(&report.message);
            }
        }
        // It stays in the list until the agent knows.
        Err(report) => {
            application
                .console
                .warn(&format!("the agent does not know yet that it failed: {}", report.message));
        }
    }
    for output in &record.outputs {
        let place = attestation::beside(output);
        if place.exists() {
            application
                .console
                .warn(&format!("{} is there: `connect attest verify` says of which run", place.display()));
        }
    }
    let words = format!("run {} of {} was lost and is not attested: {why}", record.run, record.job);
    ErrorReport::new(&format!("{UNATTESTED}run_lost"), Exit::SessionEnded, words)
        .help(format!("connect run start {}/{} --job {}", record.agent, record.resource, record.job))
}

async fn told(application: &Application, record: &Record) -> Outcome<()> {
    let agent = application.agents()?.named(&record.agent)?.clone();
    let sign_in = application.holder(&agent)?.fresh().await?;
    let end = connect_shared::api::RunEnd {
        inputs: Vec::new(),
        outputs: Vec::new(),
        folders: Vec::new(),
        status: Exit::SessionEnded.code(),
    };
    match ControlApi::new(&agent, None)?.end_run(sign_in.id_token.reveal(), record.run, &end).await {
        Ok(_) => Ok(()),
        // It told so itself, or the agent's log was begun anew.
        Err(report) if ["run_ended", "no_such_run"].contains(&report.code.as_str()) => Ok(()),
        Err(report) => Err(report),
    }
}

pub(super) async fn ls(application: &Application) -> Outcome<Ending> {
    let headings = ["RUN", "JOB", "RESOURCE", "STATE", "SINCE", "OUTPUTS"];
    let mut rows = Rows::new("connect.runs/1", "runs", &headings);
    for record in record::all(&application.paths)? {
        let state = match &record.ended {
            Some(_) => "ended early",
            None if desk::is_open(&application.paths, record.run).await => "open",
            None => "lost",
        };
        let outputs: Vec<String> = record.outputs.iter().map(|path| path.display().to_string()).collect();
        let cells = vec![
            record.run.to_string(),
            record.job.clone(),
            format!("{}/{}", record.agent, record.resource),
            state.to_owned(),
            clock(record.started),
            outputs.join(" "),
        ];
        let mut object = serde_json::to_value(&record).unwrap_or_default();
        if let Some(fields) = object.as_object_mut() {
            fields.insert("state".into(), state.into());
        }
        rows.add(&record.run.to_string(), cells, &object)?;
    }
    if rows.is_empty() && application.console.format == Format::Table {
        application.console.say("No run is open");
    }
    application.console.rows(&rows)?;
    Ok(Ending::Done)
}
