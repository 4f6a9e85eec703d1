//! `connect run start`, `stop` and `ls`: a run that is not around one command.

use std::ffi::OsString;

use connect_shared::error::{ErrorReport, Exit};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    UNATTESTED, attestation,
    desk::{self, Desk},
    environment,
    files::{self, Before},
    held,
    inputs::{self, Input},
    record::{self, Record},
    resources::Resources,
    say_end, unattested,
    work::{self, Work},
};
use crate::{
    api::ControlApi,
    application::{Application, Ending},
    arguments::{RunStart, RunStop, RunWish},
    command::{exec, open::clock},
    console::{Format, Rows},
    failure::{self, Outcome},
    identity::now,
    session::{self, Opened, Parts, Patience, SessionInfo, Signals, lines},
};

/// What the one in the background is given, beside the sign-in.
#[derive(Debug, Serialize, Deserialize)]
struct Given {
    inputs: Vec<Input>,
}

pub(super) async fn start(application: &Application, start: &RunStart) -> Outcome<Ending> {
    if start.detached {
        return in_background(application, &start.wish).await;
    }
    let wish = &start.wish;
    let resources = Resources::find(application, wish).await?;
    // Held for a moment only: what cannot be an output is told here and not in a log.
    drop(Before::look(&application.paths, &wish.out)?);
    let inputs = inputs::hash_inputs(&application.console, wish).await?;
    let sign_in = application.signed_in(&resources.holder).await?;
    let given = serde_json::to_value(Given { inputs });
    let given = given.map_err(|error| failure::unexpected(error.to_string()))?;
    let names: Vec<String> = resources.full_names().collect();
    let log = format!("{}-run", names.first().map(String::as_str).unwrap_or_default());
    let infos = session::detach(application, words(wish, &names)?, &log, sign_in, given).await?;
    started(application, start, &infos)
}

/// Says what was opened, and prints its variables.
fn started(application: &Application, start: &RunStart, infos: &[SessionInfo]) -> Outcome<Ending> {
    let job = work::job(&start.wish)?;
    let first = infos.first().and_then(|info| Some((info, info.run?, info.client.as_ref()?)));
    let (info, run, client) =
        first.ok_or_else(|| failure::unexpected("the run in the background has no id"))?;
    let own = client.environment().into_iter().map(|(name, value)| (name.to_owned(), value));
    let mut variables: Vec<(String, String)> = own.collect();
    variables.extend(environment::of_started(run, job, &application.paths));
    // What an AI agent starts in these variables is its own, and gets no more than a part of this.
    let parts = record::meant(&application.paths, Some(&run.to_string()))?.parts;
    variables.extend(parts.map(|parts| (session::PARENT.to_owned(), parts.display().to_string())));
    let clients = infos.iter().filter_map(|info| Some((info.resource.as_str(), info.client.as_ref()?)));
    variables.extend(environment::urls(clients));
    let resources: Vec<&str> = infos.iter().map(|info| info.resource.as_str()).collect();
    application.console.say(&format!("Run {run} of {job} is open on {}", resources.join(", ")));
    application.console.say(&format!("  connect run stop {run}"));
    let environment: serde_json::Map<String, serde_json::Value> =
        variables.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
    let document = json!({
        "schema": "connect.run/1", "run": run, "job": job, "resource": info.resource, "resources": resources,
        "agent": info.agent, "environment": environment,
    });
    application.console.document(&document, || lines(start.shell, &variables))?;
    Ok(Ending::Done)
}

fn words(wish: &RunWish, resources: &[String]) -> Outcome<Vec<OsString>> {
    let mut words: Vec<OsString> = vec!["--no-input".into(), "run".into(), "start".into()];
    words.push("--detached".into());
    words.push(format!("--job={}", work::job(wish)?).into());
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
    words.extend(resources.iter().map(OsString::from));
    Ok(words)
}

async fn in_background(application: &Application, wish: &RunWish) -> Outcome<Ending> {
    let mut signals = Signals::catch()?;
    match open(application, wish, &mut signals).await {
        Ok((opened, work, (record, desk, parts))) => {
            if !session::report_ready(opened.iter().map(Opened::info).collect()) {
                // Whoever wanted it is gone, and nobody knows of it.
                drop(opened);
                work.abandon(Exit::SessionEnded.code()).await;
                record.remove(&application.paths)?;
                return Err(held::ended("whoever started it did not wait for it"));
            }
            held::hold(application, (opened, parts), &work, (record, desk), signals).await
        }
        Err(report) => {
            session::report_failure(&report);
            Err(report)
        }
    }
}

async fn open(
    application: &Application,
    wish: &RunWish,
    signals: &mut Signals,
) -> Outcome<(Vec<Opened>, Work, (Record, Desk, Option<Parts>))> {
    let (sign_in, given) = session::receive_handover::<Given>()?;
    let resources = Resources::find(application, wish).await?;
    resources.holder.borrow(sign_in).await;
    let mut work = Work::prepare(application, wish, &resources)?;
    work.inputs = given.inputs;
    let desk = Desk::open(&application.paths, work.identity.id)?;
    // Nobody sees what is waited for in the background.
    let opening = resources.open(application, wish, &work, Patience::wished(true));
    let opened = match work.unless_interrupted(signals, opening).await {
        Ok(opened) => opened?,
        Err(_) => return Err(held::ended("a signal ended its process")),
    };
    let known = exec::parts(application, &opened).and_then(|parts| {
        let record = record_of(&resources, &work, parts.as_ref());
        // If we stop here, `run ls` says that the run is lost.
        record.write(&application.paths).map(|()| (record, parts))
    });
    match known {
        Ok((record, parts)) => Ok((opened, work, (record, desk, parts))),
        Err(report) => {
            drop(opened);
            work.abandon(report.exit.code()).await;
            Err(report)
        }
    }
}

fn record_of(resources: &Resources, work: &Work, parts: Option<&Parts>) -> Record {
    Record {
        run: work.identity.id,
        job: work.identity.job.clone(),
        agent: resources.agent.name.clone(),
        resource: resources.names().into_iter().next().unwrap_or_default(),
        resources: work.identity.resources.clone(),
        outputs: work.outputs(),
        started: now(),
        pid: std::process::id(),
        parts: parts.map(|parts| parts.path().to_owned()),
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
        Some(Err(report)) => return Err(unattested(report, "the run is over")),
        None => return Err(lost(application, &record).await),
    };
    say_end(application, record.run, &attestations, wish.failed);
    if console.is_for_programs() {
        console.object(&json!({
            "schema": "connect.run_ended/1", "run": record.run, "job": record.job, "failed": wish.failed,
            "attestations": attestations,
        }))?;
    }
    Ok(Ending::Done)
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
    ErrorReport::new(&format!("{UNATTESTED}run_lost"), Exit::SessionEnded, words).help(format!(
        "connect run start {} --job {}",
        record.full_names(),
        record.job
    ))
}

async fn told(application: &Application, record: &Record) -> Outcome<()> {
    let agent = application.agents()?.named(&record.agent)?.clone();
    let sign_in = application.holder(&agent)?.fresh().await?;
    let end = connect_shared::api::RunEnd {
        inputs: Vec::new(),
        outputs: Vec::new(),
        folders: Vec::new(),
        left: Vec::new(),
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
            record.full_names(),
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
