//! The reader of `corpora/lineage`: statements with the answers that a person worked out for them. Its
//! README says how the files are written and which rules the answers follow.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::place;

pub mod score;

/// Stored columns as `schema.table.column`.
pub type Sources = BTreeSet<String>;

/// One statement and what is true of it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    pub id: String,
    pub sql: String,
    /// What the session ran before.
    pub session: Vec<String>,
    pub search_path: Vec<String>,
    /// The first server version whose grammar has it.
    pub from: Option<u8>,
    /// The last server version that reads it like this.
    pub until: Option<u8>,
    /// The result first, then the tables that are written.
    pub outputs: Vec<Output>,
    pub indirect: Sources,
    pub status: Status,
}

/// One thing that comes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The table that is written, as `schema.table`; `None` for the result.
    pub table: Option<String>,
    pub columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub direct: Sources,
}

/// How much can be known of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    #[default]
    Complete,
    Partial,
    Opaque,
}

impl Status {
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Partial => "partial",
            Self::Opaque => "opaque",
        }
    }
}

impl Answer {
    /// Whether a server of this version reads the statement as the answer does.
    #[must_use]
    pub fn is_for(&self, version: u8) -> bool {
        self.from.is_none_or(|from| from <= version) && self.until.is_none_or(|until| version <= until)
    }

    /// Whether its grammar is newer than a server of this version.
    #[must_use]
    pub fn is_newer_than(&self, version: u8) -> bool {
        self.from.is_some_and(|from| version < from)
    }

    /// The columns of the result, if it has one.
    #[must_use]
    pub fn result(&self) -> Option<&Output> {
        self.outputs.iter().find(|output| output.table.is_none())
    }
}

/// The folder of the set.
#[must_use]
pub fn folder() -> PathBuf {
    place::of_tests("corpora/lineage")
}

/// What the statements are about.
///
/// # Panics
/// It cannot be read.
#[must_use]
pub fn schema() -> String {
    fs::read_to_string(folder().join("schema.sql")).expect("the schema of the set")
}

/// The whole set.
///
/// # Panics
/// A file is not written as its README says, or two statements bear one name.
#[must_use]
pub fn all() -> Vec<Answer> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .expect("the folder of the set")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .collect();
    files.sort();
    let texts = files.iter().map(|path| fs::read_to_string(path).expect("a text"));
    let answers: Vec<Answer> = texts.flat_map(|text| read(&text)).collect();
    let names: BTreeSet<&str> = answers.iter().map(|answer| answer.id.as_str()).collect();
    assert_eq!(names.len(), answers.len(), "a name is given twice");
    answers
}

/// Reads one file of the set.
///
/// # Panics
/// It is not written as it should be.
#[must_use]
pub fn read(text: &str) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    for line in text.lines() {
        if let Some(id) = line.strip_prefix("== ") {
            answers.push(Answer {
                id: id.trim().to_owned(),
                search_path: vec!["harbour".to_owned()],
                ..Answer::default()
            });
            continue;
        }
        let Some(answer) = answers.last_mut() else {
            assert!(line.is_empty(), "`{line}` stands before the first statement");
            continue;
        };
        if let Some(said) = line.strip_prefix("=>") {
            answer.take_answer(said.trim());
        } else if let Some(directive) = line.strip_prefix('@') {
            answer.take_directive(directive);
        } else if !line.is_empty() && !line.starts_with("# ") {
            if !answer.sql.is_empty() {
                answer.sql.push('\n');
            }
            answer.sql.push_str(line);
        }
    }
    answers
}

impl Answer {
    fn take_directive(&mut self, directive: &str) {
        let (word, value) = directive.split_once(' ').expect("a directive has a value");
        let version = || Some(value.trim().parse().expect("a version"));
        match word {
            "session" => self.session.push(value.to_owned()),
            "path" => self.search_path = value.split(',').map(|schema| schema.trim().to_owned()).collect(),
            "from" => self.from = version(),
            "until" => self.until = version(),
            other => panic!("{}: there is no directive `{other}`", self.id),
        }
    }

    fn take_answer(&mut self, said: &str) {
        match said.split_once([' ', ':']) {
            None if said == "partial" => self.status = Status::Partial,
            None if said == "opaque" => self.status = Status::Opaque,
            Some(("indirect", sources)) if said.starts_with("indirect:") => {
                self.indirect = read_sources(sources)
            }
            Some(("into", table)) if said.starts_with("into ") => {
                self.outputs.push(Output { table: Some(with_schema(table, 2)), columns: Vec::new() });
            }
            _ => self.take_columns(said),
        }
    }

    fn take_columns(&mut self, said: &str) {
        if self.outputs.is_empty() {
            self.outputs.push(Output { table: None, columns: Vec::new() });
        }
        let output = self.outputs.last_mut().expect("pushed if there was none");
        for column in said.split(';') {
            let (name, sources) = column
                .split_once(':')
                .unwrap_or_else(|| panic!("{}: `{column}` is no column with sources", self.id));
            output.columns.push(Column { name: name.trim().to_owned(), direct: read_sources(sources) });
        }
    }
}

fn read_sources(text: &str) -> Sources {
    let sources = text.split(',').map(str::trim).filter(|source| !source.is_empty());
    sources.map(|source| with_schema(source, 3)).collect()
}

/// The name with the schema that is meant where none is written.
fn with_schema(name: &str, parts: usize) -> String {
    let name = name.trim();
    match name.split('.').count() {
        written if written == parts => name.to_owned(),
        written if written + 1 == parts => format!("harbour.{name}"),
        _ => panic!("`{name}` is not a name of {parts} parts"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_read_with_all_that_is_said_about_it() {
        let text = "== a\n# Why.\n@path crew, harbour\n@session BEGIN\n@from 17\nSELECT x,\n  y FROM t\n=> x: t.x, crew.t.y; y:\n=> into t\n=> y: t.z\n=> indirect: t.k\n=> partial\n";
        let [answer] = read(text).try_into().expect("one statement");
        assert_eq!(answer.sql, "SELECT x,\n  y FROM t");
        assert_eq!(answer.search_path, ["crew", "harbour"]);
        assert!(!answer.is_for(15) && answer.is_newer_than(16) && answer.is_for(18));
        let result = answer.result().expect("a result");
        assert_eq!(result.columns[0].direct, Sources::from(["harbour.t.x".into(), "crew.t.y".into()]));
        assert!(result.columns[1].direct.is_empty());
        assert_eq!(answer.outputs[1].table.as_deref(), Some("harbour.t"));
        assert_eq!(answer.indirect, Sources::from(["harbour.t.k".into()]));
        assert_eq!(answer.status, Status::Partial);
    }

    #[test]
    fn the_set_is_read_and_large() {
        assert!(all().len() >= 320);
    }
}
