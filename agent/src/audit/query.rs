//! From a question to rows. What somebody typed is only ever a parameter, never a part of the SQL.

use std::{
    path::{Path, PathBuf},
    sync::mpsc::{RecvTimeoutError, channel},
    time::Duration,
};

use connect_shared::{
    api::{IndexedLeaf, RowFacts, SearchFilter, SearchOrder, SearchRequest, SearchRow},
    entry::{Entry, PrincipalRef},
    ids::StatementId,
};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql};

use super::{
    IndexError,
    facts::{What, decision_code},
    leaves::Leaves,
    store::reader,
};

/// Bytes after which an answer ends: whoever sent long texts often must not fill the agent's memory by
/// asking for them. The rest is the next page.
const MAX_ANSWER: usize = 8 << 20;
/// How long one question may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose entries are looked through.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Whose<'a> {
    Everybody,
    /// Of this principal and nobody else, whatever the filter says.
    Own(&'a PrincipalRef),
}

/// Rows, and whether there are more.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) rows: Vec<SearchRow>,
    pub(crate) more: bool,
}

/// Asks the index behind `path`, and reads what it finds from the log. Blocks.
///
/// # Errors
/// The index or the log cannot be read, or it takes too long.
pub(crate) fn search(
    path: &Path,
    leaves: &mut Leaves,
    request: &SearchRequest,
    whose: Whose<'_>,
) -> Result<Found, IndexError> {
    let connection = reader(path)?;
    let sqlite = |source| IndexError::Sqlite { path: path.to_owned(), source };
    let question = Question::new(request, whose);
    let places = in_time(&connection, |connection| question.ask(connection)).map_err(sqlite)?;
    let (places, cut) = places.ok_or(IndexError::TooSlow)?;
    let (limit, count) = (usize::try_from(request.limit).unwrap_or(usize::MAX), places.len());
    let mut rows = Vec::new();
    for place in places.into_iter().take(limit) {
        if leaves.given() > MAX_ANSWER {
            break;
        }
        let first = leaves.get(place.index)?;
        let end = place.end.map(|end| leaves.get(end)).transpose()?;
        rows.push(SearchRow::new(first, end, place.facts));
    }
    Ok(Found { more: cut || count > rows.len(), rows })
}

/// Whose the statement of an OUTCOME was.
///
/// # Errors
/// The index cannot be read.
pub(crate) fn owner(path: &Path, statement: StatementId) -> Result<Option<(String, String)>, IndexError> {
    let connection = reader(path)?;
    connection
        .query_row(
            "SELECT sub, idp FROM entry WHERE statement = ?1 AND sub IS NOT NULL",
            [statement.to_bytes().as_slice()],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .optional()
        .map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })
}

/// Index of the INTENT or the denial of a statement.
///
/// # Errors
/// The index cannot be read.
pub(crate) fn beginning(path: &Path, statement: StatementId) -> Result<Option<u64>, IndexError> {
    let connection = reader(path)?;
    connection
        .query_row(
            "SELECT idx FROM entry WHERE statement = ?1 AND kind IN ('intent', 'denial')",
            [statement.to_bytes().as_slice()],
            |row| row.get(0),
        )
        .optional()
        .map_err(|source| IndexError::Sqlite { path: path.to_owned(), source })
}

/// Says of an entry what stands elsewhere in the log: the names of those who are only ids in it, the text
/// behind a fingerprint.
pub(crate) struct Describer {
    connection: Connection,
    path: PathBuf,
}

