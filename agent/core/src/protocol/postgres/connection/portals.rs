//! Portals end with their transaction, and what is kept of them.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;

use super::{
    Connection, Expect,
    names::{End, NameChange, Portal},
    run::Run,
};

impl Connection {
    /// A statement is done. ROLLBACK TO a savepoint has the tag of ROLLBACK; then its transaction's end is to come.
    pub(super) fn portals_after(&mut self, tag: &[u8]) {
        match tag {
            b"COMMIT\0" => {
                self.settle_held(End::Committed);
                self.undone = false;
            }
            b"ROLLBACK\0" => self.undone = true,
            _ => {}
        }
    }

    /// No transaction is open any more.
    pub(super) fn portals_end(&mut self) {
        let undone = std::mem::take(&mut self.undone);
        self.settle_held(if undone { End::RolledBack } else { End::Committed });
        self.drop_portals();
    }

    fn settle_held(&self, end: End) {
        if self.names.may_hold() {
            let made = Made::by(&self.in_flight);
            self.names.settle_held(end, |name, portal| made.has(name, portal));
        }
    }

    /// A transaction is over, and so are its portals: all but those that were made by what is still in flight.
    fn drop_portals(&mut self) {
        if self.in_flight.is_empty() {
            self.names.transaction_ended(|_, _| false);
        } else if self.names.is_crowded() {
            let made = Made::by(&self.in_flight);
            self.names.transaction_ended(|name, portal| made.has(name, portal));
        }
    }
}

/// Portals of messages whose answers are still to come.
#[derive(Default)]
struct Made<'a> {
    bound: HashSet<*const Portal>,
    declared: HashSet<&'a Bytes>,
}

impl<'a> Made<'a> {
    fn has(&self, name: &Bytes, portal: &Arc<Portal>) -> bool {
        self.bound.contains(&Arc::as_ptr(portal)) || self.declared.contains(name)
    }

    fn by(in_flight: impl IntoIterator<Item = &'a Expect>) -> Self {
        let mut made = Self::default();
        for expect in in_flight {
            match expect {
                Expect::Bind { portal: Some(portal), .. } => {
                    made.bound.insert(Arc::as_ptr(portal));
                }
                Expect::Execute(run) => made.declared.extend(declared(run)),
                Expect::Query(runs) => made.declared.extend(runs.iter().filter_map(declared)),
                _ => {}
            }
        }
        made
    }
}

/// The cursor that a statement declares.
fn declared(run: &Run) -> Option<&Bytes> {
    match &run.change {
        Some(NameChange::Portal { name, .. }) => Some(name),
        _ => None,
    }
}
