//! What the entries say: readable, in the order of time, each INTENT with one end.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
};

use serde::Deserialize;

use super::{
    super::{pruning::Pruning, tree::plain_hash},
    open::Open,
    report::{Fault, MAX_LISTED, OpenIntent, Relaxed, STRICT, Wrong},
    silence::{Life, Silences},
};
use crate::{
    entry::{CATALOGUE, Denial, Entry, Intent, Leaf, OutcomeEntry, StatementResult},
    hexadecimal::hexadecimal,
    ids::{ConnectionId, StatementId},
};

/// The running state over all entries so far.
#[derive(Debug, Default)]
pub(super) struct Leaves {
    pub(super) statements: u64,
    pub(super) denials: u64,
    pub(super) first_time: Option<u64>,
    pub(super) last_time: Option<u64>,
    pub(super) faults: Vec<Fault>,
    /// Faults beyond the most that are listed.
    pub(super) unlisted: u64,
    /// Times of which nothing is said.
    pub(super) silences: Silences,
    /// Starts of an agent whose log may lose its end with the power, at most [`MAX_LISTED`].
    pub(super) relaxed: Vec<Relaxed>,
    /// Statements that have begun and not ended.
    open: Open,
    /// Where each statement ended.
    ended: HashMap<StatementId, u64>,
    /// The number that the next INTENT or denial of a connection must have.
    next_of: HashMap<ConnectionId, u64>,
    /// Statements whose INTENT was pruned and whose OUTCOME was not.
    begun_before: HashSet<StatementId>,
    /// Only a part of the log is looked at: what is missing may stand before it.
    partial: bool,
}

/// A body that stands beside the leaf, to be fetched by the caller.
pub(super) struct Body {
    pub(super) path: String,
    pub(super) sha256: String,
    pub(super) length: u64,
}

impl Leaves {
    /// Of a part of a log.
    pub(super) fn of_a_part() -> Self {
        Self { partial: true, ..Self::default() }
    }

    /// Of what follows pruned entries.
    pub(super) fn after(pruning: &Pruning) -> Self {
        let next_of = pruning.connections.iter().map(|(connection, next)| (*connection, *next)).collect();
        Self { begun_before: pruning.open.clone(), next_of, ..Self::default() }
    }

    /// Looks at the entry at `index`. An entry whose body stands elsewhere gives its place.
    pub(super) fn look(&mut self, index: u64, bytes: &[u8]) -> Option<Body> {
        match read(bytes) {
            Ok(Found { time, fact, number, life }) => {
                self.look_at_time(index, time);
                self.silences.look(index, time, life);
                number.into_iter().for_each(|number| self.count(index, number));
                self.note(index, fact)
            }
            Err(reason) => {
                self.fault(index, Wrong::Unreadable { reason });
                None
            }
        }
    }

    fn note(&mut self, index: u64, fact: Fact) -> Option<Body> {
        match fact {
            Fact::Intent(statement, connection) => self.begin(index, statement, connection),
            Fact::Outcome(statement) => self.end(index, statement),
            Fact::Denial(statement) => self.deny(index, statement),
            Fact::Closed(connection) => {
                let left = self.open.take_of(connection);
                self.never_ended(left, index);
            }
            Fact::Started(mode) => {
                if mode != STRICT && self.relaxed.len() < MAX_LISTED {
                    self.relaxed.push(Relaxed { index, mode });
                }
                let left = self.open.take_all();
                self.never_ended(left, index);
            }
            Fact::Other => {}
            Fact::Elsewhere { fact, body } => {
                self.note(index, *fact);
                return Some(body);
            }
        }
        None
    }

