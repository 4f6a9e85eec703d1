//! ALTER: what changes a table and keeps its name, and what would take protected columns out of sight.

use connect_shared::decision::ReasonCode;
use pg_query::{
    NodeEnum,
    protobuf::{
        AlterDomainStmt, AlterObjectSchemaStmt, AlterTableCmd, AlterTableStmt, AlterTableType, Node,
        ObjectType, RangeVar, RenameStmt,
    },
};

use super::{administration, elements, names, privilege, schema_change};
use crate::{
    catalog::{Catalog, Relation},
    statement::{Kind, Refusal, Shape},
    understand::{facts::Place, found::Found, query, refusal, resolve, walk},
};

/// Analyses a command of this group. `None` if it is of another.
pub(super) fn analyse(node: &NodeEnum, catalog: &Catalog) -> Option<Found> {
    let found = match node {
        NodeEnum::AlterTableStmt(alter) => table(alter, catalog),
        NodeEnum::RenameStmt(rename) => renamed(rename, catalog),
        NodeEnum::AlterObjectSchemaStmt(alter) => moved(alter, catalog),
        NodeEnum::AlterSeqStmt(alter) => {
            let writes = names::recorded(alter.sequence.as_ref(), catalog);
            Found { writes, ..schema_change("alter sequence") }
        }
        NodeEnum::AlterEnumStmt(_) => schema_change("alter type"),
        NodeEnum::AlterDomainStmt(alter) => domain(alter, catalog),
        NodeEnum::AlterOwnerStmt(_) => privilege("alter owner"),
        _ => return None,
    };
    Some(found)
}

fn table(alter: &AlterTableStmt, catalog: &Catalog) -> Found {
    let relation = alter.relation.as_ref();
    let mut found = Found { writes: names::recorded(relation, catalog), ..schema_change("alter table") };
    let Some(relation) = relation else { return super::not_reviewed() };
    if names::is_unknown(relation, catalog) && !alter.missing_ok {
        return found.refused(refusal::unknown_relation(relation));
    }
    for node in &alter.cmds {
        let Some(NodeEnum::AlterTableCmd(command)) = &node.node else {
            return found.refused(refusal::not_reviewed("a part of ALTER TABLE"));
        };
        match subcommand(command, relation, catalog) {
            Ok(Part::Change) => {}
            Ok(Part::Destroy(what)) => {
                let what = format!("{what} of {}", names::written(relation));
                found = found.shape(Shape::Destructive { what });
            }
            Ok(Part::Privilege) => found.kind = Kind::Privilege,
            Err(refusal) => return found.refused(refusal),
        }
    }
    found
}

/// What a part of ALTER TABLE is.
enum Part {
    Change,
    Destroy(&'static str),
    Privilege,
}

fn subcommand(command: &AlterTableCmd, name: &RangeVar, catalog: &Catalog) -> Result<Part, Refusal> {
    use AlterTableType as T;
    let protected = names::protected(Some(name), catalog);
    let kind = AlterTableType::try_from(command.subtype).unwrap_or(T::Undefined);
    match kind {
        T::AtAddColumn | T::AtAddConstraint => added(command, name, catalog).map(|()| Part::Change),
        T::AtColumnDefault => elements::code_only(command.def.as_deref(), catalog).map(|()| Part::Change),
        T::AtAlterColumnType => column_type(command, name, catalog).map(|()| Part::Change),
        T::AtDropColumn => Ok(Part::Destroy("drop a column")),
        T::AtDropConstraint => Ok(Part::Destroy("drop a constraint")),
        T::AtDropNotNull
        | T::AtSetNotNull
        | T::AtSetStatistics
        | T::AtSetOptions
        | T::AtResetOptions
        | T::AtSetStorage
        | T::AtSetCompression
        | T::AtAlterConstraint
        | T::AtSetRelOptions
        | T::AtResetRelOptions
        | T::AtDropCluster
        | T::AtSetLogged
        | T::AtSetUnLogged
        | T::AtSetAccessMethod
        | T::AtSetTableSpace
        | T::AtAddIdentity
        | T::AtSetIdentity
        | T::AtDropIdentity => Ok(Part::Change),
        T::AtDisableTrig
        | T::AtDisableTrigAll
        | T::AtDisableTrigUser
        | T::AtDisableRule
        | T::AtEnableTrig
        | T::AtEnableTrigAll
        | T::AtEnableTrigUser
        | T::AtEnableAlwaysTrig
        | T::AtEnableReplicaTrig => Ok(Part::Destroy("switch triggers or rules")),
        T::AtChangeOwner
        | T::AtEnableRowSecurity
        | T::AtDisableRowSecurity
        | T::AtForceRowSecurity
        | T::AtNoForceRowSecurity => Ok(Part::Privilege),
        T::AtAttachPartition
        | T::AtDetachPartition
        | T::AtDetachPartitionFinalize
        | T::AtAddInherit
        | T::AtDropInherit => {
            let other = other_relation(command).and_then(|other| names::protected(Some(other), catalog));
            protected.or(other).map_or(Ok(Part::Change), |relation| Err(out_of_sight(relation)))
        }
        T::AtValidateConstraint | T::AtClusterOn | T::AtReplicaIdentity | T::AtAddIndexConstraint => {
            protected.map_or(Ok(Part::Change), |relation| Err(evaluates(relation)))
        }
        _ => Err(refusal::not_reviewed("this part of ALTER TABLE")),
    }
}

fn other_relation(command: &AlterTableCmd) -> Option<&RangeVar> {
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::PartitionCmd(partition) => partition.name.as_ref(),
        NodeEnum::RangeVar(relation) => Some(relation),
        _ => None,
    }
}

