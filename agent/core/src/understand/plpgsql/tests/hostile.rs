//! Bodies that are meant to hurt.

use proptest::prelude::*;

use super::body;
use crate::lineage::GapKind;

#[test]
fn deep_bodies_are_too_large() {
    for (open, close) in [
        ("BEGIN ", "END; "),
        ("BEGIN LOOP ", ""),
        ("BEGIN IF true THEN ", ""),
        ("BEGIN FOR i IN 1..2 LOOP ", ""),
        ("<<a>> BEGIN ", ""),
    ] {
        let text = open.repeat(5_000) + &close.repeat(5_000);
        assert_eq!(body(&text).gaps[0].kind, GapKind::TooLarge, "{open}");
    }
}

#[test]
fn long_bodies_are_too_large() {
    for text in [
        "x".repeat(1 << 19),
        format!("BEGIN {} END", "a := 1; ".repeat(30_000)),
        format!("BEGIN {} END", "a := 1; ".repeat(5_000)),
        format!("DECLARE {} BEGIN END", "a int; ".repeat(5_000)),
    ] {
        assert_eq!(body(&text).gaps[0].kind, GapKind::TooLarge);
    }
}

#[test]
fn pieces_of_bodies_are_survived() {
    for text in [
        "",
        " ",
        ";",
        "BEGIN",
        "END",
        "'",
        "$$",
        "/*",
        "BEGIN ; END",
        "BEGIN x[1 := 2; END",
        "DECLARE",
        "DECLARE a",
        "BEGIN FOR",
        "BEGIN FOR a",
        "BEGIN FETCH; END",
        "BEGIN GET; END",
        "BEGIN EXECUTE; END",
        "BEGIN RAISE",
        "BEGIN SELECT 1 INTO",
        "BEGIN SELECT 1 INTO a INTO b; END",
        "BEGIN CREATE FUNCTION f() BEGIN ATOMIC",
        "BEGIN a.b.c.d := 1",
        "<<",
        "<<a>>",
        "#",
        "# a",
        "BEGIN a[[[[] := 1; END",
        "BEGIN END END",
        "BEGIN (a; END",
    ] {
        let _ = body(text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_words_is_survived(places in prop::collection::vec(0..WORDS.len(), 0..60)) {
        let text: Vec<&str> = places.into_iter().map(|place| WORDS[place]).collect();
        let _ = body(&text.join(" "));
    }
}

const WORDS: [&str; 62] = [
    "BEGIN",
    "END",
    "DECLARE",
    "IF",
    "THEN",
    "ELSE",
    "ELSIF",
    "CASE",
    "WHEN",
    "LOOP",
    "WHILE",
    "FOR",
    "IN",
    "REVERSE",
    "..",
    "BY",
    "FOREACH",
    "ARRAY",
    "SLICE",
    "EXIT",
    "CONTINUE",
    "RETURN",
    "NEXT",
    "QUERY",
    "EXECUTE",
    "USING",
    "INTO",
    "STRICT",
    "RAISE",
    "NOTICE",
    "ASSERT",
    "GET",
    "STACKED",
    "DIAGNOSTICS",
    "OPEN",
    "FETCH",
    "MOVE",
    "CLOSE",
    "CURSOR",
    "ALIAS",
    "EXCEPTION",
    "PERFORM",
    "NULL",
    ";",
    ";",
    ";",
    ":=",
    "=",
    ",",
    "(",
    ")",
    "[",
    "]",
    ".",
    "a",
    "b",
    "'x'",
    "1",
    "<<",
    ">>",
    "int",
    "SELECT",
];
