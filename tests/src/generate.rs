//! Statements by the thousand: a grammar over a random schema, led by dice with a seed.
//!
//! Expressions are made to a type, names from what is in scope, so that a server takes most of what comes
//! out. What it does not take is thrown away; nothing here knows what a statement means.
//!
//! Read next: [`schema`] for the databases, [`query`] and [`expression`] for the grammar.

mod aggregate;
pub mod dice;
mod expression;
mod from;
mod query;
pub mod schema;
mod scope;
mod special;
mod target;
mod types;
mod window;
mod wrap;
mod write;

use self::{
    dice::Dice,
    schema::Schema,
    scope::{Column, Level},
};

/// How deep queries stand in queries.
const DEPTH: u32 = 3;

/// Makes statements over a schema.
pub struct Generator<'a> {
    pub(crate) dice: Dice,
    schema: &'a Schema,
    /// Major version of the server: what its grammar knows.
    version: u8,
    levels: Vec<Level>,
    /// Common table expressions in sight, the innermost last.
    tables: Vec<CommonTable>,
    /// Names given so far.
    names: u32,
    /// Queries that may still be opened, one in the other.
    depth: u32,
    /// How deep the expressions of this statement are.
    size: u32,
}

/// A common table expression.
#[derive(Debug, Clone)]
struct CommonTable {
    name: String,
    columns: Vec<Column>,
}

/// A statement, and what of it the server analyses: the query inside a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    pub sql: String,
    pub judged: String,
}

impl<'a> Generator<'a> {
    #[must_use]
    pub fn new(seed: u64, schema: &'a Schema, version: u8) -> Self {
        let dice = Dice::new(seed);
        Self {
            dice,
            schema,
            version,
            levels: Vec::new(),
            tables: Vec::new(),
            names: 0,
            depth: DEPTH,
            size: 3,
        }
    }

    /// The next statement.
    pub fn statement(&mut self) -> Statement {
        self.levels.clear();
        self.tables.clear();
        self.names = 0;
        self.size = 1 + u32::try_from(self.dice.below(3)).unwrap_or(0);
        self.depth = if self.dice.chance(40) { 2 } else { DEPTH };
        let made = match self.dice.below(100) {
            0..68 => self.query(None).sql,
            68..74 => return self.wrapped(),
            _ => self.write(),
        };
        let sql = with_parameters_counted(&made);
        Statement { judged: sql.clone(), sql }
    }

    /// A name that has not been given yet, or now and then one that shadows something.
    fn new_name(&mut self, start: &str) -> String {
        self.names += 1;
        match self.dice.below(40) {
            0 => format!("\"{start} {}\"", self.names),
            1 => format!("\"{}{}\"", start.to_uppercase(), self.names),
            _ => format!("{start}{}", self.names),
        }
    }
}

/// The same with its parameters numbered in the order in which they stand.
fn with_parameters_counted(sql: &str) -> String {
    let mut counted = String::new();
    let mut parts = sql.split("$?");
    counted.push_str(parts.next().unwrap_or_default());
    for (place, part) in parts.enumerate() {
        counted.push_str(&format!("${}", place + 1));
        counted.push_str(part);
    }
    counted
}
