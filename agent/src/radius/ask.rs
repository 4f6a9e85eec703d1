//! The questions. First those that only the catalog is asked, which nobody's lock holds up; then what takes a lock
//! that readers take, each within a bound: who does not get an answer goes without it.

use std::collections::HashMap;

use connect_core::{
    catalog::quoted,
    radius::{Dropped, Named, Plan, Question},
};
use serde_json::Value;
use tokio_postgres::{
    Client,
    types::{FromSql, Type},
};

use crate::catalog::ReadError;

/// A lock that somebody holds is not waited for, and nothing takes long.
const SETTINGS: &str = "SET statement_timeout = '1500ms'; SET lock_timeout = '250ms'; \
    SET standard_conforming_strings = on; SET max_parallel_workers_per_gather = 0; SET jit = off";

const BEGIN: &str = "BEGIN READ ONLY";
const END: &str = "ROLLBACK";
const SET: &str = "SELECT set_config($1, $2, true)";

/// Rows by the statistics of the server, of a partitioned table those of its partitions; NULL where it has none.
const ROWS: &str = "WITH RECURSIVE part(root, oid) AS ( \
        SELECT o.oid, o.oid FROM unnest($1::oid[]) AS o(oid) \
        UNION SELECT p.root, i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.oid) \
    SELECT p.root, sum(c.reltuples) FILTER (WHERE c.relkind <> 'p')::float8, \
        coalesce(bool_or(c.relkind <> 'p' AND (c.reltuples < 0 OR c.relpages = 0)), true) \
    FROM part p JOIN pg_class c ON c.oid = p.oid WHERE c.relkind IN ('r', 'm', 'p') GROUP BY p.root";

/// What a relation and its partitions take. It waits for whoever has one of them for himself.
const BYTES: &str = "WITH RECURSIVE part(oid) AS ( \
        SELECT $1::oid UNION SELECT i.inhrelid FROM part p JOIN pg_inherits i ON i.inhparent = p.oid) \
    SELECT sum(pg_total_relation_size(p.oid))::int8 FROM part p \
    JOIN pg_class c ON c.oid = p.oid WHERE c.relkind IN ('r', 'm', 'p')";

/// Tables that TRUNCATE … CASCADE empties with these, and what runs there.
const REFERRING: &str = "WITH RECURSIVE reached(oid, by) AS ( \
        SELECT o.oid, 0::oid FROM unnest($1::oid[]) AS o(oid) \
        UNION SELECT k.conrelid, k.confrelid FROM pg_constraint k JOIN reached r ON k.confrelid = r.oid \
        WHERE k.contype = 'f') \
    SELECT DISTINCT ON (c.oid) c.oid, n.nspname::text, c.relname::text, m.nspname::text, b.relname::text, \
        ARRAY(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal \
              AND t.tgenabled <> 'D' AND (t.tgtype & 32) <> 0 ORDER BY 1) \
    FROM reached r JOIN pg_class c ON c.oid = r.oid JOIN pg_namespace n ON n.oid = c.relnamespace \
    JOIN pg_class b ON b.oid = r.by JOIN pg_namespace m ON m.oid = b.relnamespace \
    WHERE NOT c.oid = ANY ($1::oid[]) AND NOT c.relispartition ORDER BY c.oid, m.nspname, b.relname LIMIT 101";

/// What goes with what is dropped, in the server's own words: what people know by a name, and no partition.
const DEPENDENTS: &str = "WITH RECURSIVE root(classid, objid) AS ( \
        SELECT * FROM unnest($1::oid[], $2::oid[])), \
    gone(classid, objid, subid) AS ( \
        SELECT r.classid, r.objid, 0 FROM root r \
        UNION SELECT d.classid, d.objid, d.subid FROM gone g JOIN LATERAL ( \
            SELECT d.classid, d.objid, d.objsubid FROM pg_depend d \
            WHERE d.refclassid = g.classid AND d.refobjid = g.objid \
              AND (g.subid = 0 OR d.refobjsubid = g.subid) \
            UNION ALL SELECT d.refclassid, d.refobjid, 0 FROM pg_depend d \
            WHERE d.classid = g.classid AND d.objid = g.objid AND g.subid = 0 \
              AND d.deptype = 'i' AND d.refobjsubid = 0) AS d(classid, objid, subid) ON true) \
    SELECT DISTINCT pg_describe_object(g.classid, g.objid, g.subid) FROM gone g \
    LEFT JOIN pg_class c ON g.classid = 'pg_class'::regclass AND c.oid = g.objid \
    LEFT JOIN pg_constraint k ON g.classid = 'pg_constraint'::regclass AND k.oid = g.objid \
    WHERE NOT EXISTS (SELECT FROM root r WHERE r.classid = g.classid AND r.objid = g.objid) \
      AND (c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition \
        OR g.classid IN ('pg_proc'::regclass, 'pg_publication_rel'::regclass) \
        OR k.contype = 'f' AND k.conparentid = 0 \
          AND NOT EXISTS (SELECT FROM gone o WHERE o.classid = 'pg_class'::regclass AND o.objid = k.conrelid)) \
    ORDER BY 1 LIMIT 101";

