//! Stop 2, intend: client messages in order → execute this statement, through this portal, with these
//! binds. What cannot go on yet waits here, and everything behind it.

use std::{collections::HashSet, sync::Arc};

use bytes::Bytes;
use connect_shared::label::Label;

use super::{
    Blocked, CATALOG_TIME, Connection, Described, Expect, Passing, Phase, Resync, Scrub, Shown, Transaction,
    follow::reads_by_name,
    names::{NameChange, Portal, Prepared},
    stage::{Carrier, Execution},
};
use crate::{
    catalog::Catalog,
    machine::Output,
    protocol::postgres::{
        answer,
        frame::{Message, Piece, Plan, Side},
        message::{self, ClientMessage, Named},
    },
    session::Reading,
    statement::{Effect, Kind, Protection, Refusal, Schema, Statement},
    understand::understand_masked,
};

/// Longest Bind: its parameters are kept until they are committed to.
const MAX_BIND: usize = 64 << 20;

/// Longest of the small messages.
const MAX_SMALL: usize = 64 * 1024;

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
    message: Message,
    /// A newer snapshot was asked for on its behalf already.
    refreshed: bool,
}

/// A text's analysis, or the reason to wait for it.
enum Understood {
    Facts(Arc<Analysed>),
    Blocked,
}

impl Connection {
    /// Takes client messages as long as nothing holds them.
    pub(super) fn drive_client(&mut self) {
        self.drive_startup();
        self.retry_drained();
        while matches!(self.phase, Phase::Ready) && self.staged.is_none() && self.blocked.is_none() {
            let limit = self.setup.limits.bytes;
            match self.client.next(|kind, _| plan(kind, limit)) {
                Ok(None) => return,
                Ok(Some(piece)) => self.client_piece(piece),
                Err(error) => self.violation(Side::Client, &error),
            }
        }
    }

    fn client_piece(&mut self, piece: Piece) {
        match piece {
            Piece::Message(message) => self.client_message(Pending { message, refreshed: false }),
            Piece::Start { kind: b'd', header, .. } => {
                let passes = self.copying_in && !self.skipping;
                self.client_part = if passes { Passing::Forward } else { Passing::Drop };
                self.client_copy_bytes(header);
            }
            Piece::Start { kind, .. } => {
                self.violation(Side::Client, &message::MessageError::UnknownType(kind));
            }
            Piece::Part(bytes) => self.client_copy_bytes(bytes),
            Piece::Skipped { kind, body } => self.too_long(kind, body),
        }
    }

    fn client_copy_bytes(&mut self, bytes: Bytes) {
        if self.client_part == Passing::Forward {
            self.outbox.say_to_server(bytes);
        }
    }

    /// A text over the limit was thrown away unread; it is denied like any other that is not understood.
    fn too_long(&mut self, kind: u8, body: usize) {
        self.client_part = Passing::Drop;
        if !self.skipping {
            let until = if kind == b'Q' { Resync::Query } else { Resync::Sync };
            self.deny_unread(body, until);
        }
    }

