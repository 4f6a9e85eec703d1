//! Relations that the session makes.

use std::{collections::HashMap, sync::Arc};

use super::{
    Change, Life, OwnRelation, Session,
    alter_parts::{Inherited, Table, copies_identity},
    change::{ColumnSpec, Constraint, Element, Existing, FromQuery, NewRelation, QueryColumn, Shape},
    find::{Key, Meaning, Named, TEMPORARY, key, pg_temp},
};
use crate::{
    catalog::{Catalog, Column, Modifier, Oid, Relation, RelationKind, ViewReading, code::Name},
    lineage::{ColumnId, Columns, Gap, GapKind},
};

/// Columns of every sequence, with their types (`pg_sequence_data`).
const SEQUENCE: [(&str, u32); 3] = [("last_value", 20), ("log_cnt", 20), ("is_called", 16)];

impl Session {
    pub(super) fn create(&mut self, new: &NewRelation, catalog: &Catalog) {
        let Some(key) = self.new_key(new, catalog) else {
            return self.touch_everywhere(&new.name.name, catalog);
        };
        if new.existing == Existing::Keep && self.found_at(&key, catalog).is_some() {
            return;
        }
        let own = self.built(new, &key, catalog);
        if new.existing == Existing::Replace {
            // What is over it shows what is in its place now.
            self.dependents_unclear(&key, catalog);
        }
        if &*key.0 == TEMPORARY {
            self.temporary = true;
        }
        let relation = own.as_ref().map(|own| own.relation.clone());
        self.put(key.clone(), own.map_or(Change::Unknown, |own| Change::Known(Arc::new(own))));
        if let Some(relation) = relation {
            self.beside(new, &key, &relation, catalog);
        }
    }

    /// A view over something temporary is temporary itself, without a word.
    fn new_key(&self, new: &NewRelation, catalog: &Catalog) -> Option<Key> {
        let key = self.creation_key(&new.name)?;
        let over_temporary = match &new.shape {
            Shape::Query(query) if new.kind == RelationKind::View => {
                query.reads.iter().any(|named| self.is_temporary(named, catalog))
            }
            _ => false,
        };
        Some(if over_temporary { (pg_temp(), key.1) } else { key })
    }

    fn is_temporary(&self, named: &Named, catalog: &Catalog) -> bool {
        match self.meaning(named, catalog) {
            Meaning::Own(key, _) | Meaning::Unclear(key) => &*key.0 == TEMPORARY,
            Meaning::Stored(..) | Meaning::Nowhere | Meaning::Anywhere => false,
        }
    }

    /// `None` if it is not understood.
    fn built(&mut self, new: &NewRelation, key: &Key, catalog: &Catalog) -> Option<OwnRelation> {
        let oid = self.new_oid();
        let mut table = Table::new(bare(oid, key, new.kind));
        let through = &*key.0 == TEMPORARY || new.kind == RelationKind::View;
        let mut life = Life { on_commit: new.on_commit, ..Life::default() };
        match &new.shape {
            Shape::Listed { parents, elements } => {
                for parent in parents {
                    table.inherit(&self.relation(parent, catalog)?, Inherited::Columns);
                }
                self.elements(&mut table, elements, catalog)?;
            }
            Shape::PartitionOf { parent, elements } => {
                table.inherit(&self.relation(parent, catalog)?, by_partition(catalog));
                self.elements(&mut table, elements, catalog)?;
                life.built_on.extend(self.full_name(parent, catalog));
            }
            Shape::OfType(spec) => match self.composite(spec, catalog)? {
                Meaning::Stored(_, relation) => table.inherit(relation, Inherited::Columns),
                _ => return None,
            },
            Shape::Query(query) => {
                self.fill_from(&mut table, query, through, catalog)?;
                let reads = query.reads.iter().filter_map(|named| self.full_name(named, catalog));
                life.built_on.extend(reads.filter(|_| new.kind == RelationKind::View));
            }
            Shape::Sequence => {
                for (name, kind) in SEQUENCE {
                    table.push(name.into(), Oid(kind));
                }
            }
            Shape::Unknown => return None,
        }
        table.constrain(&new.constraints);
        Some(table.finish(through, life))
    }

    /// What the elements of a column list add. `None` if some of it is not understood.
    fn elements(&self, table: &mut Table, elements: &[Element], catalog: &Catalog) -> Option<()> {
        for element in elements {
            match element {
                Element::Column(column) => self.column(table, column, catalog),
                Element::Like { relation, options } => {
                    table.like(&self.relation(relation, catalog)?, *options);
                }
            }
        }
        Some(())
    }

    /// Adds a column, or gives an inherited one what is written of it.
    pub(super) fn column(&self, table: &mut Table, column: &ColumnSpec, catalog: &Catalog) {
        let kind = column.kind.as_ref().map(|spec| self.full_type(spec, catalog));
        table.define(column, kind);
    }

    fn fill_from(
        &self,
        table: &mut Table,
        query: &FromQuery,
        through: bool,
        catalog: &Catalog,
    ) -> Option<()> {
        let columns = query.columns.as_ref()?;
        for (place, column) in columns.iter().enumerate() {
            let name = query.names.get(place).unwrap_or(&column.name);
            let number = table.push(name.clone(), column.kind);
            if let Some(own) = table.column_mut(name) {
                own.modifier = shown_modifier(column, catalog);
            }
            if through && query.filled {
                table.flows(number, &column.direct);
            }
        }
        if through && query.filled {
            table.decided_by(&query.indirect, &query.gaps);
        }
        Some(())
    }

