//! What foreign keys write beside the statement: CASCADE, SET NULL and SET DEFAULT change the rows that refer
//! to one that is deleted or gets another key, and what these do goes on from there.

use std::{borrow::Cow, collections::HashSet};

use super::{
    Binder, Bound,
    flow::Flow,
    item::Item,
    relation::Target,
    write::{Event, Values, WriteTarget},
};
use crate::{
    catalog::{Cascade, Effect, Oid, Relation},
    lineage::{ColumnId, GapKind},
    session::Change,
};

/// What was done to a table on the way, and to which of its columns: a ring of keys ends there.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    table: Oid,
    event: Event,
    columns: Vec<i16>,
}

impl<'a> Binder<'a> {
    /// What a write to a table, with these new values, does to others.
    pub(super) fn cascades(
        &mut self,
        target: &WriteTarget<'a>,
        values: &Values,
        event: Event,
        seen: &mut Vec<Seen>,
    ) -> Bound<()> {
        if !matches!(event, Event::Update | Event::Delete) {
            return Ok(());
        }
        let mut columns: Vec<i16> = values.keys().copied().collect();
        columns.sort_unstable();
        let here = Seen { table: target.base.oid, event, columns };
        if seen.contains(&here) {
            return Ok(());
        }
        seen.push(here);
        // Each partition has the keys of its table again.
        let mut done = HashSet::new();
        for (relation, cascade) in self.catalog.keys_to(target.base) {
            let effect = if event == Event::Delete { cascade.on_delete } else { cascade.on_update };
            if effect != Effect::Nothing {
                self.step(1)?;
                let key = (cascade.table, effect, keys(cascade, relation, target.base));
                if done.contains(&key) {
                    continue;
                }
                self.deeper(|binder| {
                    binder.cascade(target, values, event, (cascade.table, effect, &key.2), seen)
                })?;
                done.insert(key);
            }
        }
        Ok(())
    }

    fn cascade(
        &mut self,
        from: &WriteTarget<'a>,
        values: &Values,
        event: Event,
        (table, effect, keys): (Oid, Effect, &[(i16, i16)]),
        seen: &mut Vec<Seen>,
    ) -> Bound<()> {
        let changed = keys.is_empty() || keys.iter().any(|(_, referred)| values.contains_key(referred));
        if event == Event::Update && !changed {
            return Ok(());
        }
        let Some(target) = self.referring(table, from.base)? else { return Ok(()) };
        self.keys_decide(from, &target, keys);
        if event == Event::Delete && effect == Effect::Follow {
            return self.write_with(&target, &Values::new(), Event::Delete, seen);
        }
        let mut new = Values::new();
        if keys.is_empty() {
            let (own, other) = (target.base.qualified_name(), from.base.qualified_name());
            self.gap(GapKind::Changed, format!("which columns of {own} follow {other}"));
        }
        for (own, referred) in keys {
            let flow = match (effect, values.get(referred)) {
                (Effect::Follow, Some(value)) => value.clone(),
                // The other columns of the key stay as they are.
                (Effect::Follow, None) => continue,
                (Effect::Default, _) => self.given_by_none(target.base, *own)?,
                _ => Flow::default(),
            };
            let type_oid = target.base.column(*own).map(|column| column.type_oid).unwrap_or_default();
            self.facts.indirect.add(&flow.indirect);
            new.insert(*own, Flow { type_oid, identity: None, ..flow });
        }
        self.generate(&target, &mut new, Event::Update)?;
        self.write_with(&target, &new, Event::Update, seen)
    }

    /// Which rows follow, the keys on both sides decide.
    fn keys_decide(&mut self, from: &WriteTarget<'a>, to: &WriteTarget<'a>, keys: &[(i16, i16)]) {
        for (own, referred) in keys {
            for (side, number) in [(to, own), (from, referred)] {
                let flow = side.stored(ColumnId { relation: side.base.oid, number: *number });
                self.facts.reads.add(&flow.direct);
                self.facts.indirect.add(&flow.direct);
            }
        }
    }

    /// The table that refers, as it is in this session.
    fn referring(&mut self, table: Oid, from: &Relation) -> Bound<Option<WriteTarget<'a>>> {
        let stored = self.catalog.relation(table);
        let changed = stored.and_then(|stored| {
            self.session.relations.changed.get(&(stored.schema.clone(), stored.name.clone()))
        });
        let target = match (self.session.own(table), changed, stored) {
            (Some(own), ..) => Target::Own(own),
            (None, Some(Change::Dropped), _) => return Ok(None),
            (None, None, Some(stored)) => Target::Catalog(stored),
            _ => {
                let what = format!("a table that refers to {}", from.qualified_name());
                self.gap(GapKind::Changed, what);
                return Ok(None);
            }
        };
        let relation = target.relation();
        let item: Item<'a> = self.relation_item(target, Cow::Borrowed(&*relation.name), None)?;
        Ok(Some(WriteTarget::table(item, relation)))
    }
}

/// The columns of a key, those that it refers to by their numbers in the table that is written.
fn keys(cascade: &Cascade, under: &Relation, base: &Relation) -> Vec<(i16, i16)> {
    let number = |referred: i16| {
        let name = &under.column(referred)?.name;
        base.columns.iter().find(|own| own.name == *name).map(|own| own.number)
    };
    cascade.keys.iter().filter_map(|(own, referred)| Some((*own, number(*referred)?))).collect()
}
