//! `POST /v1/runs/{run}/end`: a run is over; the agent signs what it saw of it.

use std::sync::{Arc, LazyLock};

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use connect_shared::{
    api::{RunAttestation, RunEnd},
    attest::{FileFact, MAX_FILE_NAME, MAX_FILES, MAX_FOLDER_FILES, folder_of, is_hash},
    entry::PrincipalRef,
    error::{ErrorReport, Exit},
    ids::RunId,
};
use http::StatusCode;
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{caller::Caller, error::ApiError};
use crate::{
    lanes::{Lanes, Passage},
    lineage::{self, Ending, Refused},
    serve::Agent,
};

/// Runs that are not known as the caller's: they wait for each other, and nobody for them.
static UNKNOWN: Semaphore = Semaphore::const_new(2);

/// Runs that are ended at once: each goes through the log.
static ALL: Semaphore = Semaphore::const_new(16);

/// Of these, those of one person, with all AI agents that act for it: its others wait for its own.
static OF_ONE: LazyLock<Lanes<Person>> = LazyLock::new(|| Lanes::new(4));

/// Identity provider and subject.
type Person = (String, String);

/// One run's place among those that are ended.
type Place = (Passage<Person>, SemaphorePermit<'static>);

pub(super) async fn end(
    State(agent): State<Arc<Agent>>,
    Path(run): Path<String>,
    caller: Caller,
    body: Result<Json<RunEnd>, JsonRejection>,
) -> Result<Json<RunAttestation>, ApiError> {
    let id = run.parse::<RunId>().map_err(|error| bad(&error.to_string()))?;
    let Json(end) = body.map_err(|error| bad(&error.body_text()))?;
    check(&end)?;
    let ending = Ending { inputs: end.inputs, outputs: end.outputs, status: end.status, reason: None };
    // Who waits for a place may leave; who has one ends the run, whether anybody waits for the answer or not.
    let stopped = || refused(Refused::Internal);
    let (own, unknown) = match lineage::owns(&agent, id, &caller.0.reference).await {
        true => (Some(place(&caller.0.reference).await.ok_or_else(stopped)?), None),
        false => (None, Some(UNKNOWN.acquire().await.map_err(|_| stopped())?)),
    };
    // Half of it would be a run that the log has the end of and that goes on.
    let ended = async move {
        let _place = (own, unknown);
        lineage::end(&agent, id, caller.0.reference, ending, (end.folders, &end.left)).await
    };
    let attested = tokio::spawn(ended).await.unwrap_or(Err(Refused::Internal));
    let envelope = attested.map_err(refused)?;
    Ok(Json(RunAttestation { schema: "connect.attestation/1".to_owned(), envelope }))
}

/// Waits for a place; `None` once there are none any more.
async fn place(who: &PrincipalRef) -> Option<Place> {
    let own = OF_ONE.enter((who.idp.clone(), who.sub.clone())).await?;
    Some((own, ALL.acquire().await.ok()?))
}

/// All of it goes into the log or the attestation.
fn check(end: &RunEnd) -> Result<(), ApiError> {
    if end.status != 0 && !end.outputs.is_empty() {
        return Err(bad("a run that failed has no outputs"));
    }
    if end.inputs.len() > MAX_FILES || end.outputs.len() > MAX_FILES {
        return Err(bad(&format!("a run has no more than {MAX_FILES} files each way")));
    }
    if !end.inputs.iter().chain(&end.outputs).all(sound) {
        return Err(bad("a file's name or hash is none"));
    }
    folders(end)
}

/// The name of a folder, and no other, ends with `/`.
fn sound(file: &FileFact) -> bool {
    let name = match file.files {
        Some(_) => file.name.strip_suffix('/').unwrap_or_default(),
        None => &file.name,
    };
    is_hash(&file.sha256)
        && !name.is_empty()
        && file.name.len() <= MAX_FILE_NAME
        && !name.chars().any(|letter| letter.is_control() || letter == '/')
}

/// Each folder has its list, and there is no list beside.
fn folders(end: &RunEnd) -> Result<(), ApiError> {
    let most = end.folders.iter().map(|folder| folder.files.len()).sum::<usize>();
    if end.folders.len() > 2 * MAX_FILES || most > MAX_FOLDER_FILES {
        return Err(bad(&format!("the folders of a run have no more than {MAX_FOLDER_FILES} files")));
    }
    let facts = || end.inputs.iter().chain(&end.outputs).filter(|fact| fact.files.is_some());
    let known = facts().all(|fact| folder_of(fact, &end.folders).is_some());
    let of_one = end.folders.iter().all(|folder| facts().any(|fact| folder.is_of(fact)));
    let mut hashes: Vec<String> = end.folders.iter().map(connect_shared::attest::Folder::hash).collect();
    hashes.sort_unstable();
    if known && of_one && hashes.is_sorted_by(|one, two| one < two) {
        Ok(())
    } else {
        Err(bad("a folder and its list of files do not agree"))
    }
}

fn refused(why: Refused) -> ApiError {
    let words = why.to_string();
    match why {
        Refused::NoSuchRun => ErrorReport::new("no_such_run", Exit::NotFound, words).into(),
        Refused::Ended(_) | Refused::Abandoned(_) => {
            ApiError::new(StatusCode::CONFLICT, ErrorReport::new("run_ended", Exit::Usage, words))
        }
        Refused::TooLarge(_) => {
            let report = ErrorReport::new("run_too_large", Exit::Usage, words);
            report.help("divide the job into several runs; each is attested by itself").into()
        }
        Refused::TooManyNames => {
            let report = ErrorReport::new("run_too_large", Exit::Usage, words);
            report.help("put the files into a folder, and name that: --output FOLDER").into()
        }
        Refused::Closed(error) => error.into(),
        Refused::Receipt(error) => error.into(),
        Refused::Unreadable(_) | Refused::Internal => {
            tracing::warn!(words, "a run could not be attested");
            ErrorReport::new("internal", Exit::Unexpected, words).into()
        }
    }
}

fn bad(words: &str) -> ApiError {
    ErrorReport::new("bad_request", Exit::Usage, format!("the request cannot be read: {words}")).into()
}