impl Describer {
    /// With the index behind `path`.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, IndexError> {
        Ok(Self { connection: reader(path)?, path: path.to_owned() })
    }

    /// For questions of others' own.
    pub(crate) const fn connection(&self) -> &Connection {
        &self.connection
    }

    /// What the index knows of an entry; nothing of one that is not in it.
    ///
    /// # Errors
    /// The index cannot be read.
    pub(crate) fn describe(&self, entry: &IndexedLeaf) -> Result<RowFacts, IndexError> {
        let (condition, parameter): (_, Box<dyn ToSql>) = match &entry.leaf.entry {
            Entry::Outcome(outcome) => ("e.statement = ?", Box::new(outcome.statement.to_bytes().to_vec())),
            _ => ("e.idx = ?", Box::new(number(entry.index))),
        };
        let described = || -> Result<Option<RowFacts>, rusqlite::Error> {
            let mut statement = self.connection.prepare_cached(&format!("{SELECT} AND {condition}"))?;
            statement.query_row([parameter], |row| place(row).map(|place| place.facts)).optional()
        };
        let found = described().map_err(|source| IndexError::Sqlite { path: self.path.clone(), source })?;
        Ok(found.unwrap_or_default())
    }
}

/// Runs a question, and stops it when its time is over: `None`.
pub(crate) fn in_time<T: Send>(
    connection: &Connection,
    ask: impl FnOnce(&Connection) -> Result<T, rusqlite::Error>,
) -> Result<Option<T>, rusqlite::Error> {
    let interrupt = connection.get_interrupt_handle();
    let (done, waiting) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if waiting.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        });
        let answer = ask(connection);
        drop(done);
        match answer {
            Err(rusqlite::Error::SqliteFailure(failure, _))
                if failure.code == rusqlite::ErrorCode::OperationInterrupted =>
            {
                Ok(None)
            }
            other => other.map(Some),
        }
    })
}

/// Where a row's entries stand.
struct Place {
    index: u64,
    end: Option<u64>,
    facts: RowFacts,
}

/// What a [`Place`] is made of.
const SELECT: &str = "SELECT e.idx, e.end_idx, e.sub, e.idp, e.actor, e.resource, \
    (SELECT n.name FROM name n WHERE n.sub = e.sub AND n.idp = e.idp), \
    (SELECT t.sql FROM used u JOIN text t USING (fingerprint) WHERE u.idx = e.idx LIMIT 1) \
    FROM entry e WHERE TRUE";

fn place(row: &Row<'_>) -> Result<Place, rusqlite::Error> {
    let (sub, idp) = (row.get::<_, Option<String>>(2)?, row.get::<_, Option<String>>(3)?);
    let actor = row.get(4)?;
    let principal = sub.zip(idp).map(|(sub, idp)| PrincipalRef { sub, idp, actor });
    let facts = RowFacts { principal, resource: row.get(5)?, name: row.get(6)?, sql: row.get(7)? };
    Ok(Place { index: row.get(0)?, end: row.get(1)?, facts })
}

/// A SELECT, and its parameters in order.
struct Question {
    sql: String,
    parameters: Vec<Box<dyn ToSql + Send>>,
}

impl Question {
    fn new(request: &SearchRequest, whose: Whose<'_>) -> Self {
        let mut question = Self { sql: SELECT.to_owned(), parameters: Vec::new() };
        if let Whose::Own(principal) = whose {
            question.and("e.sub = ? AND e.idp = ?", [principal.sub.clone(), principal.idp.clone()]);
        }
        question.filter(&request.filter);
        if request.wait > 0 {
            // Whoever waits for news leaves such entries, and must not be woken by them, nor two by each other.
            question.sql.push_str(" AND e.kind <> 'searched'");
        }
        if let Some(before) = request.before {
            question.and("e.idx < ?", [number(before)]);
        }
        if let Some(from) = request.from {
            question.and("e.idx >= ?", [number(from)]);
        }
        question.sql.push_str(match request.order {
            SearchOrder::NewestFirst => " ORDER BY e.idx DESC LIMIT ?",
            SearchOrder::OldestFirst => " ORDER BY e.idx LIMIT ?",
        });
        // One more than is shown, to know whether there are more.
        question.parameters.push(Box::new(i64::from(request.limit) + 1));
        question
    }

