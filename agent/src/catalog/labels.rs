//! Labels of all columns of one database, kept from reading to reading so that only what is new, was
//! empty or has grown is sampled again.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use connect_core::{
    catalog::{Catalog, Column, Oid, Relation, RelationKind, code::Name},
    label::{CONFIDENTIAL_SCHEMA, ColumnFacts, Evidence, discover, needs_samples},
};
use connect_shared::label::Label;
use tokio_postgres::error::SqlState;

use super::{
    connection::{Connection, ReadError},
    queries,
    read::{Reading, TableFacts},
    sample::{self, Samples, Wanted},
};

/// How long sampling may take for one snapshot; what is not reached stays unscanned until the next.
const SAMPLING_TIME: Duration = Duration::from_secs(3);
/// Waiting tables whose sizes are asked for at a time.
const MOST_WATCHED: usize = 500;
/// Tables that were empty or failed are tried again, less and less often.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What was found, by table and column.
#[derive(Debug, Default)]
pub(super) struct LabelStore {
    known: HashMap<Oid, KnownTable>,
    tables: HashMap<Oid, Sampled>,
    /// The last table that was watched as one of many that wait.
    watched: Option<Oid>,
}

/// What a table was when its columns' labels were found. A renamed table has other columns, and so has a
/// renamed or retyped column's place.
#[derive(Debug)]
struct KnownTable {
    schema: Name,
    name: Name,
    columns: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    number: i16,
    base_type: Oid,
    name: Name,
    label: Option<Label>,
    /// Why, in words.
    why: Cow<'static, str>,
}

/// When a table was looked at.
#[derive(Debug)]
struct Sampled {
    bytes: i64,
    /// Some column had no values, or the table could not be read.
    retry: Option<Retry>,
}

#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    wait: Duration,
}

impl LabelStore {
    /// Finds the labels of a reading's columns and writes them into `catalog`.
    pub(super) async fn label(
        &mut self,
        connection: &Connection,
        reading: &mut Reading,
        catalog: &mut Catalog,
        now: Instant,
    ) -> Result<(), ReadError> {
        self.forget_dropped(catalog);
        let mut wanted = self.without_content(reading, catalog, now);
        if !wanted.is_empty() {
            self.without_rows(connection, reading, &mut wanted, now).await?;
            connection.client.batch_execute(sample::BEGIN).await?;
            self.sample_all(connection, reading, catalog, wanted, now).await?;
            connection.client.batch_execute(sample::END).await?;
        }
        self.write(catalog);
        Ok(())
    }

    /// A relation all of whose labels are as they are stays shared with the reading.
    fn write(&self, catalog: &mut Catalog) {
        for (oid, known) in &self.known {
            let Some(relation) = catalog.relation(*oid) else { continue };
            if relation.columns.iter().any(|column| known.label(column.number) != column.label)
                && let Some(relation) = catalog.relation_mut(*oid)
            {
                for column in &mut relation.columns {
                    column.label = known.label(column.number);
                }
            }
        }
    }

    fn forget_dropped(&mut self, catalog: &Catalog) {
        self.known.retain(|oid, _| catalog.relations.contains_key(oid));
        self.tables.retain(|oid, _| catalog.relations.contains_key(oid));
    }

    /// Decides what name and type decide; returns the columns that need a look at content.
    fn without_content(
        &mut self,
        reading: &Reading,
        catalog: &Catalog,
        now: Instant,
    ) -> HashMap<Oid, Vec<Wanted>> {
        let mut wanted: HashMap<Oid, Vec<Wanted>> = HashMap::new();
        for relation in catalog.relations.values().filter(|relation| holds_rows(relation)) {
            let facts = reading.facts.get(&relation.oid);
            let may_sample = facts.is_some_and(|facts| may_sample(catalog, relation, facts));
            let due = facts.is_some_and(|facts| self.is_due(relation.oid, facts.bytes, now));
            self.forget_changed(relation, reading);
            for column in &relation.columns {
                let base_type = reading.base_type(column.type_oid);
                let fresh = self.known(relation.oid, column.number).is_none();
                if fresh {
                    self.learn(relation, column, base_type, &[]);
                }
                if may_sample && (fresh || due) && needs_samples(base_type) {
                    wanted.entry(relation.oid).or_default().push(Wanted {
                        number: column.number,
                        name: column.name.clone(),
                        base_type,
                    });
                }
            }
        }
        wanted
    }

