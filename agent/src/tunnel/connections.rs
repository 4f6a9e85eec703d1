//! The database connections of one session, by the ids that its client gave them: those that can be resumed,
//! and those that ended lately, so that none is opened twice.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use crate::driver::{NextStream, Offer, next_stream};
use connect_shared::ids::ConnectionId;

/// Ended connections that are remembered: as many as a tunnel may have streams, so that whatever was on its
/// way in a broken one is among them.
const MAX_ENDED: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    open: HashMap<ConnectionId, Offer>,
    ended: VecDeque<(ConnectionId, String)>,
}

/// What is known of an id.
pub(super) enum Known {
    Open(Offer),
    /// With the code of its end.
    Ended(String),
    Unknown,
}

/// An open connection in the table. However it ends, it is remembered as ended.
pub(super) struct Entered {
    connections: Arc<Connections>,
    id: ConnectionId,
    code: String,
}

impl Connections {
    pub(super) fn find(&self, id: ConnectionId) -> Known {
        let table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(open) = table.open.get(&id) {
            return Known::Open(open.clone());
        }
        let ended = table.ended.iter().find(|(ended, _)| *ended == id);
        ended.map_or(Known::Unknown, |(_, code)| Known::Ended(code.clone()))
    }

    /// A connection begins; other streams for it arrive at the receiver.
    pub(super) fn enter(self: &Arc<Self>, id: ConnectionId) -> (Entered, NextStream) {
        let (offer, resumes) = next_stream();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open.insert(id, offer);
        (Entered { connections: Arc::clone(self), id, code: "cut".to_owned() }, resumes)
    }
}

impl Entered {
    pub(super) fn ended(mut self, code: String) {
        self.code = code;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut table = self.connections.0.lock().unwrap_or_else(PoisonError::into_inner);
        table.open.remove(&self.id);
        if table.ended.len() >= MAX_ENDED {
            table.ended.pop_front();
        }
        table.ended.push_back((self.id, std::mem::take(&mut self.code)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> ConnectionId {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&number.to_be_bytes());
        ConnectionId::from_random(bytes)
    }

    #[test]
    fn an_id_is_open_then_ended_and_at_last_forgotten() {
        let connections = Arc::new(Connections::default());
        assert!(matches!(connections.find(id(1)), Known::Unknown));
        let (entered, _resumes) = connections.enter(id(1));
        assert!(matches!(connections.find(id(1)), Known::Open(_)));
        entered.ended("park_expired".to_owned());
        assert!(matches!(connections.find(id(1)), Known::Ended(code) if code == "park_expired"));
        for number in 2..2_000 {
            drop(connections.enter(id(number)));
        }
        assert!(matches!(connections.find(id(1)), Known::Unknown));
        let table = connections.0.lock().expect("not poisoned");
        assert_eq!((table.open.len(), table.ended.len()), (0, MAX_ENDED));
    }
}
