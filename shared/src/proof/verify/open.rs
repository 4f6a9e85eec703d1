//! Statements that have begun and not ended, by themselves and by their connections. Each step costs the same,
//! however many there are: the log may be a hostile one.

use std::collections::{HashMap, HashSet};

use crate::ids::{ConnectionId, StatementId};

/// Statements that are under way.
#[derive(Debug, Default)]
pub(super) struct Open {
    /// Where each began, and on which connection. `None`: that stands in a body beside the log.
    began: HashMap<StatementId, (u64, Option<ConnectionId>)>,
    on: HashMap<ConnectionId, HashSet<StatementId>>,
}

impl Open {
    /// Where it began.
    pub(super) fn get(&self, statement: StatementId) -> Option<u64> {
        self.began.get(&statement).map(|(index, _)| *index)
    }

    pub(super) fn begin(&mut self, index: u64, statement: StatementId, connection: Option<ConnectionId>) {
        self.began.insert(statement, (index, connection));
        if let Some(connection) = connection {
            self.on.entry(connection).or_default().insert(statement);
        }
    }

    /// Gives where it began, if it is under way.
    pub(super) fn end(&mut self, statement: StatementId) -> Option<u64> {
        let (index, connection) = self.began.remove(&statement)?;
        if let Some(on) = connection.and_then(|connection| self.on.get_mut(&connection)) {
            on.remove(&statement);
        }
        Some(index)
    }

    /// Takes what is under way on a connection that is closed, in the order of the log.
    pub(super) fn take_of(&mut self, connection: ConnectionId) -> Vec<(u64, StatementId)> {
        let left = self.on.remove(&connection).unwrap_or_default();
        in_order(left.into_iter().filter_map(|statement| Some((self.end(statement)?, statement))).collect())
    }

    /// Takes everything, in the order of the log.
    pub(super) fn take_all(&mut self) -> Vec<(u64, StatementId)> {
        self.on.clear();
        in_order(self.began.drain().map(|(statement, (index, _))| (index, statement)).collect())
    }

    /// Everything, in the order of the log.
    pub(super) fn list(&self) -> Vec<(u64, StatementId)> {
        in_order(self.began.iter().map(|(statement, (index, _))| (*index, *statement)).collect())
    }
}

fn in_order(mut statements: Vec<(u64, StatementId)>) -> Vec<(u64, StatementId)> {
    statements.sort_unstable_by_key(|(index, _)| *index);
    statements
}
