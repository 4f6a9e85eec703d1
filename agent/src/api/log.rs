//! `GET /log/…`: the log's public files. The checkpoint is for anyone, tiles and bodies are for auditors:
//! entries say who did what.

use std::sync::Arc;

use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use connect_shared::{
    error::{ErrorReport, Exit},
    proof::{
        growth::Growth,
        note::MAX_NOTE_BYTES,
        pruning::PRUNED,
        receipt::MAX_RECEIPT_BYTES,
        tile::{TileError, TileHashes},
        tree::{ProveError, consistency_proof},
        verify::LogReader as _,
    },
};
use http::{HeaderValue, header};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{caller::Caller, error::ApiError};
use crate::{
    log::{PublicFolder, WITNESSED},
    serve::Agent,
};

/// Longest file that is served: a bundle of entries has at most 17 MiB, a body is one statement's.
const MAX_FILE: usize = 64 << 20;
/// Files that are read at once.
static READERS: Semaphore = Semaphore::const_new(8);

pub(super) async fn checkpoint(State(agent): State<Arc<Agent>>) -> Response {
    let text = agent.log.checkpoint_text().to_string();
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// The last checkpoint that witnesses have cosigned: for anyone, as the checkpoint is.
pub(super) async fn witnessed(State(agent): State<Arc<Agent>>) -> Result<Response, ApiError> {
    let folder = PublicFolder::new(agent.log.public_dir());
    let read = tokio::task::spawn_blocking(move || folder.read(WITNESSED, MAX_NOTE_BYTES));
    match read.await {
        Ok(Ok(Some(text))) => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
        }
        Ok(Ok(None)) => {
            let words = "no witness has cosigned this log";
            Err(ErrorReport::new("no_such_file", Exit::NotFound, words).into())
        }
        _ => Err(unreadable()),
    }
}

/// What was pruned: for anyone, as it shows no entry but that.
pub(super) async fn pruned(State(agent): State<Arc<Agent>>) -> Result<Response, ApiError> {
    let folder = PublicFolder::new(agent.log.public_dir());
    let read = tokio::task::spawn_blocking(move || folder.read(PRUNED, MAX_RECEIPT_BYTES));
    match read.await {
        Ok(Ok(Some(text))) => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
        }
        Ok(Ok(None)) => {
            let words = "nothing of this log was pruned";
            Err(ErrorReport::new("no_such_file", Exit::NotFound, words).into())
        }
        _ => Err(unreadable()),
    }
}

/// How the log came to its key: for anyone, as it names nobody.
pub(super) async fn rotation(
    State(agent): State<Arc<Agent>>,
    Path(number): Path<String>,
) -> Result<Response, ApiError> {
    let _reader = READERS.acquire().await;
    let folder = PublicFolder::new(agent.log.public_dir());
    let read =
        tokio::task::spawn_blocking(move || folder.read(&format!("rotations/{number}"), MAX_RECEIPT_BYTES));
    match read.await {
        Ok(Ok(Some(text))) => {
            Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
        }
        Ok(Ok(None)) => {
            let words = "the log's key was not changed so often";
            Err(ErrorReport::new("no_such_file", Exit::NotFound, words).into())
        }
        _ => Err(unreadable()),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct From {
    /// Size of a checkpoint that the caller knows.
    from: u64,
}

/// That the log has only grown since it had `from` entries. It shows roots and hashes and no entry, so it
/// is for anyone who watches.
pub(super) async fn consistency(
    State(agent): State<Arc<Agent>>,
    query: Result<Query<From>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, ApiError> {
    let Query(From { from }) = query.map_err(|error| {
        let words = format!("the request cannot be read: {}", error.body_text());
        ErrorReport::new("bad_request", Exit::Usage, words)
    })?;
    let _reader = READERS.acquire().await;
    let published = Arc::clone(&agent.log.published().borrow());
    let folder = PublicFolder::new(agent.log.public_dir());
    let made = tokio::task::spawn_blocking(move || {
        // Whoever knows more than there is gets the checkpoint, and no proof that could not be.
        let proof = match from <= published.size {
            true => consistency_proof(from, published.size, &mut TileHashes::new(&folder, published.size))?,
            false => Vec::new(),
        };
        Ok::<_, ProveError<TileError>>(Growth { proof, checkpoint: published.checkpoint.to_string() })
    });
    let growth = made.await.map_err(|_| unreadable())?.map_err(|error| {
        tracing::warn!(%error, "the growth of the log cannot be proved");
        unreadable()
    })?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], growth.to_string()).into_response())
}

pub(super) async fn file(
    State(agent): State<Arc<Agent>>,
    Path(path): Path<String>,
    caller: Caller,
) -> Result<Response, ApiError> {
    if !agent.auditors.admits(&caller.0) {
        let words =
            format!("`{}` may not read the entries of others: it is no auditor of this log", caller.0.name);
        let report = ErrorReport::new("not_an_auditor", Exit::Denied, words);
        return Err(report.help("connect audit receipt").into());
    }
    let _reader = READERS.acquire().await;
    let folder = PublicFolder::new(agent.log.public_dir());
    // The folder knows the forms of its paths and reads nothing else, so there is no way out of it.
    let read = tokio::task::spawn_blocking(move || folder.read(&path, MAX_FILE)).await;
    match read {
        Ok(Ok(Some(bytes))) => {
            let mut response = bytes.into_response();
            let cached = HeaderValue::from_static("private, max-age=604800, immutable");
            response.headers_mut().insert(header::CACHE_CONTROL, cached);
            Ok(response)
        }
        Ok(Ok(None)) => {
            let report = ErrorReport::new("no_such_file", Exit::NotFound, "the log has no such file");
            Err(report.help("read `/log/checkpoint` again: the log may have grown").into())
        }
        Ok(Err(error)) => {
            tracing::warn!(%error, "a file of the log cannot be read");
            Err(unreadable())
        }
        Err(error) => {
            tracing::warn!(%error, "a file of the log cannot be read");
            Err(unreadable())
        }
    }
}

fn unreadable() -> ApiError {
    let report =
        ErrorReport::new("log_unreadable", Exit::Unreachable, "the agent cannot read that file of its log");
    report.help("tell the operator of the agent").retryable().into()
}
