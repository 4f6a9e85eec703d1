//! Stop 2, intend: client messages in order → execute this statement, through this portal, with these
//! binds. [`super::extended`] has the messages of the extended protocol, [`super::settle`] what waits for a
//! catalog.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    Blocked, Connection, Expect, LONG_TEXT, Passing, Phase, Resync, Scrub,
    copy::{Copying, interrupts_copy},
    exact::{Binds, Keep},
    hold::Holding,
    keys::labels,
    large::Progress,
    names::Prepared,
    own::Own,
    stage::{Carrier, Execution},
    sure::Used,
};
use crate::{
    protocol::postgres::{
        answer,
        frame::{Message, Piece, Plan, Side},
        message::{self, ClientMessage},
    },
    session::LONGEST_NAME,
    statement::{Effect, Kind, Protection, Statement},
    understand::{masked_value, not_shown},
};

/// Longest data of a COPY that is held back as a whole where it fills protected columns: then the client can be
/// told why it is not taken.
const MAX_HELD_COPY: usize = 1 << 20;

/// Longest Bind that is kept until it is committed to; a longer one passes in pieces.
pub(super) const MAX_BIND: usize = 64 << 20;

/// Longest of the small messages.
pub(super) const MAX_SMALL: usize = 64 * 1024;

/// A text with the facts of its statements.
pub(super) struct Analysed {
    pub(super) statements: Vec<Arc<Statement>>,
    pub(super) version: u64,
    /// It holds for every text of the same shape.
    pub(super) by_shape: bool,
    /// What goes to the server in its place, if it was rewritten.
    pub(super) sent: Option<Bytes>,
}

/// A client message that was begun.
#[derive(Clone)]
pub(super) struct Pending {
    pub(super) message: Message,
    /// A newer snapshot was asked for on its behalf already.
    pub(super) refreshed: bool,
    /// How far it is on its way through a hold.
    pub(super) holding: Holding,
}

/// A text's analysis, or the reason to wait for it.
pub(super) enum Understood {
    Facts(Arc<Analysed>),
    Blocked,
}

impl Connection {
    /// Takes client messages as long as nothing holds them.
    pub(super) fn drive_client(&mut self) {
        self.drive_startup();
        if !self.cancelling {
            self.retry_drained();
        }
        while matches!(self.phase, Phase::Ready)
            && self.staged.is_none()
            && self.blocked.is_none()
            && !self.is_apart()
            && !self.cancelling
        {
            match self.drive_large_bind() {
                Progress::Waits => return,
                Progress::Moved => continue,
                Progress::Reads => {}
            }
            let limit = self.setup.limits.bytes;
            let held = if self.is_guarded_copy() { MAX_HELD_COPY } else { 0 };
            match self.client.next(|kind, length| plan(kind, length, limit, held)) {
                Ok(None) => return,
                Ok(Some(piece)) => self.client_piece(piece),
                Err(error) => self.violation(Side::Client, &error),
            }
        }
    }

    fn client_piece(&mut self, piece: Piece) {
        match piece {
            Piece::Message(message) => {
                self.take_up(Pending { message, refreshed: false, holding: Holding::Not })
            }
            Piece::Start { kind: b'd', header, .. } => {
                let passes = self.copying != Copying::No && !self.skipping;
                self.client_part = if passes { Passing::Forward } else { Passing::Drop };
                self.client_copy_bytes(header);
            }
            Piece::Start { kind: b'B', header, .. } => {
                self.client_part = Passing::Drop;
                self.large_bind_begins(&header);
            }
            Piece::Start { kind, .. } => {
                self.violation(Side::Client, &message::MessageError::UnknownType(kind));
            }
            Piece::Part(bytes) if self.large_bind_piece(&bytes) => {}
            Piece::Part(bytes) => self.copy_piece(bytes),
            Piece::Skipped { kind, body } => self.too_long(kind, body),
        }
    }

    pub(super) fn client_copy_bytes(&mut self, bytes: Bytes) {
        if self.client_part == Passing::Forward {
            self.outbox.say_to_server(bytes);
        }
    }

    /// A text over the limit was thrown away unread; it is denied like any other that is not understood.
    fn too_long(&mut self, kind: u8, body: usize) {
        self.client_part = Passing::Drop;
        if !self.skipping && self.copying != Copying::No {
            self.interrupt_copy_unread(kind);
        } else if !self.skipping {
            let until = resync(kind);
            self.deny_unread(body, until);
        }
    }

    /// Handles a message; one with a long text when it is its turn.
    pub(super) fn take_up(&mut self, pending: Pending) {
        let Message { kind, bytes, .. } = &pending.message;
        if matches!(kind, b'Q' | b'P') && bytes.len() > LONG_TEXT {
            self.blocked = Some(Box::new(Blocked::Turn { message: pending }));
        } else {
            self.client_message(pending);
        }
    }

