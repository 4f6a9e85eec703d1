//! The agent's side: `connect-agent analyze`, a line a statement.

use std::{
    collections::BTreeSet,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
};

use serde_json::{Value, json};

use crate::{place, postgres::ADMINISTRATOR};

/// A running `connect-agent analyze`.
pub struct Analyst {
    program: Child,
}

/// What the agent says of a statement.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub status: String,
    pub reasons: Vec<String>,
    pub outputs: Vec<Output>,
    pub indirect: BTreeSet<String>,
    pub reads: BTreeSet<String>,
    pub functions: BTreeSet<String>,
    pub micros: f64,
}

/// One thing that comes out.
#[derive(Debug, Clone, Default)]
pub struct Output {
    pub kind: String,
    pub table: Option<String>,
    pub created: bool,
    pub columns: Vec<Column>,
}

/// One column of it.
#[derive(Debug, Clone, Default)]
pub struct Column {
    pub name: String,
    pub data_type: Option<String>,
    pub direct: BTreeSet<String>,
    /// The stored column that it is.
    pub origin: Option<String>,
}

impl Analyst {
    /// Starts one over a database as it is now.
    ///
    /// # Panics
    /// The program is not built.
    #[must_use]
    pub fn start(port: u16, database: &str) -> Self {
        let mut command = Command::new(place::built("connect-agent"));
        command.args(["analyze", "--database"]);
        command.arg(format!(
            "host=127.0.0.1 port={port} user={ADMINISTRATOR} dbname={database} sslmode=disable"
        ));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        Self { program: command.spawn().expect("the agent starts") }
    }

    #[must_use]
    pub fn process(&self) -> u32 {
        self.program.id()
    }

    /// Asks about statements, each in a new session.
    ///
    /// # Panics
    /// The program ends before it has answered all of them.
    pub fn ask(&mut self, statements: &[&str]) -> Vec<Told> {
        self.ask_all(statements.iter().map(|sql| json!({ "sql": sql })).collect())
    }

    /// Asks questions as `analyze` takes them; their ids are their places.
    ///
    /// # Panics
    /// The program ends before it has answered all of them.
    pub fn ask_all(&mut self, mut questions: Vec<Value>) -> Vec<Told> {
        questions.iter_mut().enumerate().for_each(|(id, question)| question["id"] = json!(id));
        let lines: String = questions.iter().map(|question| format!("{question}\n")).collect();
        let mut input = self.program.stdin.take().expect("a pipe");
        // Both pipes are bounded: one thread writes, this one reads.
        let writer = std::thread::spawn(move || {
            input.write_all(lines.as_bytes()).expect("the agent reads");
            input.flush().expect("the agent reads");
            input
        });
        let mut output = BufReader::new(self.program.stdout.take().expect("a pipe"));
        let mut answers = Vec::with_capacity(questions.len());
        let mut line = String::new();
        for (place, question) in questions.iter().enumerate() {
            line.clear();
            let length = output.read_line(&mut line).expect("the agent answers");
            assert!(length > 0, "the agent ended at: {question}");
            let answer: Value = serde_json::from_str(&line).expect("an answer is JSON");
            assert_eq!(answer["id"], json!(place), "answers come in order");
            answers.push(Told::read(&answer));
        }
        self.program.stdin = Some(writer.join().expect("everything was written"));
        self.program.stdout = Some(output.into_inner());
        answers
    }
}

impl Drop for Analyst {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ended = self.program.wait();
    }
}

impl Told {
    fn read(answer: &Value) -> Self {
        let outputs = answer["outputs"].as_array().into_iter().flatten().map(Output::read).collect();
        Self {
            status: answer["status"].as_str().unwrap_or_default().to_owned(),
            reasons: texts(&answer["reasons"]).collect(),
            outputs,
            indirect: texts(&answer["indirect"]).collect(),
            reads: texts(&answer["reads"]).collect(),
            functions: texts(&answer["functions"]).collect(),
            micros: answer["micros"].as_f64().unwrap_or_default(),
        }
    }
}

impl Output {
    fn read(output: &Value) -> Self {
        let column = |column: &Value| Column {
            name: column["name"].as_str().unwrap_or_default().to_owned(),
            data_type: column["type"].as_str().map(str::to_owned),
            direct: texts(&column["direct"]).collect(),
            origin: column["origin"].as_str().map(str::to_owned),
        };
        Self {
            kind: output["kind"].as_str().unwrap_or_default().to_owned(),
            table: output["table"].as_str().map(str::to_owned),
            created: output["created"] == true,
            columns: output["columns"].as_array().into_iter().flatten().map(column).collect(),
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    list.as_array().into_iter().flatten().filter_map(|one| one.as_str().map(str::to_owned))
}
