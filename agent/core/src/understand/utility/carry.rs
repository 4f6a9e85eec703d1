//! Commands that carry a query: PREPARE, DECLARE, EXPLAIN, CREATE TABLE AS, CREATE VIEW.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{CreateTableAsStmt, DeclareCursorStmt, DefElem, ExplainStmt, Node, PrepareStmt, ViewStmt},
};

use super::{names, schema_change, session::with_arguments};
use crate::{
    catalog::Catalog,
    record::ReadProof,
    session::WITH_HOLD,
    statement::{Effect, Kind, Protection, Refusal},
    understand::{found::Found, query, refusal, settings, walk},
};

/// First server version in which EXPLAIN ANALYZE shows buffers unasked.
const BUFFERS_BY_DEFAULT: u32 = 180_000;

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::PrepareStmt(prepare) => {
            let PrepareStmt { name, argtypes, query } = &**prepare;
            let inner = settings::declared(carried(query.as_deref(), catalog), argtypes);
            Found { verb: "prepare".into(), effect: Effect::Prepare { name: name.clone() }, ..inner }
        }
        NodeEnum::DeclareCursorStmt(declare) => {
            let DeclareCursorStmt { portalname, options, query } = &**declare;
            let inner = carried(query.as_deref(), catalog);
            let effect = Effect::Declare { name: portalname.clone(), holds: options & WITH_HOLD != 0 };
            Found { verb: "declare cursor".into(), effect, ..inner }
        }
        NodeEnum::ExplainStmt(explain) => explained(explain, catalog),
        NodeEnum::CreateTableAsStmt(create) => create_as(create, catalog),
        NodeEnum::ViewStmt(view) => create_view(view, catalog),
        _ => return None,
    };
    Some(found)
}

fn carried(query: Option<&Node>, catalog: &Catalog) -> Found {
    query.and_then(|node| query::analyse(node, catalog)).unwrap_or_else(super::not_reviewed)
}

/// Options of EXPLAIN that matter here.
#[derive(Default)]
struct Shown {
    analyze: bool,
    costs: Option<bool>,
    buffers: Option<bool>,
    serialize: bool,
}

/// What the rows that are explained hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reads {
    Protected,
    Free,
}

fn explained(explain: &ExplainStmt, catalog: &Catalog) -> Found {
    let ExplainStmt { query, options } = explain;
    let shown = shown(options);
    let inner = match query.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ExecuteStmt(_)) if catalog.has_protected() => {
            Found::new("explain", Kind::Read).refused(explain_execute())
        }
        Some(NodeEnum::ExecuteStmt(execute)) => {
            // PostgreSQL computes its arguments also where nothing else runs.
            let effect = Effect::Execute { name: execute.name.clone(), settings: Vec::new() };
            with_arguments(Found::new("explain", Kind::Read).effect(effect), &execute.params, catalog)
        }
        Some(NodeEnum::CreateTableAsStmt(create)) => create_as(create, catalog),
        Some(NodeEnum::DeclareCursorStmt(declare)) => carried(declare.query.as_deref(), catalog),
        _ => carried(query.as_deref(), catalog),
    };
    let refused = match &inner.protection {
        Protection::Projection { .. } => check_shown(&shown, Reads::Protected, catalog),
        Protection::Avoided => check_shown(&shown, Reads::Free, catalog),
        _ => Ok(()),
    };
    let mut found = Found { verb: "explain".into(), ..inner };
    if !shown.analyze {
        found = plan_only(found);
    }
    match refused {
        // Rows of an EXPLAIN are its plan: there is no protected column to mask in them.
        Ok(()) if matches!(found.protection, Protection::Projection { .. }) => {
            Found { protection: Protection::Avoided, ..found }
        }
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}

/// Options beside rows that hold protected columns.
pub(super) fn check_options(options: &[Node], catalog: &Catalog) -> Result<(), Refusal> {
    check_shown(&shown(options), Reads::Protected, catalog)
}

/// Nothing runs, so it is a read whatever it explains.
fn plan_only(found: Found) -> Found {
    let proof = match found.protection {
        Protection::Refused(_) => ReadProof::MayWrite,
        _ => ReadProof::ReadOnly,
    };
    let effect = match found.effect {
        effect @ Effect::Execute { .. } => effect,
        _ => Effect::None,
    };
    Found { kind: Kind::Read, proof, shapes: Vec::new(), effect, ..found }
}

