//! `GET /metrics`: numbers of a running agent, in Prometheus' text format 0.0.4. For whoever may ask `/readyz`, and
//! so without a name of a person, a resource or a table: nothing but what the operator has called a sink.

use std::{fmt::Write as _, sync::Arc, time::SystemTime};

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::header;

use crate::{serve::Agent, sharing::Standing};

const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) async fn metrics(State(agent): State<Arc<Agent>>) -> Response {
    let checkpoint = agent.log.public_dir().join("checkpoint");
    // Of a log that has none yet nothing is said.
    let written = tokio::task::spawn_blocking(move || std::fs::metadata(checkpoint)?.modified());
    let written = written.await.ok().and_then(Result::ok);
    let age = written.map(|written| SystemTime::now().duration_since(written).unwrap_or_default().as_secs());
    ([(header::CONTENT_TYPE, FORMAT)], text(&agent, age)).into_response()
}

fn text(agent: &Agent, checkpoint_age: Option<u64>) -> String {
    let mut page = Page::default();
    of_the_log(&mut page, agent, checkpoint_age);
    let taken: Vec<_> = agent.sinks.taken().collect();
    let size = agent.log.published().borrow().size;
    let labelled = |value: &dyn Fn(u64) -> u64| -> Vec<(String, u64)> {
        taken.iter().map(|(name, next)| (format!("{{sink=\"{}\"}}", escaped(name)), value(*next))).collect()
    };
    page.family("sink_taken_entries", "gauge", "Entries that a sink has taken.", labelled(&|next| next));
    page.family(
        "sink_lag_entries",
        "gauge",
        "Signed entries that a sink has not taken.",
        labelled(&|next| size.saturating_sub(next)),
    );
    page.one(
        "sessions",
        "gauge",
        "Open sessions, with those that are parked.",
        count(agent.revocations.sessions()),
    );
    page.one("connections", "gauge", "Open database connections.", count(agent.connections.count()));
    page.one(
        "statements_total",
        "counter",
        "INTENTs recorded since the agent started.",
        agent.counts.intents(),
    );
    page.one("denials_total", "counter", "Denials recorded since the agent started.", agent.counts.denials());
    if let Some(texts) = &agent.texts {
        let words = "Statements whose exact texts were not kept, though they should be.";
        page.one("texts_lost_total", "counter", words, texts.lost());
    }
    page.one(
        "held_requests",
        "gauge",
        "Requests that a held statement waits for.",
        count(agent.requests.waited_for()),
    );
    if let Some(sharing) = &agent.sharing {
        of_the_store(&mut page, &sharing.standing());
    }
    page.text
}

fn of_the_store(page: &mut Page, standing: &Standing) {
    page.one("store_up", "gauge", "1: the shared store answers.", u64::from(standing.failure.is_none()));
    let words = "For how long nothing was heard of other agents.";
    page.one("store_unheard_seconds", "gauge", words, standing.unheard.as_secs());
    let words = "1: the lease without the store is over, and sessions have ended.";
    page.one("store_lapsed", "gauge", words, u64::from(standing.lapsed));
    let words = "Revocations that other agents do not know yet.";
    page.one("store_untold_revocations", "gauge", words, count(standing.untold));
}

fn of_the_log(page: &mut Page, agent: &Agent, checkpoint_age: Option<u64>) {
    let appended = agent.log.next();
    let (durable, failed) = {
        let durable = agent.log.durable();
        let durable = durable.borrow();
        (durable.upto, durable.failed.is_some())
    };
    let (signed, unpublished) = {
        let published = agent.log.published();
        let published = published.borrow();
        (published.size, published.failed.is_some())
    };
    page.one("log_entries_total", "counter", "Entries of the log, over all starts.", appended);
    let lag = appended.saturating_sub(durable);
    page.one("log_durable_lag_entries", "gauge", "Entries that are not on stable storage yet.", lag);
    let lag = appended.saturating_sub(signed);
    page.one("log_signed_lag_entries", "gauge", "Entries that no checkpoint covers yet.", lag);
    if let Some(age) = checkpoint_age {
        page.one("log_checkpoint_age_seconds", "gauge", "Age of the last checkpoint; idle: up to 60.", age);
    }
    page.one("log_failed", "gauge", "1: the log cannot be written.", u64::from(failed));
    page.one("log_unpublished", "gauge", "1: no checkpoint can be written.", u64::from(unpublished));
    let gate = agent.log.gate();
    let closed = [
        ("statements", gate.closed_for_statements().is_some()),
        ("sessions", gate.closed_for_sessions().is_some()),
    ];
    let closed = closed.map(|(what, closed)| (format!("{{for=\"{what}\"}}"), u64::from(closed)));
    let words = "1: nothing of this begins, for want of disk space or witnesses.";
    page.family("log_gate_closed", "gauge", words, closed.into());
}

/// Families of metrics, one after another.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn one(&mut self, name: &str, kind: &str, words: &str, value: u64) {
        self.family(name, kind, words, vec![(String::new(), value)]);
    }

    /// Values by their labels. A family without any is not there.
    fn family(&mut self, name: &str, kind: &str, words: &str, values: Vec<(String, u64)>) {
        if values.is_empty() {
            return;
        }
        let text = &mut self.text;
        // Writing to a `String` cannot fail.
        let _ = writeln!(text, "# HELP connect_{name} {words}\n# TYPE connect_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "connect_{name}{labels} {value}");
        }
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_says_what_it_is_once_and_labels_are_escaped() {
        let mut page = Page::default();
        page.one("sessions", "gauge", "Open sessions.", 3);
        let label = format!("{{sink=\"{}\"}}", escaped("a\"b\\c\n"));
        page.family("sink_lag_entries", "gauge", "Behind.", vec![(label, 7)]);
        page.family("none", "gauge", "Nothing.", Vec::new());
        let expected = "# HELP connect_sessions Open sessions.\n# TYPE connect_sessions gauge\nconnect_sessions 3\n\
            # HELP connect_sink_lag_entries Behind.\n# TYPE connect_sink_lag_entries gauge\n\
            connect_sink_lag_entries{sink=\"a\\\"b\\\\c\\n\"} 7\n";
        assert_eq!(page.text, expected);
    }
}