    /// Looks at the body that an entry stands for.
    pub(super) fn look_at_body(&mut self, index: u64, body: Body, bytes: Option<&[u8]>) {
        let path = body.path;
        match bytes {
            None => self.fault(index, Wrong::BodyMissing { path }),
            Some(bytes) => {
                let hash = hexadecimal(&plain_hash(bytes).0);
                if hash != body.sha256 || bytes.len() as u64 != body.length {
                    return self.fault(index, Wrong::BodyChanged { path });
                }
                match serde_json::from_slice::<Entry>(bytes) {
                    Ok(Entry::Intent(intent)) => {
                        self.count(index, Number::Next(intent.connection, intent.sequence));
                    }
                    Ok(Entry::Denial(denial)) => {
                        self.count(index, Number::Next(denial.connection, denial.sequence));
                    }
                    Ok(_) => {}
                    Err(error) => self.fault(index, Wrong::Unreadable { reason: describe(&error) }),
                }
            }
        }
    }

    /// Statements without an end, in the order of the log, and how many.
    pub(super) fn open(&self) -> (Vec<OpenIntent>, u64) {
        let mut open: Vec<_> =
            self.open.list().into_iter().map(|(index, statement)| OpenIntent { index, statement }).collect();
        let total = open.len() as u64;
        open.truncate(MAX_LISTED);
        (open, total)
    }

    fn look_at_time(&mut self, index: u64, time: u64) {
        self.first_time.get_or_insert(time);
        match self.last_time {
            Some(before) if time < before => self.fault(index, Wrong::TimeWentBack { before, time }),
            _ => self.last_time = Some(time),
        }
    }

    /// Each connection numbers its INTENTs and denials from 0 on, and says at its end how many there were. Entries
    /// of before there were numbers have none.
    fn count(&mut self, index: u64, number: Number) {
        match number {
            Number::Closed(connection, said) => {
                let known = self.next_of.remove(&connection).or((!self.partial).then_some(0));
                if let (Some(said), Some(found)) = (said, known)
                    && said != found
                {
                    self.fault(index, Wrong::SequenceCut { connection, said, found });
                }
            }
            Number::Next(connection, Some(found)) => {
                let usual = if self.partial { found } else { 0 };
                let expected = self.next_of.insert(connection, found.wrapping_add(1)).unwrap_or(usual);
                if found != expected {
                    self.fault(index, Wrong::SequenceBroken { connection, expected, found });
                }
            }
            Number::Next(_, None) => {}
        }
    }

    fn begin(&mut self, index: u64, statement: StatementId, connection: Option<ConnectionId>) {
        self.statements += 1;
        let first = self.open.get(statement).or_else(|| self.ended.get(&statement).copied());
        match first {
            Some(first) => self.fault(index, Wrong::SecondIntent { statement, first }),
            None => self.open.begin(index, statement, connection),
        }
    }

    /// A connection that is closed has no statement under way, and an agent that starts none at all: each has its
    /// OUTCOME by then, if only that it is unknown.
    fn never_ended(&mut self, left: Vec<(u64, StatementId)>, by: u64) {
        for (index, statement) in left {
            // An OUTCOME that comes after all is a second one.
            self.ended.insert(statement, index);
            self.fault(index, Wrong::NeverEnded { statement, by });
        }
    }

    fn end(&mut self, index: u64, statement: StatementId) {
        if self.open.end(statement).is_some() || self.begun_before.remove(&statement) {
            self.ended.insert(statement, index);
        } else if let Some(first) = self.ended.get(&statement).copied() {
            self.fault(index, Wrong::SecondOutcome { statement, first });
        } else {
            self.ended.insert(statement, index);
            if !self.partial {
                self.fault(index, Wrong::OutcomeWithoutIntent { statement });
            }
        }
    }

    /// A denial ends a statement, and needs no INTENT.
    fn deny(&mut self, index: u64, statement: StatementId) {
        self.denials += 1;
        if let Some(first) = self.ended.get(&statement).copied() {
            self.fault(index, Wrong::SecondOutcome { statement, first });
        } else {
            self.open.end(statement);
            self.ended.insert(statement, index);
        }
    }

    fn fault(&mut self, index: u64, wrong: Wrong) {
        if self.faults.len() < MAX_LISTED {
            self.faults.push(Fault { index: Some(index), wrong });
        } else {
            self.unlisted += 1;
        }
    }
}

/// What the numbers of connections need to know of an entry.
enum Number {
    Next(ConnectionId, Option<u64>),
    Closed(ConnectionId, Option<u64>),
}

