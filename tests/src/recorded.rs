//! What a server itself writes down of a statement, beside what the agent says of it: the dependencies
//! that it records of a view, and the origins by which it describes a result's columns.
//!
//! Read next: [`dependencies`] and [`origins`].

mod case;
pub mod dependencies;
mod figures;
mod opened;
pub mod origins;
mod variables;

pub use self::{case::Case, figures::Figures};
use crate::{
    differential::told::Analyst,
    oracle::{Oracle, wire::Wire},
    postgres::ADMINISTRATOR,
};

/// A database with all that look at it.
pub struct Bench {
    port: u16,
    database: String,
    /// For statements that need no session of their own.
    wire: Wire,
    oracle: Oracle,
    analyst: Analyst,
}

impl Bench {
    /// Looks at a database as it is now.
    ///
    /// # Panics
    /// The server cannot be reached, or the agent is not built.
    #[must_use]
    pub fn connect(port: u16, database: &str) -> Self {
        Self {
            port,
            database: database.to_owned(),
            wire: Wire::connect(port, ADMINISTRATOR, database),
            oracle: Oracle::connect(port, database),
            analyst: Analyst::start(port, database),
        }
    }

    /// Does something where a statement's session has been; nothing of it stays.
    fn in_session<T>(&mut self, case: &Case, work: impl FnOnce(&Oracle, &mut Wire) -> T) -> T {
        if case.is_plain() {
            self.wire.run("BEGIN");
            let done = work(&self.oracle, &mut self.wire);
            self.wire.run("ROLLBACK");
            return done;
        }
        let mut own = Wire::connect(self.port, ADMINISTRATOR, &self.database);
        case.begin(&mut own);
        work(&self.oracle, &mut own)
    }
}
