//! Queries and data-modifying statements: what they reach, what of it is protected, and how.

pub(super) mod atom;
mod outermost;
mod own_code;
pub(super) mod written;

use std::collections::{BTreeSet, HashMap, HashSet};

use pg_query::{NodeEnum, protobuf::Node};

use super::{
    facts::{Bound, ColumnUse, Facts, MOST_OUTPUTS, Place, Source, Verb, Write},
    found::Found,
    functions::{self, Consequence},
    hidden_rows, refusal,
    resolve::{self, Certainty, MayRead, Reading, Resolved},
    settings, walk,
};
use crate::{
    catalog::{Catalog, Oid},
    record::ReadProof,
    statement::{Changes, Effect, Kind, ProtectedColumn, Protection, Refusal, Shape},
};

/// Most items in all FROM lists of a statement. The server's planner is slow long before that.
const MOST_ITEMS: usize = 300;

/// Most pairs of a column reference and an item that it could belong to.
const MOST_PAIRS: usize = 3_000_000;

/// Analyses a query or a data-modifying statement. `None` if it is something else.
pub(super) fn analyse(node: &Node, catalog: &Catalog) -> Option<Found> {
    let verb = match node.node.as_ref()? {
        NodeEnum::SelectStmt(_) => "select",
        NodeEnum::InsertStmt(_) => "insert",
        NodeEnum::UpdateStmt(_) => "update",
        NodeEnum::DeleteStmt(_) => "delete",
        NodeEnum::MergeStmt(_) => "merge",
        _ => return None,
    };
    let facts = walk::statement(node);
    let mut found = Found::new(verb, Kind::Read);
    name_relations(&facts, catalog, &mut found);
    found.shapes = shapes(&facts, catalog);
    found.changes = changes(&facts, verb, catalog);
    let judged = judged(&facts, Some(node), catalog, Conditions::LookUp);
    let consequence = judged.as_ref().map_or(Consequence::Write, |judged| judged.consequence);
    found.lookups = judged.as_ref().map_or(0, |judged| judged.lookups);
    found.settings = judged.as_ref().map_or_else(|_| Vec::new(), |judged| judged.settings.clone());
    found.kind = kind(&facts, consequence);
    if facts.into {
        found.effect = Effect::Catalog;
    }
    if found.kind != Kind::Read || consequence != Consequence::None {
        found.proof = ReadProof::MayWrite;
    }
    found.assigned = written::assigned(&facts, catalog);
    found.gives_mask = facts.gives_mask;
    let judged = judged.map_err(|refusal| graver(refusal, &facts, catalog));
    let judged = judged.map_err(|refusal| name_the_schema(refusal, &facts, catalog));
    let judged = judged.and_then(|judged| match found.assigned.first().filter(|_| facts.gives_mask) {
        Some(column) => Err(refusal::masked_value(column)),
        None => Ok(judged),
    });
    Some(found.protected_by(judged.map(|judged| judged.protection)))
}

/// Where nothing is protected, a statement may name what its transaction has made and no snapshot has. It is not
/// thereby free to call what nobody may call.
fn graver(refusal: Refusal, facts: &Facts<'_>, catalog: &Catalog) -> Refusal {
    if refusal.unknown_object.is_none() {
        return refusal;
    }
    let calls = facts.calls.iter().filter_map(|call| functions::check(call, catalog).err());
    let fields = facts.fields.iter().filter_map(|field| functions::check_field(field, catalog).err());
    calls.chain(fields).find(|other| other.unknown_object.is_none()).unwrap_or(refusal)
}

/// A name that means several relations is judged by the strictest: the schema may be all that is missing.
fn name_the_schema(refusal: Refusal, facts: &Facts<'_>, catalog: &Catalog) -> Refusal {
    let several = facts.items().find_map(|item| match item.source {
        Source::Relation { relation, .. } if relation.schemaname.is_empty() => {
            let found = resolve::candidates(relation, catalog);
            (found.len() > 1).then_some(found)
        }
        _ => None,
    });
    match several {
        Some(relations) => refusal::ambiguous(refusal, &relations),
        None => refusal,
    }
}

fn kind(facts: &Facts<'_>, consequence: Consequence) -> Kind {
    if facts.into {
        Kind::SchemaChange
    } else if !facts.writes.is_empty() || facts.locks || consequence == Consequence::Write {
        Kind::Write
    } else {
        Kind::Read
    }
}

