//! ALTER TABLE of what the session made or of what the snapshot shows.

use std::{collections::HashSet, sync::Arc};

use super::{
    Change, OwnRelation, Session,
    alter_parts::{Inherited, Table},
    change::{Alteration, Cascading, ColumnSpec, Constraint, Existing, Part},
    create::by_partition,
    find::{Key, Meaning, TEMPORARY, key},
};
use crate::{
    catalog::{Catalog, ColumnExpression, RelationKind},
    lineage::{Gap, GapKind},
};

impl Session {
    pub(super) fn alter(&mut self, alteration: &Alteration, catalog: &Catalog) {
        let key = match self.meaning(&alteration.relation, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) => key,
            Meaning::Unclear(_) => return,
            Meaning::Nowhere if alteration.missing_ok => return,
            Meaning::Nowhere | Meaning::Anywhere => return self.touch(&alteration.relation, catalog),
        };
        self.alter_one(&key, alteration, catalog);
        let children = if alteration.only { Vec::new() } else { self.children(&key, catalog) };
        for child in children {
            self.alter_child(&child, alteration, catalog);
        }
    }

    fn alter_one(&mut self, key: &Key, alteration: &Alteration, catalog: &Catalog) {
        let Some(own) = self.own_copy(key, catalog) else { return };
        let oid = own.relation.oid;
        let stays = |part: &Part| match part {
            Part::Link { .. } => &*key.0 != TEMPORARY && !self.gives_identity(key, catalog),
            Part::Options => own.relation.kind != RelationKind::View,
            _ => false,
        };
        if alteration.parts.iter().all(stays) {
            return;
        }
        let mut table = Table::of(own);
        for part in &alteration.parts {
            if self.part(&mut table, key, part, catalog).is_none() {
                self.dependents_unclear(key, catalog);
                return self.touch_key(key.clone());
            }
        }
        self.put(key.clone(), Change::Known(Arc::new(table.own)));
        for part in &alteration.parts {
            self.around(key, part, oid, catalog);
        }
    }

    /// `None` if it is not understood what becomes of the table.
    fn part(&self, table: &mut Table, key: &Key, part: &Part, catalog: &Catalog) -> Option<()> {
        match part {
            Part::DropColumn { name, .. } => drop_column(table, name),
            Part::Type { name, kind, computed_from } => {
                let (type_oid, modifier) = self.full_type(kind, catalog);
                let column = table.column_mut(name)?;
                (column.type_oid, column.modifier) = (type_oid, modifier);
                let (number, from) = (table.number(name)?, table.sources_of(computed_from));
                table.flows(number, &from);
            }
            Part::AddColumn { column, existing } => {
                if *existing == Existing::Keep && table.number(&column.name).is_some() {
                    return Some(());
                }
                self.column(table, column, catalog);
                let (number, from) = (table.number(&column.name)?, table.sources_of(&column.computed_from));
                table.flows(number, &from);
            }
            Part::Expression { name, expression } => {
                let number = table.number(name)?;
                table.set_expression(number, expression.clone());
            }
            Part::NotNull { name, not_null } => table.column_mut(name)?.not_null = *not_null,
            Part::Identity { name, identity, .. } => table.column_mut(name)?.identity = *identity,
            Part::RenameColumn { from, to } => {
                // Expressions name columns by what they were called.
                if has_texts(&table.own) {
                    return None;
                }
                table.column_mut(from)?.name = to.clone();
            }
            Part::Constraint(constraint) => table.constrain(std::slice::from_ref(constraint)),
            Part::DropConstraint { name } => {
                let details = table.own.relation.details.get_or_insert_default();
                details.uniques.retain(|unique| unique.name != *name);
            }
            Part::RenameConstraint { from, to } => {
                let details = table.own.relation.details.get_or_insert_default();
                for unique in details.uniques.iter_mut().filter(|unique| unique.name == *from) {
                    unique.name = to.clone();
                }
            }
            Part::Link { .. } if &*key.0 == TEMPORARY => {
                let what = format!("{}.{}", key.0, key.1);
                table.decided_by(&crate::lineage::Columns::new(), &[Gap { kind: GapKind::Changed, what }]);
            }
            Part::Options if table.own.relation.kind == RelationKind::View => return None,
            Part::Link { .. } | Part::Options => {}
            Part::Touch => return None,
        }
        Some(())
    }

    /// What a part does to other relations.
    fn around(&mut self, key: &Key, part: &Part, oid: crate::catalog::Oid, catalog: &Catalog) {
        match part {
            Part::RenameColumn { from, .. } => {
                self.texts_are_stale(from, catalog);
                self.dependents_unclear(key, catalog);
            }
            Part::DropColumn { cascade: Cascading::Dependents, .. } => self.dependents_unclear(key, catalog),
            Part::AddColumn { column, .. } if column.sequence => {
                self.sequence_of(key, &column.name, catalog);
            }
            Part::Identity { name, makes_sequence: true, .. } => self.sequence_of(key, name, catalog),
            // A partition begins or ends to take its numbers from there.
            Part::Link { other } if &*key.0 != TEMPORARY => {
                if let Some(partition) = self.full_name(other, catalog) {
                    self.touch_key(partition);
                }
            }
            Part::Constraint(constraint @ Constraint::Cascade { .. }) => {
                self.cascades(std::slice::from_ref(constraint), oid, catalog);
            }
            Part::Link { other } if &*key.0 == TEMPORARY => self.linked(key, other, catalog),
            _ => {}
        }
    }

    /// Whether partitions have its identity columns.
    fn gives_identity(&self, key: &Key, catalog: &Catalog) -> bool {
        by_partition(catalog) == Inherited::Identity
            && self.own_copy(key, catalog).is_some_and(|own| {
                own.relation.kind == RelationKind::PartitionedTable
                    && own.relation.columns.iter().any(|column| column.identity.is_some())
            })
    }

    /// What a child takes over from its parent's change.
    fn alter_child(&mut self, child: &Key, alteration: &Alteration, catalog: &Catalog) {
        let with_identity = by_partition(catalog) == Inherited::Identity && self.is_partition(child, catalog);
        let inherited = |part: &&Part| match part {
            Part::Link { .. } | Part::RenameConstraint { .. } | Part::DropConstraint { .. } => false,
            Part::Identity { .. } => with_identity,
            _ => true,
        };
        // Whether a column that the parent loses stays with the child, the snapshot does not say.
        let own = |part: &Part| matches!(part, Part::DropColumn { .. });
        if alteration.parts.iter().any(own) && !self.is_partition(child, catalog) {
            return self.touch_key(child.clone());
        }
        let parts: Vec<Part> = alteration
            .parts
            .iter()
            .filter(inherited)
            .cloned()
            .map(|part| match part {
                Part::AddColumn { column, .. } => {
                    let identity = column.identity.filter(|_| with_identity);
                    // The sequence is the parent's.
                    let sequence = column.sequence && column.identity.is_none();
                    let column = ColumnSpec { identity, sequence, ..column };
                    Part::AddColumn { column, existing: Existing::Keep }
                }
                Part::Identity { name, identity, .. } => {
                    Part::Identity { name, identity, makes_sequence: false }
                }
                other => other,
            })
            .collect();
        if !parts.is_empty() {
            self.alter_one(child, &Alteration { parts, ..alteration.clone() }, catalog);
        }
    }

    fn is_partition(&self, child: &Key, catalog: &Catalog) -> bool {
        let Some(own) = self.own_copy(child, catalog) else { return false };
        catalog.relations.values().any(|parent| {
            parent.kind == RelationKind::PartitionedTable && parent.children.contains(&own.relation.oid)
        })
    }

    /// Every child, and theirs.
    fn children(&self, of: &Key, catalog: &Catalog) -> Vec<Key> {
        let Some(first) = self.own_copy(of, catalog) else { return Vec::new() };
        let mut seen = HashSet::new();
        let mut rest = first.relation.children;
        let mut keys = Vec::new();
        while let Some(oid) = rest.pop() {
            let Some(relation) = catalog.relation(oid).filter(|_| seen.insert(oid)) else { continue };
            keys.push(key(&relation.schema, &relation.name));
            rest.extend(&relation.children);
        }
        // Children that the session made.
        let own = self.relations.changed.iter().filter_map(|(key, change)| match change {
            Change::Known(own) if own.life.built_on.contains(of) && !own.temporary => Some(key.clone()),
            _ => None,
        });
        keys.extend(own);
        keys
    }
}

fn drop_column(table: &mut Table, name: &str) {
    let Some(number) = table.number(name) else { return };
    let oid = table.own.relation.oid;
    table.own.relation.columns.retain(|column| column.number != number);
    table.own.sources.remove(&crate::lineage::ColumnId { relation: oid, number });
    if let Some(details) = &mut table.own.relation.details {
        details.expressions.retain(|(of, _)| *of != number);
        details
            .uniques
            .retain(|unique| !unique.columns.contains(&number) && !unique.others.contains(&number));
    }
}

/// Whether texts in the catalog name the relation's own columns.
fn has_texts(own: &OwnRelation) -> bool {
    own.relation.details.as_ref().is_some_and(|details| {
        let generated =
            |(_, expression): &(i16, ColumnExpression)| !matches!(expression, ColumnExpression::Default(_));
        !details.policies.is_empty() || !details.rules.is_empty() || details.expressions.iter().any(generated)
    })
}
