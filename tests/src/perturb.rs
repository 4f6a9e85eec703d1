//! Perturbation: change the values of one stored column, run a statement again, and see what moved. What
//! an answer does not name may not move anything.
//!
//! It knows nothing of how lineage is found. It takes any claim of "this output depends on these columns"
//! and holds a real server against it, over small made-up data, in transactions that are rolled back.

use std::collections::HashMap;

use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use crate::answers::{Answer, Status};

mod compare;
mod data;
mod tables;

pub use compare::{Power, Report};
pub use data::Change;
use data::Random;
pub use tables::{Table, Unit, drop_foreign_keys};

/// Statements that do not stand for themselves inside another transaction, or show nothing of what
/// their answer says.
const NOT_RUN: [&str; 6] = ["COPY", "EXPLAIN", "PREPARE", "DECLARE", "REFRESH", "BEGIN"];
/// `set_config(…, true)` ends with its own transaction, which here is the whole trial's.
const ENDS_WITH_ITS_TRANSACTION: &str = "set-config-local-call";

/// Rows that came back, sorted: where ORDER BY leaves ties or is not there, the plan decides their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rows {
    pub names: Vec<String>,
    pub rows: Vec<Vec<Option<String>>>,
}

/// What a statement left: its result, and each written table as it is afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub result: Rows,
    /// By `schema.table`.
    pub tables: Vec<(String, Rows)>,
}

/// A database with made-up rows, and a connection that changes them for a moment.
pub struct Ground {
    client: Client,
    tables: Vec<Table>,
    base: HashMap<String, data::Contents>,
    sequences_again: String,
    seed: u64,
}

impl Ground {
    /// Makes a database ready for changes; its tables are to be filled then.
    ///
    /// # Panics
    /// The server refuses.
    pub async fn prepare(url: &str) -> Self {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("a connection");
        tokio::spawn(connection);
        tables::flatten(&client).await;
        let tables = tables::read(&client).await;
        let sequences_again = tables::sequences_again(&client).await;
        Self { client, tables, base: HashMap::new(), sequences_again, seed: 0 }
    }

    /// Rows in all tables, others for another seed.
    ///
    /// # Panics
    /// The server refuses.
    pub async fn fill(&mut self, seed: u64) {
        self.seed = seed;
        for table in &self.tables {
            let contents = data::contents(table, &mut Random::of(&[&seed.to_string(), &table.name]));
            // Never analysed, as after a change: the planner estimates alike, and plans alike.
            self.must(&data::replacement(table, &contents)).await;
            self.base.insert(table.name.clone(), contents);
        }
    }

    /// Everything that can be changed on its own.
    #[must_use]
    pub fn units(&self) -> Vec<Unit> {
        self.tables.iter().flat_map(tables::units).collect()
    }

    /// Whether an answer can be put to the test here.
    #[must_use]
    pub fn takes(answer: &Answer) -> bool {
        let word = answer.sql.split_whitespace().next().unwrap_or_default();
        let ends = |statement: &String| matches!(statement.as_str(), "COMMIT" | "ROLLBACK");
        answer.status == Status::Complete
            && !NOT_RUN.contains(&word)
            && answer.id != ENDS_WITH_ITS_TRANSACTION
            && !answer.session.iter().any(ends)
            && !names_what_does_not_stay(answer)
    }

    /// Runs the statements over the rows as they are.
    pub async fn look(&self, answers: &[&Answer]) -> Vec<Result<Seen, String>> {
        self.must("BEGIN").await;
        let seen = self.run_all(answers).await;
        self.must("ROLLBACK").await;
        seen
    }

    /// Until the server's clock has left the second that it is in.
    pub async fn let_a_second_pass(&self) {
        self.must("SELECT pg_sleep(1.1)").await;
    }

