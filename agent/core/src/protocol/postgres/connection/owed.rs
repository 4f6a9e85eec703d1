//! What is in flight: each message that was sent and the server will answer, with what must be known when it does.

use std::{collections::VecDeque, sync::Arc};

use bytes::Bytes;

use super::{
    limits::Ours,
    mistake::Words,
    names::{NameChange, Portal},
    run::Run,
};
use crate::record::Ticket;

/// What the server owes an answer for, in order.
pub(super) enum Expect {
    Parse {
        change: Option<NameChange>,
        scrub: Scrub,
    },
    Bind {
        scrub: Scrub,
        portal: Option<Arc<Portal>>,
        change: Option<NameChange>,
    },
    Describe {
        of: Described,
        shown: Shown,
    },
    Close {
        change: Option<NameChange>,
    },
    Execute(Box<Run>),
    /// Execute of a portal without a statement.
    EmptyExecute,
    /// A simple query: its statements that have not completed.
    Query(VecDeque<Run>),
    Denied {
        ticket: Ticket,
        error: Bytes,
        words: Words,
        until: Resync,
    },
    Sync,
    /// A Sync behind a COPY from the client, whose data was still to come: see [`super::copy`].
    SyncInCopy,
    /// A FunctionCall of ours, which sets a mask key; with its ReadyForQuery.
    Key,
    /// A FunctionCall of ours, which sets the connection's name; with its ReadyForQuery.
    Name,
    /// What we ask around a statement that has limits.
    Ours(Ours),
}

/// What a Describe is for.
pub(super) enum Described {
    Statement,
    Portal(Arc<Portal>),
    /// A portal that is not known here: the server will say so.
    Unknown,
}

/// Whether the client asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    ToClient,
    /// We asked, to learn the origins of the fields.
    Quiet,
}

/// Whether the server's texts may quote protected values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scrub {
    Needed,
    None,
}

/// What the server skips to after an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Resync {
    /// ReadyForQuery follows by itself.
    Query,
    /// The client's next Sync.
    Sync,
}

/// ReadyForQuery's transaction status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transaction {
    Idle,
    Open,
    Failed,
}
