//! Finding entries again: an index of the log in SQLite, behind it and made of nothing else.
//!
//! The index finds, the log tells: rows hold what one may search by, and an answer is made from the leaves
//! in the public folder. It takes only what a checkpoint covers, so that every row can be proved. Deleting
//! the file loses nothing; the next start makes it anew.
//!
//! Read next: [`store`] for the tables, [`follow`] for how it keeps up, [`query`] for what can be asked.

mod facts;
mod follow;
mod leaves;
mod query;
mod recorded;
mod reindex;
mod store;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub(crate) use self::{
    follow::{Follower, Seen},
    leaves::Leaves,
    query::{Describer, Found, Whose, beginning, in_time, owner, search},
    recorded::{Recorded, recorded},
    reindex::reindex,
    store::reader,
};

/// Name of the index, beside the log's folders.
const FILE: &str = "search.sqlite";

/// The index cannot be used now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IndexError {
    #[error("the index `{}`: {source}", path.display())]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("the index `{}`: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("the log's file for entry {0} is missing or cannot be read")]
    Leaf(u64),
    #[error("the log's checkpoint cannot be read: {0}")]
    Checkpoint(String),
    #[error("an agent has the log in `{}` open; stop it first", .0.display())]
    Locked(PathBuf),
    #[error("the question takes too long; narrow it down")]
    TooSlow,
}
