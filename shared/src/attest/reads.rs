//! What statements come to: the tables and columns that were read, and totals. The agent makes its figures so, and
//! whoever verifies makes them again.

use std::collections::{BTreeMap, BTreeSet};

use super::predicate::{Counters, Source, SourceColumn, StatementRecord, Use};
use crate::{
    entry::StatementResult, ids::RequestId, label::Label, lineage::UnderstandingStatus, openlineage::split,
};

/// Its resource, if the run had several, and `schema.table`.
pub type TableName = (Option<String>, String);

/// Every table that was read.
pub type Reads = BTreeMap<TableName, ReadTable>;

/// A table that was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadTable {
    pub columns: BTreeMap<String, ReadColumn>,
    /// Statements that read it, and the rows that these returned.
    pub statements: u64,
    pub rows: u64,
    pub approvals: BTreeSet<RequestId>,
}

/// A column that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadColumn {
    pub usage: Use,
    /// Some statement saw a mask in its place, and none its values.
    pub masked: bool,
    /// The label of the first such mask, if the statement says it.
    pub label: Option<Label>,
}

/// A column as it is gathered.
struct Gathered {
    usage: Use,
    masked: bool,
    label: Option<Label>,
    /// Some statement gave it as it is.
    clear: bool,
}

/// Everything that the statements read.
#[must_use]
pub fn reads(statements: &[StatementRecord]) -> Reads {
    let mut tables: BTreeMap<TableName, (ReadTable, BTreeMap<String, Gathered>)> = BTreeMap::new();
    for record in statements {
        let mut read = BTreeSet::new();
        let masks = masks(record);
        for (usage, names) in [(Use::Direct, &record.direct), (Use::Indirect, &record.indirect)] {
            for name in names {
                let Some((table, column)) = split(name) else { continue };
                let table = (record.resource.clone(), table.to_owned());
                let (_, columns) = tables.entry(table.clone()).or_default();
                read.insert(table);
                let unread = Gathered { usage, masked: false, label: None, clear: false };
                let known = columns.entry(column.to_owned()).or_insert(unread);
                let mask = masks.get(name.as_str());
                known.usage = known.usage.min(usage);
                known.masked |= mask.is_some();
                known.label = known.label.or(mask.copied().flatten());
                known.clear |= usage == Use::Direct && mask.is_none();
            }
        }
        for table in read {
            let (table, _) = tables.entry(table).or_default();
            table.statements = table.statements.saturating_add(1);
            table.rows = table.rows.saturating_add(record.rows);
            table.approvals.extend(&record.approvals);
        }
    }
    let finished = tables.into_iter().map(|(name, (table, columns))| {
        let columns = columns.into_iter().map(|(name, column)| (name, column.finish())).collect();
        (name, ReadTable { columns, ..table })
    });
    finished.collect()
}

impl Gathered {
    fn finish(self) -> ReadColumn {
        let masked = self.masked && !self.clear;
        ReadColumn { usage: self.usage, masked, label: self.label.filter(|_| masked) }
    }
}

/// Columns of which a statement saw masks. Those of the first version have no labels.
fn masks(record: &StatementRecord) -> BTreeMap<&str, Option<Label>> {
    let labels = record.labels.iter().copied().map(Some).chain(std::iter::repeat(None));
    record.masked.iter().map(String::as_str).zip(labels).collect()
}

/// As the attestation lists them.
#[must_use]
pub fn sources(reads: Reads) -> Vec<Source> {
    let source = |((resource, table), found): (TableName, ReadTable)| {
        let column = |(name, column): (String, ReadColumn)| SourceColumn {
            name,
            usage: column.usage,
            masked: column.label,
        };
        Source {
            resource,
            table,
            columns: found.columns.into_iter().map(column).collect(),
            statements: found.statements,
            rows: found.rows,
            approvals: found.approvals.into_iter().collect(),
        }
    };
    reads.into_iter().map(source).collect()
}

impl Counters {
    /// Of statements; who was denied, and what was done elsewhere, is told by none of these.
    #[must_use]
    pub fn of(statements: &[StatementRecord]) -> Self {
        let number =
            |is: fn(&StatementRecord) -> bool| statements.iter().filter(|record| is(record)).count() as u64;
        Self {
            statements: statements.len() as u64,
            rows: statements.iter().fold(0, |sum, record| sum.saturating_add(record.rows)),
            failed: number(|record| record.result != StatementResult::Done),
            partial: number(|record| record.status == UnderstandingStatus::Partial),
            opaque: number(|record| record.status == UnderstandingStatus::Opaque),
            ..Self::default()
        }
    }
}

/// When the last statement that read was about to run.
#[must_use]
pub fn last_read(statements: &[StatementRecord]) -> Option<u64> {
    let reading = statements.iter().filter(|one| !(one.direct.is_empty() && one.indirect.is_empty()));
    reading.filter_map(|record| record.time).max()
}

/// When the last thing happened in a run that began at `started`.
#[must_use]
pub fn last_time(started: u64, statements: &[StatementRecord]) -> u64 {
    let times = statements.iter().flat_map(|record| [record.time, record.ended]).flatten();
    times.fold(started, u64::max)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::TextRef, ids::StatementId};

    fn record(direct: &[&str], indirect: &[&str], masked: &[(&str, Label)]) -> StatementRecord {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        StatementRecord {
            direct: names(direct),
            indirect: names(indirect),
            masked: masked.iter().map(|(name, _)| (*name).to_owned()).collect(),
            labels: masked.iter().map(|(_, label)| *label).collect(),
            rows: 1,
            ..StatementRecord::new(StatementId::from_random([1; 16]), 1, TextRef::Length(9))
        }
    }

    #[test]
    fn a_column_is_masked_if_no_statement_gave_it_as_it_is() {
        let mail = ("public.t.mail", Label::Email);
        let masked = |all: &[StatementRecord]| sources(reads(all))[0].columns[0].masked;
        let read = record(&["public.t.mail"], &[], &[mail]);
        let asked = record(&[], &["public.t.mail"], &[]);
        let clear = record(&["public.t.mail"], &[], &[]);
        assert_eq!(masked(&[read.clone(), asked]), Some(Label::Email));
        assert_eq!(masked(&[read.clone(), clear.clone()]), None);
        assert_eq!(masked(&[clear, read.clone()]), None, "in any order");
        // Without labels it is known that there was a mask, and not which.
        let old = StatementRecord { labels: Vec::new(), ..read };
        let column = &reads(&[old])[&(None, "public.t".to_owned())].columns["mail"];
        assert_eq!((column.masked, column.label), (true, None));
    }

    #[test]
    fn figures_of_others_do_not_run_over() {
        let most = StatementRecord { rows: u64::MAX, ..record(&["public.t.a"], &[], &[]) };
        let all = [most.clone(), most];
        assert_eq!((Counters::of(&all).rows, sources(reads(&all))[0].rows), (u64::MAX, u64::MAX));
    }
}
