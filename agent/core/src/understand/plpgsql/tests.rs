//! Bodies, what is read of them, and that pg_query's own reader finds the same SQL.

mod bodies;
mod hostile;
mod same;

use super::{Body, Declared, Purpose, read};
use crate::catalog::{
    Oid,
    code::Function,
    fixture::{Version, builtins},
};

/// A function `shop.pay(amount int4, note text)`.
fn pay() -> Function {
    let mut function = builtins(Version::Postgres15).functions[&Oid(870)].clone();
    function.oid = Oid(20_000);
    function.name = "pay".into();
    function.arguments = [Oid(23), Oid(25)].into();
    function.argument_names = ["amount".into(), "note".into()].into();
    function.outputs = [("paid".into(), Oid(16))].into();
    function
}

fn body(text: &str) -> Body {
    read(text, &pay())
}

/// Pieces as `purpose: text -> targets`.
fn pieces(body: &Body) -> Vec<String> {
    let name = |place: Option<usize>| place.map_or("?", |place| &body.variables[place].name);
    let line = |piece: &super::Piece| {
        let text = piece.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let into: Vec<String> = piece
            .into
            .iter()
            .map(|target| match &target.field {
                Some(field) => format!("{}.{field}", name(target.variable)),
                None => name(target.variable).to_owned(),
            })
            .collect();
        let arrow = if into.is_empty() { String::new() } else { format!(" -> {}", into.join(", ")) };
        format!("{:?}: {text}{arrow}", piece.purpose)
    };
    body.pieces.iter().map(line).collect()
}

#[track_caller]
fn check(text: &str, wanted: &[&str]) -> Body {
    let found = body(text);
    assert_eq!(found.gaps, [], "{text}");
    assert_eq!(pieces(&found), wanted);
    found
}
