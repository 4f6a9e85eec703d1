//! How a run ends, by the word of whoever ran it or without one.
//!
//! Runs that nobody ends: their `connect` was killed, or its machine is gone. Once the last session of one has
//! ended, its grants are over and nobody has come back in time, the agent ends it, so that whoever was told that
//! it began hears of an end, too.
//!
//! If the agent stops before, or has no room for all of them in memory, the log's index tells which runs have no
//! end and how long they wait: see [`super::waits`].

use std::{sync::Arc, time::Duration};

use connect_shared::{
    attest::{Envelope, Folder},
    entry::PrincipalRef,
    error::Exit,
    ids::RunId,
};
use tokio::time::{MissedTickBehavior, sleep, timeout};

use super::{
    attest::{Ending, Refused, attest},
    claim::{self, Known},
    open::Closing,
    waits::{Unended, unended},
};
use crate::{
    audit::IndexError,
    listener::stopped,
    serve::{Agent, now},
};

/// How long the last sessions of a run may take to end: one that is about to say something, and whose client does not
/// read, sees late that the run is over, and takes its time to say goodbye.
const QUIET: Duration = Duration::from_secs(15);
/// In the log: why the agent ended a run.
const ABANDONED: &str = "abandoned";
/// Longest time between two looks.
const LONGEST: Duration = Duration::from_secs(30);
/// Runs without an end that the index is asked for at once.
const PAGE: usize = 10_000;
/// Until the index is asked again, where it could not be.
const AGAIN: Duration = Duration::from_secs(5);

/// Ends runs that nobody ends, until the agent is about to stop.
pub(crate) async fn end_abandoned(agent: Arc<Agent>) {
    let mut draining = agent.draining.clone();
    let work = async {
        loop {
            end_due(&agent).await;
            wait(&agent).await;
        }
    };
    tokio::select! {
        () = stopped(&mut draining) => {}
        // It may have to wait for the index; those that are known do not.
        ((), ()) = async { tokio::join!(find_others(&agent), work) } => {}
    }
}

/// Looks for runs that are in the log alone: they began before the agent did, or memory had no room for them.
async fn find_others(agent: &Arc<Agent>) {
    let mut pause = tokio::time::interval(LONGEST);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut since = None;
    loop {
        pause.tick().await;
        if agent.runs.look() && !find(agent, &mut since).await {
            agent.runs.look_again();
        }
    }
}

/// Whether all were found and had room. `since`: when the first look began, by which all of them are told how long to
/// wait: who is found again and again waits no longer than who is found once.
async fn find(agent: &Arc<Agent>, since: &mut Option<u64>) -> bool {
    // Entries of before are under the first checkpoint that is made from here on.
    let size = loop {
        match agent.log.publish_now().await {
            Ok(published) => break published.size,
            Err(error) => tracing::warn!(%error, "runs without an end are looked for later"),
        }
        sleep(AGAIN).await;
    };
    let mut seen = agent.index.seen();
    let _gone = seen.wait_for(|seen| seen.usable && seen.indexed >= size).await.is_err();
    let (since, limit) = (*since.get_or_insert_with(now), agent.parking.limits.limit);
    let mut after = None;
    loop {
        let page = page(agent, after).await;
        let room = page.iter().all(|unended| agent.runs.found(unended.run, unended.until(since, limit)));
        match page.last() {
            Some(last) if room => after = Some(last.index),
            _ => return room,
        }
    }
}

async fn page(agent: &Agent, after: Option<u64>) -> Vec<Unended> {
    loop {
        let path = agent.index.path().to_owned();
        match tokio::task::spawn_blocking(move || unended(&path, after, PAGE)).await {
            Ok(Ok(found)) => return found,
            Ok(Err(error)) => tracing::warn!(%error, "runs without an end are looked for later"),
            Err(error) => tracing::warn!(%error, "a task ended by a bug"),
        }
        sleep(AGAIN).await;
    }
}

