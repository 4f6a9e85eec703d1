//! What gets another name, or becomes a part of something: no value moves, but whoever follows a table that has not been read under its OID yet
//! would lose it.

use std::collections::BTreeSet;

use pg_query::{
    NodeEnum,
    protobuf::{AlterObjectSchemaStmt, AlterTableStmt, AlterTableType, ObjectType, RangeVar, RenameStmt},
};

use super::Binder;
use crate::{
    catalog::{Relation, RelationKind, code::Name},
    lineage::{GapKind, Part, Rename},
};

/// Tables of a schema that are followed when it gets another name.
const MAX_TABLES: usize = 256;

impl<'a> Binder<'a> {
    pub(super) fn renamed(&mut self, node: &NodeEnum) {
        match node {
            NodeEnum::RenameStmt(rename) => self.new_name(rename),
            NodeEnum::AlterObjectSchemaStmt(moved) => self.new_schema(moved),
            _ => {}
        }
    }

    fn new_name(&mut self, rename: &RenameStmt) {
        use ObjectType as O;
        let to = Name::from(rename.newname.as_str());
        match (ObjectType::try_from(rename.rename_type), &rename.relation) {
            (Ok(O::ObjectTable | O::ObjectMatview | O::ObjectForeignTable), Some(relation)) => {
                let found = self.followed(relation, rename.missing_ok);
                self.rename(found, |found| (found.schema.clone(), to));
            }
            // It does so to tables and views as well.
            (Ok(O::ObjectIndex), Some(relation)) => {
                let found = self.followed(relation, true);
                self.rename(found, |found| (found.schema.clone(), to));
            }
            (Ok(O::ObjectColumn), Some(relation)) => {
                let found = self.followed(relation, rename.missing_ok);
                self.rename_column(found, &rename.subname, &to);
            }
            (Ok(O::ObjectSchema), _) => self.rename_schema(&rename.subname, &to),
            _ => {}
        }
    }

    fn new_schema(&mut self, moved: &AlterObjectSchemaStmt) {
        let to = Name::from(moved.newschema.as_str());
        match (ObjectType::try_from(moved.object_type), &moved.relation) {
            (Ok(ObjectType::ObjectExtension), _) => self.unfollowed("the tables of an extension".to_owned()),
            (_, Some(relation)) => {
                let found = self.followed(relation, moved.missing_ok);
                self.rename(found, |found| (to, found.name.clone()));
            }
            _ => {}
        }
    }

    /// What becomes a partition, or a child by inheritance, is seen in what it is a part of from then on.
    pub(super) fn attached(&mut self, alter: &AlterTableStmt) {
        use AlterTableType as T;
        if ObjectType::try_from(alter.objtype) == Ok(ObjectType::ObjectIndex) {
            return;
        }
        for node in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { continue };
            let definition = command.def.as_deref().and_then(|node| node.node.as_ref());
            let names = match (AlterTableType::try_from(command.subtype), definition) {
                (Ok(T::AtAttachPartition), Some(NodeEnum::PartitionCmd(partition))) => {
                    partition.name.as_ref().zip(alter.relation.as_ref())
                }
                (Ok(T::AtAddInherit), Some(NodeEnum::RangeVar(whole))) => {
                    alter.relation.as_ref().map(|part| (part, whole))
                }
                _ => None,
            };
            let Some((part, whole)) = names else { continue };
            let (part, whole) =
                (self.followed(part, alter.missing_ok), self.followed(whole, alter.missing_ok));
            if let Some((part, whole)) = part.zip(whole) {
                self.facts.renames.parts.push(Part::of(part, whole));
            }
        }
    }

    /// Each table in it gets another full name.
    fn rename_schema(&mut self, from: &str, to: &Name) {
        let stored = self.catalog.relations.values().filter(|found| &*found.schema == from);
        let stored = stored.filter(|found| is_followed(found)).map(|found| found.name.clone());
        let own = self.session.relations.changed.keys();
        let own = own.filter(|(schema, _)| &**schema == from).map(|(_, name)| name.clone());
        let names: BTreeSet<Name> = stored.chain(own).collect();
        if names.len() > MAX_TABLES {
            return self.unfollowed(format!("the {} tables of {from}", names.len()));
        }
        for name in names {
            let name =
                RangeVar { schemaname: from.to_owned(), relname: name.to_string(), ..RangeVar::default() };
            // What was dropped is not there any more.
            let found = self.followed(&name, true);
            self.rename(found, |found| (to.clone(), found.name.clone()));
        }
    }

    fn rename(&mut self, found: Option<&Relation>, to: impl FnOnce(&Relation) -> (Name, Name)) {
        let Some(found) = found else { return };
        let columns = found.columns.iter();
        let columns = columns.map(|column| (column.number, column.name.clone(), column.name.clone()));
        let (from, columns) = ((found.schema.clone(), found.name.clone()), columns.collect());
        self.facts.renames.known.push(Rename { relation: found.oid, from, to: to(found), columns });
    }

    fn rename_column(&mut self, found: Option<&Relation>, from: &str, to: &Name) {
        let Some(found) = found else { return };
        let Some(column) = found.columns.iter().find(|column| &*column.name == from) else { return };
        let own = (found.schema.clone(), found.name.clone());
        let columns = vec![(column.number, column.name.clone(), to.clone())];
        let rename = Rename { relation: found.oid, from: own.clone(), to: own, columns };
        self.facts.renames.known.push(rename);
    }

    /// The table of this name, if it is one that is followed by name. Of one that is not known this is said.
    fn followed(&mut self, name: &RangeVar, missing_ok: bool) -> Option<&'a Relation> {
        match self.relation(name) {
            Ok(found) => Some(found.relation()).filter(|found| is_followed(found)),
            Err(gap) if gap.kind == GapKind::UnknownObject && (missing_ok || self.is_index(name)) => None,
            Err(_) => {
                let schema = Some(name.schemaname.as_str()).filter(|schema| !schema.is_empty());
                let schema = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
                self.unfollowed(format!("{schema}{}", name.relname));
                None
            }
        }
    }

    fn is_index(&self, name: &RangeVar) -> bool {
        let schema = Some(name.schemaname.as_str()).filter(|schema| !schema.is_empty());
        let mut candidates = self.catalog.candidates(schema, &name.relname);
        candidates.any(|found| matches!(found.kind, RelationKind::Index | RelationKind::Composite))
    }

    fn unfollowed(&mut self, what: String) {
        self.facts.renames.unknown.push(what);
    }
}

/// What stands behind a view is known without its name, and nobody else sees a temporary table.
fn is_followed(relation: &Relation) -> bool {
    let unstored = matches!(
        relation.kind,
        RelationKind::View | RelationKind::Sequence | RelationKind::Index | RelationKind::Composite
    );
    !unstored && !relation.schema.starts_with("pg_temp")
}