/// Estimates come from statistics of values; timings and buffers from the values themselves.
fn check_shown(shown: &Shown, reads: Reads, catalog: &Catalog) -> Result<(), Refusal> {
    let buffers = shown.buffers.unwrap_or(shown.analyze && catalog.server_version >= BUFFERS_BY_DEFAULT);
    let (what, hint) = if shown.costs != Some(false) {
        ("estimated rows and widths", "Send EXPLAIN (COSTS OFF) …")
    } else if buffers || shown.serialize {
        ("buffers and sizes", "Send EXPLAIN (COSTS OFF, BUFFERS OFF) …, without SERIALIZE.")
    } else if shown.analyze && reads == Reads::Protected {
        ("memory and sizes of what was read", "Send EXPLAIN (COSTS OFF) … without ANALYZE.")
    } else {
        return Ok(());
    };
    let message = format!("EXPLAIN would show {what}, which depend on protected values");
    Err(refusal::refusal(ReasonCode::ValueBearingCatalog, None, message, hint))
}

fn shown(options: &[Node]) -> Shown {
    let mut shown = Shown::default();
    for node in options {
        let Some(NodeEnum::DefElem(option)) = &node.node else { continue };
        let on = is_on(option);
        match option.defname.as_str() {
            "analyze" => shown.analyze = on,
            "costs" => shown.costs = Some(on),
            "buffers" => shown.buffers = Some(on),
            "serialize" => shown.serialize = true,
            _ => {}
        }
    }
    shown
}

/// Anything but a clear "off" counts as on.
fn is_on(option: &DefElem) -> bool {
    match option.arg.as_ref().and_then(|argument| argument.node.as_ref()) {
        Some(NodeEnum::String(value)) => {
            !["off", "false", "no", "0"].contains(&value.sval.to_ascii_lowercase().as_str())
        }
        Some(NodeEnum::Integer(value)) => value.ival != 0,
        Some(NodeEnum::Boolean(value)) => value.boolval,
        _ => true,
    }
}

fn explain_execute() -> Refusal {
    refusal::opaque(
        "EXPLAIN EXECUTE".to_owned(),
        "is not understood where columns are protected",
        "EXPLAIN the statement itself.",
    )
}

fn create_as(create: &CreateTableAsStmt, catalog: &Catalog) -> Found {
    let CreateTableAsStmt { query, into, objtype: _, is_select_into: _, if_not_exists: _ } = create;
    let target = into.as_ref().and_then(|into| into.rel.as_ref());
    let found = Found { writes: names::recorded(target, catalog), ..schema_change("create table as") };
    match query.as_deref().map(|node| (node, node.node.as_ref())) {
        Some((_, Some(NodeEnum::ExecuteStmt(execute)))) if !catalog.has_protected() => {
            with_arguments(found, &execute.params, catalog)
        }
        Some((node, inner)) if !matches!(inner, Some(NodeEnum::ExecuteStmt(_))) => {
            stored(found, node, catalog)
        }
        _ => found.refused(refusal::not_reviewed("CREATE TABLE AS EXECUTE where columns are protected")),
    }
}

fn create_view(view: &ViewStmt, catalog: &Catalog) -> Found {
    let ViewStmt { view, aliases: _, query, replace: _, options: _, with_check_option: _ } = view;
    let found = Found { writes: names::recorded(view.as_ref(), catalog), ..schema_change("create view") };
    match query {
        Some(query) => stored(found, query, catalog),
        None => found.refused(refusal::not_reviewed("a view without a query")),
    }
}

/// A query whose result, or whose text, stays in the database.
fn stored(mut found: Found, query: &Node, catalog: &Catalog) -> Found {
    let facts = walk::stored(query);
    if let Some(inner) = query::analyse(query, catalog) {
        found.reads = inner.reads;
        found.writes.extend(inner.writes);
    }
    let judged = if facts.columns.is_empty() && facts.scopes.is_empty() {
        Err(refusal::not_reviewed("this command"))
    } else {
        query::judge(&facts, None, catalog).map(|judged| judged.protection)
    };
    let shapes = query::shapes(&facts, catalog);
    Found { shapes, ..found }.protected_by(judged)
}
