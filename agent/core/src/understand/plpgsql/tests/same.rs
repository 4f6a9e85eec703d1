//! pg_query reads PL/pgSQL too, with PostgreSQL's own grammar, and gives the SQL in it: we find the same.

use std::collections::BTreeSet;

use serde_json::Value;

use super::body;

const BODIES: &str = include_str!("bodies.txt");

#[test]
fn the_same_sql_is_found() {
    let mut compared = 0;
    for text in BODIES.split("\n----\n") {
        let ours = body(text);
        assert_eq!(ours.gaps, [], "{text}");
        let ours: BTreeSet<String> = ours.pieces.iter().map(|piece| spaced(&piece.text)).collect();
        let definition = format!(
            "CREATE FUNCTION pay(amount int, note text) RETURNS SETOF text LANGUAGE plpgsql AS $body${text}$body$"
        );
        let read = pg_query::parse_plpgsql(&definition).unwrap_or_else(|error| panic!("{error}: {text}"));
        let mut theirs = Vec::new();
        queries(&read, &mut theirs);
        for (query, mode) in theirs {
            // An assignment's text has its target before the sign.
            let found = match query.strip_prefix("\"__Case__Variable") {
                // The test of CASE is a variable there, and in each comparison here.
                Some(rest) => {
                    let values = rest.split_once(" IN (").expect("a list").1.trim_end_matches(')');
                    let end = format!("IN ({values} )");
                    ours.iter().any(|text| text.ends_with(&end))
                }
                None => {
                    let query = sql(&query, mode);
                    let tested = format!("SELECT ({query} ) IN (");
                    ours.iter().any(|text| text.starts_with(&tested))
                        || [query.clone(), format!("SELECT {query}")]
                            .iter()
                            .any(|text| ours.contains(&spaced(text)))
                }
            };
            assert!(found, "{query}\nin {text}\nof {ours:#?}");
            compared += 1;
        }
    }
    assert!(compared > 50, "{compared}");
}

/// An assignment's text has its target before the sign.
fn sql(query: &str, mode: i64) -> String {
    let target = if mode >= 3 { query.split_once('=') } else { None };
    target.map_or(query, |(_, value)| value).trim().to_owned()
}

fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Every `query` with its `parseMode`.
fn queries(value: &Value, found: &mut Vec<(String, i64)>) {
    match value {
        Value::Object(fields) => {
            if let Some(query) = fields.get("query").and_then(Value::as_str) {
                found.push((
                    query.to_owned(),
                    fields.get("parseMode").and_then(Value::as_i64).unwrap_or_default(),
                ));
            }
            fields.values().for_each(|value| queries(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}
