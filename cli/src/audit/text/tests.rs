use connect_shared::{
    entry::CATALOGUE,
    hexadecimal::hexadecimal,
    proof::{
        checkpoint::Checkpoint,
        note::SigningKey,
        tree::{leaf_hash, node_hash},
    },
};

use super::*;

const TEXT: &[u8] = b"select 'so' from t where id = $1";
const BIND: &[u8] = b"B\0\0\0\x10 and so on";

fn key() -> SigningKey {
    SigningKey::from_seed("connect.local/test", [7; 32]).expect("a key")
}

/// Of a log that has this entry at `index`, 0 or 1, and an INTENT of another statement at the other.
fn receipt(entry: Entry, index: u64) -> Receipt {
    let bytes = |entry| {
        let leaf = Leaf { v: CATALOGUE, time: 1_764_064_800_000, entry };
        serde_json::to_vec(&leaf).expect("JSON")
    };
    let (leaf, beside) = (bytes(entry), leaf_hash(b"another"));
    let (left, right) = if index == 0 { (leaf_hash(&leaf), beside) } else { (beside, leaf_hash(&leaf)) };
    let root = node_hash(&left, &right);
    let checkpoint = Checkpoint { origin: "connect.local/test".into(), size: 2, root }.sign(&key());
    Receipt { index, leaf, proof: vec![beside], checkpoint }
}

/// What an agent says of the text of the first entry.
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
    let receipt = receipt(Entry::Intent(intent), 0);
    let answer = TextAnswer {
        schema: "connect.text/1".to_owned(),
        statement,
        index: 0,
        receipt: receipt.to_string(),
        outcome: None,
        salt: Some(hexadecimal(&salt)),
        text: Some(STANDARD.encode(TEXT)),
        binds: Some(hexadecimal(&binds)),
        bind: Some(STANDARD.encode(BIND)),
        values: vec!["'17'".to_owned()],
    };
    (answer, receipt, key().verifier().clone())
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
    assert!(told.ends_with("ok: it is what the entry commits to, and the entry is in the log\n"), "{told}");
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
    let salt = Some(hexadecimal(&[6; 32]));
    assert!(refused(TextAnswer { salt, ..good.clone() }).contains("not the one that was committed to"));
    let other = StatementId::from_random([9; 16]);
    assert!(refused(TextAnswer { statement: other, ..good.clone() }).contains("of another statement"));
    let salt = Some("zz".repeat(32));
    assert!(refused(TextAnswer { salt, ..good.clone() }).contains("has not 64 digits"));
    assert!(refused(TextAnswer { salt: None, ..good.clone() }).contains("without what the commitment is"));
    assert!(refused(TextAnswer { binds: None, ..good.clone() }).contains("without what the commitment is"));
    let foreign = SigningKey::from_seed("connect.local/test", [8; 32]).expect("a key");
    assert!(prove(&asked(good.statement), &good, &receipt, foreign.verifier()).is_err());
}

#[test]
fn whoever_asks_by_an_index_is_shown_the_statement_that_has_it_and_no_other() {
    let (good, proof, key) = honest();
    let by = |index| TextRequest { index: Some(index), statement: None, reason: "INC-4711".to_owned() };
    prove(&by(0), &good, &proof, &key).expect("it is its own");
    let refused = |answer: &TextAnswer| {
        prove(&by(1), answer, &proof, &key).is_err_and(|error| error.message.contains("of another statement"))
    };
    assert!(refused(&good), "nothing says that entry 1 is of it");
    let outcome = |statement, index| {
        let mut entry = Entry::samples().into_iter().find(|entry| matches!(entry, Entry::Outcome(_)));
        if let Some(Entry::Outcome(outcome)) = &mut entry {
            outcome.statement = statement;
        }
        let receipt = receipt(entry.expect("a sample"), index).to_string();
        TextAnswer { outcome: Some(receipt), ..good.clone() }
    };
    prove(&by(1), &outcome(good.statement, 1), &proof, &key).expect("it is of its OUTCOME");
    assert!(refused(&outcome(StatementId::from_random([9; 16]), 1)), "the OUTCOME of another statement");
    assert!(refused(&outcome(good.statement, 0)), "an OUTCOME at another index");
    assert!(refused(&TextAnswer { outcome: Some(proof.to_string()), ..good.clone() }), "no OUTCOME");
    let forged = outcome(good.statement, 0).outcome.map(|receipt| receipt.replacen("index 0", "index 1", 1));
    let forged = TextAnswer { outcome: forged, ..good.clone() };
    assert!(prove(&by(1), &forged, &proof, &key).is_err(), "an OUTCOME that is not where its receipt says");
}

#[test]
fn where_the_text_is_withheld_nothing_is_shown_and_nothing_is_proved() {
    let (good, receipt, key) = honest();
    let refused = |answer: TextAnswer| {
        let error = prove(&asked(good.statement), &answer, &receipt, &key).expect_err("it lies");
        assert!(error.message.contains("values without the text"), "{}", error.message);
    };
    refused(TextAnswer { text: None, ..good.clone() });
    refused(TextAnswer { text: None, bind: None, ..good.clone() });
    refused(TextAnswer { text: None, values: Vec::new(), ..good.clone() });
    let withheld = TextAnswer { text: None, bind: None, values: Vec::new(), ..good.clone() };
    let proved = prove(&asked(good.statement), &withheld, &receipt, &key).expect("the entry is there");
    let shown = document(&withheld, &proved);
    assert_eq!((&shown["proved"], &shown["withheld"]), (&json!(false), &json!(true)));
    assert_eq!((&shown["salt"], &shown["binds"], &shown["values"]), (&Value::Null, &Value::Null, &json!([])));
    let told = for_people(&withheld, &proved);
    assert!(told.contains("nothing of it proved") && !told.contains("ok:"), "{told}");
    let proved = prove(&asked(good.statement), &good, &receipt, &key).expect("it is proved");
    assert_eq!(document(&good, &proved)["proved"], true);
}

#[test]
fn values_without_the_message_that_is_committed_to_are_nobodys_word() {
    let (good, receipt, key) = honest();
    let answer = TextAnswer { bind: None, ..good };
    let proved = prove(&asked(answer.statement), &answer, &receipt, &key).expect("the text is proved");
    assert_eq!((proved.values.len(), proved.bind_missing), (0, true));
    assert!(for_people(&answer, &proved).contains("What was bound is not kept"));
}
