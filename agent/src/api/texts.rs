//! `POST /v1/text`: what a statement exactly said, for those whom `[log] text_readers` names. That somebody looked,
//! or tried to, is an entry with their reason, durable before the answer leaves.

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequest, Request, State},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use connect_core::{
    machine::{ExactText, KeptText},
    principal::Principal,
    protocol::postgres::values::bound_in_words,
};
use connect_shared::{
    api::{MAX_TEXT_REASON, TextAnswer, TextRequest, text_commitment},
    entry::Entry,
    error::{ErrorReport, Exit},
    hexadecimal::hexadecimal,
    ids::{ConnectionId, StatementId},
    text::printable_name,
};

use super::{
    caller::Caller,
    error::ApiError,
    search::{catch_up, must_be_usable, unfindable},
};
use crate::{
    audit::{IndexError, Leaves, beginning},
    exact::{Found, Sealed, Texts},
    log::PublicFolder,
    serve::Agent,
};

/// The INTENT or the denial of a statement.
struct Place {
    index: u64,
    statement: StatementId,
    connection: ConnectionId,
    time: u64,
    commitment: String,
    /// The OUTCOME that was asked for, if it was one.
    outcome: Option<u64>,
}

pub(super) async fn show(
    State(agent): State<Arc<Agent>>,
    caller: Caller,
    request: Request,
) -> Result<Json<TextAnswer>, ApiError> {
    let request = read_body(request).await?;
    let Caller(principal) = caller;
    if !agent.text_readers.admits(&principal) {
        let words = format!("`{}` may not be shown the exact texts of statements", principal.name);
        let report = ErrorReport::new("not_a_text_reader", Exit::Denied, words);
        return Err(report.help("`text_readers` in `[log]` of the agent says who may").into());
    }
    let texts = agent.texts.clone().ok_or_else(not_kept)?;
    let size = catch_up(&agent).await.1;
    must_be_usable(&agent)?;
    let place = place(&agent, &request, size).await?.ok_or_else(no_such_statement)?;
    let found = look(texts, &place).await?;
    let word = match &found {
        Found::Text(ExactText { kept: KeptText::Whole { .. }, .. }) => "shown",
        Found::Text(_) => "withheld",
        Found::Erased | Found::Nothing => "gone",
    };
    record(&agent, &principal, &place, word, request.reason).await?;
    let Found::Text(text) = found else { return Err(gone(matches!(found, Found::Erased))) };
    let mut answer = answer(&place, &text, agent.log.receipt(place.index).await?)?;
    if let Some(outcome) = place.outcome {
        answer.outcome = Some(agent.log.receipt(outcome).await?);
    }
    Ok(Json(answer))
}

async fn place(agent: &Agent, request: &TextRequest, size: u64) -> Result<Option<Place>, ApiError> {
    let mut leaves = Leaves::new(PublicFolder::new(agent.log.public_dir()), size);
    let (path, wanted) = (agent.index.path().to_owned(), (request.index, request.statement));
    let looked = tokio::task::spawn_blocking(move || -> Result<Option<Place>, IndexError> {
        let first = match wanted {
            (Some(index), _) if index >= size => None,
            (Some(index), _) => match leaves.get(index)?.leaf.entry {
                // An OUTCOME means its statement as well.
                Entry::Outcome(outcome) => beginning(&path, outcome.statement)?,
                _ => Some(index),
            },
            (None, Some(statement)) => beginning(&path, statement)?,
            (None, None) => None,
        };
        let outcome = wanted.0.filter(|index| first != Some(*index));
        let Some(leaf) = first.map(|index| leaves.get(index)).transpose()? else { return Ok(None) };
        let (statement, connection, commitment) = match leaf.leaf.entry {
            Entry::Intent(intent) => (intent.statement, intent.connection, intent.commitment),
            Entry::Denial(denial) => (denial.statement, denial.connection, denial.commitment),
            _ => return Ok(None),
        };
        Ok(Some(Place {
            index: leaf.index,
            statement,
            connection,
            time: leaf.leaf.time,
            commitment,
            outcome,
        }))
    });
    let place = looked.await.map_err(|error| unfindable(&error))?;
    place.map_err(|error| unfindable(&error))
}

async fn look(texts: Texts, place: &Place) -> Result<Found, ApiError> {
    let sealed = Sealed { statement: place.statement, connection: place.connection, time: place.time };
    let looked = tokio::task::spawn_blocking(move || texts.find(&sealed)).await;
    let found = looked.map_err(|error| unreadable(&error))?;
    found.map_err(|error| unreadable(&error))
}

async fn record(
    agent: &Agent,
    principal: &Principal,
    place: &Place,
    found: &str,
    reason: String,
) -> Result<(), ApiError> {
    let seq = agent.log.append(Entry::TextShown {
        principal: principal.reference.clone(),
        statement: place.statement,
        of: place.index,
        found: found.to_owned(),
        reason: printable_name(&reason),
    })?;
    agent.log.wait_durable(seq).await?;
    Ok(())
}

