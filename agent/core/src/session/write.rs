//! Rows that are written into temporary tables: lineage goes through these to where the rows came from.

use std::{collections::HashSet, sync::Arc};

use super::{
    Change, OwnRelation, Session,
    alter_parts::Table,
    change::Written,
    find::{Key, Meaning, TEMPORARY},
};
use crate::{
    catalog::{Catalog, RelationKind},
    lineage::{Columns, Gap, GapKind},
};

impl Session {
    pub(super) fn write(&mut self, written: &Written, catalog: &Catalog) {
        for (oid, columns) in &written.outputs {
            let Some((key, own)) = self.own_by_oid(*oid) else { continue };
            let mut table = Table::of(OwnRelation::clone(&own));
            let mut more = table.decided_by(&written.indirect, &written.gaps);
            for (name, direct) in columns {
                more |= match table.number(name) {
                    Some(number) => table.flows(number, direct),
                    None => false,
                };
            }
            self.take_more(key, table, more);
        }
        if !written.exact {
            self.targets_unclear(written, catalog);
        }
    }

    /// What is written is not all known: into any of the tables that the statement names.
    fn targets_unclear(&mut self, written: &Written, catalog: &Catalog) {
        let named = written.targets.iter().filter_map(|named| match self.meaning(named, catalog) {
            Meaning::Own(key, own) => Some((key, own)),
            _ => None,
        });
        let mut rest: Vec<_> = named.collect();
        let mut seen = HashSet::new();
        while let Some((key, own)) = rest.pop() {
            if &*key.0 != TEMPORARY || !seen.insert(key.clone()) {
                continue;
            }
            // A write through a view is one to what is below.
            let below = own.life.built_on.iter();
            rest.extend(below.filter_map(|key| match self.relations.changed.get(key) {
                Some(Change::Known(own)) => Some((key.clone(), own.clone())),
                _ => None,
            }));
            let mut table = Table::of(OwnRelation::clone(&own));
            let unknown = [Gap { kind: GapKind::Session, what: format!("rows of {}", key.1) }];
            let more = table.decided_by(&Columns::new(), &unknown);
            self.take_more(key, table, more);
        }
    }

    /// What any temporary table holds is not known any more.
    pub(super) fn rows_unclear(&mut self) {
        let tables: Vec<(Key, Arc<OwnRelation>)> = self
            .relations
            .changed
            .iter()
            .filter_map(|(key, change)| match change {
                Change::Known(own) if &*key.0 == TEMPORARY && own.relation.kind != RelationKind::View => {
                    Some((key.clone(), own.clone()))
                }
                _ => None,
            })
            .collect();
        for (key, own) in tables {
            let mut table = Table::of(OwnRelation::clone(&own));
            let unknown = [Gap { kind: GapKind::Session, what: format!("rows of {}", key.1) }];
            let more = table.decided_by(&Columns::new(), &unknown);
            self.take_more(key, table, more);
        }
    }

    fn take_more(&mut self, key: Key, table: Table, more: bool) {
        // What brings nothing new leaves the state, and analyses under it, as they are.
        if more {
            self.views_are_older(&key);
            self.put(key, Change::Known(Arc::new(table.own)));
        }
    }

    fn own_by_oid(&self, oid: crate::catalog::Oid) -> Option<(Key, Arc<OwnRelation>)> {
        self.relations.changed.iter().find_map(|(key, change)| match change {
            Change::Known(own) if own.relation.oid == oid && &*key.0 == TEMPORARY => {
                Some((key.clone(), own.clone()))
            }
            _ => None,
        })
    }
}
