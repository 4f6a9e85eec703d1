//! A statement, and the session that it stands in.

use serde_json::{Value, json};

use crate::{answers::Answer, generate::Statement, oracle::wire::Wire};

/// A statement, and the session that it stands in.
#[derive(Debug, Clone, Default)]
pub struct Case {
    pub sql: String,
    /// The query in it, if it is a command around one.
    pub judged: String,
    /// Absent: that of a new connection.
    pub search_path: Option<Vec<String>>,
    pub session: Vec<String>,
}

impl Case {
    /// A statement of a new connection.
    #[must_use]
    pub fn of(statement: &Statement) -> Self {
        let Statement { sql, judged } = statement.clone();
        Self { sql, judged, ..Self::default() }
    }

    /// A statement of the set of answers.
    #[must_use]
    pub fn of_the_set(answer: &Answer) -> Self {
        Self {
            sql: answer.sql.clone(),
            judged: answer.sql.clone(),
            search_path: Some(answer.search_path.clone()),
            session: answer.session.clone(),
        }
    }

    /// It is a query, so that it can be a view.
    #[must_use]
    pub fn is_query(&self) -> bool {
        let start = self.judged.trim_start_matches(['(', ' ', '\n']);
        let word: String = start.chars().take_while(char::is_ascii_alphabetic).collect();
        ["SELECT", "WITH", "VALUES", "TABLE"].contains(&word.to_uppercase().as_str())
    }

    /// The session has made or changed relations.
    pub(super) fn makes_relations(&self) -> bool {
        let makes = |statement: &String| {
            let mut words = statement.split_whitespace();
            words.any(|word| ["CREATE", "ALTER", "DROP", "INTO"].contains(&word))
        };
        self.session.iter().any(makes)
    }

    /// The session stands under a role of its own, to whom row security applies.
    pub(super) fn has_role(&self) -> bool {
        self.session.iter().any(|statement| statement.starts_with("SET ROLE "))
    }

    pub(super) const fn is_plain(&self) -> bool {
        self.search_path.is_none() && self.session.is_empty()
    }

    /// Brings a new connection to where the statement stands.
    pub(super) fn begin(&self, wire: &mut Wire) {
        if let Some(path) = &self.search_path {
            wire.run(&format!("SET search_path TO {}", path.join(", ")));
        }
        // These end with their own transaction, or begin one.
        let minds = |statement: &String| statement == "BEGIN" || statement.contains("set_config");
        if !self.session.iter().any(minds) {
            wire.run("BEGIN");
        }
        self.session.iter().for_each(|statement| drop(wire.run(statement)));
    }

    /// The question for `connect-agent analyze` about a text in this session.
    pub(super) fn question(&self, sql: &str) -> Value {
        json!({ "sql": sql, "search_path": self.search_path, "session": self.session })
    }
}
