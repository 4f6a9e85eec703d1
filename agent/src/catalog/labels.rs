//! Labels of all columns of one database, kept from reading to reading so that only what is new, was
//! empty or has grown is sampled again.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use connect_core::{
    catalog::{Catalog, Column, Oid, Relation, RelationKind},
    label::{CONFIDENTIAL_SCHEMA, ColumnFacts, Discovery, discover, needs_samples},
};
use connect_shared::label::Label;

use super::{
    connection::{Connection, ReadError},
    read::{ColumnKey, Reading, TableFacts},
    sample::{self, Samples, Wanted},
};

/// How long sampling may take for one snapshot; what is not reached stays unscanned until the next.
const SAMPLING_TIME: Duration = Duration::from_secs(3);
/// Tables that were empty or failed are tried again, less and less often.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);

/// What was found, by column.
#[derive(Debug, Default)]
pub(super) struct LabelStore {
    columns: HashMap<ColumnKey, Known>,
    tables: HashMap<Oid, Sampled>,
}

/// What a column was when its label was found. A renamed or retyped column is another one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Identity {
    schema: String,
    relation: String,
    column: String,
    base_type: Oid,
}

#[derive(Debug)]
struct Known {
    identity: Identity,
    discovery: Discovery,
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
        reading: &Reading,
        catalog: &mut Catalog,
        now: Instant,
    ) -> Result<(), ReadError> {
        self.forget_dropped(catalog);
        let wanted = self.without_content(reading, catalog, now);
        if !wanted.is_empty() {
            connection.client.batch_execute(sample::BEGIN).await?;
            self.sample_all(connection, reading, catalog, wanted, now).await?;
            connection.client.batch_execute(sample::END).await?;
        }
        for relation in catalog.relations.values_mut() {
            for column in &mut relation.columns {
                column.label =
                    self.columns.get(&(relation.oid, column.number)).and_then(|k| k.discovery.label);
            }
        }
        Ok(())
    }

    fn forget_dropped(&mut self, catalog: &Catalog) {
        self.columns.retain(|(oid, _), _| catalog.relations.contains_key(oid));
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
            for column in &relation.columns {
                let key = (relation.oid, column.number);
                let identity = identity(relation, column, reading);
                let fresh = self.columns.get(&key).is_none_or(|known| known.identity != identity);
                if fresh {
                    self.learn(key, identity.clone(), &[]);
                }
                if may_sample && (fresh || due) && needs_samples(identity.base_type) {
                    let (name, base_type) = (column.name.clone(), identity.base_type);
                    wanted.entry(relation.oid).or_default().push(Wanted {
                        number: column.number,
                        name,
                        base_type,
                    });
                }
            }
        }
        wanted
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
            let (Some(relation), Some(facts)) = (catalog.relations.get(&oid), reading.facts.get(&oid)) else {
                continue;
            };
            if begun.elapsed() > SAMPLING_TIME {
                // Not looked at: the next round begins here.
                self.tables.insert(oid, Sampled { bytes: 0, retry: Some(retry(None, now)) });
                continue;
            }
            match sample::sample(connection, relation, facts.rows, &columns).await {
                Ok(samples) => self.look_at(relation, reading, facts, &columns, &samples, now),
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
            ReadError::Database(error) => error.code().map(tokio_postgres::error::SqlState::code),
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
        reading: &Reading,
        facts: &TableFacts,
        columns: &[Wanted],
        samples: &Samples,
        now: Instant,
    ) {
        let mut unscanned = false;
        for column in columns {
            let key = (relation.oid, column.number);
            let found = samples.get(&column.number).map(Vec::as_slice).unwrap_or_default();
            if let Some(column) = relation.column(column.number) {
                self.learn(key, identity(relation, column, reading), found);
            }
            unscanned |= self.label_of(key) == Some(Label::Unscanned);
        }
        let before = self.tables.get(&relation.oid).and_then(|table| table.retry);
        let retry = unscanned.then(|| retry(before, now));
        self.tables.insert(relation.oid, Sampled { bytes: facts.bytes, retry });
    }

    /// Keeps what was found. A label is not lost again because a later sample has nothing of it.
    fn learn(&mut self, key: ColumnKey, identity: Identity, samples: &[String]) {
        let facts = ColumnFacts {
            schema: &identity.schema,
            relation: &identity.relation,
            column: &identity.column,
            type_oid: identity.base_type,
        };
        let samples: Vec<&str> = samples.iter().map(String::as_str).collect();
        let discovery = discover(&facts, &samples);
        let kept = self.columns.get(&key).filter(|known| known.identity == identity);
        let kept = kept.map(|known| known.discovery.label);
        let loses = matches!(kept, Some(Some(label)) if label != Label::Unscanned)
            && matches!(discovery.label, None | Some(Label::Unscanned));
        let empties = kept == Some(None) && discovery.label == Some(Label::Unscanned);
        if !loses && !empties {
            self.columns.insert(key, Known { identity, discovery });
        }
    }

    fn label_of(&self, key: ColumnKey) -> Option<Label> {
        self.columns.get(&key).and_then(|known| known.discovery.label)
    }

    /// Whether a table that was looked at should be looked at again: it was empty, or has doubled.
    fn is_due(&self, oid: Oid, bytes: i64, now: Instant) -> bool {
        self.tables.get(&oid).is_some_and(|sampled| match sampled.retry {
            Some(retry) => retry.at <= now && bytes > 0,
            None => bytes > sampled.bytes.saturating_mul(2),
        })
    }

    /// Tables whose size tells whether they are due.
    pub(super) fn watched(&self, watch: Watch, now: Instant) -> Vec<Oid> {
        let waiting = |sampled: &Sampled| sampled.retry.is_some_and(|retry| retry.at <= now);
        self.tables
            .iter()
            .filter(|(_, sampled)| watch == Watch::All || waiting(sampled))
            .map(|(oid, _)| *oid)
            .collect()
    }

    /// Whether some table is due, given its size now.
    pub(super) fn any_due(&self, sizes: &HashMap<Oid, i64>, now: Instant) -> bool {
        sizes.iter().any(|(oid, bytes)| self.is_due(*oid, *bytes, now))
    }
}

/// Which tables to look after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Watch {
    /// Those that were empty or could not be read.
    Waiting,
    All,
}

fn retry(before: Option<Retry>, now: Instant) -> Retry {
    let wait = before.map_or(FIRST_RETRY, |before| (before.wait * 2).min(LAST_RETRY));
    Retry { at: now + wait, wait }
}

fn identity(relation: &Relation, column: &Column, reading: &Reading) -> Identity {
    let base_type = reading.base_types.get(&(relation.oid, column.number));
    Identity {
        schema: relation.schema.clone(),
        relation: relation.name.clone(),
        column: column.name.clone(),
        base_type: base_type.copied().unwrap_or(column.type_oid),
    }
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
    let confidential = relation.schema == CONFIDENTIAL_SCHEMA;
    !facts.temporary && !facts.partition && !facts.virtual_columns && !foreign && !confidential
}

fn has_foreign_child(catalog: &Catalog, relation: &Relation) -> bool {
    let mut seen: HashSet<Oid> = HashSet::new();
    let mut next: Vec<Oid> = relation.children.clone();
    while let Some(oid) = next.pop() {
        let Some(child) = catalog.relations.get(&oid).filter(|_| seen.insert(oid)) else { continue };
        if child.kind == RelationKind::ForeignTable {
            return true;
        }
        next.extend(&child.children);
    }
    false
}
