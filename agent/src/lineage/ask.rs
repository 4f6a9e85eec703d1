//! From a question to a graph: breadth first from what was asked about, by queries whose every name is a
//! parameter.
//!
//! A path goes forward in time. Each node is reached with the place in the log at which values can have come
//! to it (going up: by which they must have), and only what was done after (before) that counts. Read next:
//! [`roots`] for what a name means, [`steps`] for one step, [`graph`] for what becomes of them.

mod approvals;
mod folders;
mod graph;
mod nodes;
mod roots;
mod steps;
#[cfg(test)]
mod tests;

use std::path::Path;

use connect_shared::{
    api::{LineageAnswer, LineageDirection, LineageQuestion, SearchScope},
    entry::PrincipalRef,
    label::Label,
};
use rusqlite::Connection;

use self::graph::Graph;
use crate::audit::{IndexError, in_time, reader};

/// Edges in one answer.
const MAX_EDGES: usize = 5_000;

/// What is asked, and by whom.
pub(crate) struct Asked<'a> {
    pub(crate) question: &'a LineageQuestion,
    pub(crate) asker: &'a PrincipalRef,
    /// The label that a column has now: resource, OID of the table, number.
    pub(crate) label: &'a (dyn Fn(&str, u32, i16) -> Option<Label> + Sync),
}

impl Asked<'_> {
    /// A condition on `u`, a row of `used_shape`, with the parameters `:sub` and `:idp`; true for auditors.
    fn whose(&self) -> &'static str {
        match self.question.scope {
            SearchScope::Own => "(u.sub = :sub AND u.idp = :idp)",
            SearchScope::All => "(:sub <> '' OR :idp = '' OR TRUE)",
        }
    }

    fn may_see(&self, sub: &str, idp: &str) -> bool {
        self.question.scope == SearchScope::All || (self.asker.sub == sub && self.asker.idp == idp)
    }

    fn is_down(&self) -> bool {
        self.question.direction == LineageDirection::Down
    }
}

/// Answers from the index behind `path`. `None` where nothing has that name. Blocks.
///
/// # Errors
/// The index cannot be read, or it takes too long.
pub(crate) fn ask(path: &Path, asked: &Asked<'_>) -> Result<Option<LineageAnswer>, IndexError> {
    let connection = reader(path)?;
    let sqlite = |source| IndexError::Sqlite { path: path.to_owned(), source };
    let answer = in_time(&connection, |connection| answer(connection, asked)).map_err(sqlite)?;
    answer.ok_or(IndexError::TooSlow)
}

fn answer(connection: &Connection, asked: &Asked<'_>) -> Result<Option<LineageAnswer>, rusqlite::Error> {
    let (roots, also) = roots::find(connection, asked)?;
    if roots.is_empty() {
        return Ok(None);
    }
    let mut graph = Graph::new(connection, asked, roots)?;
    graph.grow()?;
    let gaps = graph.gaps()?;
    let (nodes, edges) = graph.describe()?;
    let approvals = approvals::of(connection, &edges)?;
    Ok(Some(LineageAnswer {
        schema: "connect.lineage/1".to_owned(),
        // Whoever holds the log fills these in.
        origin: String::new(),
        indexed: 0,
        size: 0,
        scope: asked.question.scope,
        direction: asked.question.direction,
        roots: graph.root_ids()?,
        also,
        nodes,
        edges,
        approvals,
        gaps,
        more: graph.more,
    }))
}
