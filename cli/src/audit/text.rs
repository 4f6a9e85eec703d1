//! `connect audit text`: what a statement exactly said. It is shown only if it is what the entry in the log commits
//! to, which is checked here: the receipt, then the commitment, then what was bound.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use connect_shared::{
    api::{TextAnswer, TextRequest, text_commitment},
    entry::{Entry, Leaf},
    error::ErrorReport,
    ids::StatementId,
    proof::{note::VerifierKey, receipt::Receipt, tree::plain_hash},
};
use serde_json::{Value, json};

use super::{
    keys,
    search::{Asking, moment},
};
use crate::{
    application::{Application, Ending},
    arguments,
    failure::{self, Outcome, printable},
};

/// What was found to be as it was committed to.
#[derive(Debug)]
struct Proved {
    leaf: Leaf,
    /// `None`: texts of its kind are not kept.
    text: Option<Vec<u8>>,
    values: Vec<String>,
    /// Something was bound that was too long to be kept.
    bind_missing: bool,
}

pub(super) async fn run(application: &Application, wish: &arguments::Text) -> Outcome<Ending> {
    let request = request(wish)?;
    let asking = Asking::new(application, wish.agent.as_deref()).await?;
    let waiting = application.console.wait_quietly_for("Asking the agent");
    let answer = asking.text(&request).await;
    drop(waiting);
    let answer = answer?;
    asking.monitor().await?;
    let receipt = Receipt::parse(&answer.receipt).map_err(|error| bad(&error.to_string()))?;
    let key = keys::key_for(application, None, &receipt.checkpoint)?;
    if key.name() != keys::parse(&asking.agent().log.key)?.name() {
        return Err(bad("its receipt is of another log"));
    }
    let proved = prove(&request, &answer, &receipt, &key)?;
    application.console.document(&document(&answer, &proved), || for_people(&answer, &proved))?;
    Ok(Ending::Done)
}

/// Without the text nothing is proved but that the entry is there, and nothing else is shown.
fn document(answer: &TextAnswer, proved: &Proved) -> Value {
    let text = proved.text.as_deref().map(String::from_utf8_lossy);
    let is_shown = text.is_some();
    json!({
        "schema": answer.schema,
        "statement": answer.statement,
        "index": answer.index,
        "time": proved.leaf.time,
        "withheld": !is_shown,
        "text": text,
        "text_base64": answer.text,
        "values": proved.values,
        "bind_base64": answer.bind,
        "salt": answer.salt.as_ref().filter(|_| is_shown),
        "binds": answer.binds.as_ref().filter(|_| is_shown),
        "proved": is_shown,
    })
}

fn request(wish: &arguments::Text) -> Outcome<TextRequest> {
    let reason = wish.reason.clone();
    if let Ok(index) = wish.statement.parse::<u64>() {
        return Ok(TextRequest { index: Some(index), statement: None, reason });
    }
    let parsed = wish.statement.parse::<StatementId>();
    let named = printable(&wish.statement);
    let id = parsed.map_err(|error| failure::usage(format!("`{named}` is no index, and {error}")))?;
    Ok(TextRequest { index: None, statement: Some(id), reason })
}

