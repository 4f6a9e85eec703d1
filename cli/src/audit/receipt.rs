//! `connect audit receipt`: the proof that a statement of one's own is in the log. It is checked before it is
//! handed over.

use connect_shared::{
    entry::{Entry, Leaf},
    error::Exit,
    ids::StatementId,
    proof::receipt::{MAX_RECEIPT_BYTES, Receipt},
};

use super::{keys, monitor};
use crate::{
    agents::Agent,
    api::{Caller, ControlApi, Limit},
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome},
    private,
};

pub(super) async fn run(application: &Application, wish: &arguments::Receipt) -> Outcome<Ending> {
    let path = path(wish)?;
    let agents = application.agents()?;
    let agent = match &wish.agent {
        Some(name) => agents.named(name)?,
        None => agents.only()?,
    };
    let api = ControlApi::new(agent, None)?;
    let text = fetch(application, agent, &path).await?;
    let receipt = Receipt::parse(&text).map_err(|error| bad(&error.to_string()))?;
    // The log may have another key by now, which is followed here.
    let now = monitor::look(&application.paths, agent, &api).await?;
    let key = keys::key_for(application, None, &receipt.checkpoint)?;
    let own = receipt.verify(&key).map_err(|error| bad(&error.to_string()))?;
    if wish.index.is_some_and(|index| index != receipt.index) {
        return Err(bad("it is of another entry than was asked for"));
    }
    // Only what contains the kept checkpoint takes its place, and of the receipt's own nothing shows that.
    if now.size < own.size || (now.size == own.size && now.root != own.root) {
        return Err(bad("its checkpoint is of another tree than the log shows"));
    }
    let words = match receipt.entry() {
        Ok(leaf) => format!("Entry {}: {}", receipt.index, describe(&leaf)),
        Err(_) => format!("Entry {}", receipt.index),
    };
    application.console.say(&words);
    match &wish.out {
        Some(file) => {
            private::write(file, text.as_bytes())?;
            application.console.say(&format!("The receipt is in {}", file.display()));
        }
        None => application.console.data(text.trim_end_matches('\n'))?,
    }
    Ok(Ending::Done)
}

fn path(wish: &arguments::Receipt) -> Outcome<String> {
    if let Some(index) = wish.index {
        return Ok(format!("/v1/receipts/entry/{index}"));
    }
    match &wish.statement {
        Some(text) => {
            let id: StatementId =
                text.parse().map_err(|error| failure::usage(format!("`{text}` is {error}")))?;
            Ok(format!("/v1/receipts/{id}"))
        }
        None => Ok("/v1/receipts/last".to_owned()),
    }
}

async fn fetch(application: &Application, agent: &Agent, path: &str) -> Outcome<String> {
    let holder = application.holder(agent)?;
    let sign_in = application.signed_in(&holder).await?;
    let caller = Caller::Principal(sign_in.id_token.reveal());
    ControlApi::new(agent, None)?.text(path, caller, Limit::Bytes(MAX_RECEIPT_BYTES)).await
}

fn bad(why: &str) -> connect_shared::error::ErrorReport {
    let mut report =
        failure::unverified("receipt_invalid", format!("the agent's receipt proves nothing: {why}"));
    report.exit = Exit::VerificationFailed;
    report
}

/// What an entry says, in a few words.
pub(super) fn describe(leaf: &Leaf) -> String {
    match &leaf.entry {
        Entry::Intent(intent) => {
            format!("{} on {} began, {}", intent.verb, intent.resource, intent.statement)
        }
        Entry::Outcome(outcome) => {
            let masked = match outcome.masked.len() {
                0 => String::new(),
                1 => ", 1 column masked".to_owned(),
                count => format!(", {count} columns masked"),
            };
            let rows = if outcome.rows == 1 { "1 row".to_owned() } else { format!("{} rows", outcome.rows) };
            format!("{} ended, {rows}{masked}", outcome.statement)
        }
        Entry::Denial(denial) => {
            format!("{} on {} was denied, {}", denial.verb, denial.resource, denial.statement)
        }
        other => {
            let value = serde_json::to_value(other).unwrap_or_default();
            value.get("kind").and_then(|kind| kind.as_str()).unwrap_or("entry").to_owned()
        }
    }
}