/// What the pairs need to know of an entry.
enum Fact {
    Intent(StatementId, Option<ConnectionId>),
    Outcome(StatementId),
    Denial(StatementId),
    /// A connection ended.
    Closed(ConnectionId),
    /// The agent started, and its log is kept in this mode.
    Started(String),
    Other,
    Elsewhere {
        fact: Box<Fact>,
        body: Body,
    },
}

/// What is to be known of an entry.
struct Found {
    time: u64,
    fact: Fact,
    number: Option<Number>,
    life: Life,
}

/// Reads an entry in full. Most entries are of three kinds, and those are read without the detour that the
/// catalogue's tagged form costs.
fn read(bytes: &[u8]) -> Result<Found, String> {
    #[derive(Deserialize)]
    struct Head<'a> {
        v: u16,
        time: u64,
        #[serde(borrow)]
        kind: Cow<'a, str>,
    }
    let head: Head<'_> = from_slice(bytes)?;
    if head.v != CATALOGUE {
        return Err(format!("version {} of the catalogue is not known here", head.v));
    }
    let (fact, number, life) = match head.kind.as_ref() {
        "intent" => {
            let intent = from_slice::<Intent>(bytes)?;
            let number = Number::Next(intent.connection, intent.sequence);
            (Fact::Intent(intent.statement, Some(intent.connection)), Some(number), Life::Serving)
        }
        "outcome" => {
            let outcome = from_slice::<OutcomeEntry>(bytes)?;
            // After a crash, whoever opens the log ends what was under way.
            let is_unknown = outcome.result == StatementResult::Unknown;
            let life = if is_unknown { Life::Opened } else { Life::Serving };
            (Fact::Outcome(outcome.statement), None, life)
        }
        "denial" => {
            let denial = from_slice::<Denial>(bytes)?;
            let number = Number::Next(denial.connection, denial.sequence);
            (Fact::Denial(denial.statement), Some(number), Life::Serving)
        }
        _ => rarer(from_slice::<Leaf>(bytes)?.entry),
    };
    Ok(Found { time: head.time, fact, number, life })
}

fn rarer(entry: Entry) -> (Fact, Option<Number>, Life) {
    match entry {
        Entry::Oversized { of, statement, sha256, length } => {
            let fact = match (of.as_str(), statement) {
                ("intent", Some(statement)) => Fact::Intent(statement, None),
                ("outcome", Some(statement)) => Fact::Outcome(statement),
                ("denial", Some(statement)) => Fact::Denial(statement),
                _ => Fact::Other,
            };
            let body = Body { path: format!("blob/{sha256}"), sha256, length };
            let life = match of.as_str() {
                "statement_text" | "statement_lineage" | "pruned" => Life::Opened,
                _ => Life::Serving,
            };
            (Fact::Elsewhere { fact: Box::new(fact), body }, None, life)
        }
        Entry::ConnectionClosed { connection, statements, .. } => {
            (Fact::Closed(connection), Some(Number::Closed(connection, statements)), Life::Serving)
        }
        Entry::AgentStarted { mode, .. } => (Fact::Started(mode), None, Life::Started),
        Entry::LogReopened { .. } => (Fact::Other, None, Life::Started),
        Entry::ClockStepped { by } => (Fact::Other, None, Life::Stepped(by)),
        // What pruning carries over, and commands on a log that no agent has open.
        Entry::StatementText { .. }
        | Entry::StatementLineage { .. }
        | Entry::Pruned { .. }
        | Entry::TextsErased { .. }
        | Entry::KeyRotated { .. } => (Fact::Other, None, Life::Opened),
        _ => (Fact::Other, None, Life::Serving),
    }
}

fn from_slice<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    serde_json::from_slice(bytes).map_err(|error| describe(&error))
}

/// What the parser says, without what it read: an entry may be quoted nowhere.
fn describe(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        serde_json::error::Category::Data => "fields of another kind or missing",
        serde_json::error::Category::Eof => "ends too early",
        _ => "not JSON",
    };
    format!("{what} (column {})", error.column())
}
