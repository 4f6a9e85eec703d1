use serde_json::{Value, json};

use super::*;

fn answers(input: &str) -> Vec<Value> {
    let mut output = Vec::new();
    let analyst = Analyst::new(connect_core::catalog::Catalog::default());
    answer_all(input.as_bytes(), &mut output, analyst).expect("memory takes everything");
    let text = String::from_utf8(output).expect("JSON is UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[test]
fn every_line_has_an_answer_in_order_and_blank_ones_have_none() {
    let answers = answers(
        "{\"id\": 1, \"sql\": \"SELECT 1\"}\n\n{\"id\": {\"a\": [2]}, \"sql\": \"SELECT 2\"}\n{\"sql\": \"SELECT 3\"}",
    );
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].clone()).collect();
    assert_eq!(ids, [json!(1), json!({"a": [2]}), json!(null)]);
    for answer in &answers {
        let fields: Vec<_> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(
            fields,
            ["schema", "id", "outputs", "indirect", "reads", "functions", "status", "reasons", "micros"]
        );
        assert_eq!(answer["schema"], "connect.analyze/1");
        assert!(answer["micros"].is_number());
    }
}

#[test]
fn a_line_that_cannot_be_read_is_opaque_and_ends_nothing() {
    let answers = answers(
        "not JSON\n{\"id\": 7}\n{\"id\": 8, \"sql\": \"SELECT 1\", \"search_path\": \"a\"}\n{\"id\": 9, \"sql\": \"SELECT 1\"}\n",
    );
    let summary: Vec<_> = answers[..3].iter().map(|answer| (&answer["id"], &answer["status"])).collect();
    assert_eq!(
        summary,
        [(&json!(null), &json!("opaque")), (&json!(7), &json!("opaque")), (&json!(8), &json!("opaque"))]
    );
    let reasons: Vec<_> =
        answers[..3].iter().map(|answer| answer["reasons"][0].as_str().unwrap_or_default()).collect();
    insta::assert_snapshot!(reasons.join("\n"), @r#"
    input: not JSON (column 2)
    input: missing field `sql` (column 9)
    input: invalid type: string "a", expected a sequence (column 47)
    "#);
    assert_eq!(answers[3]["id"], 9);
}

#[test]
fn fields_of_others_are_passed_over() {
    let answers = answers(
        "{\"id\": 1, \"sql\": \"SELECT 1\", \"materialized\": \"table\", \"depends_on\": {\"nodes\": []}}\n",
    );
    assert_eq!((&answers[0]["id"], &answers[0]["status"]), (&json!(1), &json!("complete")));
}

#[test]
fn answers_come_out_before_the_next_line_is_waited_for() {
    use std::io::{BufRead as _, BufReader};
    let (input, mut ask) = io::pipe().expect("a pipe");
    let (hear, output) = io::pipe().expect("a pipe");
    let analyst = Analyst::new(connect_core::catalog::Catalog::default());
    let answering = std::thread::spawn(move || answer_all(input, output, analyst));
    let mut answers = BufReader::new(hear).lines();
    for id in 0..3 {
        ask.write_all(format!("{{\"id\": {id}, \"sql\": \"SELECT 1\"}}\n").as_bytes()).expect("it reads");
        let answer = answers.next().expect("an answer").expect("readable");
        assert!(answer.contains(&format!("\"id\":{id}")), "{answer}");
    }
    drop(ask);
    answering.join().expect("no panic").expect("no error");
    assert!(answers.next().is_none());
}

#[test]
fn a_reader_that_went_away_is_an_end() {
    let (hear, output) = io::pipe().expect("a pipe");
    drop(hear);
    let analyst = Analyst::new(connect_core::catalog::Catalog::default());
    let ended = answer_all("{\"sql\": \"SELECT 1\"}\n".as_bytes(), output, analyst);
    assert_eq!(ended.expect_err("nobody reads").kind(), io::ErrorKind::BrokenPipe);
}
