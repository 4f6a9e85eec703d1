//! What hangs on a relation: views over it, partitions, texts that name it.

use std::{collections::HashSet, sync::Arc};

use super::{
    Change, OwnRelation, Session,
    find::{Key, Meaning, key},
};
use crate::{
    catalog::{Catalog, Oid, Relation, RelationKind},
    lineage::{Gap, GapKind},
};

impl Session {
    /// The relation is gone, and with it what cannot be without it.
    pub(super) fn drop_relation(&mut self, gone: &Key, catalog: &Catalog) {
        let mut rest = vec![gone.clone()];
        let mut seen = HashSet::new();
        while let Some(key) = rest.pop() {
            if seen.insert(key.clone()) {
                rest.extend(self.dependents(&key, catalog));
                self.forget(&key, catalog);
            }
        }
    }

    /// What is over this relation means something else now, and nobody knows what.
    pub(super) fn dependents_unclear(&mut self, of: &Key, catalog: &Catalog) {
        let mut rest = self.dependents(of, catalog);
        let mut seen = HashSet::new();
        while let Some(key) = rest.pop() {
            if seen.insert(key.clone()) && !self.is_table(&key, catalog) {
                rest.extend(self.dependents(&key, catalog));
                self.touch_key(key);
            }
        }
    }

    fn is_table(&self, key: &Key, catalog: &Catalog) -> bool {
        let kind = match self.found_at(key, catalog) {
            Some(Meaning::Own(_, own)) => own.relation.kind,
            Some(Meaning::Stored(_, relation)) => relation.kind,
            _ => return false,
        };
        !matches!(kind, RelationKind::View | RelationKind::MaterializedView)
    }

    /// More flowed into a temporary table, or less is in it: own views over it were computed from what was
    /// there before.
    pub(super) fn views_are_older(&mut self, than: &Key) {
        let mut rest = vec![than.clone()];
        let mut seen = HashSet::new();
        while let Some(below) = rest.pop() {
            let over: Vec<(Key, Arc<OwnRelation>)> = self.own_over(&below).collect();
            for (key, own) in over {
                if seen.insert(key.clone()) && own.relation.kind == RelationKind::View {
                    let gap = Gap { kind: GapKind::Changed, what: format!("{}.{}", below.0, below.1) };
                    if !own.gaps.contains(&gap) {
                        let mut own = OwnRelation::clone(&own);
                        own.gaps.push(gap);
                        self.put(key.clone(), Change::Known(Arc::new(own)));
                    }
                    rest.push(key);
                }
            }
        }
    }

    fn own_over(&self, below: &Key) -> impl Iterator<Item = (Key, Arc<OwnRelation>)> {
        self.relations.changed.iter().filter_map(|(key, change)| match change {
            Change::Known(own) if own.life.built_on.contains(below) => Some((key.clone(), own.clone())),
            _ => None,
        })
    }

    /// Views over the relation, its partitions, and own relations that were made over it.
    fn dependents(&self, of: &Key, catalog: &Catalog) -> Vec<Key> {
        let mut found: Vec<Key> = self.own_over(of).map(|(key, _)| key).collect();
        let (oid, children) = match self.found_at(of, catalog) {
            Some(Meaning::Own(_, own)) => (own.relation.oid, partitions(&own.relation)),
            Some(Meaning::Stored(_, relation)) => (relation.oid, partitions(relation)),
            _ => return found,
        };
        let children = children.iter().filter_map(|oid| catalog.relation(*oid));
        let over = all(catalog).filter(|relation| relation.view_reads.contains(&oid));
        found.extend(children.chain(over).map(|relation| self.key_now(relation)));
        found
    }

    /// The name that a relation of the snapshot has by now: this session may have given it another.
    fn key_now(&self, relation: &Relation) -> Key {
        let renamed = self.relations.changed.iter().find_map(|(key, change)| match change {
            Change::Known(own) if own.relation.oid == relation.oid => Some(key.clone()),
            _ => None,
        });
        renamed.unwrap_or_else(|| key(&relation.schema, &relation.name))
    }

    /// Texts in the snapshot that name this (a column, a relation, a schema) name something else now.
    pub(super) fn texts_are_stale(&mut self, name: &str, catalog: &Catalog) {
        let stale = |relation: &&Relation| texts(relation).any(|text| names(text, name));
        let keys: Vec<Key> =
            all(catalog).filter(stale).map(|found| key(&found.schema, &found.name)).collect();
        for key in keys {
            if matches!(self.found_at(&key, catalog), Some(Meaning::Stored(..))) {
                self.touch_key(key);
            }
        }
        let bodies = catalog.code.functions.values().filter_map(|function| function.body.as_deref());
        if bodies.into_iter().any(|body| names(body, name)) {
            self.relations.code_changed = true;
            self.changed();
        }
    }
}

fn all(catalog: &Catalog) -> impl Iterator<Item = &Relation> {
    catalog.relations.values().map(|relation| &**relation)
}

fn partitions(relation: &Relation) -> Vec<Oid> {
    if relation.kind == RelationKind::PartitionedTable { relation.children.clone() } else { Vec::new() }
}

fn texts(relation: &Relation) -> impl Iterator<Item = &str> {
    relation.details.iter().flat_map(|details| {
        let policies = details.policies.iter().flat_map(|policy| [&policy.using, &policy.check]);
        let expressions = details.expressions.iter().map(|(_, expression)| expression.text());
        let texts = details.definition.iter().chain(&details.rules).chain(&details.checks);
        texts.chain(policies.flatten()).chain(expressions).map(|text| &**text)
    })
}

/// Whether the text has this as a word of its own.
pub(crate) fn names(text: &str, name: &str) -> bool {
    let is_part = |character: Option<char>| {
        character.is_some_and(|character| character.is_alphanumeric() || character == '_')
    };
    !name.is_empty()
        && text.match_indices(name).any(|(at, found)| {
            let before = text.get(..at).and_then(|before| before.chars().next_back());
            let after = text.get(at + found.len()..).and_then(|after| after.chars().next());
            !is_part(before) && !is_part(after)
        })
}
