//! What gets another name, or becomes a part of something: no value moves, but whoever follows a table that has not been read under its OID yet
//! would lose it.

use std::collections::{BTreeSet, HashMap};

use pg_query::{
    NodeEnum,
    protobuf::{
        AlterObjectSchemaStmt, AlterTableStmt, AlterTableType, CreateStmt, ObjectType, RangeVar, RenameStmt,
    },
};

use super::Binder;
use crate::{
    catalog::{Relation, RelationKind, code::Name},
    lineage::{GapKind, Part, Rename, wholes},
    session::Change,
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
        // IF EXISTS is said of the table that is changed, and not of its partner.
        let missing_ok = |name: &RangeVar| alter.missing_ok && alter.relation.as_ref() == Some(name);
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
                (self.followed(part, missing_ok(part)), self.followed(whole, missing_ok(whole)));
            if let Some((part, whole)) = part.zip(whole) {
                self.note_part(Part::of(part, whole), whole);
            }
        }
    }

    /// What is made as a partition, or as a child by inheritance.
    pub(super) fn made_part(&mut self, create: &CreateStmt) {
        let (schema, name) = self.created_name(create.relation.as_ref());
        if create.inh_relations.is_empty() || &*schema == "pg_temp" {
            return;
        }
        let full =
            RangeVar { schemaname: schema.to_string(), relname: name.to_string(), ..RangeVar::default() };
        if create.if_not_exists && self.relation(&full).is_ok() {
            return;
        }
        let mut numbers: HashMap<Name, i16> = HashMap::new();
        for node in &create.inh_relations {
            let Some(NodeEnum::RangeVar(whole)) = &node.node else {
                return self.unfollowed(format!("{schema}.{name}"));
            };
            // Which numbers the columns of those behind it have depends on it.
            let Some(whole) = self.followed(whole, false) else { return };
            if self.step(whole.columns.len()).is_err() {
                return self.unfollowed(format!("{schema}.{name}"));
            }
            let columns = whole.columns.iter().map(|column| {
                let next = i16::try_from(numbers.len() + 1).unwrap_or(i16::MAX);
                let number = *numbers.entry(column.name.clone()).or_insert(next);
                (column.name.clone(), number, column.number)
            });
            let own = columns.collect();
            self.note_part(Part::made((schema.clone(), name.clone()), own, whole), whole);
        }
    }

    /// The same within CREATE SCHEMA, alone or beside others that it makes.
    pub(super) fn made_part_in(&mut self, schema: &str, create: &CreateStmt, is_alone: bool) {
        if create.inh_relations.is_empty() {
            return;
        }
        let Some(relation) = create.relation.as_ref().filter(|_| is_alone) else {
            // What it is a part of may be made beside it.
            return self.unfollowed(format!("the tables of {schema}"));
        };
        let mut create = create.clone();
        create.relation = Some(RangeVar { schemaname: schema.to_owned(), ..relation.clone() });
        self.made_part(&create);
    }

    /// A part is one of all that `whole` is a part of as well.
    fn note_part(&mut self, part: Part, whole: &'a Relation) {
        let above = wholes(whole, self.catalog, &self.session.relations.parts);
        let parts = &mut self.facts.renames.parts;
        parts.extend(above.iter().filter_map(|above| part.through(above)));
        parts.push(part);
    }

    /// Each table in it gets another full name.
    fn rename_schema(&mut self, from: &str, to: &Name) {
        // Somebody else may have made one there a moment ago.
        self.facts.renames.missing = true;
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
            Err(gap) if gap.kind == GapKind::UnknownObject && self.is_index(name) => None,
            Err(gap) => {
                if gap.kind == GapKind::UnknownObject {
                    // Somebody else may have made it a moment ago.
                    self.facts.renames.missing = true;
                    if missing_ok && (self.was_dropped(name) || !self.may_be_behind()) {
                        return None;
                    }
                }
                let schema = Some(name.schemaname.as_str()).filter(|schema| !schema.is_empty());
                let schema = schema.map(|schema| format!("{schema}.")).unwrap_or_default();
                self.unfollowed(format!("{schema}{}", name.relname));
                None
            }
        }
    }

    /// Whether no newer snapshot is read, since this session has changed stored tables and has not committed that.
    fn may_be_behind(&self) -> bool {
        let relations = &self.session.relations;
        !relations.parts.is_empty() || relations.changed.keys().any(|(schema, _)| &**schema != "pg_temp")
    }

    fn was_dropped(&self, name: &RangeVar) -> bool {
        let mut changed = self.session.relations.changed.iter();
        changed.any(|((schema, own), change)| {
            matches!(change, Change::Dropped)
                && **own == *name.relname
                && (name.schemaname.is_empty() || **schema == *name.schemaname)
        })
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