    fn and<T: ToSql + Send + 'static, const N: usize>(&mut self, condition: &str, parameters: [T; N]) {
        self.sql.push_str(" AND ");
        self.sql.push_str(condition);
        self.parameters.extend(parameters.map(|parameter| Box::new(parameter) as Box<dyn ToSql + Send>));
    }

    fn filter(&mut self, filter: &SearchFilter) {
        if let Some(who) = &filter.principal {
            self.and(
                "(e.sub = ? OR e.sub IN (SELECT n.sub FROM name n WHERE n.name = ? AND n.idp = e.idp))",
                [who.clone(), who.clone()],
            );
        }
        if let Some(actor) = &filter.actor {
            self.and("e.actor = ?", [actor.clone()]);
        }
        if let Some(resource) = &filter.resource {
            self.and("e.resource = ?", [resource.clone()]);
        }
        for (what, name) in [(What::Table, &filter.table), (What::Column, &filter.column)] {
            if let Some(name) = name {
                self.object(what, name);
            }
        }
        let run = filter.run.map(|run| run.to_string());
        for (what, name) in [(What::Label, &filter.label), (What::Run, &run)] {
            if let Some(name) = name {
                self.named(what, name);
            }
        }
        if let Some(decision) = filter.decision {
            self.and("e.decision = ?", [decision_code(decision)]);
        }
        if let Some(since) = filter.since {
            self.and("e.time >= ?", [number(since)]);
        }
        if let Some(until) = filter.until {
            self.and("e.time < ?", [number(until)]);
        }
        if let Some(text) = &filter.text {
            self.and(
                "e.idx IN (SELECT u.idx FROM used u JOIN text t USING (fingerprint) \
                 WHERE instr(lower(t.sql), lower(?)) > 0)",
                [text.clone()],
            );
        }
        if let Some(statement) = filter.statement {
            self.and("e.statement = ?", [statement.to_bytes().to_vec()]);
        }
        if let Some(session) = filter.session {
            self.and("e.session = ?", [session.to_bytes().to_vec()]);
        }
        if !filter.kinds.is_empty() {
            let places = vec!["?"; filter.kinds.len()].join(", ");
            self.sql.push_str(&format!(" AND e.kind IN ({places})"));
            let kinds = filter.kinds.iter().map(|kind| Box::new(kind.clone()) as Box<dyn ToSql + Send>);
            self.parameters.extend(kinds);
        }
    }

    /// A whole name.
    fn named(&mut self, what: What, name: &str) {
        let code = what.code();
        let condition = format!("e.idx IN (SELECT o.idx FROM object o WHERE o.what = {code} AND o.name = ?)");
        self.and(&condition, [name.to_owned()]);
    }

    /// A name, or the end of one behind a dot.
    fn object(&mut self, what: What, name: &str) {
        let code = what.code();
        let condition = format!(
            "e.idx IN (SELECT o.idx FROM object o WHERE o.what = {code} AND \
             (o.name = ? OR substr(o.name, -length(?)) = ?))"
        );
        let behind_dot = format!(".{name}");
        self.and(&condition, [name.to_owned(), behind_dot.clone(), behind_dot]);
    }

    /// Places, and whether there may be more for their length alone.
    fn ask(&self, connection: &Connection) -> Result<(Vec<Place>, bool), rusqlite::Error> {
        let mut statement = connection.prepare(&self.sql)?;
        let parameters = self.parameters.iter().map(|parameter| -> &dyn ToSql { parameter.as_ref() });
        let mut rows = statement.query(rusqlite::params_from_iter(parameters))?;
        let (mut places, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let place = place(row)?;
            bytes += place.facts.sql.as_ref().map_or(0, String::len);
            places.push(place);
            if bytes > MAX_ANSWER {
                return Ok((places, true));
            }
        }
        Ok((places, false))
    }
}

/// Times and indices as the tables have them.
pub(super) fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