/// Until something may be due.
async fn wait(agent: &Agent) {
    let changed = agent.runs.changes();
    let due = agent.runs.next_due().map(|due| Duration::from_secs(due.saturating_sub(now())));
    // A whole second: whole seconds are what grants end by.
    let pause = due.unwrap_or(LONGEST).clamp(Duration::from_secs(1), LONGEST);
    let _either = timeout(pause, changed).await;
}

async fn end_due(agent: &Arc<Agent>) {
    forget(agent).await;
    while let Some((run, closing)) = agent.runs.abandoned(now()) {
        match abandon(agent, run, closing).await {
            Ok(true) => tracing::info!(%run, "nobody has ended a run, so the agent has"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%run, %error, "a run that nobody ends could not be ended"),
        }
    }
}

/// Why a run could not be ended.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a task ended by a bug")]
    Bug,
}

/// Ends a run of its principal: nothing of it is recorded behind that, and its sessions end.
pub(crate) async fn end(
    agent: &Agent,
    run: RunId,
    caller: PrincipalRef,
    ending: Ending,
    (folders, left): (Vec<Folder>, &[String]),
) -> Result<Option<Envelope>, Refused> {
    let closing = owns(agent, run, &caller).await.then(|| agent.runs.close(run));
    if let Some(closing) = &closing {
        let _late = timeout(QUIET, closing.is_quiet()).await;
    }
    let attested = attest(&agent.log, run, caller, ending, folders, left).await;
    if let (true, Some(closing)) = (is_in_log(&attested), closing) {
        closing.done();
    }
    attested
}

/// Whether the log has the end of a run by now, whatever else went wrong.
const fn is_in_log<T>(attested: &Result<T, Refused>) -> bool {
    matches!(attested, Ok(_) | Err(Refused::Ended(_) | Refused::Abandoned(_) | Refused::Receipt(_)))
}

/// Whether a run is this person's, as far as that is known without the whole log. Whoever ends another one's run
/// disturbs nobody.
pub(crate) async fn owns(agent: &Agent, run: RunId, caller: &PrincipalRef) -> bool {
    let owner = match agent.runs.owner(run) {
        Some(owner) => Some(owner),
        None => known(agent, run).await.ok().flatten().map(|known| known.owner),
    };
    owner.is_some_and(|owner| owner.principal.is_same_person(caller))
}

/// Whether the run has its end in the log by now; else the log does not know of it.
async fn abandon(agent: &Agent, run: RunId, closing: Closing) -> Result<bool, Failed> {
    let owner = match agent.runs.owner(run) {
        Some(owner) => Some(owner),
        None => known(agent, run).await?.map(|known| known.owner),
    };
    let ending = Ending {
        inputs: Vec::new(),
        outputs: Vec::new(),
        status: Exit::SessionEnded.code(),
        reason: Some(ABANDONED.to_owned()),
    };
    let ended = match owner {
        Some(owner) => attest(&agent.log, run, owner.principal, ending, Vec::new(), &[]).await,
        None => Err(Refused::NoSuchRun),
    };
    match ended {
        Err(Refused::NoSuchRun) => {
            // Its grant was refused at the last moment, or its beginning was pruned.
            closing.unknown();
            Ok(false)
        }
        ended if is_in_log(&ended) => {
            closing.done();
            Ok(true)
        }
        ended => ended.map(|_| true).map_err(Failed::from),
    }
}

async fn known(agent: &Agent, run: RunId) -> Result<Option<Known>, Failed> {
    let path = agent.index.path().to_owned();
    let known = tokio::task::spawn_blocking(move || claim::known(&path, run));
    Ok(known.await.map_err(|_| Failed::Bug)??)
}

/// Of runs whose end the index knows, nothing has to be remembered.
async fn forget(agent: &Arc<Agent>) {
    for run in agent.runs.over() {
        if matches!(known(agent, run).await, Ok(Some(known)) if known.ended) {
            agent.runs.forget(run);
        }
    }
}
