//! What the statements of a run read, table by table.

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    attest::{Source, SourceColumn, StatementRecord, Use},
    label::Label,
    openlineage::split,
};

/// Tables, by resource and name, and columns, each once.
#[derive(Default)]
pub(super) struct Sources(BTreeMap<(Option<String>, String), Table>);

#[derive(Default)]
struct Table {
    columns: BTreeMap<String, Column>,
    statements: u64,
    rows: u64,
}

struct Column {
    usage: Use,
    mask: Option<Label>,
    /// Some statement gave it as it is.
    clear: bool,
}

impl Column {
    fn read(&mut self, usage: Use, mask: Option<Label>) {
        self.usage = self.usage.min(usage);
        self.mask = self.mask.or(mask);
        self.clear |= usage == Use::Direct && mask.is_none();
    }
}

impl Sources {
    pub(super) fn add(&mut self, record: &StatementRecord, masks: &BTreeMap<String, Label>) {
        let mut tables = BTreeSet::new();
        let uses = [(Use::Direct, &record.direct), (Use::Indirect, &record.indirect)];
        for (usage, names) in uses {
            for name in names {
                let Some((table, column)) = split(name) else { continue };
                let table = (record.resource.clone(), table.to_owned());
                let columns = &mut self.0.entry(table.clone()).or_default().columns;
                tables.insert(table);
                let unread = Column { usage, mask: None, clear: false };
                let known = columns.entry(column.to_owned()).or_insert(unread);
                known.read(usage, masks.get(name).copied());
            }
        }
        for table in tables {
            let table = self.0.entry(table).or_default();
            table.statements += 1;
            table.rows += record.rows;
        }
    }

    pub(super) fn into_list(self) -> Vec<Source> {
        let list = self.0.into_iter().map(|((resource, table), found)| Source {
            resource,
            table,
            columns: found
                .columns
                .into_iter()
                .map(|(name, column)| SourceColumn {
                    name,
                    usage: column.usage,
                    masked: column.mask.filter(|_| !column.clear),
                })
                .collect(),
            statements: found.statements,
            rows: found.rows,
        });
        list.collect()
    }
}

#[cfg(test)]
mod tests {
    use connect_shared::{
        entry::{StatementResult, TextRef},
        ids::StatementId,
        lineage::UnderstandingStatus,
    };

    use super::*;

    #[test]
    fn a_column_is_masked_if_no_statement_gave_it_as_it_is() {
        let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect();
        let record = |direct: &[&str], indirect: &[&str]| StatementRecord {
            statement: StatementId::from_random([1; 16]),
            index: 1,
            resource: None,
            verb: "select".to_owned(),
            text: TextRef::Length(9),
            commitment: String::new(),
            result: StatementResult::Done,
            rows: 1,
            status: UnderstandingStatus::Complete,
            direct: names(direct),
            indirect: names(indirect),
            writes: Vec::new(),
            masked: Vec::new(),
        };
        let masks = BTreeMap::from([("public.t.mail".to_owned(), Label::Email)]);
        let masked = |all: &[(StatementRecord, &BTreeMap<String, Label>)]| {
            let mut sources = Sources::default();
            all.iter().for_each(|(record, masks)| sources.add(record, masks));
            sources.into_list()[0].columns[0].masked
        };
        let (read, asked) = (record(&["public.t.mail"], &[]), record(&[], &["public.t.mail"]));
        let none = BTreeMap::new();
        assert_eq!(masked(&[(read.clone(), &masks), (asked, &none)]), Some(Label::Email));
        assert_eq!(masked(&[(read.clone(), &masks), (read.clone(), &none)]), None);
        assert_eq!(masked(&[(read.clone(), &none), (read, &masks)]), None, "in any order");
    }
}