/// What is withheld has neither salt nor SHA-256 here: the log has the normal form, the length and the commitment, so
/// with them a reader could try passwords.
fn answer(place: &Place, exact: &ExactText, receipt: String) -> Result<TextAnswer, ApiError> {
    let mut answer = TextAnswer {
        schema: "connect.text/1".to_owned(),
        statement: place.statement,
        index: place.index,
        receipt,
        outcome: None,
        salt: None,
        text: None,
        binds: None,
        bind: None,
        values: Vec::new(),
    };
    if let KeptText::Whole { text, bind, types } = &exact.kept {
        if text_commitment(&exact.salt, text, &exact.binds) != place.commitment {
            return Err(unreadable(&"what was kept is not what the log commits to"));
        }
        answer.salt = Some(hexadecimal(&*exact.salt));
        answer.binds = Some(hexadecimal(&exact.binds));
        answer.text = Some(STANDARD.encode(text.as_slice()));
        answer.bind = bind.as_ref().map(|bind| STANDARD.encode(bind.as_slice()));
        answer.values = bind
            .as_ref()
            .map(|bind| bound_in_words(&Bytes::copy_from_slice(bind), types))
            .unwrap_or_default();
    }
    Ok(answer)
}

async fn read_body(request: Request) -> Result<TextRequest, ApiError> {
    let bad = |words: String| ApiError::from(ErrorReport::new("bad_request", Exit::Usage, words));
    let body = match Json::<TextRequest>::from_request(request, &()).await {
        Ok(Json(body)) => body,
        Err(rejection) => return Err(bad(format!("the question cannot be read: {}", rejection.body_text()))),
    };
    if body.index.is_some() == body.statement.is_some() {
        return Err(bad("name one of `index` and `statement`".to_owned()));
    }
    if body.reason.trim().is_empty() || body.reason.len() > MAX_TEXT_REASON {
        return Err(bad(format!(
            "a reason of at most {MAX_TEXT_REASON} bytes is needed; it is an entry of the log"
        )));
    }
    Ok(body)
}

fn not_kept() -> ApiError {
    let words = "this agent does not keep the exact texts of statements";
    let report = ErrorReport::new("texts_not_kept", Exit::NotFound, words);
    report.help("`texts` in `[log]` of the agent says for how long they are kept").into()
}

fn no_such_statement() -> ApiError {
    let words = "there is no INTENT or denial of such a statement in the log";
    ErrorReport::new("no_such_statement", Exit::NotFound, words).help("connect audit search").into()
}

fn gone(erased: bool) -> ApiError {
    let (code, words) = match erased {
        true => ("text_erased", "the key of that text was erased: nobody can read it any more"),
        false => ("text_not_kept", "no text of that statement is kept: it is too old, or was never kept"),
    };
    let report = ErrorReport::new(code, Exit::NotFound, words);
    report.help("connect audit search --kind texts_erased --kind texts_lost").into()
}

fn unreadable(error: &dyn std::fmt::Display) -> ApiError {
    tracing::warn!(%error, "an exact text cannot be read");
    let words = "the agent cannot read what it has kept of that statement";
    ErrorReport::new("text_unreadable", Exit::Unexpected, words).help("the agent's own log says why").into()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn kept(kept: KeptText) -> (Place, ExactText) {
        let (statement, salt, binds) = (StatementId::from_random([1; 16]), [0x5a; 32], [0xb1; 32]);
        let place = Place {
            index: 3,
            statement,
            connection: ConnectionId::from_random([2; 16]),
            time: 0,
            commitment: text_commitment(&salt, b"ALTER ROLE li PASSWORD 'x'", &binds),
            outcome: None,
        };
        (place, ExactText { statement, salt: Zeroizing::new(salt), binds, kept })
    }

    #[test]
    fn of_a_withheld_text_nothing_leaves_with_which_a_password_could_be_tried() {
        let (place, exact) = kept(KeptText::Withheld);
        let Ok(answer) = answer(&place, &exact, "its receipt".to_owned()) else { panic!("it is an answer") };
        let told = serde_json::to_string(&answer).expect("JSON");
        assert!(!told.contains("5a5a") && !told.contains("b1b1"), "{told}");
        assert_eq!((answer.salt, answer.binds, answer.text), (None, None, None));
    }

    #[test]
    fn what_is_shown_comes_with_all_that_its_commitment_is_over() {
        let text = Zeroizing::new(b"ALTER ROLE li PASSWORD 'x'".to_vec());
        let (place, exact) = kept(KeptText::Whole { text, bind: None, types: Bytes::new() });
        let Ok(answer) = answer(&place, &exact, "its receipt".to_owned()) else { panic!("it is an answer") };
        assert_eq!((answer.salt, answer.binds), (Some("5a".repeat(32)), Some("b1".repeat(32))));
        let place = Place { commitment: "another".to_owned(), ..place };
        assert!(super::answer(&place, &exact, String::new()).is_err(), "it is not what the log commits to");
    }
}
