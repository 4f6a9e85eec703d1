//! One question, one answer: the session is brought to where the question wants it, then the text is
//! analysed in it.

use std::time::{Duration, Instant};

use connect_core::{
    catalog::Catalog,
    lineage::{Names, merge},
    session::Session,
    understand::{Limits, lineages, new_session},
};
use connect_shared::lineage::{LineageReport, UnderstandingStatus};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::lines::LONGEST;

/// One line of input. What else is in it is somebody else's: manifests have many fields.
#[derive(Debug, Deserialize)]
struct Question {
    #[serde(default)]
    id: Value,
    sql: String,
    /// Schemas in the order of lookup; absent: those of a new connection.
    #[serde(default)]
    search_path: Option<Vec<String>>,
    /// Statements that were executed before on the same connection.
    #[serde(default)]
    session: Vec<String>,
}

/// One line of output.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    schema: &'static str,
    id: Value,
    #[serde(flatten)]
    lineage: LineageReport,
    /// Of each statement, where a text has several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    statements: Vec<LineageReport>,
    /// Time of the analysis in microseconds, without that of the session's statements.
    micros: f64,
}

/// Answers against one snapshot.
pub(super) struct Analyst {
    catalog: Catalog,
    last: Replay,
}

/// A session that was brought about by these statements. A replay sends line after line with the same
/// statements and one more: they are not analysed again each time.
#[derive(Default)]
struct Replay {
    search_path: Option<Vec<String>>,
    statements: Vec<String>,
    session: Session,
    begun: bool,
}

impl Analyst {
    pub(super) fn new(catalog: Catalog) -> Self {
        Self { catalog, last: Replay::default() }
    }

    /// Answers a line, whatever is in it.
    pub(super) fn answer(&mut self, line: &[u8]) -> Answer {
        match serde_json::from_slice::<Question>(line) {
            Ok(question) => self.analyse(question),
            Err(error) => {
                // The id is given back if it can be found, so that the line is found again.
                let id = serde_json::from_slice::<Value>(line).ok();
                let id = id.and_then(|value| value.get("id").cloned()).unwrap_or_default();
                unreadable(id, &describe(&error))
            }
        }
    }

    /// Answers a line that was not read to its end.
    #[expect(clippy::unused_self, reason = "every line is answered by the analyst")]
    pub(super) fn too_long(&self) -> Answer {
        unreadable(Value::Null, &format!("the line has more than {LONGEST} bytes"))
    }

    fn analyse(&mut self, question: Question) -> Answer {
        let mut session = self.session(question.search_path, question.session);
        let begun = Instant::now();
        let bound = lineages(question.sql.as_bytes(), &self.catalog, &mut session, &Limits::default());
        let took = begun.elapsed();
        let names = Names { catalog: &self.catalog, session: &session };
        let reports: Vec<_> = bound.iter().map(|lineage| lineage.report(&names)).collect();
        let lineage = merge(&reports);
        let statements = if reports.len() > 1 { reports } else { Vec::new() };
        Answer { schema: "connect.analyze/1", id: question.id, lineage, statements, micros: micros(took) }
    }

    fn session(&mut self, search_path: Option<Vec<String>>, statements: Vec<String>) -> Session {
        let last = &mut self.last;
        let goes_on =
            last.begun && last.search_path == search_path && statements.starts_with(&last.statements);
        if !goes_on {
            let session = new_session(&self.catalog, search_path.as_deref());
            *last = Replay { search_path, statements: Vec::new(), session, begun: true };
        }
        for statement in statements.into_iter().skip(last.statements.len()) {
            let _of_no_interest =
                lineages(statement.as_bytes(), &self.catalog, &mut last.session, &Limits::default());
            last.statements.push(statement);
        }
        last.session.clone()
    }
}

fn describe(error: &serde_json::Error) -> String {
    let column = error.column();
    if !error.is_data() {
        return format!("not JSON (column {column})");
    }
    let text = error.to_string();
    let words = text.split_once(" at line").map_or(text.as_str(), |(words, _)| words);
    format!("{words} (column {column})")
}

fn unreadable(id: Value, why: &str) -> Answer {
    let lineage = LineageReport {
        status: UnderstandingStatus::Opaque,
        reasons: vec![format!("input: {why}")],
        ..LineageReport::default()
    };
    Answer { schema: "connect.analyze/1", id, lineage, statements: Vec::new(), micros: 0.0 }
}

fn micros(took: Duration) -> f64 {
    (took.as_secs_f64() * 10_000_000.0).round() / 10.0
}
