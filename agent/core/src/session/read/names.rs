//! Prepared statements and cursors.

use std::{io, sync::Arc};

use pg_query::{NodeEnum, protobuf::Node};

use super::{Found, Reader};
use crate::{
    catalog::code::Name,
    session::{
        SessionChange,
        change::{Hold, NewPrepared, Step},
    },
};

/// Largest statement that is kept to be analysed again, by the size of its tree in JSON.
const LARGEST_KEPT: usize = 512 * 1024;

/// `CURSOR_OPT_HOLD`
pub(crate) const WITH_HOLD: i32 = 0x0020;

impl Reader<'_> {
    pub(super) fn by_name(&mut self, node: &NodeEnum) -> Found {
        match node {
            NodeEnum::PrepareStmt(prepare) => {
                let (node, change) = self.prepared(prepare.query.as_deref());
                let lineage = Arc::new(self.lineage.clone());
                let prepared = Box::new(NewPrepared { node, lineage, change });
                self.push(Step::Prepare { name: name(&prepare.name), prepared });
            }
            NodeEnum::ExecuteStmt(execute) => {
                self.arguments(&execute.params);
                self.push(Step::Execute { name: name(&execute.name) });
            }
            NodeEnum::DeallocateStmt(deallocate) => {
                self.push(Step::Deallocate { name: some_name(&deallocate.name) });
            }
            NodeEnum::DeclareCursorStmt(declare) => {
                let hold = declare.options & WITH_HOLD != 0;
                let hold = if hold { Hold::AfterCommit } else { Hold::WithinTransaction };
                let (_, change) = self.prepared(declare.query.as_deref());
                let lineage = Arc::new(self.lineage.clone());
                self.push(Step::Declare { name: name(&declare.portalname), hold, lineage, change });
            }
            NodeEnum::FetchStmt(fetch) => self.push(Step::Fetch { name: name(&fetch.portalname) }),
            NodeEnum::ClosePortalStmt(close) => {
                self.push(Step::CloseCursor { name: some_name(&close.portalname) });
            }
            _ => return Found::Elsewhere,
        }
        Found::Here
    }

    fn prepared(&self, query: Option<&Node>) -> (Option<Arc<NodeEnum>>, Arc<SessionChange>) {
        match query.and_then(|node| node.node.as_ref()) {
            Some(node) => (kept(node), Arc::new(self.inner(node))),
            None => (None, Arc::new(SessionChange::code_ran())),
        }
    }
}

fn name(text: &str) -> Name {
    text.into()
}

fn some_name(text: &str) -> Option<Name> {
    (!text.is_empty()).then(|| text.into())
}

fn kept(node: &NodeEnum) -> Option<Arc<NodeEnum>> {
    serde_json::to_writer(Room(LARGEST_KEPT), node).ok()?;
    Some(Arc::new(node.clone()))
}

/// Takes so many bytes, and then no more.
struct Room(usize);

impl io::Write for Room {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
