//! `GET /healthz`: the process runs. `GET /readyz`: it can let somebody in.

use std::sync::Arc;

use axum::extract::State;
use connect_shared::error::{ErrorReport, Exit};

use super::error::ApiError;
use crate::{log::Mode, serve::Agent, sharing::Standing};

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Causes are for the operator, and are in words that hold no secret; still, a stranger hears only which
/// part is ill.
pub(super) async fn ready(State(agent): State<Arc<Agent>>) -> Result<String, ApiError> {
    if *agent.draining.borrow() {
        return Err(crate::tunnel::draining().into());
    }
    if let Some(reason) = &agent.log.durable().borrow().failed {
        tracing::debug!(%reason, "not ready: the log failed");
        let report =
            ErrorReport::new("log_failed", Exit::Unreachable, "the log cannot be written: nobody is let in");
        return Err(report
            .help("free or repair the disk of `state_dir`; the agent goes on by itself")
            .into());
    }
    if let Some(reason) = &agent.log.published().borrow().failed {
        tracing::debug!(%reason, "not ready: no checkpoint could be written");
        let words =
            "no checkpoint of the log can be written: what happens is recorded, and nobody can verify it yet";
        let report = ErrorReport::new("checkpoint_late", Exit::Unreachable, words);
        return Err(report
            .help("see to `public` below `state_dir`; the agent's own words say what is wrong")
            .retryable()
            .into());
    }
    if let Some(closed) = agent.log.gate().closed_for_sessions() {
        let report = ErrorReport::new("log_gated", Exit::Unreachable, closed.to_string());
        return Err(report
            .help("free space on the disk of `state_dir`, or look after the witnesses")
            .retryable()
            .into());
    }
    if let Some(Standing { failure: Some(failure), unheard, .. }) =
        agent.sharing.as_ref().map(|sharing| sharing.standing())
    {
        tracing::debug!(failure, "not ready: the store is away");
        let words = format!(
            "the store that this agent shares with others cannot be reached for {} s: nothing new is granted or \
             approved, and what is open ends with its lease",
            unheard.as_secs()
        );
        let report = ErrorReport::new("store_unavailable", Exit::Unreachable, words);
        return Err(report
            .help("see to the database of `[store]`; the agent goes on by itself when it answers")
            .retryable()
            .into());
    }
    let late = agent.witnesses.iter().flat_map(|asker| asker.standing()).filter(|witness| witness.late);
    let late: Vec<String> = late.map(|witness| witness.name).collect();
    if !late.is_empty() {
        let names: Vec<&str> = late.iter().map(String::as_str).collect();
        let words = format!("the witness {} is late", list(&names));
        let report = ErrorReport::new("witness_late", Exit::Unreachable, words);
        return Err(report.help("see whether it runs and whether it knows this log").retryable().into());
    }
    let ill: Vec<&str> = agent
        .resources
        .iter()
        .filter(|(_, served)| served.runtime.catalog.last_error().is_some())
        .map(|(name, _)| name.as_str())
        .collect();
    if ill.is_empty() {
        return Ok(match agent.log.mode() {
            Mode::Strict => "ready\n".to_owned(),
            mode => format!("ready\nlog: {mode} of what only reads may be lost with the power\n"),
        });
    }
    let words = format!("the catalog of {} cannot be read", list(&ill));
    let report = ErrorReport::new("catalog_unreadable", Exit::Unreachable, words);
    Err(report.help("run `connect-agent check --config …` on the agent's machine").retryable().into())
}

fn list(names: &[&str]) -> String {
    format!("`{}`", names.join("`, `"))
}
