//! Lineage for the record: named once, then referred to.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use aws_lc_rs::digest;
use connect_shared::{entry::Entry, label::Label, lineage::LineageReport};

use super::Connection;
use crate::{
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
        if only_results && lineage.reads.is_empty() && lineage.status == Status::Complete {
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
        let reference = reference(&report, &masks);
        let entry = Entry::StatementLineage { lineage: reference.clone(), report: Box::new(report), masks };
        self.outbox.push(Output::StatementLineage { lineage: reference.clone(), entry: Box::new(entry) });
        if self.recorded.0.len() >= MAX_KNOWN {
            self.recorded.0.clear();
        }
        self.recorded.0.insert(place, (Arc::clone(lineage), reference.clone()));
        Some(reference)
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

fn reference(report: &LineageReport, masks: &BTreeMap<String, Label>) -> String {
    let json = serde_json::to_vec(&(report, masks)).unwrap_or_default();
    let digest = digest::digest(&digest::SHA256, &json);
    super::stage::hexadecimal(digest.as_ref()).chars().take(DIGITS).collect()
}
