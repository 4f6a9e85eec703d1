//! Where values came from and where they went, for an AI agent: what its own person did, and no more.

use std::collections::BTreeSet;

use connect_shared::api::{
    Flow, LineageAnswer, LineageDirection, LineageQuestion, MAX_DEPTH, NodeKind, SearchScope,
};
use serde_json::{Value, json};

use super::{actor::Who, answer::Answer, ended::Stopped, sessions::Sessions, tools::Lineage};
use crate::audit::{When, now};

/// How far one goes without being told, in edges.
const USUAL_DEPTH: u8 = 8;
/// Edges and nodes that an answer holds.
const MOST: usize = 300;

pub(super) async fn run(sessions: &Sessions, wish: Lineage, who: &Who) -> Result<Answer, Stopped> {
    let desk = sessions.desk(&wish.resource).await?;
    let now = now();
    let question = LineageQuestion {
        scope: SearchScope::Own,
        about: wish.about,
        kind: wish.kind,
        resource: Some(desk.target.resource.clone()),
        direction: wish.direction.unwrap_or(LineageDirection::Up),
        depth: wish.depth.unwrap_or(USUAL_DEPTH).min(MAX_DEPTH),
        since: moment("since", wish.since.as_deref(), now)?,
        until: moment("until", wish.until.as_deref(), now)?,
        before_label: wish.before_label,
        actor: Some(who.actor.clone()),
        task: who.task.clone(),
        purpose: sessions.purpose().map(str::to_owned),
    };
    let mut found = desk.api.lineage(desk.sign_in.id_token.reveal(), &question).await?;
    // How many files a folder has will do: their names and hashes would be most of an answer.
    for node in &mut found.nodes {
        if let NodeKind::File { within, .. } = &mut node.kind {
            within.clear();
        }
    }
    let (edges, nodes) = (found.edges.len(), found.nodes.len());
    let mut words = format!("{nodes} things and {edges} ways between them, of what this person did.");
    let cut = found.more || edges > MOST || nodes > MOST;
    let outside = from_outside(&found);
    if outside > 0 {
        words.push_str(" Where values came from that a person wrote outside of runs is not known.");
    }
    let first = |all: &[Value]| all.iter().take(MOST).cloned().collect::<Vec<_>>();
    let whole = serde_json::to_value(&found).unwrap_or_default();
    let part = |name: &str| first(whole[name].as_array().map_or(&[], Vec::as_slice));
    Ok(Answer::new("done", words)
        .by(who)
        .fact("direction", json!(found.direction))
        .fact("cut", cut)
        .fact("statements_not_understood", found.gaps.iter().map(|gap| gap.statements).sum::<u64>())
        .fact("columns_with_values_from_outside", outside)
        .fact("entries_not_looked_through", found.size.saturating_sub(found.indexed))
        .data(json!({
            "roots": found.roots, "nodes": part("nodes"), "edges": part("edges"), "gaps": part("gaps"),
        })))
}

/// Columns that have values which a person wrote outside of runs.
fn from_outside(found: &LineageAnswer) -> usize {
    let people = found.nodes.iter().filter(|node| matches!(node.kind, NodeKind::Principal { .. }));
    let people: BTreeSet<&str> = people.map(|node| node.id.as_str()).collect();
    let written = found.edges.iter().filter(|edge| edge.flow == Flow::Written);
    let written = written.filter(|edge| people.contains(edge.from.as_str())).map(|edge| edge.to.as_str());
    written.collect::<BTreeSet<_>>().len()
}

/// As people write it, in milliseconds since 1970.
fn moment(name: &str, text: Option<&str>, now: u64) -> Result<Option<u64>, Stopped> {
    let Some(text) = text else { return Ok(None) };
    let when: When = text.parse().map_err(|why| Stopped::Arguments(format!("{name}: {why}")))?;
    Ok(Some(when.before(now)))
}
