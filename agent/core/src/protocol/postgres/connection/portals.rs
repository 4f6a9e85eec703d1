//! Portals end with their transaction, and what is kept of them.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;

use super::{
    Connection, Expect,
    names::{NameChange, Portal},
    run::Run,
};

impl Connection {
    /// A transaction is over, and so are its portals: all but those that were made by what is still in flight.
    pub(super) fn drop_portals(&mut self) {
        if self.in_flight.is_empty() {
            self.names.transaction_ended(|_, _| false);
        } else if self.names.is_crowded() {
            let made = Made::by(&self.in_flight);
            self.names.transaction_ended(|name, portal| {
                made.bound.contains(&Arc::as_ptr(portal)) || made.declared.contains(name)
            });
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
