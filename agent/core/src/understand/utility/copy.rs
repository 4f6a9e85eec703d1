//! COPY: rows without descriptions, so that nothing in them can be masked.

mod written;

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{CopyStmt, DefElem, Node, RangeVar},
};

use super::names;
use crate::{
    catalog::{Catalog, Relation},
    record::ReadProof,
    statement::{Effect, Kind, Protection, Refusal, Shape},
    understand::{
        facts::Place,
        found::Found,
        query::{self, written as given},
        refusal, resolve, walk,
    },
};

/// Reviewed options: formats, and where to stop.
const OPTIONS: [&str; 17] = [
    "format",
    "freeze",
    "delimiter",
    "null",
    "default",
    "header",
    "quote",
    "escape",
    "force_quote",
    "force_not_null",
    "force_null",
    "encoding",
    "on_error",
    "reject_limit",
    "log_verbosity",
    "oids",
    "csv",
];

/// Analyses COPY. `None` if it is another command.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let NodeEnum::CopyStmt(copy) = node else { return None };
    let mut found = if copy.is_from { from(copy, catalog) } else { to(copy, catalog) };
    found.verb = "copy".into();
    found.proof = ReadProof::MayWrite;
    let is_read = if copy.is_from { Ok(()) } else { written::check(copy) };
    if copy.is_program || !copy.filename.is_empty() {
        found.effect = Effect::None;
        found = found.shape(Shape::ServerFile);
    }
    Some(match check_options(copy).and(is_read) {
        Err(refusal) => found.refused(refusal),
        Ok(()) => found,
    })
}

/// Whether rows go to the client, with options that are known.
pub(super) fn check_out(copy: &CopyStmt) -> Result<(), Refusal> {
    let CopyStmt {
        relation: _,
        query: _,
        attlist: _,
        is_from,
        is_program,
        filename,
        options: _,
        where_clause,
    } = copy;
    if *is_from || *is_program || !filename.is_empty() || where_clause.is_some() {
        return Err(refusal::not_reviewed("a COPY to elsewhere than the client, beside protected columns"));
    }
    check_options(copy).and_then(|()| written::check(copy))
}

fn check_options(copy: &CopyStmt) -> Result<(), Refusal> {
    match copy.options.iter().find(|node| !is_reviewed(node)) {
        Some(_) => Err(refusal::not_reviewed("an option of COPY")),
        None => Ok(()),
    }
}

fn is_reviewed(node: &Node) -> bool {
    matches!(&node.node, Some(NodeEnum::DefElem(option)) if OPTIONS.contains(&option_name(option)))
}

fn option_name(option: &DefElem) -> &str {
    &option.defname
}

fn to(copy: &CopyStmt, catalog: &Catalog) -> Found {
    let effect = Effect::CopyOut { names: has_line_of_names(copy), lines: written::lines(copy) };
    if let Some(query) = &copy.query {
        return to_query(query, effect, catalog);
    }
    let Some(relation) = &copy.relation else { return super::not_reviewed() };
    let reads = names::recorded(Some(relation), catalog);
    let found = Found { reads, effect, ..Found::new("copy", Kind::Read) };
    let judged = match first_protected(relation, &copy.attlist, catalog) {
        Some((name, relation)) => Err(unmasked(&name, Some(relation))),
        None => {
            let facts = walk::listed(relation, &copy.attlist);
            query::judge(&facts, None, catalog).map(|judged| judged.protection)
        }
    };
    found.protected_by(judged)
}

/// Whether the first line has the names of the columns. The server refuses what is neither true nor false.
fn has_line_of_names(copy: &CopyStmt) -> bool {
    copy.options.iter().any(|node| match &node.node {
        Some(NodeEnum::DefElem(option)) if option.defname == "header" => {
            match option.arg.as_ref().and_then(|argument| argument.node.as_ref()) {
                Some(NodeEnum::Boolean(value)) => value.boolval,
                Some(NodeEnum::Integer(value)) => value.ival != 0,
                Some(NodeEnum::String(value)) => {
                    !["false", "off"].iter().any(|no| value.sval.eq_ignore_ascii_case(no))
                }
                _ => true,
            }
        }
        _ => false,
    })
}

fn to_query(query: &Node, effect: Effect, catalog: &Catalog) -> Found {
    let inner = query::analyse(query, catalog).unwrap_or_else(super::not_reviewed);
    let found = Found { effect, ..inner };
    if let Protection::Projection { columns } = &found.protection
        && let Some(column) = columns.first()
    {
        let refusal = unmasked(&column.name, catalog.relation(column.relation));
        return found.refused(refusal);
    }
    // What is only possible in the output must not be there either.
    match query::judge(&walk::stored(query), None, catalog) {
        Err(refusal) if !matches!(found.protection, Protection::Refused(_)) => found.refused(refusal),
        _ => found,
    }
}

fn first_protected<'c>(
    relation: &RangeVar,
    columns: &[Node],
    catalog: &'c Catalog,
) -> Option<(String, &'c Relation)> {
    let listed = walk::texts(columns);
    let relations = resolve::candidates(relation, catalog);
    relations.into_iter().find_map(|relation| {
        let copied = |name: &str| listed.is_empty() || listed.contains(&name);
        let mut hit = relation.columns.iter().filter(|column| column.label.is_some() && copied(&column.name));
        hit.next().map(|column| (format!("{}.{}", relation.qualified_name(), column.name), relation))
    })
}

fn unmasked(column: &str, relation: Option<&Relation>) -> Refusal {
    let message = format!("`{column}` is protected, and COPY sends rows in which nothing can be masked");
    let hint = relation.map_or_else(
        || "Name the columns without it, or SELECT it: then it comes out masked.".to_owned(),
        |relation| {
            let (name, columns) = (relation.qualified_name(), refusal::free_columns(relation).join(", "));
            format!(
                "\\copy (SELECT {columns} FROM {name}) TO … leaves protected columns out; a SELECT shows them \
                 masked."
            )
        },
    );
    refusal::refusal(ReasonCode::ProtectedCopy, Some(column.to_owned()), message, &hint)
}

fn from(copy: &CopyStmt, catalog: &Catalog) -> Found {
    let Some(relation) = &copy.relation else { return super::not_reviewed() };
    let writes = names::recorded(Some(relation), catalog);
    let found = Found { writes, effect: Effect::CopyIn, ..Found::new("copy", Kind::Write) };
    let columns = walk::texts(&copy.attlist);
    let relations = resolve::candidates(relation, catalog);
    let assigned = relations.into_iter().flat_map(|relation| given::copied(relation, &columns)).collect();
    let judged = check_from(copy, relation, catalog);
    Found { assigned, ..found }.protected_by(judged)
}

fn check_from(copy: &CopyStmt, relation: &RangeVar, catalog: &Catalog) -> Result<Protection, Refusal> {
    let facts = walk::expressions(copy.where_clause.as_deref(), Some(relation), Place::Condition);
    let protection = query::judge(&facts, None, catalog)?.protection;
    let columns = walk::texts(&copy.attlist);
    for relation in resolve::candidates(relation, catalog) {
        given::check_target(relation, catalog)?;
        given::check_copied(relation, &columns)?;
    }
    Ok(protection)
}