    /// Runs the statements with one column changed; `None` if the change is not possible.
    pub async fn look_after(
        &self,
        unit: &Unit,
        change: Change,
        answers: &[&Answer],
    ) -> Option<Vec<Result<Seen, String>>> {
        let table = self.tables.iter().find(|table| table.name == unit.table).expect("a unit of ours");
        let base = &self.base[&table.name];
        let mut random = Random::of(&[&self.seed.to_string(), &unit.table, &unit.column, change.word()]);
        let changed = data::changed(table, base, &unit.column, change, &mut random)?;
        self.must("BEGIN").await;
        self.must(&data::replacement(table, &changed)).await;
        let seen = self.run_all(answers).await;
        self.must("ROLLBACK").await;
        Some(seen)
    }

    async fn run_all(&self, answers: &[&Answer]) -> Vec<Result<Seen, String>> {
        let mut seen = Vec::with_capacity(answers.len());
        for answer in answers {
            seen.push(self.run(answer).await);
        }
        seen
    }

    /// Runs one statement between two savepoints, all in one message, and undoes it.
    async fn run(&self, answer: &Answer) -> Result<Seen, String> {
        let mut text = format!(
            "SAVEPOINT before_statement; SET LOCAL search_path TO {};\n{}",
            answer.search_path.join(", "),
            self.sequences_again
        );
        for statement in &answer.session {
            text.push_str(statement);
            text.push_str(";\n");
        }
        text.push_str(&answer.sql);
        text.push_str("\n;");
        let tables: Vec<String> = answer.outputs.iter().filter_map(|output| output.table.clone()).collect();
        for table in &tables {
            text.push_str(&format!("SELECT * FROM {};\n", quoted(table)));
        }
        let messages = self.client.simple_query(&text).await;
        self.must(
            "ROLLBACK TO SAVEPOINT before_statement; RELEASE SAVEPOINT before_statement; DEALLOCATE ALL",
        )
        .await;
        let messages = messages.map_err(|error| describe(&error))?;
        let before = 2 + self.sequences_again.matches(';').count() + answer.session.len();
        let mut answered = split(messages).into_iter().skip(before);
        let result = answered.next().expect("as many answers as statements");
        Ok(Seen { result, tables: tables.into_iter().zip(answered).collect() })
    }

    async fn must(&self, sql: &str) {
        if let Err(error) = self.client.batch_execute(sql).await {
            panic!("{} in: {sql}", describe(&error));
        }
    }
}

fn describe(error: &tokio_postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), |error| format!("{}: {}", error.code().code(), error.message()))
}

/// Where a row lies is no value of the made-up rows; and a table that the session itself fills follows
/// what it is filled from, although lineage stops at it.
fn names_what_does_not_stay(answer: &Answer) -> bool {
    let columns = answer.outputs.iter().flat_map(|output| &output.columns);
    let mut sources = columns.flat_map(|column| &column.direct).chain(&answer.indirect);
    let system = [".ctid", ".tableoid", ".xmin", ".cmin", ".xmax", ".cmax"];
    sources.any(|source| system.iter().any(|name| source.ends_with(name)) || source.contains(".extra."))
}

/// `schema.table` as SQL takes it.
fn quoted(table: &str) -> String {
    table.split('.').map(|part| format!("\"{part}\"")).collect::<Vec<_>>().join(".")
}

/// What each statement of a message answered.
fn split(messages: Vec<SimpleQueryMessage>) -> Vec<Rows> {
    let (mut all, mut current) = (Vec::new(), Rows::default());
    for message in messages {
        match message {
            SimpleQueryMessage::RowDescription(columns) => {
                current.names = columns.iter().map(|column| column.name().to_owned()).collect();
            }
            SimpleQueryMessage::Row(row) => {
                current.rows.push((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect());
            }
            SimpleQueryMessage::CommandComplete(_) => {
                current.rows.sort_unstable();
                all.push(std::mem::take(&mut current));
            }
            _ => {}
        }
    }
    all
}
