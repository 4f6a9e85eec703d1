//! DROP and TRUNCATE.

use pg_query::{
    NodeEnum,
    protobuf::{DropBehavior, DropStmt, ObjectType, TruncateStmt},
};

use super::{administration, names, privilege, schema_change};
use crate::{
    catalog::Catalog,
    statement::{Kind, Shape},
    understand::{found::Found, query::written, refusal, resolve},
};

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::DropStmt(drop) => dropped(drop),
        NodeEnum::TruncateStmt(truncate) => truncated(truncate, catalog),
        NodeEnum::DropRoleStmt(_) => privilege("drop role"),
        NodeEnum::DropOwnedStmt(_) => privilege("drop owned"),
        NodeEnum::DropdbStmt(_) => administration("drop database"),
        NodeEnum::DropTableSpaceStmt(_) => administration("drop tablespace"),
        NodeEnum::DropSubscriptionStmt(_) => administration("drop subscription"),
        NodeEnum::DropUserMappingStmt(_) => privilege("drop user mapping"),
        _ => return None,
    };
    Some(found)
}

fn dropped(drop: &DropStmt) -> Found {
    use ObjectType as O;
    let kind = ObjectType::try_from(drop.remove_type).unwrap_or(O::Undefined);
    let what = match kind {
        O::ObjectTable => "table",
        O::ObjectView => "view",
        O::ObjectMatview => "materialized view",
        O::ObjectIndex => "index",
        O::ObjectSequence => "sequence",
        O::ObjectSchema => "schema",
        O::ObjectType => "type",
        O::ObjectDomain => "domain",
        O::ObjectFunction | O::ObjectProcedure | O::ObjectRoutine | O::ObjectAggregate => "function",
        O::ObjectTrigger => "trigger",
        O::ObjectRule => "rule",
        O::ObjectStatisticExt => "statistics",
        O::ObjectCollation => "collation",
        O::ObjectOperator | O::ObjectOpclass | O::ObjectOpfamily => "operator",
        O::ObjectCast => "cast",
        O::ObjectPolicy => return privilege("drop policy"),
        O::ObjectExtension => return administration("drop extension"),
        O::ObjectForeignTable => "foreign table",
        _ => return administration("drop"),
    };
    let relations: Vec<String> = drop
        .objects
        .iter()
        .filter_map(names::listed)
        .map(|(schema, name)| schema.map_or(name.to_owned(), |schema| format!("{schema}.{name}")))
        .collect();
    let shape =
        Shape::Destructive { what: format!("drop {what} {}", relations.join(", ")).trim_end().to_owned() };
    Found { writes: relations, ..schema_change(&format!("drop {what}")) }.shape(shape)
}

/// Takes rows and leaves the catalog as it is.
fn truncated(truncate: &TruncateStmt, catalog: &Catalog) -> Found {
    let mut found = Found::new("truncate", Kind::SchemaChange);
    for node in &truncate.relations {
        let Some(NodeEnum::RangeVar(relation)) = &node.node else {
            return found.refused(refusal::not_reviewed("what is to be truncated"));
        };
        found.writes.extend(names::recorded(Some(relation), catalog));
        if names::is_unknown(relation, catalog) {
            return found.refused(refusal::unknown_relation(relation));
        }
        for target in resolve::candidates(relation, catalog) {
            if let Err(refusal) = written::check_target(target, catalog) {
                return found.refused(refusal);
            }
        }
    }
    let what = format!("truncate {}", found.writes.join(", "));
    let found = found.shape(Shape::Destructive { what });
    let cascades = DropBehavior::try_from(truncate.behavior) == Ok(DropBehavior::DropCascade);
    match written::check_cascade(catalog).err().filter(|_| cascades) {
        Some(refusal) => found.refused(refusal),
        None => found,
    }
}