    /// What a table or a column of it was before it was changed is no help.
    fn forget_changed(&mut self, relation: &Relation, reading: &Reading) {
        let table = self.known.entry(relation.oid).or_insert_with(|| KnownTable {
            schema: relation.schema.clone(),
            name: relation.name.clone(),
            columns: Vec::with_capacity(relation.columns.len()),
        });
        if (&table.schema, &table.name) != (&relation.schema, &relation.name) {
            table.schema = relation.schema.clone();
            table.name = relation.name.clone();
            table.columns.clear();
        }
        table.columns.retain(|known| {
            relation.column(known.number).is_some_and(|column| {
                column.name == known.name && reading.base_type(column.type_oid) == known.base_type
            })
        });
    }

    /// Tables without rows are not looked at: they wait until they have some.
    async fn without_rows(
        &mut self,
        connection: &Connection,
        reading: &mut Reading,
        wanted: &mut HashMap<Oid, Vec<Wanted>>,
        now: Instant,
    ) -> Result<(), ReadError> {
        let tables: Vec<Oid> = wanted.keys().copied().collect();
        for (oid, bytes) in sizes(connection, &tables).await? {
            reading.facts.entry(oid).and_modify(|facts| facts.bytes = bytes);
            if bytes == 0 && wanted.remove(&oid).is_some() {
                let before = self.tables.get(&oid).and_then(|table| table.retry);
                self.tables.insert(oid, Sampled { bytes, retry: Some(retry(before, now)) });
            }
        }
        Ok(())
    }

    async fn sample_all(
        &mut self,
        connection: &Connection,
        reading: &Reading,
        catalog: &Catalog,
        wanted: HashMap<Oid, Vec<Wanted>>,
        now: Instant,
    ) -> Result<(), ReadError> {
        let begun = Instant::now();
        for (oid, columns) in wanted {
            let (Some(relation), Some(facts)) = (catalog.relation(oid), reading.facts.get(&oid)) else {
                continue;
            };
            if begun.elapsed() > SAMPLING_TIME {
                // Not looked at: the next round begins here.
                self.tables.insert(oid, Sampled { bytes: 0, retry: Some(retry(None, now)) });
                continue;
            }
            match sample::sample(connection, relation, facts.rows, &columns).await {
                Ok(samples) => self.look_at(relation, facts, &columns, &samples, now),
                Err(error) if connection.is_closed() => return Err(error),
                Err(error) => self.note_failure(relation, &error, now),
            }
        }
        Ok(())
    }

    /// A table that cannot be read keeps its columns unscanned. The message may quote values: the code says
    /// enough.
    fn note_failure(&mut self, relation: &Relation, error: &ReadError, now: Instant) {
        let code = match error {
            ReadError::Database(error) => error.code().map(SqlState::code),
            _ => None,
        };
        let table = relation.qualified_name();
        tracing::warn!(%table, code, "a table cannot be sampled; its texts stay masked");
        let before = self.tables.get(&relation.oid).and_then(|table| table.retry);
        self.tables.insert(relation.oid, Sampled { bytes: 0, retry: Some(retry(before, now)) });
    }

    fn look_at(
        &mut self,
        relation: &Relation,
        facts: &TableFacts,
        columns: &[Wanted],
        samples: &Samples,
        now: Instant,
    ) {
        let mut unscanned = false;
        for wanted in columns {
            let found = samples.get(&wanted.number).map(Vec::as_slice).unwrap_or_default();
            if let Some(column) = relation.column(wanted.number) {
                self.learn(relation, column, wanted.base_type, found);
            }
            let known = self.known(relation.oid, wanted.number);
            unscanned |= known.is_some_and(|known| known.label == Some(Label::Unscanned));
        }
        let before = self.tables.get(&relation.oid).and_then(|table| table.retry);
        let retry = unscanned.then(|| retry(before, now));
        self.tables.insert(relation.oid, Sampled { bytes: facts.bytes, retry });
    }

    /// Keeps what was found. A label is not lost again because a later sample has nothing of it.
    fn learn(&mut self, relation: &Relation, column: &Column, base_type: Oid, samples: &[String]) {
        let facts = ColumnFacts {
            schema: &relation.schema,
            relation: &relation.name,
            column: &column.name,
            type_oid: base_type,
        };
        let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
        let found = discover(&facts, &samples);
        let (label, why) = (found.label, why(found.evidence));
        let Some(table) = self.known.get_mut(&relation.oid) else { return };
        let Some(known) = table.columns.iter_mut().find(|known| known.number == column.number) else {
            let (number, name) = (column.number, column.name.clone());
            return table.columns.push(Known { number, base_type, name, label, why });
        };
        let loses = matches!(known.label, Some(label) if label != Label::Unscanned)
            && matches!(label, None | Some(Label::Unscanned));
        let empties = known.label.is_none() && label == Some(Label::Unscanned);
        if !loses && !empties {
            known.label = label;
            known.why = why;
        }
    }

