//! What flows where in statements of one lineage on one resource, written down once: a *shape*.

mod renamed;

use std::collections::{BTreeMap, BTreeSet};

use connect_shared::{
    label::Label,
    lineage::{ColumnFact, LineageReport, OutputKind, UnderstandingStatus},
    openlineage::split,
};
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use serde::{Deserialize, Serialize};

pub(super) use self::renamed::is_rename;

/// What a column is to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum How {
    /// Its values flow on.
    Direct = 0,
    /// It is read for something else.
    Indirect = 1,
    /// It is written.
    Written = 2,
}

/// What an entry says of a lineage, as it is kept until somebody uses it.
#[derive(Serialize, Deserialize)]
pub(in crate::lineage) struct Body {
    pub(in crate::lineage) report: LineageReport,
    pub(in crate::lineage) masks: BTreeMap<String, Label>,
    pub(super) columns: BTreeMap<String, ColumnFact>,
    pub(super) through: BTreeMap<String, Vec<String>>,
}

impl Body {
    /// What a lineage says; `None` if no entry tells it.
    pub(in crate::lineage) fn of(
        connection: &Connection,
        reference: &str,
    ) -> Result<Option<Self>, rusqlite::Error> {
        let body = connection
            .prepare_cached("SELECT body FROM lineage WHERE ref = ?1")?
            .query_row([reference], |row| row.get::<_, String>(0))
            .optional()?;
        Ok(body.and_then(|body| serde_json::from_str(&body).ok()))
    }
}

/// The lineage as it is on this resource, made of its entry at its first use. Of a lineage that no entry tells
/// nothing is known.
pub(super) fn shape(to: &Transaction<'_>, lineage: &str, resource: &str) -> Result<i64, rusqlite::Error> {
    let known = to
        .prepare_cached("SELECT id FROM shape WHERE ref = ?1 AND resource = ?2")?
        .query_row([lineage, resource], |row| row.get(0))
        .optional()?;
    if let Some(known) = known {
        return Ok(known);
    }
    let body = Body::of(to, lineage)?.unwrap_or_else(|| Body {
        report: LineageReport {
            status: UnderstandingStatus::Opaque,
            reasons: vec!["missing: the log does not hold its lineage".to_owned()],
            ..LineageReport::default()
        },
        masks: BTreeMap::new(),
        columns: BTreeMap::new(),
        through: BTreeMap::new(),
    });
    Shape { to, resource, body: &body, id: 0 }.put(lineage)
}

/// A shape as it is written down.
struct Shape<'a, 't> {
    to: &'a Transaction<'t>,
    resource: &'a str,
    body: &'a Body,
    id: i64,
}

