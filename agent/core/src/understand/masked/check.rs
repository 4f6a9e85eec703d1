//! The new text must be the old tree with the replacements in it, and nothing else.

use std::{fmt::Write as _, ops::Range};

use pg_query::{
    NodeEnum,
    protobuf::{ColumnRef, CopyStmt, Node, RangeTableSample, RangeVar, RawStmt, String as Name},
};

use super::edit::{Edit, applied};
use crate::{
    statement::Refusal,
    understand::{facts::ColumnUse, parse, refusal, tokens::Tokens},
};

/// One edit with the node that it replaces, as the parser prints both.
pub(super) struct Replacement {
    edit: Edit,
    before: String,
    after: String,
}

impl Replacement {
    /// A name in FROM.
    ///
    /// # Errors
    /// It is written in a way that is not known here.
    pub(super) fn of(named: &RangeVar, text: String, tokens: &Tokens<'_>) -> Result<Self, Refusal> {
        let mut range = tokens.name(named.location, named.inh).ok_or_else(odd)?;
        let after = item(&text, named)?;
        let before = format!("{:?}", Some(NodeEnum::RangeVar(named.clone())));
        let mut text = text;
        if let Some(table) = tokens.table_before(range.start) {
            range.start = table;
            text = format!("SELECT * FROM {text}");
        }
        Ok(Self { edit: Edit { range, text }, before, after })
    }