fn added(command: &AlterTableCmd, name: &RangeVar, catalog: &Catalog) -> Result<(), Refusal> {
    match command.def.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnDef(definition)) => elements::column(definition, Some(name), catalog),
        Some(NodeEnum::Constraint(constraint)) => elements::constraint(constraint, Some(name), "", catalog),
        _ => Err(refusal::not_reviewed("what ALTER TABLE adds")),
    }
}

/// A new type is a new reading of every value.
fn column_type(command: &AlterTableCmd, name: &RangeVar, catalog: &Catalog) -> Result<(), Refusal> {
    for relation in resolve::candidates(name, catalog) {
        if resolve::protected_named(relation, &command.name).is_some() {
            return Err(evaluates(relation));
        }
    }
    let using = match command.def.as_ref().and_then(|node| node.node.as_ref()) {
        Some(NodeEnum::ColumnDef(definition)) => definition.raw_default.as_deref(),
        _ => return Err(refusal::not_reviewed("a new type")),
    };
    let known = !resolve::candidates(name, catalog).is_empty();
    let facts = walk::expressions(using, Some(name).filter(|_| known), Place::Condition);
    if known { query::judge(&facts, None, catalog).map(|_| ()) } else { query::check_code(&facts, catalog) }
}

fn evaluates(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message =
        format!("this would evaluate or test stored values of `{object}`, which has protected columns");
    refusal::refusal(ReasonCode::ProtectedCondition, Some(object), message, &refusal::unprotected(relation))
}

/// Labels are known by names and by parents.
fn out_of_sight(relation: &Relation) -> Refusal {
    let object = relation.qualified_name();
    let message = format!("`{object}` has protected columns, and this would change what they are known by");
    let hint = "Ask an administrator of this resource: the labels have to move with the columns.";
    refusal::refusal(ReasonCode::ProtectedCopy, Some(object), message, hint)
}

fn renamed(rename: &RenameStmt, catalog: &Catalog) -> Found {
    use ObjectType as O;
    let kind = ObjectType::try_from(rename.rename_type).unwrap_or(O::Undefined);
    let writes = names::recorded(rename.relation.as_ref(), catalog);
    let what = format!("rename {}", rename.relation.as_ref().map_or(String::new(), names::written));
    let found = Found { writes, ..schema_change("alter rename") }.shape(Shape::Destructive { what });
    let known_by = match kind {
        O::ObjectColumn | O::ObjectAttribute => {
            let relations = rename.relation.iter().flat_map(|name| resolve::candidates(name, catalog));
            relations
                .into_iter()
                .find(|relation| resolve::protected_named(relation, &rename.subname).is_some())
        }
        // ALTER INDEX gives tables and views another name, too.
        O::ObjectTable | O::ObjectView | O::ObjectMatview | O::ObjectForeignTable | O::ObjectIndex => {
            names::protected(rename.relation.as_ref(), catalog)
        }
        O::ObjectSchema => catalog
            .relations
            .values()
            .map(|relation| &**relation)
            .find(|relation| *relation.schema == *rename.subname && relation.is_protected()),
        O::ObjectRole => return privilege("alter role"),
        O::ObjectDatabase | O::ObjectTablespace => return administration("alter database"),
        O::ObjectSequence
        | O::ObjectTabconstraint
        | O::ObjectType
        | O::ObjectDomain
        | O::ObjectDomconstraint => None,
        // Functions, triggers, policies, operators …
        _ if catalog.has_protected() => {
            return found.refused(super::code::hidden("a rename of something that holds code"));
        }
        _ => None,
    };
    match known_by {
        Some(relation) => found.refused(out_of_sight(relation)),
        None => found,
    }
}

fn moved(alter: &AlterObjectSchemaStmt, catalog: &Catalog) -> Found {
    let writes = names::recorded(alter.relation.as_ref(), catalog);
    let what = format!("move {}", alter.relation.as_ref().map_or(String::new(), names::written));
    let found = Found { writes, ..schema_change("alter schema") }.shape(Shape::Destructive { what });
    match names::protected(alter.relation.as_ref(), catalog) {
        Some(relation) => found.refused(out_of_sight(relation)),
        None if alter.relation.is_none() && catalog.has_protected() => {
            found.refused(super::code::hidden("a move of something that may hold code"))
        }
        None => found,
    }
}

/// A constraint on a domain is checked on every stored value of it.
fn domain(alter: &AlterDomainStmt, catalog: &Catalog) -> Found {
    let found = schema_change("alter domain");
    let tests = matches!(alter.subtype.as_str(), "C" | "V");
    if tests && catalog.has_protected() {
        return found
            .refused(super::code::hidden("a constraint on a domain, which tests every stored value of it"));
    }
    let expression: Option<&Node> = alter.def.as_deref();
    match expression.map_or(Ok(()), |node| match &node.node {
        Some(NodeEnum::Constraint(constraint)) => {
            elements::code_only(constraint.raw_expr.as_deref(), catalog)
        }
        _ => elements::code_only(Some(node), catalog),
    }) {
        Ok(()) => found,
        Err(refusal) => found.refused(refusal),
    }
}
