//! Reads a PL/pgSQL body: which SQL it runs, for what, with which variables in sight, and where the text of
//! what it runs is made only then. It is read by the rules of the language's own scanner: an expression ends
//! at the first keyword outside brackets that may end it, a statement at its semicolon.
//!
//! It never fails: what cannot be read is a gap, and what was read before it is given. Nothing here knows
//! what names mean; read next: `reader`, `declare`, `statement`.

mod declare;
mod reader;
mod sql;
mod statement;

use self::reader::Reader;
use crate::{
    catalog::{Oid, code::Function},
    lineage::{Gap, GapKind},
};

/// Longest body in bytes.
const MOST_BYTES: usize = 1 << 18;
/// Most tokens of a body.
const MOST_TOKENS: usize = 60_000;
/// Most blocks, loops and branches within each other.
const DEEPEST: usize = 60;
/// Most variables, and most pieces of SQL.
const MOST_THINGS: usize = 4_000;

/// What a body holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    /// Every piece of SQL, in the order of the text.
    pub pieces: Vec<Piece>,
    pub variables: Vec<Variable>,
    /// Blocks and loops with variables of their own; the first is the function's.
    pub scopes: Vec<Scope>,
    /// What a name means that is a variable's and a column's.
    pub conflict: Conflict,
    /// Why not everything was read.
    pub gaps: Vec<Gap>,
}

/// A piece of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// A whole statement: an expression has SELECT before it. INTO and its targets are blanks.
    pub text: String,
    pub purpose: Purpose,
    /// What takes its values: one of a row, or a value each.
    pub into: Vec<Target>,
    /// Index into [`Body::scopes`].
    pub scope: usize,
}

/// What a piece of SQL is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its value goes into a variable, also as the first value of one.
    Assign,
    /// It decides what runs: IF, CASE, WHILE, EXIT WHEN, ASSERT, the bounds of a loop.
    Decide,
    /// It is run for its rows, one by one: FOR, SELECT INTO, a cursor's query. What a cursor's query gives
    /// goes into the cursor, and a FETCH takes it from there.
    Rows,
    /// A command, or a query whose rows nobody takes.
    Run,
    /// Its value is the function's, or one row of it.
    Return,
    /// Its rows are the function's.
    ReturnQuery,
    /// It is told to the client or the log: RAISE, ASSERT.
    Tell,
    /// Its value is a parameter of text that is run, or of a cursor.
    Argument,
    /// Its value is a text that is run as SQL, unknown before.
    Execute,
}

/// A variable, or a part of one, that takes a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Index into [`Body::variables`]; `None` if no variable of the name is in sight.
    pub variable: Option<usize>,
    /// The field that is set, if only one is.
    pub field: Option<String>,
}

/// Something that can be named in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    pub scope: usize,
    pub of: Declared,
}

/// What a variable is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// Its type is known: a parameter, `found`, a loop's counter, a trigger's `new`.
    Known(Oid),
    /// Its type as written: `text`, `numeric(10,2)`, `people.mail%TYPE`, `people%ROWTYPE`, `record`.
    Written(String),
    /// Another name for that variable.
    Alias(usize),
}

/// Where variables are in sight.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    pub outer: Option<usize>,
    /// Variables may be qualified with it; the function's name for the first.
    pub label: Option<String>,
    /// Its variables, as indexes into [`Body::variables`].
    pub variables: Vec<usize>,
}

/// `#variable_conflict`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Conflict {
    /// The statement fails, unless the server is set otherwise.
    #[default]
    Error,
    Variable,
    Column,
}

/// Reads the body of `function`.
#[must_use]
pub fn read(body: &str, function: &Function) -> Body {
    with(body, Some(function))
}

/// Reads the text of a DO command.
#[must_use]
pub fn read_inline(body: &str) -> Body {
    with(body, None)
}

fn with(body: &str, function: Option<&Function>) -> Body {
    let mut reader = match Reader::new(body) {
        Ok(reader) => reader,
        Err(gap) => return Body { gaps: vec![gap], ..Body::default() },
    };
    reader.outermost(function);
    if let Err(gap) = reader.whole() {
        reader.body.gaps.push(gap);
    }
    if reader.fetches_unknown() {
        let what = "a cursor that was opened elsewhere";
        reader.body.gaps.push(Gap { kind: GapKind::OpaqueFunction, what: what.to_owned() });
    }
    reader.body
}

impl Body {
    /// Whether it runs text that is made only then.
    #[must_use]
    pub fn is_dynamic(&self) -> bool {
        self.pieces.iter().any(|piece| piece.purpose == Purpose::Execute)
    }

    /// Variables in sight of a scope, the innermost first; hidden ones too.
    pub fn in_sight(&self, scope: usize) -> impl Iterator<Item = (usize, &Variable)> {
        let outwards = std::iter::successors(Some(scope), |at| self.scopes.get(*at)?.outer);
        // Of two with one name in one scope, the later hides the earlier.
        let places =
            outwards.filter_map(|at| self.scopes.get(at)).flat_map(|scope| scope.variables.iter().rev());
        places.filter_map(|place| Some((*place, self.variables.get(*place)?)))
    }

    /// The variable of this name: bare, or with the label of its block before it.
    #[must_use]
    pub fn variable(&self, scope: usize, label: Option<&str>, name: &str) -> Option<usize> {
        let labelled = |variable: &Variable| {
            label.is_none()
                || self.scopes.get(variable.scope).and_then(|scope| scope.label.as_deref()) == label
        };
        let mut found = self.in_sight(scope);
        found.find(|(_, variable)| variable.name == name && labelled(variable)).map(|(place, _)| place)
    }
}

#[cfg(test)]
mod tests;
