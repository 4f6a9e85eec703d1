//! Which query may be planned and counted for an estimate.
//!
//! The planner computes with constants and reads statistics, so that a plan runs functions and answers about
//! values. What is asked here is asked on the agent's own connection, where nobody's rules of rows count.

use super::{is_plain, is_protected};
use crate::{
    catalog::{Catalog, FIRST_NORMAL_OID, Oid, Volatility, code::Name},
    lineage::{ColumnId, Lineage, Status},
    record::ReadProof,
    session::Session,
    statement::{Effect, Kind, Protection, Statement},
    understand::{
        Limits, Query,
        review::{Class, review},
        understand,
    },
};

pub(super) const SEVERAL: &str = "it writes several relations";

/// A query that finds the rows which a statement would touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub sql: String,
    /// Each row is one that is touched; else one may be found several times.
    pub exact: bool,
    /// The rows are new ones.
    pub new: bool,
    /// Where its names are looked for.
    pub search_path: Vec<Name>,
    /// The role whose rights count, if it is not the agent's account.
    pub role: Option<Name>,
    /// Settings by which the session reads constants otherwise than a new one.
    pub settings: Vec<(String, String)>,
}

/// # Errors
/// It may not be planned; why, in words.
pub(super) fn of(
    query: Query,
    catalog: &Catalog,
    session: &Session,
    may_read: &dyn Fn(&Statement) -> Result<(), &'static str>,
) -> Result<Plan, &'static str> {
    let Query { sql, exact, new } = query;
    let path = session.search_path.as_deref().ok_or("the schemas of this session are not known")?;
    let role = session.role().map_err(|_| "the role of this session is not known")?.cloned();
    let analysis = understand(sql.as_bytes(), catalog, session, &Limits::default());
    let [only] = analysis.statements.as_slice() else { return Err("its condition is not understood") };
    understood(only)?;
    harmless(&only.lineage, catalog)?;
    may_read(only)?;
    let schemas = path.schemas.iter().filter(|schema| &***schema != "pg_temp");
    Ok(Plan { sql, exact, new, search_path: schemas.cloned().collect(), role, settings: Vec::new() })
}

fn understood(facts: &Statement) -> Result<(), &'static str> {
    let reads = facts.kind == Kind::Read && facts.proof == ReadProof::ReadOnly && facts.shapes.is_empty();
    if !reads || facts.effect != Effect::None {
        return Err("its condition does more than read");
    }
    if !facts.under.is_shared() {
        return Err("this session has changed what its names mean");
    }
    match facts.protection {
        Protection::Untouched | Protection::Avoided | Protection::Introspection => {}
        Protection::Projection { .. } | Protection::Masked { .. } => return Err(PROTECTED),
        // The walk refuses a query that reads protected columns before anything else about it.
        Protection::Refused(_) => {
            return Err("its condition may read protected columns, or is not understood");
        }
    }
    if !facts.shown.is_empty() {
        return Err(PROTECTED);
    }
    match facts.lineage.status {
        Status::Complete => Ok(()),
        Status::Partial | Status::Opaque => Err("its condition is not understood completely"),
    }
}

const PROTECTED: &str = "its condition reads protected columns";

fn harmless(lineage: &Lineage, catalog: &Catalog) -> Result<(), &'static str> {
    for function in &lineage.functions {
        let known = catalog.code.functions.get(function).filter(|_| function.0 < FIRST_NORMAL_OID);
        let Some(function) = known else { return Err("its condition calls what is not the server's own") };
        let review = review(function);
        // What is another with every call is not computed by a plan, but it is by a count.
        if function.volatility == Volatility::Volatile
            || review.changes
            || !matches!(review.class, Class::Arguments | Class::Session | Class::Server)
        {
            return Err("its condition calls a function that does more than compute");
        }
    }
    let columns = lineage.reads.iter().chain(&lineage.indirect);
    let direct = lineage.outputs.iter().flat_map(|output| &output.columns);
    for id in columns.chain(direct.flat_map(|column| &column.direct)) {
        if holds_protected(*id, catalog) {
            return Err(PROTECTED);
        }
    }
    let all = lineage.relations.iter().chain(lineage.reads.iter().map(|column| &column.relation));
    for oid in all {
        reads_plainly(*oid, catalog)?;
    }
    Ok(())
}

/// A column that it reads, in the table itself or in one that stands under or above it.
fn holds_protected(id: ColumnId, catalog: &Catalog) -> bool {
    let Some(relation) = catalog.relation(id.relation) else { return true };
    // Which partition a row is in is said by its key.
    let Some(column) = relation.column(id.number) else {
        return !catalog.wholes(relation.oid).is_empty() || !relation.children.is_empty();
    };
    let same = |other: &&crate::catalog::Relation| {
        other.columns.iter().any(|there| there.name == column.name && is_protected(there))
    };
    is_protected(column)
        || catalog.with_children(relation).iter().any(same)
        || catalog.wholes(relation.oid).iter().any(same)
}

fn reads_plainly(oid: Oid, catalog: &Catalog) -> Result<(), &'static str> {
    use crate::catalog::RelationKind as K;
    let Some(relation) = catalog.relation(oid) else { return Err("it reads what the agent does not know") };
    match relation.kind {
        // What is behind a view is among the relations, too.
        K::View => Ok(()),
        K::Table | K::PartitionedTable | K::MaterializedView if is_plain(relation, catalog) => {
            if super::is_told(relation, catalog) {
                Ok(())
            } else {
                Err(PROTECTED)
            }
        }
        K::ForeignTable => Err("it reads a foreign table"),
        _ => Err("a table that it reads has code of its own"),
    }
}
