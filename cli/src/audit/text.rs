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
use serde_json::json;

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
    let text = proved.text.as_deref().map(String::from_utf8_lossy);
    let document = json!({
        "schema": answer.schema,
        "statement": answer.statement,
        "index": answer.index,
        "time": proved.leaf.time,
        "withheld": text.is_none(),
        "text": text,
        "text_base64": answer.text,
        "values": proved.values,
        "bind_base64": answer.bind,
        "salt": answer.salt,
        "binds": answer.binds,
        "proved": true,
    });
    application.console.document(&document, || for_people(&answer, &proved))?;
    Ok(Ending::Done)
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
    let asked = request.statement.is_none_or(|wanted| wanted == statement);
    if !asked || answer.statement != statement || answer.index != receipt.index {
        return Err(bad("it is of another statement than was asked for"));
    }
    let text = decoded(answer.text.as_deref())?;
    let bind = decoded(answer.bind.as_deref())?;
    let (salt, binds) = (thirty_two(&answer.salt)?, thirty_two(&answer.binds)?);
    if text.as_ref().is_some_and(|text| text_commitment(&salt, text, &binds) != *commitment) {
        return Err(bad("the text is not the one that was committed to"));
    }
    if bind.as_ref().is_some_and(|bind| plain_hash(bind).0 != binds) {
        return Err(bad("the values are not those that were committed to"));
    }
    let bind_missing = bind.is_none() && binds != [0; 32];
    // Without the message nothing shows that these are its values.
    let values = if bind.is_some() { answer.values.clone() } else { Vec::new() };
    Ok(Proved { leaf, text, values, bind_missing })
}

fn for_people(answer: &TextAnswer, proved: &Proved) -> String {
    let mut shown =
        format!("{} · entry {} · {}\n\n", answer.statement, answer.index, moment(proved.leaf.time));
    match &proved.text {
        Some(text) => shown.push_str(&printable(&String::from_utf8_lossy(text))),
        None => shown.push_str("Not kept: passwords could stand in a text of its kind"),
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

fn thirty_two(text: &str) -> Outcome<[u8; 32]> {
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
mod tests {
    use connect_shared::{
        entry::CATALOGUE,
        hexadecimal::hexadecimal,
        proof::{checkpoint::Checkpoint, note::SigningKey, tree::leaf_hash},
    };

    use super::*;

    const TEXT: &[u8] = b"select 'so' from t where id = $1";
    const BIND: &[u8] = b"B\0\0\0\x10 and so on";

    /// A log of one INTENT, and what its agent says of the text.
    fn honest() -> (TextAnswer, Receipt, VerifierKey) {
        let (salt, binds) = ([5; 32], plain_hash(BIND).0);
        let samples = Entry::samples();
        let intent = samples.into_iter().find_map(|entry| match entry {
            Entry::Intent(intent) => Some(intent),
            _ => None,
        });
        let mut intent = intent.expect("a sample");
        intent.commitment = text_commitment(&salt, TEXT, &binds);
        let statement = intent.statement;
        let leaf = Leaf { v: CATALOGUE, time: 1_764_064_800_000, entry: Entry::Intent(intent) };
        let leaf = serde_json::to_vec(&leaf).expect("JSON");
        let key = SigningKey::from_seed("connect.local/test", [7; 32]).expect("a key");
        let checkpoint = Checkpoint { origin: "connect.local/test".into(), size: 1, root: leaf_hash(&leaf) };
        let checkpoint = checkpoint.sign(&key);
        let receipt = Receipt { index: 0, leaf, proof: Vec::new(), checkpoint };
        let answer = TextAnswer {
            schema: "connect.text/1".to_owned(),
            statement,
            index: 0,
            receipt: receipt.to_string(),
            salt: hexadecimal(&salt),
            text: Some(STANDARD.encode(TEXT)),
            binds: hexadecimal(&binds),
            bind: Some(STANDARD.encode(BIND)),
            values: vec!["'17'".to_owned()],
        };
        (answer, receipt, key.verifier().clone())
    }

    fn asked(statement: StatementId) -> TextRequest {
        TextRequest { index: None, statement: Some(statement), reason: "INC-4711".to_owned() }
    }

    #[test]
    fn what_the_log_commits_to_is_shown_and_people_see_that_it_was_checked() {
        let (answer, receipt, key) = honest();
        let proved = prove(&asked(answer.statement), &answer, &receipt, &key).expect("it is proved");
        assert_eq!(proved.text.as_deref(), Some(TEXT));
        let told = for_people(&answer, &proved);
        assert!(told.contains("select 'so' from t where id = $1") && told.contains("$1 = '17'"), "{told}");
        assert!(
            told.ends_with("ok: it is what the entry commits to, and the entry is in the log\n"),
            "{told}"
        );
    }

    #[test]
    fn an_agent_that_shows_anything_else_is_found_out() {
        let (good, receipt, key) = honest();
        let refused = |answer: TextAnswer| {
            let error = prove(&asked(good.statement), &answer, &receipt, &key).expect_err("it lies");
            error.message
        };
        let text = Some(STANDARD.encode("select 'other' from t where id = $1"));
        assert!(refused(TextAnswer { text, ..good.clone() }).contains("not the one that was committed to"));
        let bind = Some(STANDARD.encode("another"));
        assert!(refused(TextAnswer { bind, ..good.clone() }).contains("the values are not those"));
        let salt = hexadecimal(&[6; 32]);
        assert!(refused(TextAnswer { salt, ..good.clone() }).contains("not the one that was committed to"));
        let other = StatementId::from_random([9; 16]);
        assert!(refused(TextAnswer { statement: other, ..good.clone() }).contains("of another statement"));
        assert!(refused(TextAnswer { salt: "zz".repeat(32), ..good.clone() }).contains("has not 64 digits"));
        let foreign = SigningKey::from_seed("connect.local/test", [8; 32]).expect("a key");
        assert!(prove(&asked(good.statement), &good, &receipt, foreign.verifier()).is_err());
    }

    #[test]
    fn values_without_the_message_that_is_committed_to_are_nobodys_word() {
        let (good, receipt, key) = honest();
        let answer = TextAnswer { bind: None, ..good };
        let proved = prove(&asked(answer.statement), &answer, &receipt, &key).expect("the text is proved");
        assert_eq!((proved.values.len(), proved.bind_missing), (0, true));
        assert!(for_people(&answer, &proved).contains("What was bound is not kept"));
    }
}
