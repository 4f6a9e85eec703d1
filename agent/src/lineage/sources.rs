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
    columns: BTreeMap<String, (Use, Option<Label>)>,
    statements: u64,
    rows: u64,
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
                let known = columns.entry(column.to_owned()).or_insert((usage, None));
                known.0 = known.0.min(usage);
                known.1 = known.1.or_else(|| masks.get(name).copied());
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
                .map(|(name, (usage, masked))| SourceColumn { name, usage, masked })
                .collect(),
            statements: found.statements,
            rows: found.rows,
        });
        list.collect()
    }
}