/// Everything that the agent says is held against its log.
fn prove(
    request: &TextRequest,
    answer: &TextAnswer,
    receipt: &Receipt,
    key: &VerifierKey,
) -> Outcome<Proved> {
    receipt.verify(key).map_err(|error| bad(&error.to_string()))?;
    let leaf = receipt.entry().map_err(|error| bad(&error.to_string()))?;
    let (statement, commitment) = match &leaf.entry {
        Entry::Intent(intent) => (intent.statement, &intent.commitment),
        Entry::Denial(denial) => (denial.statement, &denial.commitment),
        Entry::Oversized { .. } => {
            return Err(bad("its entry is too long for a leaf, so that a receipt has only a hash of it"));
        }
        _ => return Err(bad("its receipt is of no statement")),
    };
    if answer.statement != statement || answer.index != receipt.index {
        return Err(bad("it is of another statement than was asked for"));
    }
    is_asked_for(request, answer, key)?;
    let bind = decoded(answer.bind.as_deref())?;
    let Some(text) = decoded(answer.text.as_deref())? else {
        if bind.is_some() || !answer.values.is_empty() {
            return Err(bad("it shows values without the text that they were bound to"));
        }
        return Ok(Proved { leaf, text: None, values: Vec::new(), bind_missing: false });
    };
    let (salt, binds) = (thirty_two(answer.salt.as_deref())?, thirty_two(answer.binds.as_deref())?);
    if text_commitment(&salt, &text, &binds) != *commitment {
        return Err(bad("the text is not the one that was committed to"));
    }
    if bind.as_ref().is_some_and(|bind| plain_hash(bind).0 != binds) {
        return Err(bad("the values are not those that were committed to"));
    }
    let bind_missing = bind.is_none() && binds != [0; 32];
    // Without the message nothing shows that these are its values.
    let values = if bind.is_some() { answer.values.clone() } else { Vec::new() };
    Ok(Proved { leaf, text: Some(text), values, bind_missing })
}

/// The statement by its id, by the index of its INTENT or denial, or by that of its OUTCOME, which has to be proved too.
fn is_asked_for(request: &TextRequest, answer: &TextAnswer, key: &VerifierKey) -> Outcome<()> {
    let other = || bad("it is of another statement than was asked for");
    if let Some(wanted) = request.statement {
        return if wanted == answer.statement { Ok(()) } else { Err(other()) };
    }
    let wanted = request.index.ok_or_else(other)?;
    if wanted == answer.index {
        return Ok(());
    }
    let receipt = answer.outcome.as_deref().ok_or_else(other)?;
    let receipt = Receipt::parse(receipt).map_err(|error| bad(&error.to_string()))?;
    receipt.verify(key).map_err(|error| bad(&error.to_string()))?;
    let leaf = receipt.entry().map_err(|error| bad(&error.to_string()))?;
    match leaf.entry {
        Entry::Outcome(outcome) if receipt.index == wanted && outcome.statement == answer.statement => Ok(()),
        _ => Err(other()),
    }
}

fn for_people(answer: &TextAnswer, proved: &Proved) -> String {
    let mut shown =
        format!("{} · entry {} · {}\n\n", answer.statement, answer.index, moment(proved.leaf.time));
    match &proved.text {
        Some(text) => shown.push_str(&printable(&String::from_utf8_lossy(text))),
        None => shown.push_str(
            "Not shown, and nothing of it proved: the agent says that texts of its kind are not kept, since passwords \
             could stand in them",
        ),
    }
    shown.push('\n');
    for (number, value) in proved.values.iter().enumerate() {
        shown.push_str(&format!("\n${} = {}", number + 1, printable(value)));
    }
    if !proved.values.is_empty() {
        shown.push('\n');
    }
    if proved.text.is_some() && proved.bind_missing {
        shown.push_str("\nWhat was bound is not kept: it was too long. Its SHA-256 is committed to\n");
    }
    if proved.text.is_some() {
        shown.push_str("\nok: it is what the entry commits to, and the entry is in the log\n");
    }
    shown
}

fn decoded(text: Option<&str>) -> Outcome<Option<Vec<u8>>> {
    text.map(|text| STANDARD.decode(text).map_err(|_| bad("it is not in base64"))).transpose()
}

fn thirty_two(text: Option<&str>) -> Outcome<[u8; 32]> {
    let text = text.ok_or_else(|| bad("it is without what the commitment is over"))?;
    let digit =
        |place: usize| text.get(place * 2..place * 2 + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..32).map(digit).collect();
    let whole = bytes.filter(|_| text.len() == 64).and_then(|bytes| bytes.try_into().ok());
    whole.ok_or_else(|| bad("a hash in it has not 64 digits"))
}

fn bad(why: &str) -> ErrorReport {
    failure::unverified("text_unproved", format!("what the agent shows is not proved by its log: {why}"))
        .help("connect audit verify")
}

#[cfg(test)]
mod tests;
