//! `POST /v1/lineage`: where values came from or went to, by one's own statements for anybody, by everybody's
//! for auditors. That somebody asked is an entry, durable before the answer leaves.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
};
use connect_core::{
    catalog::{Catalog, Oid},
    principal::Principal,
};
use connect_shared::{
    api::{LineageAnswer, LineageQuestion, SearchScope},
    entry::Entry,
    error::{ErrorReport, Exit},
    label::Label,
};
use tokio::sync::Semaphore;

use super::{
    caller::Caller,
    error::ApiError,
    search::{catch_up, must_be_usable, unfindable},
};
use crate::{
    audit::IndexError,
    grants::{check_actor, check_reason, check_task},
    lineage::{Asked, ask as look_up},
    serve::Agent,
};

/// Questions that are looked up at once.
static PLACES: Semaphore = Semaphore::const_new(2);

pub(super) async fn ask(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    question: Result<Json<LineageQuestion>, JsonRejection>,
) -> Result<Json<LineageAnswer>, ApiError> {
    let bad = |words: String| ApiError::from(ErrorReport::new("bad_request", Exit::Usage, words));
    let Json(mut question) =
        question.map_err(|error| bad(format!("the question cannot be read: {}", error.body_text())))?;
    question.check().map_err(|why| bad(format!("the question cannot be answered: {why}")))?;
    let Caller(principal) = caller;
    // Who asks stands in the entry as in every other: the AI agent as the actor of its principal.
    let mut asker = principal.reference.clone();
    asker.actor = question.actor.take();
    check_actor(asker.actor.as_deref())?;
    check_task(question.task.as_deref())?;
    check_reason(question.purpose.as_deref())?;
    if let (Some(actor), SearchScope::All) = (&asker.actor, question.scope) {
        let words = format!("the AI agent `{actor}` may ask about its own principal's statements only");
        return Err(ErrorReport::new("actor_asks_own", Exit::Denied, words).into());
    }
    if question.scope == SearchScope::All && !agent.auditors.admits(&principal) {
        let words = format!("`{}` may ask about its own statements only: it is no auditor", principal.name);
        let report = ErrorReport::new("not_an_auditor", Exit::Denied, words);
        return Err(report.help("leave --all out; `auditors` of `[log]` says who may").into());
    }
    let (indexed, size) = catch_up(&agent).await;
    let found = find(&agent, &principal, &question).await?;
    let edges = found.as_ref().map_or(0, |answer| answer.edges.len());
    let seq = agent.log.append(Entry::LineageAsked {
        principal: asker,
        question: Box::new(question.clone()),
        edges: edges as u64,
        upto: indexed,
    })?;
    agent.log.wait_durable(seq).await?;
    let answer = found.ok_or_else(|| unknown(&question))?;
    Ok(Json(LineageAnswer { origin: agent.log.origin().to_owned(), indexed, size, ..answer }))
}

async fn find(
    agent: &Agent,
    principal: &Principal,
    question: &LineageQuestion,
) -> Result<Option<LineageAnswer>, ApiError> {
    let _place = PLACES.acquire().await;
    must_be_usable(agent)?;
    let catalogs = if question.before_label { catalogs(agent).await } else { BTreeMap::new() };
    let (path, question, asker) =
        (agent.index.path().to_owned(), question.clone(), principal.reference.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let label = |resource: &str, oid: u32, number: i16| -> Option<Label> {
            catalogs.get(resource)?.relation(Oid(oid))?.column(number)?.label
        };
        look_up(&path, &Asked { question: &question, asker: &asker, label: &label })
    });
    let found = asked.await.map_err(|error| unfindable(&error))?;
    found.map_err(|error| match error {
        IndexError::TooSlow => {
            let report = ErrorReport::new("too_slow", Exit::Unreachable, error.to_string());
            ApiError::from(report.help("ask about one column, less deep, or since a later time"))
        }
        other => unfindable(&other),
    })
}

/// What labels are now: a label that was given a moment ago was met by no statement yet.
async fn catalogs(agent: &Agent) -> BTreeMap<String, Arc<Catalog>> {
    let mut found = BTreeMap::new();
    for (name, served) in &agent.resources {
        // Of one that is away the log's own labels count.
        if let Ok(catalog) = served.runtime.catalog.newer_than(0).await {
            found.insert(name.clone(), catalog);
        }
    }
    found
}

fn unknown(question: &LineageQuestion) -> ApiError {
    let whose = match question.scope {
        SearchScope::Own => "no statement of yours",
        SearchScope::All => "no statement in the log",
    };
    let words = format!("{whose} has touched anything that is called `{}`", question.about);
    let report = ErrorReport::new("nothing_known", Exit::NotFound, words);
    report.help("name a column as SCHEMA.TABLE.COLUMN, a table, a run's id, a file or a principal").into()
}
