//! Finds out whether a pooler stands before the database that hands one server connection to several clients.
//!
//! What the agent knows of a connection, and the keys of masks in it, must be true of the server's session for
//! as long as the connection lasts. A pooler in session mode keeps that promise; in transaction or statement
//! mode it does not, and looks the same until two clients share a session. So two connections ask for their
//! server's process while both are open.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{Place, Upstream, UpstreamConfig, UpstreamError, ask, enter};

/// How long an answer holds: a pooler may be set otherwise any time.
const HOLDS: Duration = Duration::from_secs(60);

const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";

/// Host, port, database and user.
type Login = (String, u16, String, String);

/// Places that were found to be good, and when.
static GOOD: LazyLock<Mutex<HashMap<Login, Instant>>> = LazyLock::new(Mutex::default);

/// Refuses a connection whose server session may be somebody else's in the next transaction.
///
/// # Errors
/// It is so, or the server does not say.
pub(super) async fn check(config: &UpstreamConfig, upstream: &mut Upstream) -> Result<(), UpstreamError> {
    let key = (config.host.clone(), config.port, config.database.clone(), config.user.clone());
    let fresh = |since: &Instant| since.elapsed() < HOLDS;
    if GOOD.lock().unwrap_or_else(PoisonError::into_inner).get(&key).is_some_and(fresh) {
        return Ok(());
    }
    let mine = process(upstream).await?;
    // The server's own key names its process; one that a pooler makes up names another, as a rule.
    let told = upstream.cancel_key.as_ref().map(|key| key.process.to_string().into_bytes());
    if told.as_deref() != Some(&mine[..]) {
        shared(config, upstream, &mine).await?;
    }
    GOOD.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Instant::now());
    Ok(())
}

async fn shared(config: &UpstreamConfig, upstream: &mut Upstream, mine: &[u8]) -> Result<(), UpstreamError> {
    let place = Place { host: config.host.clone(), port: config.port };
    let mut other = enter(config, &[], &place).await?;
    let theirs = process(&mut other).await?;
    // It may have been handed over in between.
    let again = process(upstream).await?;
    other.leave().await;
    if theirs == mine || again != mine {
        return Err(UpstreamError::Pooled(place.to_string()));
    }
    Ok(())
}

async fn process(upstream: &mut Upstream) -> Result<Vec<u8>, UpstreamError> {
    let row = ask(&mut upstream.stream, PROCESS).await?;
    Ok(row.into_iter().next().flatten().map(|value| value.to_vec()).unwrap_or_default())
}