/// What facts of a statement amount to.
pub(super) struct Judged {
    pub(super) protection: Protection,
    pub(super) consequence: Consequence,
    /// Clear values that it asks for or tests.
    lookups: u32,
    /// Parameters by whose values settings are shown.
    settings: Vec<u16>,
}

/// What conditions may do with protected columns, and parameters name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Conditions {
    /// Nothing: whoever runs it later is not counted, and what he gives not looked at.
    Free,
    /// Compare with single values ([`atom`]), which are counted at each execution, and show settings by names
    /// that are looked at then.
    LookUp,
}

/// What facts of something that is stored, or runs elsewhere, amount to. `node`: the statement itself, where
/// its own output goes to the client.
pub(super) fn judge(facts: &Facts<'_>, node: Option<&Node>, catalog: &Catalog) -> Result<Judged, Refusal> {
    let judged = judged(facts, node, catalog, Conditions::Free)?;
    if judged.lookups > 0 {
        return Err(refusal::not_reviewed("a write into a unique protected column within another command"));
    }
    Ok(judged)
}

fn judged(
    facts: &Facts<'_>,
    node: Option<&Node>,
    catalog: &Catalog,
    conditions: Conditions,
) -> Result<Judged, Refusal> {
    let newer = facts.newer.filter(|construct| construct.since > catalog.server_version);
    if let Some(construct) = facts.unreviewed.or(newer) {
        return Err(refusal::unreviewed(construct, catalog.server_version));
    }
    check_size(facts)?;
    let resolved = Resolved::new(facts, catalog)?;
    let Code { consequence, settings } = code(facts, &resolved, conditions)?;
    resolved.check_relations()?;
    let projected = columns(facts, &resolved, conditions)?;
    let lookups = projected.lookups.saturating_add(written::check(facts, &resolved)?);
    if let (Some(node), false) = (node, projected.is_empty()) {
        outermost::check(node, facts, &resolved, &projected.asked)?;
    }
    let consequence = consequence.max(resolved.consequence());
    Ok(Judged { protection: protection(projected, &resolved), consequence, lookups, settings })
}

/// What facts of a query amount to whose protected columns are masked where they are read: what it may not
/// do all the same.
pub(super) fn judge_masked(facts: &Facts<'_>, catalog: &Catalog) -> Result<Consequence, Refusal> {
    let newer = facts.newer.filter(|construct| construct.since > catalog.server_version);
    if let Some(construct) = facts.unreviewed.or(newer) {
        return Err(refusal::unreviewed(construct, catalog.server_version));
    }
    check_size(facts)?;
    if facts.into || !facts.writes.is_empty() {
        return Err(refusal::not_reviewed("a statement that writes, beside protected columns"));
    }
    let resolved = Resolved::new(facts, catalog)?.masked();
    let Code { consequence, .. } = code(facts, &resolved, Conditions::Free)?;
    resolved.check_each()?;
    hidden_rows::check(resolved.named(), catalog)?;
    for column in &facts.columns {
        resolved.read(column)?;
    }
    Ok(consequence.max(resolved.consequence()))
}

/// What looking names up costs is bounded before it begins.
fn check_size(facts: &Facts<'_>) -> Result<(), Refusal> {
    let items = facts.items().count();
    if items > MOST_ITEMS {
        return Err(refusal::too_large(format!(
            "a statement may name {MOST_ITEMS} relations, and this one names {items}"
        )));
    }
    if facts.columns.len().saturating_mul(items) > MOST_PAIRS {
        return Err(refusal::too_large("the statement names too many relations and columns".to_owned()));
    }
    if let Some(outputs) = facts.wide {
        return Err(refusal::too_large(format!(
            "an output list may have {MOST_OUTPUTS} columns, and one has {outputs}"
        )));
    }
    Ok(())
}

/// Checks only what expressions would run: no relation is in their sight.
///
/// # Errors
/// They call what may not be called, or contain a query.
pub(super) fn check_code(facts: &Facts<'_>, catalog: &Catalog) -> Result<(), Refusal> {
    if let Some(construct) = facts.unreviewed {
        return Err(refusal::unreviewed(construct, catalog.server_version));
    }
    if facts.items().next().is_some() {
        return Err(refusal::not_reviewed("a query inside a definition"));
    }
    code(facts, &Resolved::new(facts, catalog)?, Conditions::Free).map(|_| ())
}