impl Shape<'_, '_> {
    fn put(mut self, lineage: &str) -> Result<i64, rusqlite::Error> {
        let report = &self.body.report;
        let reasons = serde_json::to_string(&report.reasons).unwrap_or_default();
        let temporary = self.body.through.keys().any(|name| name.starts_with("pg_temp."));
        self.to
            .prepare_cached(
                "INSERT INTO shape (ref, resource, status, reasons, temporary) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![lineage, self.resource, status_code(report.status), reasons, temporary])?;
        self.id = self.to.last_insert_rowid();
        let mut direct = BTreeSet::new();
        for output in &report.outputs {
            for (number, column) in (1_i64..).zip(&output.columns) {
                let target = match (output.kind, &output.table) {
                    (OutputKind::Table, Some(table)) => {
                        // Nobody else sees it, and questions go through it to what is behind.
                        if table.starts_with("pg_temp.") {
                            continue;
                        }
                        let part = connect_core::lineage::part(&column.name);
                        self.written(table, &part, output.created.then_some(number))?
                    }
                    // What is written to a file of the server has left the database, too.
                    _ => 0,
                };
                for source in &column.direct {
                    let Some(node) = self.read(source, How::Direct)? else { continue };
                    self.flow(node, target)?;
                    direct.insert(source);
                }
            }
        }
        // What is read and goes nowhere (a column of a view that nobody uses) counts only where not all is known.
        let known = report.status == UnderstandingStatus::Complete;
        let rest = report.reads.iter().filter(|name| !known && !direct.contains(name));
        for other in report.indirect.iter().chain(rest) {
            self.read(other, How::Indirect)?;
        }
        report.renames.iter().try_for_each(|rename| self.renamed(rename))?;
        report.parts.iter().try_for_each(|part| self.shared(part))?;
        Ok(self.id)
    }

    fn flow(&self, source: i64, target: i64) -> Result<(), rusqlite::Error> {
        self.to
            .prepare_cached("INSERT OR IGNORE INTO flow VALUES (?1, ?2, ?3)")?
            .execute([source, self.id, target])?;
        Ok(())
    }

    /// `made`: which column of the table that the statement makes it is.
    fn written(&self, table: &str, column: &str, made: Option<i64>) -> Result<i64, rusqlite::Error> {
        let name = format!("{table}.{column}");
        // The same name meant something else before.
        let fact = self.body.columns.get(&name).filter(|_| made.is_none());
        let node = self.node(table, column, fact)?;
        if let Some(number) = made {
            self.to
                .prepare_cached("INSERT OR IGNORE INTO made VALUES (?1, ?2, ?3)")?
                .execute(params![table, number, node])?;
        }
        self.part(node, How::Written, (table, column), &name)?;
        Ok(node)
    }

    /// `None` for what is the server's own.
    fn read(&self, name: &str, how: How) -> Result<Option<i64>, rusqlite::Error> {
        let Some((table, column)) = split(name) else { return Ok(None) };
        if table.starts_with("pg_catalog.") || table.starts_with("information_schema.") {
            return Ok(None);
        }
        let node = self.node(table, column, self.body.columns.get(name))?;
        self.part(node, how, (table, column), name)?;
        Ok(Some(node))
    }

    fn node(&self, table: &str, column: &str, fact: Option<&ColumnFact>) -> Result<i64, rusqlite::Error> {
        let key = match fact {
            Some(fact) => format!("{}.{}", fact.table, fact.number),
            None => format!("{table}.{column}"),
        };
        self.to
            .prepare_cached(
                "INSERT OR IGNORE INTO node (resource, key, oid, number) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                self.resource,
                key,
                fact.map(|fact| fact.table),
                fact.map(|fact| fact.number)
            ])?;
        let node = self
            .to
            .prepare_cached("SELECT id FROM node WHERE resource = ?1 AND key = ?2")?
            .query_row([self.resource, &key], |row| row.get(0))?;
        self.to
            .prepare_cached("INSERT OR IGNORE INTO named VALUES (?1, ?2, ?3)")?
            .execute(params![table, column, node])?;
        Ok(node)
    }

    fn part(
        &self,
        node: i64,
        how: How,
        (table, column): (&str, &str),
        name: &str,
    ) -> Result<(), rusqlite::Error> {
        let views =
            self.body.through.iter().filter(|(_, behind)| behind.iter().any(|stored| stored == table));
        let views: Vec<&String> = views.map(|(view, _)| view).filter(|_| how != How::Written).collect();
        let label = self.body.columns.get(name).and_then(|fact| fact.label);
        let masked = self.body.masks.get(name).filter(|_| how != How::Written);
        self.to
            .prepare_cached("INSERT OR IGNORE INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
            .execute(params![
                node,
                self.id,
                how as i64,
                table,
                column,
                masked.map(|label| label.as_str()),
                label.map(Label::as_str),
                serde_json::to_string(&views).unwrap_or_default(),
            ])?;
        Ok(())
    }
}

/// The number of a status in the table.
const fn status_code(status: UnderstandingStatus) -> i64 {
    match status {
        UnderstandingStatus::Complete => 0,
        UnderstandingStatus::Partial => 1,
        UnderstandingStatus::Opaque => 2,
    }
}

/// The status behind a number; of an unknown one nothing is known.
pub(in crate::lineage) const fn status_of(code: i64) -> UnderstandingStatus {
    match code {
        0 => UnderstandingStatus::Complete,
        1 => UnderstandingStatus::Partial,
        _ => UnderstandingStatus::Opaque,
    }
}