    pub(super) fn client_message(&mut self, pending: Pending) {
        let Message { kind, bytes } = pending.message.clone();
        let read = match message::read(kind, pending.message.body()) {
            Ok(read) => read,
            Err(error) => return self.violation(Side::Client, &error),
        };
        match read {
            ClientMessage::Terminate => {
                self.outbox.say_to_server(bytes);
                self.finish("terminated");
            }
            ClientMessage::Sync => self.sync(bytes),
            _ if self.skipping => {}
            ref read if self.copying != Copying::No && interrupts_copy(read) => self.interrupt_copy(pending),
            ref read if read.longest_name() > LONGEST_NAME => self.deny_long_name(read.longest_name()),
            ClientMessage::Query { text } => self.query(pending, &text),
            ClientMessage::Parse { name, text, types } => self.parse(pending, name, text, &types),
            ClientMessage::Bind { portal, statement, values } => {
                self.bind(pending, portal, &statement, values);
            }
            ClientMessage::Describe { what, name } => self.describe(what, &name, bytes),
            ClientMessage::Execute { portal } => self.execute(pending, &portal),
            ClientMessage::Close { what, name } => self.close(what, &name, bytes),
            ClientMessage::Flush => self.outbox.say_to_server(bytes),
            ClientMessage::CopyData | ClientMessage::CopyDone | ClientMessage::CopyFail => {
                self.copy_message(kind, bytes);
            }
            ClientMessage::FunctionCall(call) => self.function_call(pending, &call),
            ClientMessage::Password => {
                self.violation(Side::Client, &message::MessageError::UnknownType(kind));
            }
        }
    }

    fn query(&mut self, pending: Pending, text: &Bytes) {
        let Understood::Facts(analysed) = self.understand(&pending, text) else { return };
        if self.waits_to_be_sure(&pending, analysed.statements.iter().filter_map(|facts| Used::by(facts))) {
            return;
        }
        let Some(executions) = self.executions(text, &analysed) else {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, analysed.version);
        };
        if executions.iter().any(|execution| self.knows_too_little(&execution.facts, &pending)) {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, analysed.version);
        }
        if executions.is_empty() {
            self.outbox.say_to_server(pending.message.bytes);
            self.in_flight.push_back(Expect::Query([].into()));
            self.follow_sent();
            return;
        }
        if let Err(refusal) = self.give_keys(&labels(executions.iter().map(|execution| &*execution.facts))) {
            return self.deny_unanalysed("select", text.len(), refusal, Resync::Query);
        }
        let bytes = pending.message.bytes.clone();
        let bytes = analysed.sent.as_ref().map_or(bytes, |sent| answer::query(sent));
        self.stage(executions, bytes, Carrier::Query, pending);
    }

    /// What the statements of a text execute. `None`: a newer snapshot is needed first.
    fn executions(&mut self, text: &Bytes, analysed: &Analysed) -> Option<Vec<Execution>> {
        let mut executions = Vec::with_capacity(analysed.statements.len());
        let mut own = Own::default();
        let keep = Keep::of(analysed.statements.iter().map(AsRef::as_ref));
        for (place, facts) in analysed.statements.iter().enumerate() {
            let (facts, binds) = self.effective_behind(facts, &own)?;
            let prepared = Prepared {
                text: text.clone(),
                place,
                keep,
                facts: Some(facts.clone()),
                version: analysed.version,
                sent: analysed.sent.clone(),
                types: Bytes::new(),
            };
            let (text, prepared) = (text.clone(), Arc::new(prepared));
            own.follow(&facts.effect, &prepared);
            executions.push(Execution { facts, text, binds, prepared, given: None });
        }
        Some(executions)
    }

    /// The facts of what really runs: EXECUTE runs what was prepared, FETCH what was declared.
    pub(super) fn effective(&mut self, facts: &Arc<Statement>) -> Option<(Arc<Statement>, Binds)> {
        self.effective_behind(facts, &Own::default())
    }

    /// The same behind other statements of one text, which may prepare and declare.
    fn effective_behind(&mut self, facts: &Arc<Statement>, own: &Own) -> Option<(Arc<Statement>, Binds)> {
        let missing = || facts.of_a_missing_name().map_or_else(|| facts.clone(), Arc::new);
        let (inner, binds) = match &facts.effect {
            Effect::Execute { name, .. } => match own.statement(name, &self.names) {
                Some(prepared) => (self.current_facts(&prepared)?, Binds::default()),
                None => return Some((missing(), Binds::default())),
            },
            Effect::Fetch { name } => match own.portal(name, &self.names) {
                Some(portal) => (self.opened_facts(&portal.prepared), portal.binds.clone()),
                None => return Some((missing(), Binds::default())),
            },
            _ => return Some((facts.clone(), Binds::default())),
        };
        let Some(inner) = inner else { return Some((facts.clone(), binds)) };
        // A cursor has looked them up when it was opened.
        let lookups = if matches!(facts.effect, Effect::Fetch { .. }) { 0 } else { inner.lookups };
        let merged = Statement {
            verb: facts.verb.clone(),
            text: facts.text.clone(),
            normalized: facts.normalized.clone(),
            effect: facts.effect.clone(),
            kind: inner.kind,
            reads: inner.reads.clone(),
            writes: inner.writes.clone(),
            proof: stricter(facts, &inner),
            protection: own_refusal(facts, &inner).unwrap_or_else(|| inner.protection.clone()),
            shown: inner.shown.clone(),
            lookups,
            assigned: inner.assigned.clone(),
            gives_mask: facts.gives_mask,
            // A cursor was asked when it was opened.
            settings: Vec::new(),
            changes: inner.changes(),
            shapes: inner.shapes.iter().chain(&facts.shapes).cloned().collect(),
            lineage: inner.lineage.clone(),
            change: Arc::new(facts.change.and(inner.change.behind().unwrap_or(&inner.change))),
            under: facts.under.clone(),
        };
        Some((Arc::new(merged), binds))
    }

    /// The facts of a prepared statement under the snapshot in use.
    #[expect(clippy::option_option, reason = "outer: no snapshot yet; inner: an empty query")]
    fn current_facts(&mut self, prepared: &Prepared) -> Option<Option<Arc<Statement>>> {
        let catalog = self.setup.catalog.clone()?;
        let holds = prepared.facts.as_ref().is_none_or(|facts| self.is_ahead(facts));
        if prepared.version == catalog.version && holds {
            return Some(prepared.facts.clone());
        }
        let analysed = self.analyse(&prepared.text, &catalog);
        Some(prepared.facts_now(&analysed))
    }

    /// The facts of an open cursor: its names mean what they meant when it was opened, whatever the session
    /// has set since, but labels may have changed.
    pub(super) fn opened_facts(&mut self, prepared: &Prepared) -> Option<Arc<Statement>> {
        let catalog = self.setup.catalog.clone()?;
        if prepared.version == catalog.version {
            return prepared.facts.clone();
        }
        let analysed = self.analyse(&prepared.text, &catalog);
        prepared.facts_now(&analysed)
    }

    /// Whether the server's texts about this statement may quote protected values.
    pub(super) fn scrub(&self, facts: Option<&Statement>) -> Scrub {
        let Some(facts) = facts else { return Scrub::None };
        if !self.protected {
            return Scrub::None;
        }
        match (&facts.protection, &facts.effect, facts.kind) {
            (_, Effect::Execute { .. } | Effect::Fetch { .. }, _) | (_, _, Kind::Transaction) => {
                Scrub::Needed
            }
            (Protection::Introspection | Protection::Untouched, ..) => Scrub::None,
            _ => Scrub::Needed,
        }
    }
}

