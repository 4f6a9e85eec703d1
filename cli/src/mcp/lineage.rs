//! Where values came from and where they went, for an AI agent: what its own person did, and no more.

use connect_shared::api::{LineageDirection, LineageQuestion, MAX_DEPTH, SearchScope};
use serde_json::{Value, json};

use super::{actor::Who, answer::Answer, ended::Stopped, sessions::Sessions, tools::Lineage};

/// How far one goes without being told, in edges.
const USUAL_DEPTH: u8 = 8;
/// Edges and nodes that an answer holds.
const MOST: usize = 300;

pub(super) async fn run(sessions: &Sessions, wish: Lineage, who: &Who) -> Result<Answer, Stopped> {
    let desk = sessions.desk(&wish.resource).await?;
    let question = LineageQuestion {
        scope: SearchScope::Own,
        about: wish.about,
        kind: wish.kind,
        resource: Some(desk.target.resource.clone()),
        direction: wish.direction.unwrap_or(LineageDirection::Up),
        depth: wish.depth.unwrap_or(USUAL_DEPTH).min(MAX_DEPTH),
        since: None,
        until: None,
        before_label: false,
        actor: Some(who.actor.clone()),
        task: who.task.clone(),
        purpose: sessions.purpose().map(str::to_owned),
    };
    let found = desk.api.lineage(desk.sign_in.id_token.reveal(), &question).await?;
    let (edges, nodes) = (found.edges.len(), found.nodes.len());
    let words = format!("{nodes} things and {edges} ways between them, of what this person did.");
    let cut = found.more || edges > MOST || nodes > MOST;
    let first = |all: &[Value]| all.iter().take(MOST).cloned().collect::<Vec<_>>();
    let whole = serde_json::to_value(&found).unwrap_or_default();
    let part = |name: &str| first(whole[name].as_array().map_or(&[], Vec::as_slice));
    Ok(Answer::new("done", words)
        .by(who)
        .fact("direction", json!(found.direction))
        .fact("cut", cut)
        .fact("statements_not_understood", found.gaps.len())
        .data(json!({ "roots": found.roots, "nodes": part("nodes"), "edges": part("edges") })))
}
