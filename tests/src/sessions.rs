//! Sessions against real servers: what the agent thinks of search path and own relations after random
//! sequences of statements, and what the server says.
//!
//! [`script`] makes the sequences, [`talk`] sends them, [`read`] reads the catalog, [`observe`] asks the
//! server; [`plain`] follows the session statement by statement.

pub mod observe;
pub mod plain;
pub mod read;
pub mod script;
pub mod talk;

use crate::{fuzz::Generator, postgres::ADMINISTRATOR};

/// What a run compared.
#[derive(Debug, Default, Clone, Copy)]
pub struct Score {
    /// Search paths that were compared, and those that were said to be unknown.
    pub paths: usize,
    pub unknown_paths: usize,
    /// Names that were looked up in both, and those that were said to be unknown.
    pub names: usize,
    pub unknown_names: usize,
    /// Statements that the server took.
    pub taken: usize,
    /// Reports of the server that were news to us.
    pub disagreements: u64,
}

impl Score {
    pub const fn add(&mut self, other: Self) {
        self.paths += other.paths;
        self.unknown_paths += other.unknown_paths;
        self.names += other.names;
        self.unknown_names += other.unknown_names;
        self.taken += other.taken;
        self.disagreements += other.disagreements;
    }
}

/// Gives the database the schemas and relations that every sequence begins with.
pub fn reset(port: u16, database: &str) {
    let mut talk = talk::Talk::connect(port, ADMINISTRATOR, database, &[]);
    talk.command(script::WORLD);
}

/// A sequence of messages.
#[must_use]
pub fn sequence(seed: u64, statements: script::Statements) -> Vec<script::Message> {
    let mut generator = Generator::new(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let length = 6 + generator.below(14);
    (0..length).map(|_| script::message(&mut generator, statements)).collect()
}