/// Results that may hold plain protected columns are masked by the server's word on their origin, and values of
/// others are looked at by their types.
pub(super) fn needs_description(facts: &Statement) -> bool {
    match (&facts.protection, &facts.effect) {
        (_, Effect::Execute { .. } | Effect::Fetch { .. }) => true,
        (Protection::Introspection, _) => false,
        // Nothing of it is protected, but what its texts show is looked at.
        (Protection::Untouched, _) => !facts.reads.is_empty(),
        _ => true,
    }
}

/// What the server goes on with after an error in a message of this type.
pub(super) const fn resync(kind: u8) -> Resync {
    match kind {
        b'Q' | b'F' => Resync::Query,
        _ => Resync::Sync,
    }
}

/// `held`: up to which length the data of a COPY is whole.
fn plan(kind: u8, length: usize, text_limit: usize, held: usize) -> Plan {
    match kind {
        b'Q' | b'P' | b'F' => Plan::WholeOrSkip(text_limit + MAX_SMALL),
        b'B' if length > MAX_BIND => Plan::Stream,
        b'B' => Plan::Whole(MAX_BIND),
        b'd' if length <= held => Plan::Whole(held),
        b'd' => Plan::Stream,
        b'D' | b'E' | b'C' | b'S' | b'H' | b'c' | b'f' | b'X' | b'p' => Plan::Whole(MAX_SMALL),
        // An unknown type ends the connection whatever its length: nothing is kept for it.
        _ => Plan::Stream,
    }
}

fn stricter(outer: &Statement, inner: &Statement) -> crate::record::ReadProof {
    use crate::record::ReadProof::{MayWrite, ReadOnly};
    match (outer.proof, inner.proof) {
        (ReadOnly, ReadOnly) => ReadOnly,
        _ => MayWrite,
    }
}

fn own_refusal(facts: &Statement, inner: &Statement) -> Option<Protection> {
    if matches!(facts.protection, Protection::Refused(_)) {
        return Some(facts.protection.clone());
    }
    if let Effect::Execute { settings, .. } = &facts.effect {
        let harmless = |number: &u16| settings.get(usize::from(*number).saturating_sub(1)) == Some(&true);
        if !inner.settings.iter().all(harmless) {
            return Some(Protection::Refused(not_shown()));
        }
    }
    // The mask stands among the arguments of EXECUTE.
    let written_back = inner.assigned.first().filter(|_| facts.gives_mask)?;
    Some(Protection::Refused(masked_value(written_back)))
}