    fn client_message(&mut self, pending: Pending) {
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
            ClientMessage::Sync => {
                self.skipping = false;
                self.outbox.say_to_server(bytes);
                self.in_flight.push_back(Expect::Sync);
                self.keys.set_unsynced(false);
                self.follow_sent();
            }
            _ if self.skipping => {}
            ClientMessage::Query { text } => self.query(pending, &text),
            ClientMessage::Parse { name, text, types } => self.parse(pending, name, text, &types),
            ClientMessage::Bind { portal, statement } => self.bind(pending, portal, &statement),
            ClientMessage::Describe { what, name } => self.describe(what, &name, bytes),
            ClientMessage::Execute { portal } => self.execute(pending, &portal),
            ClientMessage::Close { what, name } => self.close(what, &name, bytes),
            ClientMessage::Flush => self.outbox.say_to_server(bytes),
            ClientMessage::CopyData | ClientMessage::CopyDone | ClientMessage::CopyFail => {
                self.copy_message(kind, bytes);
            }
            ClientMessage::FunctionCall => self.deny_function_call(),
            ClientMessage::Password => {
                self.violation(Side::Client, &message::MessageError::UnknownType(kind));
            }
        }
    }

    /// Outside a permitted COPY the server would ignore these; they are not even sent.
    fn copy_message(&mut self, kind: u8, bytes: Bytes) {
        if self.copying_in {
            self.copying_in = kind == b'd';
            self.outbox.say_to_server(bytes);
        }
    }

    fn query(&mut self, pending: Pending, text: &Bytes) {
        let Understood::Facts(analysed) = self.understand(&pending, text) else { return };
        let Some(executions) = self.executions(text, &analysed) else {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, analysed.version);
        };
        if executions.is_empty() {
            self.outbox.say_to_server(pending.message.bytes);
            self.in_flight.push_back(Expect::Query([].into()));
            self.follow_sent();
            return;
        }
        if let Err(refusal) = self.give_keys(&labels(executions.iter().map(|execution| &*execution.facts))) {
            return self.deny_unanalysed("select", text.len(), refusal, Resync::Query);
        }
        let bytes = analysed.sent.as_ref().map_or(pending.message.bytes, |sent| answer::query(sent));
        self.stage(executions, bytes, Carrier::Query);
    }

    /// What the statements of a text execute. `None`: a newer snapshot is needed first.
    fn executions(&mut self, text: &Bytes, analysed: &Analysed) -> Option<Vec<Execution>> {
        let mut executions = Vec::with_capacity(analysed.statements.len());
        for (place, facts) in analysed.statements.iter().enumerate() {
            let (facts, binds) = self.effective(facts)?;
            let prepared = Prepared {
                text: text.clone(),
                place,
                facts: Some(facts.clone()),
                version: analysed.version,
                sent: analysed.sent.clone(),
            };
            executions.push(Execution { facts, text: text.clone(), binds, prepared: Arc::new(prepared) });
        }
        Some(executions)
    }

    /// The facts of what really runs: EXECUTE runs what was prepared, FETCH what was declared.
    pub(super) fn effective(&mut self, facts: &Arc<Statement>) -> Option<(Arc<Statement>, [u8; 32])> {
        let missing = || facts.of_a_missing_name().map_or_else(|| facts.clone(), Arc::new);
        let (inner, binds) = match &facts.effect {
            Effect::Execute { name } => match self.names.statement(name.as_bytes()).cloned() {
                Some(prepared) => (self.current_facts(&prepared)?, [0; 32]),
                None => return Some((missing(), [0; 32])),
            },
            Effect::Fetch { name } => match self.names.portal(name.as_bytes()).cloned() {
                Some(portal) => (self.opened_facts(&portal.prepared), portal.binds),
                None => return Some((missing(), [0; 32])),
            },
            _ => return Some((facts.clone(), [0; 32])),
        };
        let Some(inner) = inner else { return Some((facts.clone(), binds)) };
        let merged = Statement {
            verb: facts.verb.clone(),
            text: facts.text.clone(),
            normalized: facts.normalized.clone(),
            effect: facts.effect.clone(),
            kind: inner.kind,
            reads: inner.reads.clone(),
            writes: inner.writes.clone(),
            proof: stricter(facts, &inner),
            protection: own_refusal(facts).unwrap_or_else(|| inner.protection.clone()),
            shapes: inner.shapes.clone(),
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
    fn opened_facts(&mut self, prepared: &Prepared) -> Option<Arc<Statement>> {
        let catalog = self.setup.catalog.clone()?;
        if prepared.version == catalog.version {
            return prepared.facts.clone();
        }
        let analysed = self.analyse(&prepared.text, &catalog);
        prepared.facts_now(&analysed)
    }

    fn parse(&mut self, pending: Pending, name: Bytes, text: Bytes, types: &Bytes) {
        let Understood::Facts(analysed) = self.understand(&pending, &text) else { return };
        let facts = match analysed.statements.as_slice() {
            [] => None,
            [facts] => Some(facts.clone()),
            [first, ..] => Some(several(first)),
        };
        if let Some(facts) = &facts
            && let Err(denied) = self.decide_in_principle(facts)
        {
            return self.deny(denied, &text, [0; 32], Resync::Sync, &name);
        }
        if self.names.is_full() {
            return self.violation(Side::Client, &"too many prepared statements and portals are open");
        }
        if let Err(refusal) = self.give_keys_of(facts.as_ref()) {
            return self.deny_unanalysed("select", text.len(), refusal, Resync::Sync);
        }
        let scrub = self.scrub(facts.as_deref());
        let bytes = match &analysed.sent {
            Some(sent) => answer::parse(&name, sent, types),
            None => pending.message.bytes,
        };
        let sent = analysed.sent.clone();
        let prepared = Prepared { text, place: 0, facts, version: analysed.version, sent };
        self.say_extended(bytes);
        let change = self.names.set_statement(name, Arc::new(prepared));
        self.in_flight.push_back(Expect::Parse { change: Some(change), scrub });
    }

    /// Gives the server the keys of what a statement runs, which may stand behind a name.
    fn give_keys_of(&mut self, facts: Option<&Arc<Statement>>) -> Result<(), Refusal> {
        let runs = facts.and_then(|facts| self.effective(facts)).map(|(facts, _)| facts);
        self.give_keys(&labels(runs.as_deref()))
    }

    /// A message of the extended protocol, which leaves a transaction open until Sync.
    pub(super) fn say_extended(&mut self, bytes: Bytes) {
        self.keys.set_unsynced(true);
        self.outbox.say_to_server(bytes);
    }

    /// Asks the server for the origins of a portal's fields, once.
    pub(super) fn describe_quietly(&mut self, name: &[u8], portal: &Arc<Portal>) {
        if portal.asked.set(()).is_ok() {
            self.say_extended(answer::describe_portal(name));
            let of = Described::Portal(portal.clone());
            self.in_flight.push_back(Expect::Describe { of, shown: Shown::Quiet });
        }
    }

    fn bind(&mut self, pending: Pending, portal: Bytes, statement: &Bytes) {
        let Some(prepared) = self.names.statement(statement).cloned() else {
            // The server says that there is none; if it knows one that we do not, nothing executes it.
            self.say_extended(pending.message.bytes);
            let _gone = self.names.drop_portal(&portal);
            self.in_flight.push_back(Expect::Bind { scrub: Scrub::None, portal: None });
            return;
        };
        let binds = digest(&pending.message.bytes);
        let Some(prepared) = self.refreshed(&pending, statement, prepared) else { return };
        if let Some(facts) = prepared.facts.clone()
            && let Err(denied) = self.decide_in_principle(&facts)
        {
            return self.deny(denied, &prepared.text.clone(), binds, Resync::Sync, b"connect_denied");
        }
        if self.names.is_full() {
            return self.violation(Side::Client, &"too many prepared statements and portals are open");
        }
        if let Err(refusal) = self.give_keys_of(prepared.facts.as_ref()) {
            return self.deny_unanalysed("select", prepared.text.len(), refusal, Resync::Sync);
        }
        self.settle_portal(&portal);
        let scrub = self.scrub(prepared.facts.as_deref());
        let bound = Arc::new(Portal::new(prepared, binds));
        let _replaced = self.names.set_portal(portal, bound.clone());
        self.say_extended(pending.message.bytes);
        self.in_flight.push_back(Expect::Bind { scrub, portal: Some(bound) });
    }

    /// The prepared statement under the snapshot in use: analysed again if that moved.
    fn refreshed(
        &mut self,
        pending: &Pending,
        name: &Bytes,
        prepared: Arc<Prepared>,
    ) -> Option<Arc<Prepared>> {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        let holds = prepared.facts.as_ref().is_none_or(|facts| self.is_ahead(facts));
        if prepared.version == current && self.schema == Schema::Known && holds {
            return Some(prepared);
        }
        let Understood::Facts(analysed) = self.understand(pending, &prepared.text) else { return None };
        let again = Arc::new(Prepared {
            text: prepared.text.clone(),
            place: prepared.place,
            facts: prepared.facts_now(&analysed),
            version: analysed.version,
            sent: prepared.sent.clone(),
        });
        let _same_name = self.names.set_statement(name.clone(), again.clone());
        Some(again)
    }

    fn describe(&mut self, what: Named, name: &[u8], bytes: Bytes) {
        let of = match what {
            Named::Statement => Described::Statement,
            Named::Portal => self.names.portal(name).map_or(Described::Unknown, |portal| {
                let _by_the_client = portal.asked.set(());
                Described::Portal(portal.clone())
            }),
        };
        self.say_extended(bytes);
        self.in_flight.push_back(Expect::Describe { of, shown: Shown::ToClient });
    }

    fn close(&mut self, what: Named, name: &Bytes, bytes: Bytes) {
        let change: NameChange = match what {
            Named::Statement => self.names.drop_statement(name),
            Named::Portal => {
                self.settle_portal(name);
                self.names.drop_portal(name)
            }
        };
        self.say_extended(bytes);
        self.in_flight.push_back(Expect::Close { change: Some(change) });
    }

    /// A portal that was suspended is over: its statement ended with what it gave so far.
    fn settle_portal(&mut self, name: &Bytes) {
        if let Some(run) = self.suspended.remove(name) {
            self.account_done(run);
        }
    }

    fn execute(&mut self, pending: Pending, name: &Bytes) {
        let Some(portal) = self.names.portal(name).cloned() else {
            return self.deny_missing_portal(name);
        };
        let prepared = portal.prepared.clone();
        let Some(facts) = prepared.facts.clone() else {
            // An empty query has no statement to record.
            self.outbox.say_to_server(pending.message.bytes);
            self.in_flight.push_back(Expect::EmptyExecute);
            return;
        };
        let Some((facts, inner)) = self.effective(&facts) else {
            return self.block_for_catalog(Pending { refreshed: true, ..pending }, 0);
        };
        let binds = if inner == [0; 32] { portal.binds } else { inner };
        let execution = Execution { facts, text: prepared.text.clone(), binds, prepared };
        let carrier = Carrier::Execute { name: name.clone(), portal };
        self.stage(vec![execution], pending.message.bytes, carrier);
    }

    /// Analyses a text against a snapshot that knows what this connection has changed.
    fn understand(&mut self, pending: &Pending, text: &Bytes) -> Understood {
        if self.schema == Schema::Changed && self.must_settle_schema(pending) {
            return Understood::Blocked;
        }
        let Some(catalog) = self.setup.catalog.clone() else {
            self.block_for_catalog(pending.clone(), 0);
            return Understood::Blocked;
        };
        let analysed = self.analyse(text, &catalog);
        let unknown = analysed.statements.iter().any(|facts| {
            matches!(&facts.protection, Protection::Refused(refusal) if refusal.unknown_object.is_some())
        });
        if unknown && !pending.refreshed && self.schema == Schema::Known {
            let again = Pending { refreshed: true, ..pending.clone() };
            self.block_for_catalog(again, catalog.version);
            return Understood::Blocked;
        }
        Understood::Facts(analysed)
    }

    fn analyse(&mut self, text: &Bytes, catalog: &Catalog) -> Arc<Analysed> {
        if let Some(known) = self.analyses.get(text, catalog.version)
            && known.statements.first().is_none_or(|facts| self.is_ahead(facts))
        {
            return known;
        }
        let session = self.session_for(text);
        let limits = &self.setup.limits;
        let (analysis, sent) = understand_masked(text, catalog, &session, limits, &self.setup.mask_key);
        let statements = analysis.statements.into_iter().map(Arc::new).collect();
        let by_shape = analysis.numbers_are_inert;
        let analysed = Arc::new(Analysed { statements, version: catalog.version, by_shape, sent });
        if !reads_by_name(text) {
            self.analyses.keep(text, &analysed);
        }
        analysed
    }

    /// After a change of schema: waits for the answers in flight, then for a snapshot. False if neither
    /// can help because the change is not committed; then the schema guard decides.
    fn must_settle_schema(&mut self, pending: &Pending) -> bool {
        match self.in_flight.back() {
            Some(Expect::Sync | Expect::Query(_) | Expect::Denied { until: Resync::Query, .. }) => {
                self.blocked = Some(Blocked::Drain { message: pending.clone() });
                true
            }
            Some(_) => false,
            None if self.transaction == Transaction::Idle => {
                let version = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
                self.block_for_catalog(pending.clone(), version);
                true
            }
            None => false,
        }
    }

    fn block_for_catalog(&mut self, message: Pending, newer_than: u64) {
        let until = self.now + CATALOG_TIME;
        self.outbox.push(Output::NeedCatalog { newer_than });
        self.blocked = Some(Blocked::Catalog { message, newer_than, until });
    }

    /// A snapshot came: whoever waits for it goes on.
    pub(super) fn catalog_came(&mut self) {
        let current = self.setup.catalog.as_ref().map_or(0, |catalog| catalog.version);
        match self.blocked.take() {
            Some(Blocked::Catalog { message, newer_than, .. }) if current > newer_than => {
                if self.transaction == Transaction::Idle {
                    self.schema = Schema::Known;
                }
                self.follow_catalog(Reading::AfterLastCommit);
                self.client_message(message);
                self.drive_client();
            }
            other => self.blocked = other,
        }
    }

    /// No snapshot can be had: the statement is not understood.
    pub(super) fn catalog_failed(&mut self) {
        if let Some(Blocked::Catalog { message, .. }) = self.blocked.take() {
            let until = if message.message.kind == b'Q' { Resync::Query } else { Resync::Sync };
            self.deny_without_catalog(until);
            self.drive_client();
        }
    }

    /// Goes on with a message that waited for the server's answers.
    fn retry_drained(&mut self) {
        if self.in_flight.is_empty()
            && let Some(Blocked::Drain { message }) =
                self.blocked.take_if(|blocked| matches!(blocked, Blocked::Drain { .. }))
        {
            self.client_message(message);
        }
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

/// Labels whose keys the server must have for statements that read masks.
fn labels<'s>(statements: impl IntoIterator<Item = &'s Statement>) -> HashSet<Label> {
    let columns = statements.into_iter().flat_map(|statement| match &statement.protection {
        Protection::Masked { columns, .. } => columns.as_slice(),
        _ => &[],
    });
    columns.map(|column| column.label).collect()
}

/// Results that may hold plain protected columns are masked by the server's word on their origin.
pub(super) fn needs_description(facts: &Statement) -> bool {
    match (&facts.protection, &facts.effect) {
        (_, Effect::Execute { .. } | Effect::Fetch { .. }) => true,
        (Protection::Introspection | Protection::Untouched, _) => false,
        _ => true,
    }
}

fn plan(kind: u8, text_limit: usize) -> Plan {
    match kind {
        b'Q' | b'P' => Plan::WholeOrSkip(text_limit + MAX_SMALL),
        b'B' => Plan::Whole(MAX_BIND),
        b'F' => Plan::WholeOrSkip(MAX_SMALL),
        b'd' => Plan::Stream,
        b'D' | b'E' | b'C' | b'S' | b'H' | b'c' | b'f' | b'X' | b'p' => Plan::Whole(MAX_SMALL),
        // An unknown type ends the connection whatever its length: nothing is kept for it.
        _ => Plan::Stream,
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    digest.as_ref().first_chunk().copied().unwrap_or([0; 32])
}

fn stricter(outer: &Statement, inner: &Statement) -> crate::record::ReadProof {
    use crate::record::ReadProof::{MayWrite, ReadOnly};
    match (outer.proof, inner.proof) {
        (ReadOnly, ReadOnly) => ReadOnly,
        _ => MayWrite,
    }
}

fn own_refusal(facts: &Statement) -> Option<Protection> {
    matches!(facts.protection, Protection::Refused(_)).then(|| facts.protection.clone())
}

/// The server's own refusal of several statements in one Parse.
fn several(first: &Statement) -> Arc<Statement> {
    let message = "cannot insert multiple commands into a prepared statement";
    Arc::new(first.refused_with("42601", message.to_owned()))
}