    /// A name in FROM with TABLESAMPLE, which goes inside.
    ///
    /// # Errors
    /// It is written in a way that is not known here.
    pub(super) fn sampled(
        named: &RangeVar,
        sample: &RangeTableSample,
        shown: String,
        (text, tokens): (&str, &Tokens<'_>),
    ) -> Result<Self, Refusal> {
        let name = tokens.name(named.location, named.inh).ok_or_else(odd)?;
        let clause = tokens.sample(sample.location).ok_or_else(odd)?;
        let alias = text.get(name.end..clause.start).ok_or_else(odd)?;
        let after = item(&shown, named)?;
        let before = format!("{:?}", Some(NodeEnum::RangeTableSample(Box::new(sample.clone()))));
        let edit = Edit { range: name.start..clause.end, text: format!("{shown}{alias}") };
        Ok(Self { edit, before, after })
    }

    /// A constant or parameter.
    ///
    /// # Errors
    /// It is written in a way that is not known here.
    pub(super) fn constant(node: &NodeEnum, text: String, tokens: &Tokens<'_>) -> Result<Self, Refusal> {
        let location = match node {
            NodeEnum::AConst(constant) => constant.location,
            NodeEnum::ParamRef(parameter) => parameter.location,
            _ => return Err(odd()),
        };
        let range = tokens.constant(location).ok_or_else(odd)?;
        let parsed = parse::statements(&format!("SELECT {text}"))?;
        let Some(Some(NodeEnum::SelectStmt(select))) =
            parsed.first().and_then(|raw| raw.stmt.as_deref()).map(|node| &node.node)
        else {
            return Err(odd());
        };
        let Some(Some(NodeEnum::ResTarget(target))) = select.target_list.first().map(|node| &node.node)
        else {
            return Err(odd());
        };
        let after = target.val.as_ref().map(|value| printed(&value.node)).ok_or_else(odd)?;
        let before = format!("{:?}", Some(node));
        Ok(Self { edit: Edit { range, text }, before, after })
    }

    /// More references behind one that stands alone in a list.
    ///
    /// # Errors
    /// It is written in a way that is not known here.
    pub(super) fn more(
        node: &Node,
        more: &[(String, ColumnRef)],
        tokens: &Tokens<'_>,
    ) -> Result<Self, Refusal> {
        let end = match &node.node {
            Some(NodeEnum::ColumnRef(column)) => tokens.name(column.location, true).map(|range| range.end),
            Some(NodeEnum::AConst(constant)) => tokens.end_of(constant.location),
            _ => None,
        };
        let end = end.ok_or_else(odd)?;
        let before = format!("{node:?}");
        let mut after = before.clone();
        let mut text = String::new();
        for (written, reference) in more {
            let node = Node { node: Some(NodeEnum::ColumnRef(reference.clone())) };
            let _infallible = write!(after, ", {node:?}");
            let _infallible = write!(text, ", {written}");
        }
        Ok(Self { edit: Edit { range: end..end, text }, before, after })
    }

    /// `schema.table.column` without its schema.
    ///
    /// # Errors
    /// It is written in a way that is not known here.
    pub(super) fn without_schema(column: &ColumnUse<'_>, tokens: &Tokens<'_>) -> Result<Self, Refusal> {
        let range = tokens.qualifier(column.location).ok_or_else(odd)?;
        let reference = |names: &[&str]| {
            let mut fields: Vec<Node> = names
                .iter()
                .map(|name| Node { node: Some(NodeEnum::String(Name { sval: (*name).to_owned() })) })
                .collect();
            if column.star {
                fields.push(Node { node: Some(NodeEnum::AStar(pg_query::protobuf::AStar {})) });
            }
            format!("{:?}", Some(NodeEnum::ColumnRef(ColumnRef { fields, location: column.location })))
        };
        let before = reference(&column.names);
        let after = stripped(&reference(column.names.get(1..).unwrap_or_default()));
        Ok(Self { edit: Edit { range, text: String::new() }, before, after })
    }

    pub(super) fn into_edit(self) -> Edit {
        self.edit
    }
}

/// What stands in FROM in place of a name, as the parser prints it.
fn item(text: &str, named: &RangeVar) -> Result<String, Refusal> {
    // Of those that have one, the alias stays as it is written.
    let alias = if named.alias.is_some() { " AS _" } else { "" };
    let parsed = parse::statements(&format!("SELECT FROM {text}{alias}"))?;
    let Some(Some(NodeEnum::SelectStmt(select))) =
        parsed.first().and_then(|raw| raw.stmt.as_deref()).map(|node| &node.node)
    else {
        return Err(odd());
    };
    let [only] = select.from_clause.as_slice() else { return Err(odd()) };
    let mut item = only.node.clone();
    match &mut item {
        Some(NodeEnum::RangeSubselect(subselect)) => {
            subselect.alias.clone_from(&aliased(&subselect.alias, named));
        }
        Some(NodeEnum::RangeVar(relation)) => {
            relation.alias.clone_from(&aliased(&relation.alias, named));
        }
        _ => return Err(odd()),
    }
    Ok(printed(&item))
}

/// The alias of the name that is replaced, if it has one.
fn aliased(own: &Option<pg_query::protobuf::Alias>, named: &RangeVar) -> Option<pg_query::protobuf::Alias> {
    named.alias.clone().or_else(|| own.clone())
}

fn odd() -> Refusal {
    refusal::not_reviewed("a name that is written in an unusual way, of a relation with protected columns")
}

/// Whether a statement with its edits parses to its own tree with the replacements.
///
/// # Errors
/// It does not.
pub(super) fn same(
    raw: &RawStmt,
    text: &str,
    range: Range<usize>,
    replacements: &[Replacement],
) -> Result<(), Refusal> {
    let edits: Vec<Edit> = replacements.iter().map(|replacement| replacement.edit.clone()).collect();
    let parsed = parse::statements(&applied(text, range, &edits)?)?;
    let [only] = parsed.as_slice() else { return Err(odd()) };
    let mut expected = format!("{:?}", raw.stmt);
    for Replacement { before, after, .. } in replacements {
        // Places in the text make each node another.
        if expected.matches(before.as_str()).count() != 1 {
            return Err(odd());
        }
        expected = expected.replacen(before.as_str(), after, 1);
    }
    if stripped(&expected) == printed(&only.stmt) { Ok(()) } else { Err(odd()) }
}

/// Whether a COPY of a table is, with its edit, the same COPY of a query.
///
/// # Errors
/// It is not.
pub(super) fn same_copy(
    copy: &CopyStmt,
    query: &str,
    text: &str,
    range: Range<usize>,
    edit: &Edit,
) -> Result<(), Refusal> {
    let wanted = parse::statements(query)?;
    let [RawStmt { stmt: Some(query), .. }] = wanted.as_slice() else { return Err(odd()) };
    let expected =
        CopyStmt { relation: None, attlist: Vec::new(), query: Some(query.clone()), ..copy.clone() };
    let parsed = parse::statements(&applied(text, range, std::slice::from_ref(edit))?)?;
    let [RawStmt { stmt: Some(only), .. }] = parsed.as_slice() else { return Err(odd()) };
    match &only.node {
        Some(NodeEnum::CopyStmt(found)) if printed(&expected) == printed(&**found) => Ok(()),
        _ => Err(odd()),
    }
}

/// A tree without its places in the text.
fn printed(node: &impl std::fmt::Debug) -> String {
    stripped(&format!("{node:?}"))
}

/// Fields that hold places.
const PLACES: [&str; 4] = ["location", "_start", "_end", "stmt_len"];

fn stripped(printed: &str) -> String {
    // In one pass: trees are long, and places stand everywhere in them.
    let mut stripped = String::with_capacity(printed.len());
    let mut rest = printed;
    while let Some((before, behind)) = rest.split_once(": ") {
        stripped.push_str(before);
        stripped.push_str(": ");
        let is_place = PLACES.iter().any(|place| before.ends_with(place));
        rest = if is_place {
            behind.trim_start_matches(|digit: char| digit == '-' || digit.is_ascii_digit())
        } else {
            behind
        };
    }
    stripped.push_str(rest);
    stripped
}