/// Most of one kind that are told of; the questions ask for one more.
pub(super) const MOST: usize = 100;

/// A query whose plan costs more than this, in the planner's own units, is not counted.
const MOST_COST: f64 = 20_000.0;
/// Rows that are counted.
const MOST_COUNTED: u64 = 1_000_000;

const EXPLAIN: &str = "EXPLAIN (FORMAT JSON) ";
const COUNT: &str = "SELECT count(*) FROM (";
const COUNTED: &str = ") AS \"rows that a statement would touch\"";

/// What a database has said.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// By the OID of the relation.
    pub(super) rows: HashMap<u32, u64>,
    pub(super) bytes: HashMap<u32, u64>,
    pub(super) planned: Option<Planned>,
    pub(super) emptied: Vec<Emptied>,
    pub(super) dependents: Vec<String>,
    /// What could not be asked.
    pub(super) unknown: Vec<String>,
}

/// How many rows a query would find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Planned {
    Expected(u64),
    Counted(u64),
}

/// A table that TRUNCATE empties with another.
#[derive(Debug)]
pub(super) struct Emptied {
    pub(super) relation: u32,
    pub(super) table: String,
    pub(super) by: String,
    pub(super) triggers: Vec<String>,
}

/// Texts that read nothing but the catalog.
pub(crate) fn own_questions() -> Vec<String> {
    let settings = SETTINGS.split(';').map(|text| text.trim().to_owned());
    settings.chain([ROWS, BYTES, REFERRING, DEPENDENTS, SET].map(str::to_owned)).collect()
}

/// Whether a text has the form of an estimate: the plan or the count of what a statement would touch. Whoever has
/// the password of the agent's account can ask so, too.
pub(crate) fn is_estimate(text: &str) -> bool {
    text.starts_with("EXPLAIN (FORMAT JSON) SELECT ")
        || text.starts_with("EXPLAIN (FORMAT JSON) WITH ")
        || (text.starts_with(COUNT) && text.ends_with(COUNTED))
}

pub(super) async fn ask(
    client: &Client,
    question: &Question,
    answers: &mut Answers,
) -> Result<(), ReadError> {
    client.batch_execute(SETTINGS).await?;
    if !question.emptied.is_empty() {
        answers.emptied = emptied(client, question).await?;
    }
    if !question.dropped.is_empty() {
        answers.dependents = dependents(client, &question.dropped).await?;
    }
    let told = tables(question).filter(|table| table.is_told);
    let told = told.map(|table| table.relation.0).chain(answers.emptied.iter().map(|table| table.relation));
    let told: Vec<u32> = told.collect();
    let mut unsure = Vec::new();
    for row in client.query(ROWS, &[&told]).await? {
        let (oid, rows, is_unsure): (u32, Option<f64>, bool) =
            (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
        if is_unsure {
            unsure.push(oid);
        } else if let Some(rows) = rows {
            answers.rows.insert(oid, whole(rows));
        }
    }
    if let Some(plan) = &question.plan {
        match planned(client, plan).await {
            Ok(found) => answers.planned = found,
            Err(error) => {
                tracing::debug!(%error, "a condition was not planned");
                answers.unknown.push("how many rows: the server did not plan the condition".to_owned());
                client.batch_execute(END).await?;
            }
        }
    }
    sizes(client, question, &unsure, answers).await;
    Ok(())
}

/// What waits for locks comes last, and the first one that is not given ends it.
async fn sizes(client: &Client, question: &Question, unsure: &[u32], answers: &mut Answers) {
    for table in tables(question).filter(|table| table.is_told) {
        let oid = table.relation.0;
        if table.is_plain && unsure.contains(&oid) && !answers.rows.contains_key(&oid) {
            // Never analysed: the planner looks at the file.
            match explained(client, &format!("SELECT FROM {}", table.quoted)).await {
                Ok(found) => answers.rows.extend(found.map(|found| (oid, found.rows))),
                Err(error) => return tracing::debug!(%error, "a table was not looked at"),
            }
        }
        if answers.bytes.contains_key(&oid) || !question.touched.iter().any(|own| own.table == *table) {
            continue;
        }
        match client.query_one(BYTES, &[&oid]).await.and_then(|row| row.try_get::<_, Option<i64>>(0)) {
            Ok(bytes) => {
                let bytes = bytes.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0);
                answers.bytes.extend(bytes.map(|bytes| (oid, bytes)));
            }
            Err(error) => return tracing::debug!(%error, "the size of a table was not given"),
        }
    }
}