    /// What was found of a column by itself, and why.
    pub(super) fn found(&self, relation: Oid, number: i16) -> Option<(Option<Label>, &str)> {
        self.known(relation, number).map(|known| (known.label, &*known.why))
    }

    fn known(&self, relation: Oid, number: i16) -> Option<&Known> {
        self.known.get(&relation)?.columns.iter().find(|known| known.number == number)
    }

    /// Whether a table that was looked at should be looked at again: it was empty, or has doubled.
    fn is_due(&self, oid: Oid, bytes: i64, now: Instant) -> bool {
        self.tables.get(&oid).is_some_and(|sampled| match sampled.retry {
            Some(retry) => retry.at <= now && bytes > 0,
            None => bytes > sampled.bytes.saturating_mul(2),
        })
    }

    /// Tables whose size tells whether they are due. Of many that wait some at a time, in turn.
    pub(super) fn watched(&mut self, watch: Watch, now: Instant) -> Vec<Oid> {
        let waiting = |sampled: &Sampled| sampled.retry.is_some_and(|retry| retry.at <= now);
        let tables = self.tables.iter().filter(|(_, sampled)| watch == Watch::All || waiting(sampled));
        let mut tables: Vec<Oid> = tables.map(|(oid, _)| *oid).collect();
        if watch == Watch::Waiting && tables.len() > MOST_WATCHED {
            tables.sort_unstable_by_key(|oid| (self.watched.is_some_and(|last| *oid <= last), *oid));
            tables.truncate(MOST_WATCHED);
            self.watched = tables.last().copied();
        }
        tables
    }

    /// Whether some table is due, given its size now.
    pub(super) fn any_due(&self, sizes: &HashMap<Oid, i64>, now: Instant) -> bool {
        sizes.iter().any(|(oid, bytes)| self.is_due(*oid, *bytes, now))
    }
}

impl KnownTable {
    fn label(&self, number: i16) -> Option<Label> {
        self.columns.iter().find(|known| known.number == number).and_then(|known| known.label)
    }
}

/// Sizes of tables. A table that is locked is not waited for: then nothing is known of any.
pub(super) async fn sizes(connection: &Connection, tables: &[Oid]) -> Result<HashMap<Oid, i64>, ReadError> {
    let tables: Vec<u32> = tables.iter().map(|oid| oid.0).collect();
    let rows = match connection.client.query(queries::SIZES, &[&tables]).await.map_err(ReadError::from) {
        Err(error) if error.is_lock() => return Ok(HashMap::new()),
        rows => rows?,
    };
    rows.iter().map(|row| Ok((Oid(row.try_get(0)?), row.try_get(1)?))).collect()
}

/// Which tables to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Those that were empty or could not be read.
    Waiting,
    All,
}

/// Evidence in words. It names rules, never values.
fn why(evidence: Evidence) -> Cow<'static, str> {
    match evidence {
        Evidence::Schema => "name of the schema".into(),
        Evidence::Name(phrase) => format!("name: {phrase}").into(),
        Evidence::Content { rule, hits, of } => format!("{hits} of {of} values: {rule}").into(),
        Evidence::Type => "type".into(),
        Evidence::NoSamples => "no values yet".into(),
        Evidence::Nothing => "nothing found".into(),
    }
}

fn retry(before: Option<Retry>, now: Instant) -> Retry {
    let wait = before.map_or(FIRST_RETRY, |before| (before.wait * 2).min(LAST_RETRY));
    Retry { at: now + wait, wait }
}

/// Relations whose columns have labels of their own; views take theirs from what they read.
fn holds_rows(relation: &Relation) -> bool {
    let kind = matches!(
        relation.kind,
        RelationKind::Table
            | RelationKind::PartitionedTable
            | RelationKind::MaterializedView
            | RelationKind::ForeignTable
    );
    kind && !relation.is_system()
}

/// Tables that can be read without running code of others and that no other table speaks for.
fn may_sample(catalog: &Catalog, relation: &Relation, facts: &TableFacts) -> bool {
    let foreign = relation.kind == RelationKind::ForeignTable || has_foreign_child(catalog, relation);
    let confidential = &*relation.schema == CONFIDENTIAL_SCHEMA;
    !facts.temporary && !facts.partition && !facts.virtual_columns && !foreign && !confidential
}

fn has_foreign_child(catalog: &Catalog, relation: &Relation) -> bool {
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut next: Vec<Oid> = relation.children.clone();
    while let Some(oid) = next.pop() {
        let Some(child) = catalog.relation(oid).filter(|_| seen.insert(oid)) else { continue };
        if child.kind == RelationKind::ForeignTable {
            return true;
        }
        next.extend(&child.children);
    }
    false
}