/// What the code of a statement amounts to.
struct Code {
    consequence: Consequence,
    settings: Vec<u16>,
}

/// Functions, operators and types: everything that runs code.
fn code(facts: &Facts<'_>, resolved: &Resolved<'_, '_>, conditions: Conditions) -> Result<Code, Refusal> {
    let catalog = resolved.catalog;
    let mut consequence = Consequence::None;
    let named = match conditions {
        Conditions::LookUp => settings::named(facts, catalog),
        Conditions::Free => BTreeSet::new(),
    };
    let is_named = |number: i32| u16::try_from(number).is_ok_and(|number| named.contains(&number));
    for call in &facts.calls {
        if call.name.last() == Some(&settings::CURRENT) {
            match call.parameter {
                Some(number) if is_named(number) => {}
                _ => settings::check_shown(call, facts, catalog)?,
            }
        }
        consequence = consequence.max(functions::check(call, catalog)?);
    }
    for field in &facts.fields {
        consequence = consequence.max(functions::check_field(field, catalog)?);
    }
    if let Some(operator) = facts.operators.iter().find(|name| is_user_operator(name, catalog))
        && catalog.has_protected()
    {
        return Err(refusal::opaque(
            format!("the operator `{operator}`"),
            "may be one that is not PostgreSQL's own, and its code could read protected columns",
            "Write OPERATOR(pg_catalog.…) if PostgreSQL's own was meant.",
        ));
    }
    let own = facts.types.iter().find_map(|name| user_type(name, catalog));
    if let Some(name) = own
        && (resolved.reaches_protected()
            || (catalog.has_protected() && own_code::is_made_by_users(name, catalog)))
    {
        return Err(refusal::opaque(
            format!("the type `{name}`"),
            "is not PostgreSQL's own, and making a value of it may run code beside protected columns",
            "Leave the cast out, or give the value as a parameter.",
        ));
    }
    Ok(Code { consequence, settings: named.into_iter().collect() })
}

pub(super) fn is_user_operator(name: &str, catalog: &Catalog) -> bool {
    catalog.user_operators.contains(name) && !catalog.harmless.operators.contains(name)
}

pub(super) fn user_type<'a>(name: &[&'a str], catalog: &Catalog) -> Option<&'a str> {
    match name {
        ["pg_catalog", _] => None,
        [.., name] if catalog.harmless.types.contains(*name) => None,
        [.., name] if catalog.user_types.contains(*name) => Some(name),
        _ => None,
    }
}

/// Every column that is used; those that come out plainly are given back.
fn columns(
    facts: &Facts<'_>,
    resolved: &Resolved<'_, '_>,
    conditions: Conditions,
) -> Result<Projected, Refusal> {
    let atoms = match conditions {
        Conditions::Free => HashMap::new(),
        Conditions::LookUp => atom::atoms(facts),
    };
    let mut projected = Projected::default();
    for column in &facts.columns {
        let reading = resolved.read(column)?;
        check_hidden(column, &reading, resolved.catalog)?;
        match (column.place, reading.protected.first()) {
            (Place::Plain, _) => projected.add(reading),
            (Place::Ignored, _) | (_, None) => {}
            (Place::Condition, Some(_))
                if let Some(asked) = atom::asked(column, &reading.protected, &atoms, resolved.catalog) =>
            {
                projected.asked.insert(column.location);
                projected.lookups = projected.lookups.saturating_add(asked);
                atom::check_count(projected.lookups as usize)?;
            }
            (place, Some(protected)) => {
                return Err(match resolved.catalog.relations.get(&protected.column.relation) {
                    Some(relation) => refusal::used(&protected.column, place, relation),
                    None => refusal::not_reviewed("a column of an unknown relation"),
                });
            }
        }
    }
    Ok(projected)
}

/// What is hidden of the server's own relations may only be read as NULL ([`super::masked`]).
fn check_hidden(column: &ColumnUse<'_>, reading: &Reading, catalog: &Catalog) -> Result<(), Refusal> {
    let relations = reading.protected.iter().filter_map(|read| catalog.relation(read.column.relation));
    let hidden = reading.protected.iter().zip(relations).find(|(_, relation)| relation.is_system());
    match hidden.filter(|_| column.place != Place::Ignored) {
        Some((read, relation)) => {
            let name = relation.column(read.column.number).map(|column| &*column.name);
            Err(refusal::value_bearing(&relation.qualified_name(), name))
        }
        None => Ok(()),
    }
}

