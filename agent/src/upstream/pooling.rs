//! Finds out whether a pooler stands before the database that hands one server connection to several clients.
//!
//! What the agent knows of a connection, and the keys of masks in it, must be true of the server's session for
//! as long as the connection lasts. A pooler in session mode keeps that promise; in transaction or statement
//! mode it does not, and looks the same until two clients share a session. So two connections ask for their
//! server's process in turns while both are open, and each must hear of one process that is its own.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Place, Upstream, UpstreamConfig, UpstreamError, ask, enter};

/// How long an answer holds: a pooler may be set otherwise any time.
const HOLDS: Duration = Duration::from_secs(60);
/// Turns of asking. Where sessions are shared, somebody else's statement can come between two questions and have
/// them answered by different processes, as if they were not; not time after time.
const TURNS: usize = 8;

pub(super) const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";

/// Host, port, database and user.
type Login = (String, u16, String, String);

/// When a place was found to be good. One connection asks at a time, so that none hides it from another.
type Found = Arc<tokio::sync::Mutex<Option<Instant>>>;

static PLACES: LazyLock<Mutex<HashMap<Login, Found>>> = LazyLock::new(Mutex::default);

/// Refuses a connection whose server session may be somebody else's in the next transaction.
///
/// # Errors
/// It is so, or the server does not say.
pub(super) async fn check(config: &UpstreamConfig, upstream: &mut Upstream) -> Result<(), UpstreamError> {
    let key = (config.host.clone(), config.port, config.database.clone(), config.user.clone());
    let place = Arc::clone(PLACES.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
    let mut found = place.lock().await;
    if found.is_some_and(|since| since.elapsed() < HOLDS) {
        return Ok(());
    }
    let mine = process(upstream).await?;
    // The server's own key names its process; one that a pooler makes up names another, as a rule.
    let told = upstream.cancel_key.as_ref().map(|key| key.process.to_string().into_bytes());
    if told.as_deref() != Some(&mine[..]) {
        shared(config, upstream, &mine).await?;
    }
    *found = Some(Instant::now());
    Ok(())
}

async fn shared(config: &UpstreamConfig, upstream: &mut Upstream, mine: &[u8]) -> Result<(), UpstreamError> {
    let place = Place { host: config.host.clone(), port: config.port };
    let mut other = enter(config, &[], &place).await?;
    let kept = keep_their_own(upstream, mine, &mut other).await;
    other.leave().await;
    if kept? { Ok(()) } else { Err(UpstreamError::Pooled(place.to_string())) }
}

/// Whether each of two connections has one process, and not the other's.
async fn keep_their_own(
    upstream: &mut Upstream,
    mine: &[u8],
    other: &mut Upstream,
) -> Result<bool, UpstreamError> {
    let theirs = process(other).await?;
    for _ in 0..TURNS {
        if process(upstream).await? != mine || process(other).await? != theirs {
            return Ok(false);
        }
    }
    Ok(theirs != mine)
}

async fn process(upstream: &mut Upstream) -> Result<Vec<u8>, UpstreamError> {
    let row = ask(&mut upstream.stream, PROCESS).await?;
    Ok(row.into_iter().next().flatten().map(|value| value.to_vec()).unwrap_or_default())
}