fn tables(question: &Question) -> impl Iterator<Item = &Named> {
    let own = question.touched.iter().map(|touched| &touched.table);
    own.chain(question.cascaded.iter().map(|cascaded| &cascaded.table))
}

async fn emptied(client: &Client, question: &Question) -> Result<Vec<Emptied>, ReadError> {
    let oids: Vec<u32> = question.emptied.iter().map(|oid| oid.0).collect();
    let mut found = Vec::new();
    for row in client.query(REFERRING, &[&oids]).await? {
        let name = |at: usize| -> Result<String, tokio_postgres::Error> {
            Ok(format!("{}.{}", row.try_get::<_, String>(at)?, row.try_get::<_, String>(at + 1)?))
        };
        let (relation, triggers) = (row.try_get(0)?, row.try_get(5)?);
        found.push(Emptied { relation, table: name(1)?, by: name(3)?, triggers });
    }
    Ok(found)
}

async fn dependents(client: &Client, dropped: &[Dropped]) -> Result<Vec<String>, ReadError> {
    const RELATIONS: u32 = 1259;
    const SCHEMAS: u32 = 2615;
    let (classes, oids): (Vec<u32>, Vec<u32>) = dropped
        .iter()
        .map(|dropped| match dropped {
            Dropped::Relation(oid) => (RELATIONS, oid.0),
            Dropped::Schema(oid) => (SCHEMAS, oid.0),
        })
        .unzip();
    let rows = client.query(DEPENDENTS, &[&classes, &oids]).await?;
    let names = rows.iter().map(|row| row.try_get::<_, Option<String>>(0));
    Ok(names.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

/// Plans a query as whoever sends the statement would, and counts its rows if that is cheap.
async fn planned(client: &Client, plan: &Plan) -> Result<Option<Planned>, ReadError> {
    client.batch_execute(BEGIN).await?;
    let path: Vec<String> = plan.search_path.iter().map(|schema| quoted(schema)).collect();
    let path = if path.is_empty() { "''".to_owned() } else { path.join(", ") };
    client.batch_execute(&format!("SET LOCAL search_path = {path}")).await?;
    if let Some(role) = &plan.role {
        client.batch_execute(&format!("SET LOCAL ROLE {}", quoted(role))).await?;
    }
    for (name, value) in &plan.settings {
        client.query_one(SET, &[name, value]).await?;
    }
    let Some(found) = explained(client, &plan.sql).await? else { return Ok(None) };
    let counts = plan.exact && found.cost <= MOST_COST && found.rows <= MOST_COUNTED;
    let counted = match counts {
        true => client.query_one(&format!("{COUNT}{}{COUNTED}", plan.sql), &[]).await.ok(),
        false => None,
    };
    let counted = counted.and_then(|row| row.try_get::<_, i64>(0).ok());
    client.batch_execute(END).await?;
    let counted = counted.and_then(|rows| u64::try_from(rows).ok());
    Ok(Some(counted.map_or(Planned::Expected(found.rows), Planned::Counted)))
}

struct Found {
    rows: u64,
    cost: f64,
}

/// A plan, by the extended protocol: one statement and no more.
async fn explained(client: &Client, sql: &str) -> Result<Option<Found>, ReadError> {
    let row = client.query_one(&format!("{EXPLAIN}{sql}"), &[]).await?;
    let Json(text) = row.try_get(0)?;
    let plan: Value = serde_json::from_str(&text).unwrap_or_default();
    let plan = plan.pointer("/0/Plan");
    let number = |name: &str| plan?.get(name)?.as_f64();
    Ok(number("Plan Rows").zip(number("Total Cost")).map(|(rows, cost)| Found { rows: whole(rows), cost }))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is not negative, and a number of rows of 2⁶³ and more says nothing anyway"
)]
fn whole(rows: f64) -> u64 {
    if rows.is_finite() { rows.max(0.0).round() as u64 } else { 0 }
}

/// JSON as the server writes it.
struct Json(String);

impl<'a> FromSql<'a> for Json {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(std::str::from_utf8(raw)?.to_owned()))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::JSON
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_are_told_by_their_form() {
        assert!(is_estimate("EXPLAIN (FORMAT JSON) SELECT 1 FROM orders WHERE id < 5"));
        assert!(is_estimate(&format!("{COUNT}SELECT $1 FROM orders{COUNTED}")));
        for other in
            ["EXPLAIN (FORMAT JSON, ANALYZE) SELECT 1", "SELECT count(*) FROM orders", "DELETE FROM orders"]
        {
            assert!(!is_estimate(other), "{other}");
        }
    }

    #[test]
    fn a_number_of_rows_is_whole_and_not_negative() {
        assert_eq!([whole(-1.0), whole(1199.6), whole(f64::NAN)], [0, 1200, 0]);
    }
}