    /// What else is made, or changed, with a new table.
    fn beside(&mut self, new: &NewRelation, key: &Key, relation: &Relation, catalog: &Catalog) {
        let (parents, elements) = match &new.shape {
            Shape::Listed { parents, elements } => (parents.as_slice(), elements.as_slice()),
            Shape::PartitionOf { parent, elements } => (std::slice::from_ref(parent), elements.as_slice()),
            _ => return,
        };
        for element in elements {
            if let Element::Column(column) = element
                && column.sequence
            {
                self.sequence_of(key, &column.name, catalog);
            }
            if let Element::Like { options, .. } = element
                && copies_identity(*options)
            {
                for column in relation.columns.iter().filter(|column| column.identity.is_some()) {
                    self.sequence_of(key, &column.name, catalog);
                }
            }
        }
        if &*key.0 == TEMPORARY {
            for parent in parents {
                self.linked(&key.clone(), parent, catalog);
            }
        }
        self.cascades(&new.constraints, relation.oid, catalog);
    }

    /// The sequence that is made with a column. Its name is taken by what is there already, and then
    /// numbered; all that it could be are marked.
    pub(super) fn sequence_of(&mut self, table: &Key, column: &str, catalog: &Catalog) {
        for number in 0..100_u8 {
            let number = if number == 0 { String::new() } else { number.to_string() };
            let key = key(&table.0, &format!("{}_{column}_seq{number}", table.1));
            let free = self.found_at(&key, catalog).is_none();
            self.touch_key(key);
            if free {
                return;
            }
        }
    }

    /// Rows of a temporary table are seen through its parent, and the other way about.
    pub(super) fn linked(&mut self, child: &Key, parent: &Named, catalog: &Catalog) {
        let Some(parent) = self.full_name(parent, catalog) else { return };
        self.add_gap(&parent, &child.1, catalog);
        self.add_gap(child, &parent.1, catalog);
    }

    fn add_gap(&mut self, key: &Key, other: &Name, catalog: &Catalog) {
        let Some(mut own) = self.own_copy(key, catalog) else { return };
        let gap = Gap { kind: GapKind::Changed, what: format!("{}.{} with {other}", key.0, key.1) };
        if !own.gaps.contains(&gap) {
            own.gaps.push(gap);
            self.put(key.clone(), Change::Known(Arc::new(own)));
            self.dependents_unclear(key, catalog);
        }
    }

    /// Foreign keys that change rows of the table `of` when rows elsewhere change.
    pub(super) fn cascades(&mut self, constraints: &[Constraint], of: Oid, catalog: &Catalog) {
        for constraint in constraints {
            let Constraint::Cascade { of: other, on_delete, on_update } = constraint else { continue };
            let Some(key) = self.full_name(other, catalog) else { continue };
            let Some(mut own) = self.own_copy(&key, catalog) else { continue };
            let (on_delete, on_update) = (*on_delete, *on_update);
            let keys = Box::default();
            let cascade = crate::catalog::Cascade { table: of, on_delete, on_update, keys };
            own.relation.details.get_or_insert_default().cascades.push(cascade);
            self.put(key, Change::Known(Arc::new(own)));
        }
    }

    /// The relation behind a name; `None` if it is not understood.
    pub(super) fn relation(&self, named: &Named, catalog: &Catalog) -> Option<Relation> {
        match self.meaning(named, catalog) {
            Meaning::Own(_, own) => Some(own.relation.clone()),
            Meaning::Stored(_, relation) => Some(relation.clone()),
            Meaning::Unclear(_) | Meaning::Nowhere | Meaning::Anywhere => None,
        }
    }

    /// The full name behind a name.
    pub(super) fn full_name(&self, named: &Named, catalog: &Catalog) -> Option<Key> {
        match self.meaning(named, catalog) {
            Meaning::Own(key, _) | Meaning::Stored(key, _) | Meaning::Unclear(key) => Some(key),
            Meaning::Nowhere | Meaning::Anywhere => None,
        }
    }

    /// A copy of a relation, to be changed.
    pub(super) fn own_copy(&self, key: &Key, catalog: &Catalog) -> Option<OwnRelation> {
        match self.found_at(key, catalog)? {
            Meaning::Own(_, own) => Some(OwnRelation::clone(&own)),
            Meaning::Stored(_, relation) => Some(OwnRelation::stored(relation.clone())),
            _ => None,
        }
    }
}

impl OwnRelation {
    /// The same under the server's OID.
    pub(super) fn renumbered(&self, oid: Oid) -> Self {
        let mut own = self.clone();
        own.relation.oid = oid;
        let moved = |(id, columns): (ColumnId, Columns)| (ColumnId { relation: oid, ..id }, columns);
        own.sources = own.sources.into_iter().map(moved).collect::<HashMap<_, _>>();
        own
    }
}

/// Length and precision of what comes out of a query: those of the column that it is.
fn shown_modifier(column: &QueryColumn, catalog: &Catalog) -> Modifier {
    let from = column.identity.and_then(|id| catalog.relation(id.relation)?.column(id.number));
    from.map_or(Modifier::UNKNOWN, |from| from.modifier)
}

/// What a partition takes over: before PostgreSQL 17 it is no identity column there.
pub(super) const fn by_partition(catalog: &Catalog) -> Inherited {
    if catalog.server_version >= 170_000 { Inherited::Identity } else { Inherited::Columns }
}

fn bare(oid: Oid, key: &Key, kind: RelationKind) -> Relation {
    Relation {
        oid,
        schema: key.0.clone(),
        name: key.1.clone(),
        kind,
        columns: Vec::<Column>::new(),
        view_reads: Vec::new(),
        view: ViewReading::Untouched,
        children: Vec::new(),
        runs_code: false,
        details: None,
    }
}
