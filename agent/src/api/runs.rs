//! `POST /v1/runs/{run}/end`: a run is over; the agent signs what it saw of it.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
};
use connect_shared::{
    api::{RunAttestation, RunEnd},
    attest::{FileFact, MAX_FILES},
    error::{ErrorReport, Exit},
    ids::RunId,
};
use http::StatusCode;

use super::{caller::Caller, error::ApiError};
use crate::{
    lineage::{Ending, Refused, attest},
    serve::Agent,
};

/// Longest body: so many files each way, with the longest names.
pub(super) const MAX_BODY: usize = 128 << 10;

/// Longest name of a file.
const MAX_NAME: usize = 255;

pub(super) async fn end(
    State(agent): State<Arc<Agent>>,
    Path(run): Path<String>,
    caller: Caller,
    body: Result<Json<RunEnd>, JsonRejection>,
) -> Result<Json<RunAttestation>, ApiError> {
    let id = run.parse::<RunId>().map_err(|error| bad(&error.to_string()))?;
    let Json(end) = body.map_err(|error| bad(&error.body_text()))?;
    check(&end)?;
    let ending = Ending { inputs: end.inputs, outputs: end.outputs, status: end.status };
    let envelope = attest(&agent.log, id, caller.0.reference, ending).await.map_err(refused)?;
    Ok(Json(RunAttestation { schema: "connect.attestation/1".to_owned(), envelope }))
}

/// All of it goes into the log.
fn check(end: &RunEnd) -> Result<(), ApiError> {
    if end.status != 0 && !end.outputs.is_empty() {
        return Err(bad("a run that failed has no outputs"));
    }
    if end.inputs.len() > MAX_FILES || end.outputs.len() > MAX_FILES {
        return Err(bad(&format!("a run has no more than {MAX_FILES} files each way")));
    }
    let sound = |file: &FileFact| {
        let hexadecimal = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        file.sha256.len() == 64
            && file.sha256.bytes().all(hexadecimal)
            && !file.name.is_empty()
            && file.name.len() <= MAX_NAME
            && !file.name.chars().any(|letter| letter.is_control() || letter == '/')
    };
    if end.inputs.iter().chain(&end.outputs).all(sound) {
        Ok(())
    } else {
        Err(bad("a file's name or hash is none"))
    }
}

fn refused(why: Refused) -> ApiError {
    let words = why.to_string();
    match why {
        Refused::NoSuchRun => ErrorReport::new("no_such_run", Exit::NotFound, words).into(),
        Refused::Ended(_) => {
            ApiError::new(StatusCode::CONFLICT, ErrorReport::new("run_ended", Exit::Usage, words))
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
