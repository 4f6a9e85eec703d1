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

    fn is(&self, relation: &Relation) -> bool {
        self.is_same(&Self::of(relation))
    }

    /// What the server has an OID for may have had another name when it was seen first.
    fn is_same(&self, other: &Self) -> bool {
        let by_oid = self.oid.0 != 0 && self.oid == other.oid;
        by_oid || (self.schema == other.schema && self.name == other.name)
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

    /// What is made as a part of `to`. Each of its columns: its name, and its number in the new table and in `to`.
    pub(crate) fn made((schema, name): (Name, Name), columns: Vec<(Name, i16, i16)>, to: &Relation) -> Self {
        Self { from: Half { oid: Oid(0), schema, name }, to: Half::of(to), columns }
    }

    /// The same part of what that is a part of: of `up`, if this one is of what `up` is of.
    pub(crate) fn through(&self, up: &Self) -> Option<Self> {
        let columns = self.columns.iter().filter_map(|(name, from, between)| {
            let (.., to) = up.columns.iter().find(|(_, number, _)| number == between)?;
            Some((name.clone(), *from, *to))
        });
        self.to.is_same(&up.from).then(|| Self {
            from: self.from.clone(),
            to: up.to.clone(),
            columns: columns.collect(),
        })
    }

    /// Whether one of the two has this schema and name.
    pub(crate) fn names(&self, (schema, name): &(Name, Name)) -> bool {
        [&self.from, &self.to].into_iter().any(|half| half.schema == *schema && half.name == *name)
    }

    /// What it costs to keep.
    pub(crate) fn weight(&self) -> usize {
        1 + self.columns.len()
    }

    /// One of the two may have another schema and name now.
    pub(crate) fn rename(&mut self, from: &(Name, Name), to: &(Name, Name)) {
        for half in [&mut self.from, &mut self.to] {
            if half.schema == from.0 && half.name == from.1 {
                (half.schema, half.name) = to.clone();
            }
        }
    }

    /// As `own` calls its columns by now, which is the part, and of these those that are wanted.
    fn of_own(&self, own: &Relation, is_wanted: impl Fn(i16, &Name) -> bool) -> Self {
        let columns = self.columns.iter().filter_map(|(_, from, to)| {
            let name = &own.column(*from)?.name;
            is_wanted(*from, name).then(|| (name.clone(), *from, *to))
        });
        Self { columns: columns.collect(), ..self.clone() }
    }

    /// The other way about.
    fn turned(self) -> Self {
        let columns = self.columns.into_iter().map(|(name, from, to)| (name, to, from));
        Self { from: self.to, to: self.from, columns: columns.collect() }
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
            let Some(own) = names.find(oid) else { continue };
            let is_written = |_, name: &Name| output.columns.iter().any(|column| column.name == *name);
            let above = wholes(own, catalog, &names.session.relations.parts);
            reports.extend(above.iter().map(|part| part.of_own(own, is_written).report(catalog, true)));
        }
        let mut read: BTreeMap<Oid, BTreeSet<i16>> = BTreeMap::new();
        for column in self.reads.iter().chain(&self.indirect) {
            read.entry(column.relation).or_default().insert(column.number);
        }
        for (oid, numbers) in read {
            let Some(own) = names.find(oid) else { continue };
            // Number 0 is the whole row.
            let is_read = |number: i16, _: &Name| numbers.contains(&number) || numbers.contains(&0);
            let above = wholes(own, catalog, &names.session.relations.parts);
            let down = above.iter().map(|part| part.of_own(own, is_read).turned());
            reports.extend(down.map(|part| part.report(catalog, false)));
        }
        reports.retain(|report| !report.columns.is_empty());
        reports
    }
}

/// What a relation is a part of, and what that is a part of, each once: by the snapshot, and by what a session has made
/// and attached since (`joined`).
pub(crate) fn wholes(own: &Relation, catalog: &Catalog, joined: &[Part]) -> Vec<Part> {
    let stored = |of: &Relation| -> Vec<Part> {
        let known = catalog.relation(of.oid);
        known.map_or_else(Vec::new, |known| {
            catalog.wholes(known.oid).into_iter().map(|whole| Part::of(known, whole)).collect()
        })
    };
    let mut found = stored(own);
    if joined.is_empty() {
        return found;
    }
    found.extend(joined.iter().filter(|part| part.from.is(own)).cloned());
    let mut at = 0;
    while let Some(part) = found.get(at).cloned() {
        at += 1;
        let whole = catalog.relation(part.to.oid);
        let above = whole.into_iter().flat_map(stored).filter_map(|up| part.through(&up));
        for next in joined.iter().filter_map(|up| part.through(up)).chain(above) {
            if !found.iter().any(|known| known.to.is_same(&next.to)) {
                found.push(next);
            }
        }
    }
    found
}