/// Protected columns in the output.
#[derive(Debug, Default)]
struct Projected {
    /// In the output for certain: the server has to name them as origins.
    sure: Vec<ProtectedColumn>,
    /// In the output if a name means another relation than it seems to.
    possible: Vec<ProtectedColumn>,
    /// Values that conditions look up.
    lookups: u32,
    /// Where references stand that they are compared with.
    asked: HashSet<i32>,
    seen: HashSet<(Oid, i16)>,
}

impl Projected {
    fn add(&mut self, reading: Reading) {
        for MayRead { column, certainty } in reading.protected {
            let key = (column.relation, column.number);
            match certainty {
                Certainty::Possible => self.possible.push(column),
                Certainty::Sure if self.seen.insert(key) => self.sure.push(column),
                Certainty::Sure => {}
            }
        }
    }

    fn is_empty(&self) -> bool {
        self.sure.is_empty() && self.possible.is_empty()
    }
}

/// Columns that are only possible in the output are masked by the server's word on their origin, as all
/// are; nothing about them can be expected.
fn protection(projected: Projected, resolved: &Resolved<'_, '_>) -> Protection {
    if !projected.sure.is_empty() {
        return Protection::Projection { columns: projected.sure };
    }
    if !projected.possible.is_empty() {
        return Protection::Avoided;
    }
    let mut named = resolved.named().peekable();
    if named.peek().is_some() && resolved.only_system() {
        Protection::Introspection
    } else if resolved.reaches_protected() {
        Protection::Avoided
    } else {
        Protection::Untouched
    }
}

/// Fills in what is read and written, by every name that it may have.
pub(super) fn name_relations(facts: &Facts<'_>, catalog: &Catalog, found: &mut Found) {
    let mut reads = BTreeSet::new();
    let mut writes = BTreeSet::new();
    for item in facts.items() {
        if let Source::Relation { relation, .. } = item.source {
            let target = facts.writes.iter().any(|write| std::ptr::eq(write.relation, relation));
            let names = if target { &mut writes } else { &mut reads };
            let relations = resolve::candidates(relation, catalog);
            names.extend(relations.into_iter().map(crate::catalog::Relation::qualified_name));
        }
    }
    found.reads = reads.into_iter().collect();
    found.writes = writes.into_iter().collect();
}

/// How its relations are changed.
fn changes(facts: &Facts<'_>, verb: &str, catalog: &Catalog) -> Changes {
    let mut changes = Changes::default();
    for write in &facts.writes {
        match write.verb {
            Verb::Insert => changes.insert = true,
            Verb::Update => changes.update = true,
            Verb::Delete => changes.delete = true,
            Verb::Merge => changes = Changes { insert: true, update: true, delete: true, ..changes },
        }
    }
    // An upsert writes its one relation in two ways.
    let first = facts.writes.first();
    let differs =
        |write: &Write<'_>| first.is_some_and(|first| !std::ptr::eq(first.relation, write.relation));
    let runs_code = facts.calls.iter().any(|call| functions::may_change(call, catalog))
        || facts.operators.iter().any(|name| is_user_operator(name, catalog));
    changes.beside = runs_code || facts.writes.iter().any(differs) || (verb == "select" && first.is_some());
    changes
}

/// Updates and deletions that name no rows, and locks.
pub(super) fn shapes(facts: &Facts<'_>, catalog: &Catalog) -> Vec<Shape> {
    let locks = facts.calls.iter().any(|call| functions::check(call, catalog) == Ok(Consequence::Lock));
    let writes = facts.writes.iter().filter(|write| write.bound == Bound::Everything);
    writes
        .map(|write| {
            let verb = match write.verb {
                Verb::Delete => "delete",
                Verb::Merge => "merge",
                Verb::Update | Verb::Insert => "update",
            };
            let relation = match resolve::candidates(write.relation, catalog).as_slice() {
                [only] => only.qualified_name(),
                _ => write.relation.relname.clone(),
            };
            Shape::Unbounded { relation, verb }
        })
        .chain(locks.then_some(Shape::Lock))
        .collect()
}
