//! What foreign keys change beside a statement, and what runs on all of these tables, from the snapshot alone.
//! Only keys that do something: what they merely refuse is no part of it.

use std::collections::HashSet;

use connect_shared::api::CascadeEffect;

use super::{Cascaded, Named};
use crate::{
    catalog::{Cascade, Catalog, Effect, Oid, Relation, RelationKind},
    lineage::OutputKind,
    statement::Statement,
};

/// Most tables that keys reach and that are told of.
const MOST: usize = 100;
/// Most steps on the way to them.
const MOST_STEPS: usize = 2_000;

/// What is done to the rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Event {
    Insert,
    Delete,
    /// Of these columns.
    Update(Vec<i16>),
    Truncate,
}

impl Event {
    /// Its place in [`crate::catalog::Trigger::on`].
    const fn place(&self) -> usize {
        match self {
            Self::Insert => 0,
            Self::Update(_) => 1,
            Self::Delete => 2,
            Self::Truncate => 3,
        }
    }
}

pub(super) struct Closure<'c> {
    catalog: &'c Catalog,
    cascaded: Vec<Cascaded>,
    triggers: Vec<String>,
    seen: HashSet<(Oid, Event)>,
    open: Vec<(Oid, Event)>,
    is_cut: bool,
}

/// All that was reached.
pub(super) struct Reached {
    pub(super) cascaded: Vec<Cascaded>,
    pub(super) triggers: Vec<String>,
    pub(super) unknown: Option<String>,
}

impl<'c> Closure<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        let (cascaded, triggers) = (Vec::new(), Vec::new());
        Self { catalog, cascaded, triggers, seen: HashSet::new(), open: Vec::new(), is_cut: false }
    }

    /// From a relation that a statement writes.
    pub(super) fn begin(&mut self, target: &Relation, facts: &Statement) {
        self.fires(target, &self.events(target, facts));
        for base in self.bases(target) {
            for event in self.events(base, facts) {
                self.reach(base.oid, event);
            }
        }
    }

    /// What the statement does to the rows of a table.
    fn events(&self, base: &Relation, facts: &Statement) -> Vec<Event> {
        match facts.verb.as_str() {
            "truncate" => return vec![Event::Truncate],
            verb if facts.kind == crate::statement::Kind::SchemaChange => {
                let _no_row_is_changed = verb;
                return Vec::new();
            }
            _ => {}
        }
        let changes = facts.changes();
        let mut events = Vec::new();
        events.extend(changes.insert.then_some(Event::Insert));
        events.extend(changes.delete.then_some(Event::Delete));
        events.extend(changes.update.then(|| Event::Update(updated(base, facts))));
        events
    }

    /// The tables that a write to a view may go to; a table is its own.
    fn bases(&self, target: &Relation) -> Vec<&'c Relation> {
        let mut bases = Vec::new();
        let (mut seen, mut open) = (HashSet::from([target.oid]), vec![target.oid]);
        while let Some(relation) = open.pop().and_then(|oid| self.catalog.relation(oid)) {
            match relation.kind {
                RelationKind::View => {
                    open.extend(relation.view_reads.iter().filter(|oid| seen.insert(**oid)));
                }
                _ => bases.push(relation),
            }
        }
        bases
    }

    fn reach(&mut self, table: Oid, event: Event) {
        if self.seen.insert((table, event.clone())) {
            self.open.push((table, event));
        }
    }

    pub(super) fn finish(mut self) -> Reached {
        let mut steps = 0;
        while let Some((oid, event)) = self.open.pop() {
            steps += 1;
            let Some(table) = self.catalog.relation(oid) else { continue };
            if steps > MOST_STEPS || self.cascaded.len() > MOST {
                self.is_cut = true;
                break;
            }
            self.fires(table, std::slice::from_ref(&event));
            self.follow(table, &event);
        }
        let unknown = self.is_cut.then(|| "foreign keys reach more tables than are shown".to_owned());
        self.cascaded.truncate(MOST);
        self.cascaded.sort_by(|one, other| one.table.name.cmp(&other.table.name));
        self.triggers.sort_unstable();
        self.triggers.dedup();
        Reached { cascaded: self.cascaded, triggers: self.triggers, unknown }
    }

    /// What the keys to a table do when its rows change.
    fn follow(&mut self, table: &'c Relation, event: &Event) {
        for (relation, cascade) in self.catalog.keys_to(table) {
            let effect = match event {
                Event::Delete => cascade.on_delete,
                Event::Update(columns) if is_changed(cascade, relation, table, columns) => cascade.on_update,
                _ => Effect::Nothing,
            };
            let own = || cascade.keys.iter().map(|(own, _)| *own).collect::<Vec<_>>();
            let (effect, next) = match (effect, event) {
                (Effect::Nothing, _) => continue,
                (Effect::Follow, Event::Delete) => (CascadeEffect::Delete, Event::Delete),
                (Effect::Follow, _) => (CascadeEffect::Update, Event::Update(own())),
                (Effect::Null, _) => (CascadeEffect::SetNull, Event::Update(own())),
                (Effect::Default, _) => (CascadeEffect::SetDefault, Event::Update(own())),
            };
            let Some(target) = self.catalog.relation(cascade.table) else {
                self.is_cut = true;
                continue;
            };
            let (name, by) = (Named::of(target, self.catalog), Named::of(table, self.catalog));
            let found = Cascaded { table: name, effect, by };
            if !self.cascaded.contains(&found) {
                self.cascaded.push(found);
            }
            self.reach(target.oid, next);
        }
    }

    fn fires(&mut self, relation: &Relation, events: &[Event]) {
        let mut named = HashSet::new();
        for part in self.catalog.with_children(relation) {
            let Some(details) = &part.details else { continue };
            for trigger in &details.triggers {
                let fires = events.iter().any(|event| trigger.on.get(event.place()).copied().unwrap_or(true));
                // Each partition has the triggers of its table again.
                if fires && named.insert(trigger.name.clone()) {
                    self.triggers.push(format!("{} on {}", trigger.name, part.qualified_name()));
                }
            }
            if !details.rules.is_empty() && !events.is_empty() {
                self.triggers.push(format!("rules on {}", part.qualified_name()));
            }
        }
    }
}

/// Numbers of the columns that the statement gives values to; all, if that is not known.
fn updated(base: &Relation, facts: &Statement) -> Vec<i16> {
    let output = facts.lineage.outputs.iter().find(|output| output.kind == OutputKind::Table(base.oid));
    let columns = output.map(|output| &output.columns).filter(|columns| !columns.is_empty());
    let is_given =
        |name: &str| columns.is_none_or(|columns| columns.iter().any(|column| &*column.name == name));
    base.columns.iter().filter(|column| is_given(&column.name)).map(|column| column.number).collect()
}

/// Whether the key refers to one of the columns that change.
fn is_changed(cascade: &Cascade, under: &Relation, base: &Relation, columns: &[i16]) -> bool {
    let number = |referred: i16| {
        let name = &under.column(referred)?.name;
        base.columns.iter().find(|own| own.name == *name).map(|own| own.number)
    };
    cascade.keys.is_empty()
        || cascade
            .keys
            .iter()
            .any(|(_, referred)| number(*referred).is_none_or(|number| columns.contains(&number)))
}
