//! Lineage for the record: named once, then referred to.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use aws_lc_rs::digest;
use connect_shared::{entry::Entry, hexadecimal::hexadecimal, label::Label, lineage::ColumnFact};
use serde::Serialize;

use super::Connection;
use crate::{
    catalog::{FIRST_NORMAL_OID, Oid, RelationKind},
    lineage::{ColumnId, Lineage, Names, OutputKind, Status},
    machine::Output,
    statement::{Protection, Statement},
};

/// Lineages whose reference this connection knows.
const MAX_KNOWN: usize = 4_096;
/// Hexadecimal digits of a reference: half of a SHA-256.
const DIGITS: usize = 32;

/// References by the place of the lineage, which is held so that no other one comes to stand there.
#[derive(Default)]
pub(super) struct Recorded(HashMap<usize, (Arc<Lineage>, String)>);

impl Connection {
    /// The reference to a statement's lineage; it stands in the log before whatever is recorded next. `None`
    /// where nothing stored is read or written.
    pub(super) fn record_lineage(&mut self, facts: &Statement) -> Option<String> {
        let lineage = &facts.lineage;
        let only_results = lineage.outputs.iter().all(|output| output.kind == OutputKind::Result);
        let moves_nothing = only_results && lineage.reads.is_empty() && lineage.renames.is_empty();
        if moves_nothing && lineage.status == Status::Complete {
            return None;
        }
        let place = Arc::as_ptr(lineage).addr();
        if let Some((_, reference)) = self.recorded.0.get(&place) {
            return Some(reference.clone());
        }
        let catalog = self.setup.catalog.as_ref()?;
        let names = Names { catalog, session: self.session_ahead()? };
        let report = lineage.report(&names);
        let masks = masks(facts, &names);
        let (columns, through) = (columns(lineage, &names), through(lineage, &names));
        let reference = reference(&(&report, &masks, &columns, &through));
        let report = Box::new(report);
        let entry = Entry::StatementLineage { lineage: reference.clone(), report, masks, columns, through };
        self.outbox.push(Output::StatementLineage { lineage: reference.clone(), entry: Box::new(entry) });
        if self.recorded.0.len() >= MAX_KNOWN {
            self.recorded.0.clear();
        }
        self.recorded.0.insert(place, (Arc::clone(lineage), reference.clone()));
        Some(reference)
    }
}

impl Connection {
    /// Goes on as if nothing had been found of where the values of the statements come from that it knows so far: what a
    /// bench holds the cost of lineage against. Nothing in the agent calls it, and no configuration reaches it.
    #[doc(hidden)]
    pub fn forget_lineage(&mut self) {
        let none = Arc::<Lineage>::default();
        let without = |facts: &Statement| Statement { lineage: Arc::clone(&none), ..facts.clone() };
        self.analyses.change(without);
        self.names.change(without);
    }
}

/// Stored columns, behind views as well, that the client sees as masks or computes with as masks.
fn masks(facts: &Statement, names: &Names<'_>) -> BTreeMap<String, Label> {
    let lineage = &facts.lineage;
    let label = |id: &ColumnId| {
        let column = names.catalog.relation(id.relation)?.column(id.number)?;
        Some((names.column(*id), column.label?))
    };
    match &facts.protection {
        // Whatever is read is read as a mask.
        Protection::Masked { .. } => lineage.reads.iter().filter_map(label).collect(),
        // What is shown is a mask; conditions may have asked for a clear value.
        Protection::Projection { .. } | Protection::Avoided => {
            let shown = lineage.outputs.iter().flat_map(|output| &output.columns);
            shown.flat_map(|column| &column.direct).filter_map(label).collect()
        }
        _ => BTreeMap::new(),
    }
}

/// What stays of each column when names change. A table of the session's own has no OID that others know, and
/// those of the server itself are the same everywhere.
fn columns(lineage: &Lineage, names: &Names<'_>) -> BTreeMap<String, ColumnFact> {
    let outputs = lineage.outputs.iter();
    let written = outputs.filter_map(|output| match output.kind {
        OutputKind::Table(oid) => names.catalog.relation(oid).map(|relation| (relation, &output.columns)),
        _ => None,
    });
    let written = written.flat_map(|(relation, columns)| {
        let of = |name: &str| relation.columns.iter().find(|column| &*column.name == name);
        let numbers = columns.iter().filter_map(move |column| of(&column.name)).map(|column| column.number);
        numbers.map(|number| ColumnId { relation: relation.oid, number })
    });
    let results = lineage.outputs.iter().flat_map(|output| &output.columns).flat_map(|column| &column.direct);
    let all = lineage.reads.iter().chain(&lineage.indirect).chain(results).copied().chain(written);
    let fact = |id: ColumnId| {
        let label = names.catalog.relation(id.relation)?.column(id.number).and_then(|column| column.label);
        Some((names.column(id), ColumnFact { table: id.relation.0, number: id.number, label }))
    };
    all.filter(|id| id.relation.0 >= FIRST_NORMAL_OID).filter_map(fact).collect()
}

/// Views and own temporary tables among the relations, with the stored tables behind each.
fn through(lineage: &Lineage, names: &Names<'_>) -> BTreeMap<String, Vec<String>> {
    let views = lineage.relations.iter().filter_map(|oid| match names.catalog.relation(*oid) {
        Some(relation) if relation.kind == RelationKind::View => {
            Some((names.relation(*oid), stored_behind(*oid, names)))
        }
        Some(_) => None,
        None => Some((names.relation(*oid), Vec::new())),
    });
    let views = views.filter(|(name, _)| !name.starts_with("pg_catalog."));
    views.collect()
}

fn stored_behind(view: Oid, names: &Names<'_>) -> Vec<String> {
    let (mut seen, mut next) = (BTreeSet::from([view]), vec![view]);
    let mut stored = BTreeSet::new();
    while let Some(relation) = next.pop().and_then(|oid| names.catalog.relation(oid)) {
        match relation.kind {
            RelationKind::View => next.extend(relation.view_reads.iter().filter(|oid| seen.insert(**oid))),
            _ => drop(stored.insert(names.relation(relation.oid))),
        }
    }
    stored.into_iter().collect()
}

fn reference(facts: &impl Serialize) -> String {
    let json = serde_json::to_vec(facts).unwrap_or_default();
    let digest = digest::digest(&digest::SHA256, &json);
    hexadecimal(digest.as_ref()).chars().take(DIGITS).collect()
}
