//! Rows that are in two tables: those of a partition, or of a child by inheritance, are in what it is a part of, too.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::lineage::{PartColumn, PartReport};

use super::{Lineage, Names, OutputKind, names::part};
use crate::catalog::{Catalog, Oid, Relation, code::Name};

/// Rows of one table that are another's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    from: Half,
    to: Half,
    /// Name, and the number in each of the two.
    columns: Vec<(Name, i16, i16)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Half {
    oid: Oid,
    schema: Name,
    name: Name,
}

impl Half {
    fn of(relation: &Relation) -> Self {
        Self { oid: relation.oid, schema: relation.schema.clone(), name: relation.name.clone() }
    }

    fn name(&self) -> String {
        format!("{}.{}", part(&self.schema), part(&self.name))
    }

    /// What a session has made has no OID that others know.
    fn oid(&self, catalog: &Catalog) -> Option<u32> {
        catalog.relation(self.oid).map(|found| found.oid.0)
    }
}

impl Part {
    /// By the names of their columns, which are the same in both.
    pub fn of(from: &Relation, to: &Relation) -> Self {
        let columns = from.columns.iter().filter_map(|column| {
            let other = to.columns.iter().find(|other| other.name == column.name)?;
            Some((column.name.clone(), column.number, other.number))
        });
        Self { from: Half::of(from), to: Half::of(to), columns: columns.collect() }
    }

    fn report(&self, catalog: &Catalog, written: bool) -> PartReport {
        let columns = self.columns.iter();
        let columns = columns.map(|(name, from, to)| PartColumn { name: part(name), from: *from, to: *to });
        PartReport {
            from: self.from.name(),
            to: self.to.name(),
            from_oid: self.from.oid(catalog),
            to_oid: self.to.oid(catalog),
            written,
            columns: columns.collect(),
        }
    }
}

impl Lineage {
    /// What becomes a part, and of each part that is used what it has in common with what it is a part of: a write
    /// goes up, and what is read came from there. So nobody has to say it who uses the whole, however many parts
    /// that has.
    pub(super) fn parts(&self, names: &Names<'_>) -> Vec<PartReport> {
        let catalog = names.catalog;
        let mut reports: Vec<PartReport> =
            self.renames.parts.iter().map(|part| part.report(catalog, false)).collect();
        for output in &self.outputs {
            let OutputKind::Table(oid) = output.kind else { continue };
            let Some(own) = catalog.relation(oid) else { continue };
            let is_written = |name: &Name| output.columns.iter().any(|column| column.name == *name);
            for whole in catalog.wholes(oid) {
                let mut part = Part::of(own, whole);
                part.columns.retain(|(name, ..)| is_written(name));
                reports.push(part.report(catalog, true));
            }
        }
        let mut read: BTreeMap<Oid, BTreeSet<i16>> = BTreeMap::new();
        for column in self.reads.iter().chain(&self.indirect) {
            read.entry(column.relation).or_default().insert(column.number);
        }
        for (oid, numbers) in read {
            let Some(own) = catalog.relation(oid) else { continue };
            // Number 0 is the whole row.
            let is_read = |number: i16| numbers.contains(&number) || numbers.contains(&0);
            for whole in catalog.wholes(oid) {
                let mut part = Part::of(whole, own);
                part.columns.retain(|(_, _, number)| is_read(*number));
                reports.push(part.report(catalog, false));
            }
        }
        reports.retain(|report| !report.columns.is_empty());
        reports
    }
}
