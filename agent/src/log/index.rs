//! Finding statements again: a bounded index in memory, made anew from the segments at every start.
//!
//! It knows the last `capacity` statements that ended, and of each principal and connection the last one
//! among them. Older ones are in the log all the same; finding them is a search, not a look-up.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use connect_shared::ids::{ConnectionId, StatementId};

use super::{StatementPlace, leaf::Note};

#[derive(Debug)]
pub(super) struct StatementIndex {
    capacity: usize,
    /// Statements that have begun: whose, and where. Bounded by `capacity` too.
    open: HashMap<StatementId, (Arc<str>, ConnectionId)>,
    ended: HashMap<StatementId, StatementPlace>,
    /// The order in which they ended, the oldest first.
    order: VecDeque<StatementId>,
    by_principal: HashMap<Arc<str>, StatementId>,
    by_connection: HashMap<ConnectionId, StatementId>,
}

impl StatementIndex {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            open: HashMap::new(),
            ended: HashMap::new(),
            order: VecDeque::new(),
            by_principal: HashMap::new(),
            by_connection: HashMap::new(),
        }
    }

    /// Takes what stands at `index`. Entries come in the order of the log.
    pub(super) fn apply(&mut self, index: u64, note: Note) {
        match note {
            Note::Intent { statement, whose, connection } => {
                if self.open.len() < self.capacity {
                    self.open.insert(statement, (whose, connection));
                }
            }
            Note::Outcome { statement } => {
                if let Some((whose, connection)) = self.open.remove(&statement) {
                    self.end(StatementPlace { statement, whose, connection, end: index });
                }
            }
            Note::Denial { statement, whose, connection } => {
                self.open.remove(&statement);
                self.end(StatementPlace { statement, whose, connection, end: index });
            }
        }
    }

    fn end(&mut self, place: StatementPlace) {
        let statement = place.statement;
        self.by_principal.insert(Arc::clone(&place.whose), statement);
        self.by_connection.insert(place.connection, statement);
        if self.ended.insert(statement, place).is_none() {
            self.order.push_back(statement);
        }
        while self.order.len() > self.capacity {
            let Some(oldest) = self.order.pop_front() else { return };
            let Some(gone) = self.ended.remove(&oldest) else { continue };
            // Nothing points to a statement that is not there, so these are bounded too.
            if self.by_principal.get(&gone.whose) == Some(&oldest) {
                self.by_principal.remove(&gone.whose);
            }
            if self.by_connection.get(&gone.connection) == Some(&oldest) {
                self.by_connection.remove(&gone.connection);
            }
        }
    }

    pub(super) fn find(&self, statement: StatementId) -> Option<&StatementPlace> {
        self.ended.get(&statement)
    }

    pub(super) fn last_of(&self, whose: &str) -> Option<&StatementPlace> {
        self.find(*self.by_principal.get(whose)?)
    }

    pub(super) fn last_on(&self, connection: ConnectionId) -> Option<&StatementPlace> {
        self.find(*self.by_connection.get(&connection)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(number: u8) -> StatementId {
        StatementId::from_random([number; 16])
    }

    fn run(index: &mut StatementIndex, number: u8, sub: &str) {
        let connection = ConnectionId::from_random([number; 16]);
        let (statement, at) = (statement(number), u64::from(number) * 2);
        index.apply(at, Note::Intent { statement, whose: sub.into(), connection });
        index.apply(at + 1, Note::Outcome { statement });
    }

    #[test]
    fn the_last_statement_of_each_principal_and_connection_is_found() {
        let mut index = StatementIndex::new(10);
        run(&mut index, 1, "alice");
        run(&mut index, 2, "bob");
        run(&mut index, 3, "alice");
        assert_eq!(index.last_of("alice").map(|place| (place.statement, place.end)), Some((statement(3), 7)));
        assert_eq!(index.last_of("bob").map(|place| place.end), Some(5));
        assert_eq!(index.last_of("carol"), None);
        assert_eq!(index.find(statement(1)).map(|place| place.end), Some(3));
        let on = index.last_on(ConnectionId::from_random([2; 16]));
        assert_eq!(on.map(|place| place.statement), Some(statement(2)));
    }

    #[test]
    fn it_forgets_the_oldest_and_never_grows_over_its_capacity() {
        let mut index = StatementIndex::new(3);
        for number in 0..100 {
            run(&mut index, number, &format!("principal {number}"));
            let connection = ConnectionId::from_random([number; 16]);
            index.apply(9, Note::Intent { statement: statement(200), whose: "x".into(), connection });
        }
        assert_eq!((index.ended.len(), index.by_principal.len(), index.by_connection.len()), (3, 3, 3));
        assert!(index.open.len() <= 3);
        assert_eq!(index.find(statement(96)), None);
        assert!(index.find(statement(97)).is_some());
    }
}
