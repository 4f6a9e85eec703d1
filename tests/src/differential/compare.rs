//! What is compared: names, types and direct sources of each output column, what decides, functions.

use std::collections::{BTreeMap, BTreeSet};

use super::told::{Column, Output, Told};
use crate::{
    generate::Statement,
    oracle::{Judgement, Sources, catalog::Catalog, walk::Table},
};

/// One difference, as a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs, in a word or two: differences of a kind are counted together.
    pub kind: &'static str,
    pub text: String,
}

/// How strictly the agent's word is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// This is all.
    Exact,
    /// There may be more.
    Some,
}

/// Compares one statement.
#[must_use]
pub fn differences(
    statement: &Statement,
    judgement: &Judgement,
    catalog: &Catalog,
    told: &Told,
) -> Vec<Difference> {
    let claim = match told.status.as_str() {
        "complete" => Claim::Exact,
        "partial" => Claim::Some,
        _ => return Vec::new(),
    };
    let mut found = Comparison { catalog, claim, found: Vec::new() };
    found.result(statement, judgement, told);
    // EXPLAIN runs nothing.
    if !statement.sql.starts_with("EXPLAIN ") {
        found.tables(judgement, told);
    }
    let indirect = catalog.column_names(&judgement.expected.indirect);
    found.set("indirect", "indirect", &indirect, &told.indirect);
    found.functions(judgement, told);
    found.reads(told);
    found.found
}

struct Comparison<'a> {
    catalog: &'a Catalog,
    claim: Claim,
    found: Vec<Difference>,
}

impl Comparison<'_> {
    fn add(&mut self, kind: &'static str, text: String) {
        self.found.push(Difference { kind, text });
    }

    fn set(&mut self, kind: &'static str, what: &str, expected: &BTreeSet<String>, told: &BTreeSet<String>) {
        let missing: Vec<&str> = expected.difference(told).map(String::as_str).collect();
        let extra: Vec<&str> = told.difference(expected).map(String::as_str).collect();
        if self.claim == Claim::Exact && !missing.is_empty() {
            self.add(kind, format!("{what} lacks {}", missing.join(" ")));
        }
        if !extra.is_empty() {
            self.add(kind, format!("{what} should not have {}", extra.join(" ")));
        }
    }

    fn result(&mut self, statement: &Statement, judgement: &Judgement, told: &Told) {
        let is_result = |output: &&Output| output.kind == "result" || output.kind == "file" || output.created;
        let output = told.outputs.iter().find(is_result);
        // Only the plan comes out.
        let explains = statement.sql.starts_with("EXPLAIN ");
        let (Some(fields), Some(expected), false) = (&judgement.fields, &judgement.expected.result, explains)
        else {
            if let Some(output) = output.filter(|_| !explains) {
                self.add(
                    "result",
                    format!("there is no result, but {} columns are told", output.columns.len()),
                );
            }
            return;
        };
        let Some(output) = output else {
            if self.claim == Claim::Exact {
                self.add("result", format!("a result of {} columns is missing", fields.len()));
            }
            return;
        };
        if output.columns.len() != fields.len() {
            let [expected, told] = [fields.len(), output.columns.len()];
            return self.add("result", format!("the result has {expected} columns, told are {told}"));
        }
        for ((field, sources), told) in fields.iter().zip(expected).zip(&output.columns) {
            if field.name != told.name {
                self.add("name", format!("column {} is called {}", field.name, told.name));
            }
            self.column_type(&field.name, field.type_oid, told);
            let sources = self.catalog.column_names(sources);
            self.set("direct", &format!("result column {}", field.name), &sources, &told.direct);
        }
    }

    fn column_type(&mut self, name: &str, type_oid: u32, told: &Column) {
        let expected = self.catalog.type_name(type_oid);
        // The server describes a domain's column by the type that the domain is over.
        match &told.data_type {
            Some(told) if unquoted(self.catalog.base_type(told)) == unquoted(&expected) => {}
            None if self.claim == Claim::Some => {}
            told => self.add("type", format!("column {name} is of type {expected}, told is {told:?}")),
        }
    }

    fn tables(&mut self, judgement: &Judgement, told: &Told) {
        let written = told.outputs.iter().filter(|output| output.kind == "table" && !output.created);
        let mut written: BTreeMap<&str, Vec<&Column>> = written.fold(BTreeMap::new(), |mut all, output| {
            all.entry(output.table.as_deref().unwrap_or("?")).or_default().extend(&output.columns);
            all
        });
        for (relation, table) in &judgement.expected.tables {
            let name = self.catalog.relations.get(relation).map_or("?", |relation| relation.name.as_str());
            match written.remove(name) {
                Some(columns) => self.table(name, *relation, table, &columns),
                None if self.claim == Claim::Exact => {
                    self.add("table", format!("the write into {name} is missing"));
                }
                None => {}
            }
        }
        for name in written.keys() {
            self.add("table", format!("{name} is not written"));
        }
    }

    fn table(&mut self, name: &str, relation: u32, table: &Table, columns: &[&Column]) {
        let mut told: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for column in columns {
            told.entry(&column.name).or_default().extend(column.direct.iter().cloned());
        }
        for (place, sources) in &table.columns {
            let column = self.catalog.bare_column_name((relation, *place));
            let must = table.sure.contains(place) || !sources.is_empty();
            match told.remove(column) {
                Some(direct) => {
                    let sources = self.catalog.column_names(sources);
                    self.set("written", &format!("written column {name}.{column}"), &sources, &direct);
                }
                None if must && self.claim == Claim::Exact => {
                    self.add("written", format!("written column {name}.{column} is missing"));
                }
                None => {}
            }
        }
        for column in told.keys() {
            self.add("written", format!("column {name}.{column} is not written"));
        }
    }

    fn functions(&mut self, judgement: &Judgement, told: &Told) {
        let names = |functions| -> BTreeSet<String> {
            self.catalog.function_names(functions).iter().map(|name| unquoted(name)).collect()
        };
        let told: BTreeSet<String> = told.functions.iter().map(|name| unquoted(name)).collect();
        let [expected, allowed] = [&judgement.expected.functions, &judgement.expected.mentioned].map(names);
        let missing: Vec<&str> = expected.difference(&told).map(String::as_str).collect();
        if self.claim == Claim::Exact && !missing.is_empty() {
            self.add("functions", format!("functions lack {}", missing.join(" ")));
        }
        let extra: Vec<&str> = told.difference(&allowed).map(String::as_str).collect();
        if !extra.is_empty() {
            self.add("functions", format!("functions should not have {}", extra.join(" ")));
        }
    }

    /// Whatever is direct or indirect is read.
    fn reads(&mut self, told: &Told) {
        let direct = told.outputs.iter().flat_map(|output| &output.columns).flat_map(|column| &column.direct);
        let unread: BTreeSet<&String> =
            direct.chain(&told.indirect).filter(|name| !told.reads.contains(*name)).collect();
        if !unread.is_empty() {
            self.add("reads", format!("{unread:?} are not among the columns that are read"));
        }
    }
}

/// Both sides put some names in quotes that the other does not, such as `"char"`.
fn unquoted(name: &str) -> String {
    name.replace('"', "")
}

/// Names of stored columns, as a judgement has them.
#[must_use]
pub fn all_sources(judgement: &Judgement) -> Sources {
    let expected = &judgement.expected;
    let results = expected.result.iter().flatten().flatten();
    let written = expected.tables.values().flat_map(|table| table.columns.values()).flatten();
    results.chain(written).chain(&expected.indirect).copied().collect()
}
